"""Requests and responses as values, without the library that sends them."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, NamedTuple

from pulumi_agin.base.budget import LONGEST_TIMEOUT_SECONDS

# Too many requests, and failures of the service or of a gateway in front of it.
# ngrok's maintenance responses (ERR_NGROK_1500 and 1501) are 503.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


def is_transient(status: int) -> bool:
    """Returns whether the same request may succeed later."""
    return status in TRANSIENT_STATUSES


@dataclass
class Request:
    """A request about all Agent Ingresses or the one with an id, and its outcome so far.

    Attributes:
        doing: The purpose of the request, as a verb phrase for messages that begin with "could not".
        domain: The domain of the Agent Ingress, if it is known.
        tries: How many times it was sent.
        last_sent: When it was sent last, by the monotonic clock.
        possibly_applied_since: When the first try was sent that may have had an effect; None if there is none.
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


class Response(NamedTuple):
    status_code: int
    headers: Mapping[str, str]
    content: bytes


class NoResponse(NamedTuple):
    """The failure of a request that got no response. A transient failure may go away if the request is repeated.

    The reason is a clause without secrets. The status and headers are placeholders.
    """

    reason: str
    may_have_arrived: bool
    is_transient: bool
    status_code: int = 0
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def is_unconnected(self) -> bool:
        """Whether no connection could be made, so nothing was sent, and another try may succeed."""
        return self.is_transient and not self.may_have_arrived


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds until the moment in a Retry-After header, by the server's clock; None without one."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        # No call waits longer, and clocks have a limit.
        return min(float(value), LONGEST_TIMEOUT_SECONDS)
    moment, now = parse_http_date(value), parse_http_date(headers.get("Date", ""))
    return max(0.0, (moment - now).total_seconds()) if moment and now else None


def parse_http_date(value: str) -> datetime | None:
    try:
        return email.utils.parsedate_to_datetime(value).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
