"""Attempts of a call to get a response: the pauses between them, their end, and whether one may have been applied."""

from __future__ import annotations

import math
from typing import Protocol

from .budget import Budget, format_duration
from .clock import SYSTEM_CLOCK, Clock
from .progress import CallProgress

LONGEST_BACKOFF_SECONDS = 20.0

# The time budget for connecting to an unreachable server: on another machine, and on this one.
UNCONNECTED_SECONDS = 30.0
UNCONNECTED_LOOPBACK_SECONDS = 5.0
# The limit for connecting in an attempt that begins after this time.
LATE_CONNECT_SECONDS = 1.0

# The minimum time for a step of an attempt: each call makes at least one attempt, also if it has no time left.
LEAST_STEP_SECONDS = 0.1


def backoff_seconds(repetition: int, retry_after: float | None = None, clock: Clock = SYSTEM_CLOCK) -> float:
    """Returns the pause before a repetition, counted from 1: one second, doubled each time, with jitter."""
    longest = min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(repetition - 1, 10))
    # At least our own pause: with a Retry-After of 0, or in the past, there would be none.
    return max(clock.jitter(longest), retry_after or 0.0)


class Reachability:
    """The time budget for connecting to an unreachable server: 30 seconds from its first failure, or 5 on this machine.

    All calls share it, in all threads, so that only the first ones wait for a server that is down. After its end, each
    call still makes one attempt, which is short. Any other outcome ends the outage, and the next one has its own time
    budget.
    """

    def __init__(self, clock: Clock, *, is_loopback: bool) -> None:
        self._clock = clock
        self._seconds = UNCONNECTED_LOOPBACK_SECONDS if is_loopback else UNCONNECTED_SECONDS
        # When the time budget ends; infinity without an outage.
        self._ends_at = math.inf
        self._last_failed_at = -math.inf

    def record(self, began_at: float, *, is_unconnected: bool) -> None:
        """Records the result of an attempt, which began at this time by the monotonic clock."""
        if not is_unconnected:
            self._ends_at = math.inf
            return
        # A failure long after the previous one begins a new outage.
        if self._ends_at == math.inf or began_at - self._last_failed_at > self._seconds:
            self._ends_at = began_at + self._seconds
        self._last_failed_at = self._clock.monotonic()

    @property
    def seconds_left(self) -> float:
        """Seconds until the time budget ends. Infinity without an outage, and negative after the end."""
        return self._ends_at - self._clock.monotonic()


class AttemptOutcome(Protocol):
    """The properties that the outcomes of an attempt have in common, by HTTP and by DNS."""

    @property
    def is_transient(self) -> bool:
        """Whether another attempt may succeed."""
        ...

    @property
    def is_unconnected(self) -> bool:
        """Whether no connection could be made, so that nothing was sent, and another attempt may succeed."""
        ...

    @property
    def may_have_effect(self) -> bool:
        """Whether the server may have carried out the request if it is a write, or may do so later."""
        ...

    @property
    def retry_after(self) -> float | None:
        """The minimum pause in seconds that the server asked for; None if it did not."""
        ...


class Attempts:
    """The attempts of one call to get a response, which the caller makes and records.

    After a failed one, the caller makes another if `pause` returns True. The rules are:

    - A permanent failure ends the attempts. After a transient one, there is a pause.
    - The pause is 0.5 to 1 second at first, and doubles each time up to 20 seconds. It is longer if the server asks for
      that.
    - The attempts end with the budget of the call, or before a pause that would take all that is left of it.
    - Without a connection, they end after 30 seconds, or 5 on this machine; see `Reachability`.
    - A write that may have been applied is repeated until the end of the budget even without a connection. Its outcome
      is unknown until the server responds, to it or to a read, and an early end would leave it to the user to find out.
      A repetition does no harm: to apply a write twice has the same effect as to apply it once.
    """

    def __init__(self, budget: Budget, reachability: Reachability, *, is_write: bool) -> None:
        self._budget = budget
        self._reachability = reachability
        self._is_write = is_write
        self._count = 0
        self._pauses = 0
        # Of the last attempt.
        self._is_transient = False
        self._retry_after: float | None = None
        # Whether the time budget for connecting applies: the last attempt made no connection, and no earlier one of a
        # write may have been applied.
        self._connect_budget_applies = False
        self.possibly_applied_since: float | None = None
        """When the first attempt of a write began that the server may have carried out, by the monotonic clock.

        After a success, that is the successful attempt or an earlier one. Later attempts never reset it, because their
        outcomes don't show what became of this one. None if the server carried out none, and for reads.
        """

    @property
    def is_possibly_applied(self) -> bool:
        return self.possibly_applied_since is not None

    @property
    def seconds_left(self) -> float:
        """The limit of the next step of an attempt, which is never 0."""
        return max(self._budget.left, LEAST_STEP_SECONDS)

    def seconds_to_connect(self, longest: float) -> float:
        """Returns the limit for connecting in the next attempt."""
        is_late = self._reachability.seconds_left < -LATE_CONNECT_SECONDS
        return min(longest, self.seconds_left, LATE_CONNECT_SECONDS if is_late else math.inf)

    def record(self, outcome: AttemptOutcome, began_at: float) -> None:
        """Records the outcome of an attempt, which began at this time by the monotonic clock."""
        self._count += 1
        self._is_transient = outcome.is_transient
        self._retry_after = outcome.retry_after
        if self._is_write and outcome.may_have_effect and not self.is_possibly_applied:
            self.possibly_applied_since = began_at
        self._connect_budget_applies = outcome.is_unconnected and not self.is_possibly_applied
        self._reachability.record(began_at, is_unconnected=outcome.is_unconnected)

    def pause(self, reason: str, progress: CallProgress) -> bool:
        """Waits after a failed attempt. Returns False, without a wait, if there must not be another one.

        `reason` is a clause about the failure, for the progress line.
        """
        if not self._is_transient:
            return False
        budget = self._budget
        self._pauses += 1
        pause = backoff_seconds(self._pauses, self._retry_after, budget.clock)
        if pause >= budget.left:
            return False
        limit = None
        if self._connect_budget_applies:
            left = min(budget.left, self._reachability.seconds_left)
            if left <= 0:
                return False
            # The last attempt is at the end of the time budget for connecting.
            pause = min(pause, left)
            limit = budget.elapsed + left
        progress.show_wait(reason, pause, limit)
        budget.clock.sleep(pause)
        return True

    @property
    def effort(self) -> str:
        """The number of attempts and their time, to follow a verb phrase in a message; "" for at most one attempt."""
        if self._count <= 1:
            return ""
        # Without a connection, the attempts end before the limit of the call.
        time = format_duration(self._budget.elapsed) if self._connect_budget_applies else self._budget.spent
        return f" after {self._count} attempts in {time}"
