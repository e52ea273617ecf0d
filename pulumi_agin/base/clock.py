"""Clock of the system, which tests replace.

The whole package except the emulator measures time and pauses with this clock. Network timeouts pass in real time,
because only the operating system can end them. The clock determines their length.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime, timezone


class Clock:
    """The system's clock. Tests use a subclass with simulated time."""

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary moment. They never decrease."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """Returns the time in UTC, to compare it with a time from ngrok."""
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Waits for `notify_all` of a condition, whose lock the caller holds, or until the timeout."""
        condition.wait(seconds)

    def notify_all(self, condition: threading.Condition) -> None:
        """Wakes all threads that wait for a condition, whose lock the caller holds."""
        condition.notify_all()

    def jitter(self, seconds: float) -> float:
        """Returns a random number of seconds between half of a pause and all of it."""
        return random.uniform(seconds / 2, seconds)  # noqa: S311 - not for cryptography


SYSTEM_CLOCK = Clock()


def parse_time(value: str) -> datetime | None:
    """Returns a time as in RFC 3339; None if the value is none, or has no time zone."""
    try:
        # Before Python 3.11, "Z" is not accepted.
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
