"""The ngrok account of a resource: its client, and whether an Agent Ingress is really gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import NotFoundError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.retry import Deadline
from pulumi_agin.settings import Settings

from . import shell_commands
from .operation import Call, Failed
from .outputs import FINGERPRINT
from .session import Session


def domain_of(outputs: Mapping[str, Any]) -> str | None:
    """Returns the domain in the outputs; None if somebody edited the state so that it is empty or not a string."""
    domain = outputs.get("domain")
    return domain if isinstance(domain, str) and domain else None


class Account:
    """The account of an API key, which the resources of one provider share."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self.settings = settings
        self.session = session

    def client(self) -> AgentIngressClient:
        """Returns the client of the account. Raises InvalidInputsError if the settings have problems.

        `check` reports the same, so the preview shows them.
        """
        return self.session.client(self.settings)

    def deadline(self, call: Call, seconds: float | None = None) -> Deadline:
        """Returns the time budget of a call; None for the timeout of the resource, or else of the client."""
        return self.client().deadline(seconds or call.timeout_seconds, call.is_cancelled, call.urn)

    def fingerprint(self, id_: str) -> dict[str, str]:
        """Returns the hidden output by which a later call recognizes the API key."""
        return {FINGERPRINT: self.client().fingerprint(id_)}

    def refresh(self, call: Call, id_: str) -> IngressModel | None:
        """Reads an ingress, one of many that are read at the same time. Returns None if it is gone."""
        try:
            return self.client().get_one_of_many(id_, self.deadline(call), domain=domain_of(call.outputs_before))
        except NotFoundError as error:
            self.check_gone(call, id_, error)
            return None

    def check_gone(self, call: Call, id_: str, error: Exception) -> None:
        """Fails if a 404 does not mean that the ingress is gone, that is, if another API key saw it last.

        The key may belong to another account, to which ngrok responds the same.
        """
        if call.outputs_before.get(FINGERPRINT) == self.fingerprint(id_)[FINGERPRINT]:
            return
        raise Failed(
            f"{error}. This does not prove that it was deleted: the API key, from {self.settings.api_key.shown_as}, is "
            "not known to be the one that saw this Agent Ingress last, and ngrok responds the same for one of another "
            f"account. Set the key of its account: {self.settings.how_to_set_api_key}{self.settings.api_key_hint}. "
            "Only if it really is gone, take it out of the state:\n"
            f"{shell_commands.state_delete_line(call.urn, stack=self.session.placement(call.urn).stack)}"
        )
