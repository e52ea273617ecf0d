"""Request to ngrok's API, and the outcome of one attempt: a response, or the reason why there is no response."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, NamedTuple

from .errors import TRANSIENT_STATUSES


@dataclass(frozen=True)
class Request:
    """A request about the Agent Ingress with the ID `id_`, or about the whole collection if `id_` is None.

    `doing` is the purpose as a verb phrase, for messages that begin with "could not".
    """

    method: str
    doing: str
    id_: str | None = None
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        return "/agent_ingresses" if self.id_ is None else f"/agent_ingresses/{self.id_}"


class NgrokFault(NamedTuple):
    """ngrok's own error in the body of a response."""

    message: str
    code: str
    """An error code such as "ERR_NGROK_6706"; "" if there is no code."""
    operation_id: str
    """The ID that ngrok's support asks for; "" if there is no ID."""
    is_about_path: bool
    """Whether ngrok has no such path in its API, rather than no such Agent Ingress."""


@dataclass(frozen=True)
class Response:
    """A complete response with any status."""

    status: int
    headers: Mapping[str, str]
    """By name; the case of a name does not matter."""
    content: bytes

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in TRANSIENT_STATUSES

    @property
    def may_have_effect(self) -> bool:
        """Whether ngrok may have carried out a write.

        | status                                | may have an effect                                              |
        |---------------------------------------|-----------------------------------------------------------------|
        | 2xx, 5xx                              | yes                                                             |
        | a redirect, 404, 429                  | no                                                              |
        | any other 4xx, with ngrok's `fault`   | no: ngrok has rejected the write                                |
        | any other 4xx, without ngrok's `fault`| yes: a proxy may have responded after it passed the request on  |
        """
        if 300 <= self.status < 400 or self.status in (404, 429):
            return False
        return self.status < 300 or self.status >= 500 or self.fault is None

    @cached_property
    def fault(self) -> NgrokFault | None:
        """ngrok's error, with a message, and with an error code or this response's status; None for any other body."""
        body = self.json()
        if not isinstance(body, dict) or not isinstance(body.get("msg"), str):
            return None
        code = str(body.get("error_code") or "")
        if not code.startswith("ERR_NGROK_") and body.get("status_code") != self.status:
            return None
        details = body.get("details")
        details = details if isinstance(details, dict) else {}
        operation_id = details.get("operation_id") or self.headers.get("ngrok-operation-id", "")
        return NgrokFault(body["msg"], code, str(operation_id), "path" in details)

    @property
    def retry_after(self) -> float:
        """The seconds in the Retry-After header; 0 if the header is missing or contains a date."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isdecimal() else 0.0

    @property
    def date(self) -> datetime | None:
        """The time of the response by the server's clock; None if the Date header is missing or invalid."""
        try:
            return email.utils.parsedate_to_datetime(self.headers.get("Date", "")).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            return None

    def json(self) -> object:
        """Returns the parsed body; None if the body is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class NoResponse:
    """The outcome of an attempt without a complete response."""

    reason: str
    """The reason as a clause, for messages."""
    was_sent: bool
    """Whether the request may have reached ngrok."""
    is_transient: bool = True
    """Whether the same request may succeed later."""
    retry_after = 0.0

    @property
    def may_have_effect(self) -> bool:
        """Whether ngrok may have carried out a write."""
        return self.was_sent
