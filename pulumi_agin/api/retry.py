"""Retry rules: which failures are transient, how long to pause, and how much time a call has in all.

The loop that uses them is `Transport.send`.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from .clock import SYSTEM_CLOCK, Clock
from .credentials import LONGEST_TIMEOUT_SECONDS

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 20.0

# How long to try to connect to a server that can't be reached: elsewhere, and on this machine.
UNCONNECTED_SECONDS = 30.0
UNCONNECTED_LOOPBACK_SECONDS = 5.0
# How long a try may take that begins after this time.
LATE_CONNECT_SECONDS = 1.0

# Too many requests, and failures of the service or of a gateway in front of it.
# ngrok's maintenance responses (ERR_NGROK_1500 and 1501) are 503.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


def is_transient(status: int | None) -> bool:
    """Returns whether the same request may succeed a little later. The status is None if no complete response came."""
    return status is None or status in TRANSIENT_STATUSES


def backoff_seconds(repetition: int, retry_after: float | None = None, clock: Clock = SYSTEM_CLOCK) -> float:
    """Returns the pause before a repetition, the first of which is 1. It doubles each time, and has jitter."""
    longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(repetition - 1, 10))
    # Never shorter than our own pause: a Retry-After of 0, or in the past, would mean no pause at all.
    return max(clock.jitter(longest), retry_after or 0.0)


def retry_after_seconds(headers: Mapping[str, str], clock: Clock = SYSTEM_CLOCK) -> float | None:
    """Returns the seconds from now that a Retry-After header has, as a number or a date; None if it has neither."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        # No call waits for longer, and clocks can't count much further.
        return min(float(value), LONGEST_TIMEOUT_SECONDS)
    moment = parse_http_date(value)
    if moment is None:
        return None
    # By the server's clock if the response has its time, because ours may be wrong.
    now = parse_http_date(headers.get("Date", "")) or clock.utc_now()
    return max(0.0, (moment - now).total_seconds())


def parse_http_date(value: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class Reachability:
    """The time budget for connecting to a server that can't be reached. All calls share it, in all threads."""

    def __init__(self, clock: Clock, *, is_loopback: bool) -> None:
        self._clock = clock
        self._seconds = UNCONNECTED_LOOPBACK_SECONDS if is_loopback else UNCONNECTED_SECONDS
        self._lost_at: float | None = None
        self._last_failed_at = -math.inf

    def note_try(self, tried_at: float, *, is_connected: bool) -> None:
        """Records whether a connection could be made, and when that was tried, by the monotonic clock."""
        if is_connected:
            self._lost_at = None
            return
        # A failure long after the last one is another outage.
        if self._lost_at is None or tried_at - self._last_failed_at > self._seconds:
            self._lost_at = tried_at
        self._last_failed_at = self._clock.monotonic()

    @property
    def seconds_left(self) -> float:
        """How long it is still worth trying."""
        lost_at = self._lost_at  # another thread may change it meanwhile
        return math.inf if lost_at is None else self._seconds - (self._clock.monotonic() - lost_at)

    def seconds_left_of(self, deadline: Deadline, *, is_unsent: bool) -> float:
        """Returns how long a call may go on. It may end earlier if nothing of it was sent."""
        return min(deadline.left, self.seconds_left) if is_unsent else deadline.left

    @property
    def seconds_for_try(self) -> float:
        """How long one try may take. Short once the time is over: each later call still makes one."""
        return LATE_CONNECT_SECONDS if self.seconds_left < -LATE_CONNECT_SECONDS else math.inf


class Deadline:
    """The time budget of one call, repetitions and pauses included, and whether it was cancelled.

    Attributes:
        seconds: How long the call may take.
        kept_back: How many of these seconds are reserved for what comes later.
        clock: The clock that measures the time.
        is_cancelled: Returns whether nobody waits for the call any more. Called in the thread of the call.
        subject: What the call is about, for whatever shows its progress.
    """

    def __init__(
        self,
        seconds: float,
        clock: Clock = SYSTEM_CLOCK,
        is_cancelled: Callable[[], bool] = lambda: False,
        subject: str = "",
    ) -> None:
        # A resource's timeout can be longer than the operating system can wait.
        self.seconds = min(seconds, LONGEST_TIMEOUT_SECONDS)
        self.kept_back = 0.0
        self.clock = clock
        self.is_cancelled = is_cancelled
        self.subject = subject
        self._started = clock.monotonic()

    def __str__(self) -> str:
        return self.spent_of(self.seconds)

    def spent_of(self, seconds: float) -> str:
        """Returns how long the call has taken, as messages show it beside how long it may take."""
        return f"{in_words(self.elapsed)} ({in_words(seconds)} at most)"

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
        earlier = self.sub_deadline(self.seconds)
        earlier.kept_back = seconds
        earlier._started = self._started
        return earlier

    def sub_deadline(self, seconds: float) -> Deadline:
        """Returns a deadline of its own for a part of this call. It starts now."""
        return Deadline(seconds, self.clock, self.is_cancelled, self.subject)


def effort(tries: int, deadline: Deadline, *, is_unsent: bool) -> str:
    """Returns how often and for how long something was tried, as it follows what was being done; "" for one try."""
    if tries <= 1:
        return ""
    # The limit of the call is not what ends the tries to connect.
    time = in_words(deadline.elapsed) if is_unsent else str(deadline)
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
