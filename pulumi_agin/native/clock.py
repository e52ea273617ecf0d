"""The clock of a plugin process, whose pauses end when the user presses Ctrl-C."""

from __future__ import annotations

import threading

from pulumi_agin.api.clock import Clock

# A thread that waits for another one checks at least this often whether the user pressed Ctrl-C.
LONGEST_WAIT_SECONDS = 0.5


class InterruptibleClock(Clock):
    """The system's clock. Once `interrupted` is set, all pauses end."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.interrupted.wait(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        condition.wait(min(seconds, LONGEST_WAIT_SECONDS))
