"""Requests and their outcomes as values, without the library that sends them."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeAlias

from pulumi_agin.base.budget import LONGEST_TIMEOUT_SECONDS
from pulumi_agin.base.facts import RATE_LIMITED, TRANSIENT_STATUSES


@dataclass(frozen=True)
class Request:
    """A request about all Agent Ingresses, or about the one with an ID.

    Attributes:
        doing: The purpose of the request, as a verb phrase for messages that begin with "could not".
        domain: The domain of the Agent Ingress, if it is known.
    """

    method: str
    doing: str
    id_: str | None = None
    domain: str = ""
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return "/agent_ingresses" if self.id_ is None else f"/agent_ingresses/{self.id_}"

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


class Response(NamedTuple):
    """A complete response with any status."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        return self.status_code < 300

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status_code in TRANSIENT_STATUSES

    @property
    def is_rate_limited(self) -> bool:
        return self.status_code == RATE_LIMITED

    @property
    def is_unconnected(self) -> bool:
        return False

    @property
    def may_have_effect(self) -> bool:
        """Whether ngrok may have carried out the request, or may do so later: then a failed write is settled by a read.

        This includes a 4xx that is not an ngrok error: an intermediary such as a proxy sent it, possibly after ngrok
        had carried out the request. Redirects and 404 don't count, because they usually mean that the base URL is
        wrong. Nor does 429, because it comes before the request is carried out.
        """
        if 300 <= self.status_code < 400 or self.status_code in (404, RATE_LIMITED):
            return False
        is_rejected_by_ngrok = 400 <= self.status_code < 500 and self.ngrok_error is not None
        return not is_rejected_by_ngrok

    @property
    def retry_after(self) -> float | None:
        """The seconds until the moment in the Retry-After header, by the server's clock; None without one."""
        value = self.headers.get("Retry-After", "").strip()
        if not value:
            return None
        if value.isdecimal():
            # No call waits longer, and clocks have a limit.
            return min(float(value), LONGEST_TIMEOUT_SECONDS)
        moment, now = _parse_date(value), self.date
        return max(0.0, (moment - now).total_seconds()) if moment and now else None

    @property
    def date(self) -> datetime | None:
        """The time of the response by the server's clock, if it is known."""
        return _parse_date(self.headers.get("Date", ""))

    @property
    def operation_id(self) -> str:
        """The ID in ngrok's log of operations, from the headers. It may contain anything; "" without one."""
        return self.headers.get("ngrok-operation-id", "")

    @property
    def shown_status(self) -> str:
        return str(self.status_code)

    @property
    def ngrok_error(self) -> Mapping[str, Any] | None:
        """The parsed body if it is an ngrok error: it has a message, and an ngrok code or the response's status."""
        try:
            body = self.json()
        except ValueError:
            return None
        if not isinstance(body, dict) or not isinstance(body.get("msg"), str):
            return None
        has_code = str(body.get("error_code")).startswith("ERR_NGROK_")
        return body if has_code or body.get("status_code") == self.status_code else None

    def json(self) -> object:
        """Returns the parsed body. Raises ValueError if it is not JSON."""
        try:
            return json.loads(self.content)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class NoResponse(NamedTuple):
    """The failure of a request that got no complete response. It has the properties of a response.

    Attributes:
        reason: A clause without secrets.
        may_have_arrived: False only if the request can't have been sent.
        is_transient: Whether the same request may succeed later.
    """

    reason: str
    may_have_arrived: bool
    is_transient: bool

    @property
    def is_rate_limited(self) -> bool:
        return False

    @property
    def is_unconnected(self) -> bool:
        """Whether no connection could be made, so nothing was sent, and another attempt may succeed."""
        return self.is_transient and not self.may_have_arrived

    @property
    def may_have_effect(self) -> bool:
        return self.may_have_arrived

    @property
    def retry_after(self) -> float | None:
        return None

    @property
    def operation_id(self) -> str:
        return ""

    @property
    def shown_status(self) -> str:
        return "no response"


# The result of sending a request once.
Outcome: TypeAlias = Response | NoResponse


def _parse_date(value: str) -> datetime | None:
    """Returns the time in a header; None if it is malformed."""
    try:
        return email.utils.parsedate_to_datetime(value).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
