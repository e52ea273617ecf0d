"""Progress lines for calls that take longer than a few seconds."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .budget import Budget, format_duration
from .clock import Clock

FIRST_LINE_SECONDS = 3.0
NEXT_LINE_SECONDS = 20.0


def time_note(elapsed: float, limit: float) -> str:
    """Returns a note on the time of a call, for a progress line: "(30 seconds elapsed, limit 45 minutes)"."""
    return f"({format_duration(elapsed)} elapsed, limit {format_duration(limit)})"


class Progress:
    """Shows progress lines, with one in 20 seconds for all calls together as the limit.

    A line is shown in the thread of a call, before it pauses. So a call shows nothing during a single request.
    """

    def __init__(self, show: Callable[[str, str], None], clock: Clock) -> None:
        self._show = show
        self._clock = clock
        self._lock = threading.Lock()
        self._last_shown_at = -math.inf

    @contextmanager
    def of_call(self, doing: str, budget: Budget) -> Iterator[CallProgress]:
        """Yields the progress of the call in the `with` block, which reports each pause to it.

        At the end, an empty line clears the last one, if this call has shown any.
        """
        call = CallProgress(self, doing, budget)
        try:
            yield call
        finally:
            if call.has_shown_a_line:
                self._show("", budget.subject)

    def show(self, line: str, subject: str) -> bool:
        """Shows a line about a call, unless another one was shown recently. Returns whether it was shown."""
        now = self._clock.monotonic()
        with self._lock:
            if now - self._last_shown_at < NEXT_LINE_SECONDS:
                return False
            self._last_shown_at = now
        self._show(line, subject)
        return True


@dataclass
class CallProgress:
    """The progress of one call, whose purpose is a verb phrase, such as "read the Agent Ingress connect.acme.com"."""

    progress: Progress
    doing: str
    budget: Budget
    has_shown_a_line: bool = False

    def show_wait(self, reason: str, seconds: float | None = None, limit: float | None = None) -> None:
        """Shows that the caller is about to wait, and for how long, if that is known. It does not wait itself.

        Shows nothing if the call takes less than 3 seconds with this pause, or if any call showed a line in the last
        20 seconds. `limit` is the call's time limit, if it is shorter than the budget.
        """
        if self.budget.elapsed + (seconds or 0) < FIRST_LINE_SECONDS:
            return
        next_attempt = f"; next attempt in {format_duration(max(round(seconds), 1))}" if seconds else ""
        time = time_note(self.budget.elapsed, limit or self.budget.seconds)
        line = f"still waiting to {self.doing} {time}: {reason}{next_attempt}"
        if self.progress.show(line, self.budget.subject):
            self.has_shown_a_line = True
