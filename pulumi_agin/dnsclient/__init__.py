"""Whether dnspython, which an extra of the package installs, can be loaded."""

from __future__ import annotations


def missing_package(user: str, install: str) -> str | None:
    """Returns why dnspython cannot be loaded and what to do; None if it can be loaded.

    Loads nothing, because a module `dns` may be the program's own.

    Args:
        user: What needs dnspython, as the program writes it, such as "dns.rfc2136".
        install: The command that installs dnspython.
    """
    import importlib.machinery
    import importlib.util

    found = importlib.util.find_spec("dns")
    folders = found.submodule_search_locations if found else None
    if folders and importlib.machinery.PathFinder.find_spec("dns.update", folders):
        return None
    if found and found.has_location:
        return f"{user} needs dnspython, whose module `dns` is hidden by {found.origin}: rename that module"
    return f"{user} needs a package that is not installed here: {install}"
