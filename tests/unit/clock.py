"""A clock that stands still until somebody sleeps by it."""

from __future__ import annotations


class Clock:
    """Stands in for the module `time`. `slept`: how long each sleep was, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float | None) -> None:
        assert seconds is not None, "nobody would end this wait"
        self.slept.append(seconds)
        self.now += seconds
