"""Clock of the system, which tests replace, and times and durations as strings."""

from __future__ import annotations

import random
import time
from datetime import datetime, timezone


class Clock:
    """The system's clock. Tests use a subclass with simulated time."""

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary moment. They never decrease."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self, seconds: float) -> float:
        """Returns a random number of seconds between half of a pause and all of it."""
        return random.uniform(seconds / 2, seconds)  # noqa: S311 - not for cryptography


def parse_time(value: str) -> datetime | None:
    """Returns a time in RFC 3339, for `settling` and doctor; None if it is malformed or has no time zone."""
    try:
        # Before Python 3.11, "Z" is not accepted.
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed.astimezone(timezone.utc) if parsed.tzinfo else None


def format_duration(seconds: float) -> str:
    """Returns a duration for messages, such as "45 seconds" or "45 minutes"."""
    if seconds < 120:
        number, unit = round(seconds), "second"
    elif seconds < 7200:
        number, unit = round(seconds / 60), "minute"
    else:
        number, unit = round(seconds / 3600), "hour"
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
