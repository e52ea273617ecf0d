"""Messages about a resource that was renamed or moved in the program without an alias, or is replaced."""

from __future__ import annotations

from .claims import Claims
from .operation import Failed
from .phrasing import Phrasing
from .urns import DELEGATION, Urn


def how_to_alias(phrasing: Phrasing, urn: str) -> str:
    """Returns the next step, after "If …,", for a resource that was renamed or moved to this URN."""
    above = Urn.parse(urn).types.split("$")[:-1]
    # A failed run has put a renamed component into the state. After that, its aliases have no effect on children,
    # except on those of a delegation, which get their own.
    target = " on this resource itself, not only on a component above it" if above else ""
    if above[-1:] == [DELEGATION]:
        target = " on the delegation"
    return f"specify the old name or parent with {phrasing.aliases}{target}"


def how_to_replace(phrasing: Phrasing) -> str:
    """Returns the next step, beginning with "if", for a replacement that the user requested.

    The engine sends the provider neither the request nor the options of the resource.
    """
    return (
        "if you are replacing this resource with `--replace` or `pulumi state taint`, set "
        f"{phrasing.delete_before_replace}, or undo the latter with `pulumi state untaint`"
    )


def reject_delete_of_renamed(claims: Claims, phrasing: Phrasing, domain: str, urn: str, why: str) -> None:
    """Fails if another resource with the domain could not be created, for any reason, as after a renaming.

    The program still has the domain, so what is live there remains. `why` is the beginning of the message, up to the
    URN of the other resource.
    """
    if other := claims.other_uncreated(urn, domain):
        raise Failed(
            f"{why} {other}, which could not be created: if that one was renamed or moved in the program, "
            f"{how_to_alias(phrasing, other)}"
        )
