"""System clock, which tests replace, and conversions of times and durations from or to strings."""

from __future__ import annotations

import random
import time
from datetime import datetime, timezone


class Clock:
    """The system's clock. Tests use a subclass with simulated time."""

    def monotonic(self) -> float:
        """Returns the seconds since an arbitrary moment. The number never decreases."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self, seconds: float) -> float:
        """Returns a random duration between half of `seconds` and `seconds`."""
        return random.uniform(seconds / 2, seconds)  # noqa: S311 - not for cryptography


def parse_time(value: str) -> datetime | None:
    """Parses a time in RFC 3339, and returns it in UTC; None if the string is malformed or has no time zone."""
    try:
        # Before Python 3.11, `fromisoformat` does not accept "Z".
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
