"""Clocks: the system's, or one that a test hands in.

The whole package except the emulator measures time and waits by the clock that it was given. Only a wait for the
network takes real time, because only the operating system can end it. The clock gives its limit.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime, timezone


class Clock:
    """The system's clock. Tests hand in a subclass whose time passes as they like."""

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary moment. It never goes back."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Waits until `notify_all` is called for a condition, whose lock the caller holds, or the time is over."""
        condition.wait(seconds)

    def notify_all(self, condition: threading.Condition) -> None:
        """Wakes all threads that wait for a condition, whose lock the caller holds."""
        condition.notify_all()

    def jitter(self, seconds: float) -> float:
        """Returns a random number of seconds, from half of a pause to all of it."""
        return random.uniform(seconds / 2, seconds)  # noqa: S311 - jitter is no secret


SYSTEM_CLOCK = Clock()
