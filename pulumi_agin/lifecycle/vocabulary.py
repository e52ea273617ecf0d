"""The words that differ between doors: how a program writes options and values, and the commands to paste."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .call import Placement


class Vocabulary(Protocol):
    """The words of one door, for messages."""

    delete_before_replace: str
    """The option that deletes a resource before its replacement is created."""
    aliases: str
    """The option that gives a resource its old name or parent."""
    provider: str
    """The option that names an explicit provider."""
    custom_timeouts: str
    """The option that limits how long a call may take."""
    take_over: str
    """The argument that makes NS records replace existing ones."""
    boolean: str
    """The two values of a boolean."""
    certificate_policy: str
    """The types that a certificate policy can have."""
    rfc2136: str
    """What creates NS records by DNS updates."""
    install_dnspython: str
    """The command that installs what DNS updates need."""

    def import_line(self, id_: str, urn: str, placement: Placement, stack_config: Iterable[str]) -> str:
        """Returns the command that takes over the Agent Ingress `id_` as the resource `urn`.

        Args:
            id_: The id of an Agent Ingress.
            urn: The URN that the resource gets.
            placement: Where it is.
            stack_config: The keys of the stack config that are in use; see `settings.Settings`.
        """
        raise NotImplementedError

    def find_line(self, domain: str, placement: Placement, stack_config: Iterable[str]) -> str:
        """Returns the command that shows which Agent Ingress has a domain. The arguments are as for `import_line`."""
        raise NotImplementedError
