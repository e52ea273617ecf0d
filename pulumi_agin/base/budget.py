"""The time budget of a call, and durations for messages."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from .clock import Clock

# A year. Operating systems reject much longer timeouts.
LONGEST_TIMEOUT_SECONDS = 31_536_000


@dataclass
class Budget:
    """The time budget of one call, including repetitions and pauses, and whether the call was cancelled.

    The subject identifies the call's resource, for its progress lines.
    """

    seconds: float
    clock: Clock
    is_cancelled: Callable[[], bool] = lambda: False
    subject: str = ""
    reserved: float = 0.0
    """The seconds at the end that are reserved for later steps of the call."""

    def __post_init__(self) -> None:
        # A resource's timeout can exceed the limit of the operating system.
        self.seconds = min(self.seconds, LONGEST_TIMEOUT_SECONDS)
        self._started = self.clock.monotonic()

    @property
    def spent(self) -> str:
        """The elapsed time of the call, and its limit, for messages."""
        return f"{format_duration(self.elapsed)} (limit: {format_duration(self.seconds)})"

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds until the call must end. Negative after its end."""
        return self.seconds - self.reserved - self.elapsed

    def reserve(self, seconds: float) -> Budget:
        """Returns a budget with the same start that ends earlier: the rest is reserved for later steps."""
        earlier = copy.copy(self)
        earlier.reserved = seconds
        return earlier

    def part(self, seconds: float) -> Budget:
        """Returns a separate budget, from now on, for a part of this call."""
        return Budget(seconds, self.clock, self.is_cancelled, self.subject)


def format_duration(seconds: float) -> str:
    """Returns a duration for messages, such as "4.9 seconds" or "45 minutes"."""
    if seconds < 120:
        return _count(f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}", "second")
    unit, size, smaller, smaller_size = ("hour", 3600, "minute", 60) if seconds >= 7200 else ("minute", 60, "second", 1)
    many, rest = divmod(round(seconds), size)
    few = rest // smaller_size
    return _count(f"{many}", unit) + (f" {_count(f'{few}', smaller)}" if few else "")


def _count(number: str, unit: str) -> str:
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"
