"""A request to ngrok's API, and what one attempt brings: a response, or the reason why there is none."""

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
    """A request about all Agent Ingresses, or about the one with an ID.

    `doing` is its purpose as a verb phrase, for messages that begin with "could not".
    """

    method: str
    doing: str
    id_: str = ""
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        return f"/agent_ingresses/{self.id_}" if self.id_ else "/agent_ingresses"


class NgrokFault(NamedTuple):
    """ngrok's own error in the body of a response."""

    message: str
    code: str
    """Such as "ERR_NGROK_6706"; "" without one."""
    operation_id: str
    """What ngrok's support asks for; "" without one."""
    is_about_path: bool
    """Whether ngrok has no such path, rather than no such Agent Ingress."""


@dataclass(frozen=True)
class Response:
    """A complete response with any status."""

    status: int
    headers: Mapping[str, str]
    """By names in any case."""
    content: bytes

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in TRANSIENT_STATUSES

    @property
    def may_have_effect(self) -> bool:
        """Whether ngrok may have carried out a write.

        | status                               |                                                                  |
        |--------------------------------------|------------------------------------------------------------------|
        | 2xx, 5xx                             | yes                                                              |
        | a redirect, 404, 429                 | no                                                               |
        | any other 4xx, with ngrok's `fault`  | no, ngrok has rejected it                                        |
        | any other 4xx, without it            | yes, a proxy may have sent it after it passed the request on     |
        """
        if 300 <= self.status < 400 or self.status in (404, 429):
            return False
        return self.status < 300 or self.status >= 500 or self.fault is None

    @cached_property
    def fault(self) -> NgrokFault | None:
        """ngrok's error, which has a message, and a code or the status; None if the body is anything else."""
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
        """The seconds that the Retry-After header asks to wait; 0 without one, or if it is a date."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isdecimal() else 0.0

    @property
    def date(self) -> datetime | None:
        """The time of the response by the server's clock, if it is known."""
        try:
            return email.utils.parsedate_to_datetime(self.headers.get("Date", "")).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            return None

    def json(self) -> object:
        """Returns the parsed body; None if it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class NoResponse:
    """No complete response."""

    reason: str
    """A clause."""
    was_sent: bool
    """Whether the request may have arrived."""
    is_transient: bool = True
    """Whether the same request may succeed later."""
    retry_after = 0.0

    @property
    def may_have_effect(self) -> bool:
        """Whether ngrok may have carried out a write."""
        return self.was_sent
