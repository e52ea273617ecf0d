"""The clock of a plugin process, whose pauses end when the user presses Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock

# A thread that waits for another one looks at least this often whether the user pressed Ctrl-C.
LONGEST_WAIT_SECONDS = 0.5


class InterruptibleClock(Clock):
    """The system's clock, whose pauses all end when the user presses Ctrl-C."""

    def __init__(self) -> None:
        self._interrupted = threading.Event()

    def interrupt(self) -> None:
        """Ends all pauses, now and until `resume`."""
        self._interrupted.set()

    def resume(self) -> None:
        """Lets pauses take their time again."""
        self._interrupted.clear()

    def is_interrupted(self) -> bool:
        """Tells whether all pauses have ended."""
        return self._interrupted.is_set()

    def sleep(self, seconds: float) -> None:
        self._interrupted.wait(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        condition.wait(min(seconds, LONGEST_WAIT_SECONDS))

    def repeat(self, seconds: float, step: Callable[[], bool]) -> None:
        # These pauses do not end with the others: without pauses, the steps would follow each other at once.
        SYSTEM_CLOCK.repeat(seconds, step)
