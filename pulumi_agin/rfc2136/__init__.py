"""NS records at name servers that accept DNS updates (RFC 2136), such as BIND.

An extra: only stacks with an `Rfc2136Delegation` need it. `lifecycle` has its check, diff, create, read, update and
delete, for both front ends, and `inputs` declares it. `update` decides what an update means and settles one whose
outcome is unknown; `exchange` signs, sends and repeats a DNS message; `rejections` explains what a server rejects.

It stands on the core's `lifecycle` and `base`. `update`, `exchange` and `rejections` load dnspython, which the extra
`rfc2136` installs. Two parts are elsewhere: the class in `dynamic.rfc2136`, whose path users' states contain, and the
adapter for programs, `dns.rfc2136`.
"""

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
