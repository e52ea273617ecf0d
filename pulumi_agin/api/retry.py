"""When a request is repeated, and how long is waited before.

One predicate, one backoff, one clock for a whole call; the loop is `AgentIngressClient._send`.
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping
from datetime import datetime, timezone

from .access import LONGEST_TIMEOUT_SECONDS

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 20.0

# Statuses that pass by: too many requests, and faults of the service or of what stands before it.
# ngrok's maintenance answers (ERR_NGROK_1500 and 1501) are 503.
PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})


def passes_by(status: int | None) -> bool:
    """Whether the same request may succeed a little later. A status of None is: no whole answer came."""
    return status is None or status in PASSING_STATUSES


def backoff_seconds(repetition: int, retry_after: float | None = None) -> float:
    """How long to wait before the given repetition (1 is the first): doubling, with jitter, or longer if asked to."""
    longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(repetition - 1, 10))
    ours = longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
    # Never sooner than our own: a Retry-After of 0 or in the past would have us ask without a pause.
    return max(ours, retry_after or 0.0)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """What a Retry-After header asks for, in seconds from now; it may be given in seconds or as a date."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        # However long it is to be: no call waits so long, and nothing can count further.
        return min(float(value), LONGEST_TIMEOUT_SECONDS)
    moment = http_date(value)
    if moment is None:
        return None
    # Measured against the server's own clock where the answer has it: ours may be wrong.
    now = http_date(headers.get("Date", "")) or datetime.now(timezone.utc)
    return max(0.0, (moment - now).total_seconds())


def http_date(value: str) -> datetime | None:
    """The moment that an HTTP date names, or None where the text is no date."""
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class Deadline:
    """The time that one call may take in all, its repetitions and waits included.

    seconds: how long that is. kept_back: how much of it is left to what comes after.
    """

    def __init__(self, seconds: float) -> None:
        # `custom_timeouts` can be longer than what the operating system can wait.
        self.seconds = min(seconds, LONGEST_TIMEOUT_SECONDS)
        self.kept_back = 0.0
        self._started = time.monotonic()

    def __str__(self) -> str:
        return f"{rounded(self.elapsed)} of the {rounded(self.seconds)} seconds it may take"

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds until the call must end; below zero when it should have."""
        return self.seconds - self.kept_back - self.elapsed

    def keeping_back(self, seconds: float) -> Deadline:
        """The same beginning with an earlier end, so that time is left for what comes after."""
        earlier = Deadline(self.seconds)
        earlier.kept_back = seconds
        earlier._started = self._started
        return earlier


def rounded(seconds: float) -> str:
    """Seconds, as messages say them."""
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"
