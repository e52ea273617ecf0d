"""Simulated time: pauses take none, and tests see how long they would have been."""

from __future__ import annotations

from pulumi_agin.api import clock


class Clock(clock.Clock):
    """Stands still, except that each pause advances it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def jitter(self, seconds: float) -> float:
        return seconds
