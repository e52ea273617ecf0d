"""The failure of a delete of a resource that was renamed or moved in the program without an alias."""

from __future__ import annotations

from .claims import Claims
from .operation import Failed
from .phrasing import Phrasing
from .shell_commands import explain_line


def reject_delete_of_renamed(claims: Claims, phrasing: Phrasing, domain: str, urn: str, why: str) -> None:
    """Fails if another resource with the domain could not be created, for any reason, as after a renaming.

    The program still has the domain, so what is live there remains. `why` is the beginning of the message, up to the
    URN of the other resource.
    """
    if other := claims.other_uncreated(urn, domain):
        raise Failed(
            f"{why} {other}, which could not be created. If that one was renamed or moved in the program, use "
            f"{phrasing.aliases}\n{explain_line('renamed')}"
        )
