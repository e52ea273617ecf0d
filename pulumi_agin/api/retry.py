"""Retry rules: transient failures, pauses, and the time budget of a call.

The loop that uses them is `Transport.send`.
"""

from __future__ import annotations

import copy
import email.utils
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from .clock import SYSTEM_CLOCK, Clock
from .credentials import LONGEST_TIMEOUT_SECONDS

LONGEST_BACKOFF_SECONDS = 20.0

# The time budget for connecting to an unreachable server: on another machine, and on this one.
UNCONNECTED_SECONDS = 30.0
UNCONNECTED_LOOPBACK_SECONDS = 5.0
# The limit of a try that begins after this time.
LATE_CONNECT_SECONDS = 1.0

# Too many requests, and failures of the service or of a gateway in front of it.
# ngrok's maintenance responses (ERR_NGROK_1500 and 1501) are 503.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


def is_transient(status: int) -> bool:
    """Returns whether the same request may succeed later."""
    return status in TRANSIENT_STATUSES


def backoff_seconds(repetition: int, retry_after: float | None = None, clock: Clock = SYSTEM_CLOCK) -> float:
    """Returns the pause before a repetition, counted from 1: one second, doubled each time, with jitter."""
    longest = min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(repetition - 1, 10))
    # At least our own pause: with a Retry-After of 0, or in the past, there would be none.
    return max(clock.jitter(longest), retry_after or 0.0)


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


class Reachability:
    """The time budget for connecting to an unreachable server. All calls share it, in all threads."""

    def __init__(self, clock: Clock, *, is_loopback: bool) -> None:
        self._clock = clock
        self._seconds = UNCONNECTED_LOOPBACK_SECONDS if is_loopback else UNCONNECTED_SECONDS
        # When the time budget ends.
        self._ends_at = math.inf
        self._last_failed_at = -math.inf

    def record_try(self, tried_at: float, *, is_connected: bool) -> None:
        """Records whether a connection could be made. `tried_at` is by the monotonic clock."""
        if is_connected:
            self._ends_at = math.inf
            return
        # A failure long after the previous one begins a new outage.
        if self._ends_at == math.inf or tried_at - self._last_failed_at > self._seconds:
            self._ends_at = tried_at + self._seconds
        self._last_failed_at = self._clock.monotonic()

    def seconds_left_of(self, deadline: Deadline, *, is_unsent: bool) -> float:
        """Returns the remaining time of a call, which is shorter if nothing was sent."""
        return min(deadline.left, self._ends_at - self._clock.monotonic()) if is_unsent else deadline.left

    @property
    def seconds_for_try(self) -> float:
        """The limit of one try. It is short after the end of the time budget: each later call still makes one try."""
        is_late = self._clock.monotonic() - self._ends_at > LATE_CONNECT_SECONDS
        return LATE_CONNECT_SECONDS if is_late else math.inf


@dataclass
class Deadline:
    """The time budget of one call, including repetitions and pauses, and whether the call was cancelled.

    The subject identifies the call's resource, for its progress lines.
    """

    seconds: float
    clock: Clock
    is_cancelled: Callable[[], bool] = lambda: False
    subject: str = ""
    reserved: float = 0.0
    """The seconds at the end that are reserved for later steps of the call."""

    def __post_init__(self) -> None:
        # A resource's timeout can exceed the limit of the operating system.
        self.seconds = min(self.seconds, LONGEST_TIMEOUT_SECONDS)
        self._started = self.clock.monotonic()

    def spent_of(self, at_most: float | None = None) -> str:
        """Returns the elapsed time of the call, and its limit, for messages. `at_most` replaces the deadline."""
        return f"{format_duration(self.elapsed)} ({format_duration(at_most or self.seconds)} at most)"

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds until the call must end. Negative after its end."""
        return self.seconds - self.reserved - self.elapsed

    def reserve(self, seconds: float) -> Deadline:
        """Returns a deadline with the same start that ends earlier: the rest is reserved for later steps."""
        earlier = copy.copy(self)
        earlier.reserved = seconds
        return earlier

    def sub_deadline(self, seconds: float) -> Deadline:
        """Returns a separate deadline, from now on, for a part of this call."""
        return Deadline(seconds, self.clock, self.is_cancelled, self.subject)


def effort(tries: int, deadline: Deadline, *, is_unsent: bool) -> str:
    """Returns the number of tries and their time, to follow a verb phrase in a message; "" for one try."""
    if tries <= 1:
        return ""
    # Tries to connect end before the limit of the call.
    time = format_duration(deadline.elapsed) if is_unsent else deadline.spent_of()
    return f" after {tries} tries in {time}"


def format_duration(seconds: float) -> str:
    """Returns a duration for messages, such as "4.9 seconds" or "45 minutes"."""
    if seconds < 120:
        return _count(f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}", "second")
    unit, size, smaller, smaller_size = ("hour", 3600, "minute", 60) if seconds >= 7200 else ("minute", 60, "second", 1)
    many, rest = divmod(round(seconds), size)
    few = rest // smaller_size
    return _count(f"{many}", unit) + (f" {_count(f'{few}', smaller)}" if few else "")


def _count(number: str, unit: str) -> str:
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"
