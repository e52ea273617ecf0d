"""Whether dnspython can be loaded, which an extra of the package installs."""

from __future__ import annotations


def missing_package() -> str | None:
    """Returns what to do if dnspython cannot be loaded for `dns.rfc2136`; None if it can be.

    Loads nothing, as a module `dns` may be the program's own.
    """
    import importlib.machinery
    import importlib.util

    found = importlib.util.find_spec("dns")
    folders = found.submodule_search_locations if found else None
    if folders and importlib.machinery.PathFinder.find_spec("dns.update", folders):
        return None
    if found and found.has_location:
        return f"dns.rfc2136 needs dnspython, whose module `dns` is hidden by {found.origin}: rename that module"
    return "dns.rfc2136 needs a package that is not installed here: pip install 'pulumi-agin[rfc2136]'"
