"""DNS updates (RFC 2136). All modules but `values` load dnspython, which extras of the package install."""

from __future__ import annotations

import importlib.util
from importlib.machinery import PathFinder

from pulumi_agin.base.installation import missing_extra


def missing_package(user: str) -> str | None:
    """Returns the reason that dnspython can't be loaded and the next step; None if it can be loaded.

    Loads nothing, because a module `dns` may be the program's own. `user` is the resource or command that needs
    dnspython.
    """
    found = importlib.util.find_spec("dns")
    folders = found.submodule_search_locations if found else None
    if folders and PathFinder.find_spec("dns.update", folders):
        return None
    if found and found.has_location:
        return f"{user} needs dnspython, whose module `dns` is shadowed by {found.origin}: rename that module"
    return missing_extra(user, "rfc2136")
