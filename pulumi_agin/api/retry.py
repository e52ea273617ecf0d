"""Retry rules: which failures are transient, how long to pause, and how much time a call has in all.

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

# How long to try to connect to a server that can't be reached: elsewhere, and on this machine.
UNCONNECTED_SECONDS = 30.0
UNCONNECTED_LOOPBACK_SECONDS = 5.0
# How long a try may take that begins after this time.
LATE_CONNECT_SECONDS = 1.0

# Too many requests, and failures of the service or of a gateway in front of it.
# ngrok's maintenance responses (ERR_NGROK_1500 and 1501) are 503.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


def is_transient(status: int) -> bool:
    """Returns whether the same request may succeed a little later."""
    return status in TRANSIENT_STATUSES


def backoff_seconds(repetition: int, retry_after: float | None = None, clock: Clock = SYSTEM_CLOCK) -> float:
    """Returns the pause before a repetition, counted from 1: a second, then twice as long each time, with jitter."""
    longest = min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(repetition - 1, 10))
    # Never shorter than our own pause: a Retry-After of 0, or in the past, would mean no pause at all.
    return max(clock.jitter(longest), retry_after or 0.0)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds until the moment that a Retry-After header names, by the server's clock; None without one."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        # No call waits for longer, and clocks can't count much further.
        return min(float(value), LONGEST_TIMEOUT_SECONDS)
    moment, now = parse_http_date(value), parse_http_date(headers.get("Date", ""))
    return max(0.0, (moment - now).total_seconds()) if moment and now else None


def parse_http_date(value: str) -> datetime | None:
    try:
        return email.utils.parsedate_to_datetime(value).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


class Reachability:
    """The time budget for connecting to a server that can't be reached. All calls share it, in all threads."""

    def __init__(self, clock: Clock, *, is_loopback: bool) -> None:
        self._clock = clock
        self._seconds = UNCONNECTED_LOOPBACK_SECONDS if is_loopback else UNCONNECTED_SECONDS
        # When it is no longer worth trying.
        self._ends_at = math.inf
        self._last_failed_at = -math.inf

    def note_try(self, tried_at: float, *, is_connected: bool) -> None:
        """Records whether a connection could be made, and when that was tried, by the monotonic clock."""
        if is_connected:
            self._ends_at = math.inf
            return
        # A failure long after the last one is another outage.
        if self._ends_at == math.inf or tried_at - self._last_failed_at > self._seconds:
            self._ends_at = tried_at + self._seconds
        self._last_failed_at = self._clock.monotonic()

    def seconds_left_of(self, deadline: Deadline, *, is_unsent: bool) -> float:
        """Returns how long a call may go on. It may end earlier if nothing of it was sent."""
        return min(deadline.left, self._ends_at - self._clock.monotonic()) if is_unsent else deadline.left

    @property
    def seconds_for_try(self) -> float:
        """How long one try may take. Short once the time is over: each later call still makes one."""
        is_late = self._clock.monotonic() - self._ends_at > LATE_CONNECT_SECONDS
        return LATE_CONNECT_SECONDS if is_late else math.inf


@dataclass
class Deadline:
    """The time budget of one call, repetitions and pauses included, and whether nobody waits for it any more.

    The subject is what the call is about, for whatever shows its progress.
    """

    seconds: float
    clock: Clock = SYSTEM_CLOCK
    is_cancelled: Callable[[], bool] = lambda: False
    subject: str = ""
    kept_back: float = 0.0
    """How many of the seconds are reserved for what comes later."""

    def __post_init__(self) -> None:
        # A resource's timeout can be longer than the operating system can wait.
        self.seconds = min(self.seconds, LONGEST_TIMEOUT_SECONDS)
        self._started = self.clock.monotonic()

    def spent_of(self, at_most: float | None = None) -> str:
        """Returns how long the call has taken, and how long it may take if not as long as its deadline."""
        return f"{in_words(self.elapsed)} ({in_words(at_most or self.seconds)} at most)"

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds until the call must end. Negative if it should have ended already."""
        return self.seconds - self.kept_back - self.elapsed

    def reserve(self, seconds: float) -> Deadline:
        """Returns a deadline with the same start that ends so much earlier: the rest is for what comes after."""
        earlier = copy.copy(self)
        earlier.kept_back = seconds
        return earlier

    def sub_deadline(self, seconds: float) -> Deadline:
        """Returns a deadline of its own for a part of this call. It starts now."""
        return Deadline(seconds, self.clock, self.is_cancelled, self.subject)


def effort(tries: int, deadline: Deadline, *, is_unsent: bool) -> str:
    """Returns how often and for how long something was tried, as it follows what was being done; "" for one try."""
    if tries <= 1:
        return ""
    # The limit of the call is not what ends the tries to connect.
    time = in_words(deadline.elapsed) if is_unsent else deadline.spent_of()
    return f" after {tries} tries in {time}"


def in_words(seconds: float) -> str:
    """Returns a time as messages show it, such as "4.9 seconds" or "45 minutes"."""
    if seconds < 120:
        return _count(f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}", "second")
    unit, size, smaller, smaller_size = ("hour", 3600, "minute", 60) if seconds >= 7200 else ("minute", 60, "second", 1)
    many, rest = divmod(round(seconds), size)
    few = rest // smaller_size
    return _count(f"{many}", unit) + (f" {_count(f'{few}', smaller)}" if few else "")


def _count(number: str, unit: str) -> str:
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"
