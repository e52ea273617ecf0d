"""Pauses between the attempts of a call, and the end of attempts to reach a server that nobody can connect to."""

from __future__ import annotations

import math

from .budget import Budget
from .clock import SYSTEM_CLOCK, Clock

LONGEST_BACKOFF_SECONDS = 20.0

# The time budget for connecting to an unreachable server: on another machine, and on this one.
UNCONNECTED_SECONDS = 30.0
UNCONNECTED_LOOPBACK_SECONDS = 5.0
# The limit of an attempt that begins after this time.
LATE_CONNECT_SECONDS = 1.0


def backoff_seconds(repetition: int, retry_after: float | None = None, clock: Clock = SYSTEM_CLOCK) -> float:
    """Returns the pause before a repetition, counted from 1: one second, doubled each time, with jitter."""
    longest = min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(repetition - 1, 10))
    # At least our own pause: with a Retry-After of 0, or in the past, there would be none.
    return max(clock.jitter(longest), retry_after or 0.0)


class Reachability:
    """The time budget for connecting to an unreachable server. All calls share it, in all threads."""

    def __init__(self, clock: Clock, *, is_loopback: bool) -> None:
        self._clock = clock
        self._seconds = UNCONNECTED_LOOPBACK_SECONDS if is_loopback else UNCONNECTED_SECONDS
        # When the time budget ends.
        self._ends_at = math.inf
        self._last_failed_at = -math.inf

    def record_attempt(self, attempted_at: float, *, is_connected: bool) -> None:
        """Records whether a connection could be made: the first failure of an outage starts the time budget.

        `attempted_at` is by the monotonic clock.
        """
        if is_connected:
            self._ends_at = math.inf
            return
        # A failure long after the previous one begins a new outage.
        if self._ends_at == math.inf or attempted_at - self._last_failed_at > self._seconds:
            self._ends_at = attempted_at + self._seconds
        self._last_failed_at = self._clock.monotonic()

    def seconds_left_of(self, budget: Budget, *, is_unsent: bool) -> float:
        """Returns the remaining time of a call; if it has sent nothing, at most the rest of this time budget."""
        return min(budget.left, self._ends_at - self._clock.monotonic()) if is_unsent else budget.left

    @property
    def seconds_for_attempt(self) -> float:
        """The limit of one attempt. After the end of the time budget, each call still makes one, which is short."""
        is_late = self._clock.monotonic() - self._ends_at > LATE_CONNECT_SECONDS
        return LATE_CONNECT_SECONDS if is_late else math.inf
