"""The ngrok account of a resource: its client, and whether an Agent Ingress is really gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import shell_commands
from .operation import Call, Failed
from .outputs import FINGERPRINT

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.api.retry import Deadline
    from pulumi_agin.settings import Settings

    from .session import Session


def domain_of(outputs: Mapping[str, Any]) -> str | None:
    """Returns the domain in the outputs; None if somebody edited the state so that it is empty or not text."""
    domain = outputs.get("domain")
    return domain if isinstance(domain, str) and domain else None


class Account:
    """The account of an API key, which the resources of one provider share."""

    def __init__(self, settings: Settings, session: Session) -> None:
        """Asks nothing yet.

        Args:
            settings: How to reach ngrok.
            process: What the plugin process has learned so far.
        """
        self.settings = settings
        self.session = session

    def client(self) -> AgentIngressClient:
        """Returns the client of the account.

        Raises:
            InvalidInputsError: The settings have problems. `check` reports the same, so the preview shows them.
        """
        return self.session.client(self.settings)

    def deadline(self, call: Call, seconds: float | None = None) -> Deadline:
        """Returns the time budget of a call; None for the timeout of the resource, or else of the client."""
        return self.client().deadline(seconds or call.timeout_seconds, call.is_cancelled, call.urn)

    def fingerprint(self, id_: str) -> dict[str, str]:
        """Returns the hidden output by which a later call recognizes the API key."""
        return {FINGERPRINT: self.client().fingerprint(id_)}

    def check_gone(self, call: Call, id_: str, error: Exception) -> None:
        """Returns if a 404 means that the ingress is gone, that is, if this API key saw it last.

        Args:
            call: The call, with the outputs in the state.
            id_: The id of the ingress.
            error: What the client raised.

        Raises:
            Failed: The key may belong to another account, for which ngrok gives the same answer.
        """
        if call.outputs_before.get(FINGERPRINT) == self.fingerprint(id_)[FINGERPRINT]:
            return
        raise Failed(
            f"{error}. That need not mean that it is gone: the API key, from {self.settings.api_key.shown_as}, is not "
            "known to be the one that saw this Agent Ingress last, and ngrok answers the same for one of another "
            f"account. Set the key of its account: {self.settings.how_to_set_api_key}{self.settings.api_key_hint}. "
            "Only if it really is gone, take it out of the state:\n"
            f"{shell_commands.state_delete_line(call.urn, stack=self.session.placement(call.urn).stack)}"
        )
