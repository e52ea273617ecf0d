"""Lines that say what is waited for, and how long, once it takes longer than a few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .retry import Deadline

FIRST_LINE_SECONDS = 3.0
NEXT_LINE_SECONDS = 20.0

# Of many that wait at once, this many have a line of their own.
MOST_LINES = 4


@dataclass(eq=False)
class Wait:
    """A call that is under way. `reason` says what it waits for right now, and `until` when that will be over."""

    doing: str
    deadline: Deadline
    says_next: float
    reason: str = "no answer yet"
    until: float | None = None

    def waits_for(self, reason: str, seconds: float | None = None) -> None:
        """What it waits for from now on, and how long at most where that is known."""
        self.reason = reason
        self.until = None if seconds is None else time.monotonic() + seconds

    def line(self, now: float) -> str:
        """What is shown."""
        # Of a moment that passed without it, nothing is known: others may have been first.
        until = self.until  # which the thread that waits may set meanwhile
        left = f"; it goes on in {max(until - now, 1):.0f} s" if until and until > now else ""
        return f"still waiting to {self.doing}, for {self.deadline}: {self.reason}{left}"


class Progress:
    """Says lines for the calls that take long. One thread looks after all of them, and ends with the last."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._waits: set[Wait] = set()
        self._watched = False

    @contextmanager
    def of(self, doing: str, deadline: Deadline) -> Iterator[Wait]:
        """Around a call: says what it waits for, until it ends."""
        wait = Wait(doing, deadline, time.monotonic() + FIRST_LINE_SECONDS)
        if self._say is None:
            yield wait
            return
        with self._lock:
            self._waits.add(wait)
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, args=(self._say,), daemon=True).start()
        try:
            yield wait
        finally:
            with self._lock:
                self._waits.discard(wait)

    def _watch(self, say: Callable[[str], None]) -> None:
        while True:
            # Seldom enough to cost nothing, and often enough for lines that count seconds.
            time.sleep(FIRST_LINE_SECONDS / 6)
            now = time.monotonic()
            with self._lock:
                if not self._waits:
                    self._watched = False
                    return
                late = [wait for wait in self._waits if now >= wait.says_next]
            for number, wait in enumerate(late):
                wait.says_next = now + NEXT_LINE_SECONDS
                if number < MOST_LINES:
                    say(wait.line(now))
            if len(late) > MOST_LINES:
                say(f"still waiting for {len(late) - MOST_LINES} more")
