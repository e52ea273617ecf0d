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
    def of(self, doing: str, budget: Budget) -> Iterator[Wait]:
        """Yields a `Wait` for the call in the `with` block. At its end, an empty line clears the last one."""
        wait = Wait(self, doing, budget)
        try:
            yield wait
        finally:
            if wait.is_shown:
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
class Wait:
    """A call in progress, such as "read the Agent Ingress connect.acme.com"."""

    progress: Progress
    doing: str
    budget: Budget
    is_shown: bool = False

    def waits_for(self, reason: str, seconds: float | None = None, at_most: float | None = None) -> None:
        """Shows the reason for a wait if the call has taken long, or its pause of `seconds`, which begins now, is long.

        `at_most` is the limit of the call's time, if it is shorter than the budget.
        """
        if self.budget.elapsed + (seconds or 0) < FIRST_LINE_SECONDS:
            return
        next_try = f"; next try in {format_duration(max(round(seconds), 1))}" if seconds else ""
        line = f"still waiting to {self.doing}, for {self.budget.spent_of(at_most)}: {reason}{next_try}"
        self.is_shown = self.progress.show(line, self.budget.subject) or self.is_shown
