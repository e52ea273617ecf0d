"""Lines that say what a call waits for, and how long, once it takes longer than a few seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from .clock import SYSTEM_CLOCK, Clock
from .retry import Deadline, in_words

FIRST_LINE_SECONDS = 3.0
NEXT_LINE_SECONDS = 20.0

# Often enough for lines that count seconds, and rarely enough to cost nothing.
LOOK_SECONDS = 0.5

# If many calls wait at the same time, only this many have a line of their own.
MOST_LINES = 4


@dataclass(eq=False)
class Wait:
    """A call that is under way.

    Attributes:
        doing: What the call is for, as it follows "still waiting to" in a line.
        deadline: How long the call may take.
        says_next: When its next line is due, by the monotonic clock.
        reason: What it waits for at the moment.
        until: When that will be over, by the monotonic clock, if it is known.
        at_most: How long the call takes at most if that does not end, in seconds; None for as long as it may take.
        is_shown: Whether a line was shown.
    """

    doing: str
    deadline: Deadline
    says_next: float
    reason: str = "no answer yet"
    until: float | None = None
    at_most: float | None = None
    is_shown: bool = False

    def waits_for(self, reason: str, seconds: float | None = None, at_most: float | None = None) -> None:
        """Records what the call waits for from now on.

        Args:
            reason: What it waits for.
            seconds: How long that takes at most, in seconds; None if that is not known.
            at_most: How long the call takes at most if that does not end, in seconds; None for as long as it may take.
        """
        self.reason = reason
        self.at_most = at_most
        self.until = None if seconds is None else self.deadline.clock.monotonic() + seconds

    def line(self) -> str:
        """Returns the line that is shown now."""
        # After that moment nobody knows how long it still takes, because other calls may come first.
        until = self.until  # the thread of the call may change it meanwhile
        now = self.deadline.clock.monotonic()
        left = f"; it goes on in {in_words(max(round(until - now), 1))}" if until and until > now else ""
        time = self.deadline.spent_of(self.at_most or self.deadline.seconds)
        return f"still waiting to {self.doing}, for {time}: {self.reason}{left}"


class Progress:
    """Shows lines for calls that take long. One thread watches all calls, and ends with the last of them."""

    def __init__(self, show: Callable[[str, str], None] | None, clock: Clock = SYSTEM_CLOCK) -> None:
        """Starts no thread yet.

        Args:
            show: Shows a line about the subject of a call, in place of the last one; "" when the call ends. If it is
                None, nothing is shown.
            clock: The clock that measures the time.
        """
        self._show = show
        self._clock = clock
        self._lock = threading.Lock()
        self._waits: set[Wait] = set()
        self._is_watched = False

    @contextmanager
    def of(self, doing: str, deadline: Deadline) -> Iterator[Wait]:
        """Shows lines for the call in the `with` block, for as long as it takes.

        Args:
            doing: What the call is for, as it follows "still waiting to" in a line.
            deadline: How long the call may take.

        Yields:
            The wait, to which the call tells what it waits for.
        """
        wait = Wait(doing, deadline, self._clock.monotonic() + FIRST_LINE_SECONDS)
        if self._show is None:
            yield wait
            return
        with self._lock:
            self._waits.add(wait)
            if not self._is_watched:
                self._is_watched = True
                self._clock.repeat(LOOK_SECONDS, partial(self._watch, self._show))
        try:
            yield wait
        finally:
            with self._lock:
                self._waits.discard(wait)
            if wait.is_shown:
                self._show("", deadline.subject)

    def _watch(self, show: Callable[[str, str], None]) -> bool:
        """Shows the lines that are due. Returns False when no call is left."""
        now = self._clock.monotonic()
        with self._lock:
            if not self._waits:
                self._is_watched = False
                return False
            late = [wait for wait in self._waits if now >= wait.says_next]
        for number, wait in enumerate(late):
            wait.says_next = now + NEXT_LINE_SECONDS
            if number < MOST_LINES:
                wait.is_shown = True
                show(wait.line(), wait.deadline.subject)
        if len(late) > MOST_LINES:
            show(f"still waiting for {len(late) - MOST_LINES} more", "")
        return True
