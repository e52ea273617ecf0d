"""A request to ngrok, and what is known about its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Request:
    """A request to the API, which may be sent several times until it is answered.

    Attributes:
        method: The HTTP method.
        doing: What the request is for, as it follows "could not" in a message.
        id_: The id of the Agent Ingress that it is about, if there is one.
        domain: The domain of that Agent Ingress, if it is known.
        query: The parameters of the query.
        body: The values that are sent as JSON.
        tries: How often it was sent so far.
        last_sent: When it was sent last, by the monotonic clock.
        effective_since: When it was first sent in a way that may have had an effect; None if none may have had one.
    """

    method: str
    doing: str
    id_: str | None = None
    domain: str | None = None
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    tries: int = 0
    last_sent: float = 0.0
    possibly_applied_since: float | None = None

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return "/agent_ingresses" if self.id_ is None else f"/agent_ingresses/{self.id_}"

    def note_attempt(self, now: float) -> None:
        """Records that the request is about to be sent.

        Args:
            now: The time in seconds, by the monotonic clock.
        """
        self.tries += 1
        self.last_sent = now

    def mark_possibly_applied(self) -> None:
        """Records that ngrok may have carried out what was sent last, or may do so yet."""
        self.possibly_applied_since = self.possibly_applied_since or self.last_sent
