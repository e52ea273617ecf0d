"""The words that differ between doors: how a program writes options and values, and the commands to paste."""

from __future__ import annotations

from typing import Protocol

from .operation import Placement
from .words import Words


class Phrasing(Words, Protocol):
    """The words of one door, for messages."""

    delete_before_replace: str
    """The option that deletes a resource before its replacement is created."""
    aliases: str
    """The option that gives a resource its old name or parent."""
    provider: str
    """The option that names an explicit provider."""
    custom_timeouts: str
    """The option that limits how long a call may take."""
    adopt_records: str
    """The argument with which NS records that exist are adopted."""
    rfc2136: str
    """What creates NS records by DNS updates."""
    install_dnspython: str
    """The command that installs what DNS updates need."""

    def take_over(self, id_: str, urn: str, placement: Placement) -> str:
        """Says how to take over the Agent Ingress `id_` as the resource `urn`: the end of a message, from "To" on.

        Args:
            id_: The id of an Agent Ingress.
            urn: The URN that the resource gets.
            placement: Where it is.
        """
        raise NotImplementedError

    def find(self, domain: str, placement: Placement) -> str:
        """Says how to see which Agent Ingress has a domain: the end of a message, or "".

        The arguments are as for `take_over`.
        """
        raise NotImplementedError
