"""A clock for tests. Its pauses take no real time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pulumi_agin.base import clock

BEGIN = datetime(2024, 8, 2, 7, 15, 39, tzinfo=timezone.utc)


class Clock(clock.Clock):
    """Stands still while a thread is `at_work`. Otherwise, it jumps to the moment at which the next sleep ends.

    Attributes:
        now: The result of `monotonic`, in seconds.
        slept: The limit of each sleep and wait, in seconds.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._began = self.now
        self._moved = threading.Condition()
        self._at_work = 0
        self._sleepers: list[_Sleeper] = []

    def monotonic(self) -> float:
        return self.now

    def utc_now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now - self._began)

    def jitter(self, seconds: float) -> float:
        return seconds

    def sleep(self, seconds: float) -> None:
        with self._moved:
            if seconds > 0:
                self._sleep(self._fall_asleep(seconds))

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        with self._moved:
            sleeper = self._fall_asleep(seconds, condition)
        condition.release()
        try:
            with self._moved:
                self._sleep(sleeper)
        finally:
            condition.acquire()

    def notify_all(self, condition: threading.Condition) -> None:
        with self._moved:
            self._wake(lambda sleeper: sleeper.condition is condition)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """For the work of a thread: the clock stands still until the thread sleeps or ends."""
        with self._moved:
            self._at_work += 1
        try:
            yield
        finally:
            with self._moved:
                self._at_work -= 1
                self._move_on()

    def wait_until_asleep(self, threads: int) -> None:
        """Waits until this number of threads sleep or wait."""
        with self._moved:
            assert self._moved.wait_for(lambda: len(self._sleepers) >= threads, 20)

    def _fall_asleep(self, seconds: float, condition: threading.Condition | None = None) -> _Sleeper:
        self.slept.append(seconds)
        sleeper = _Sleeper(self.now + seconds, condition)
        self._sleepers.append(sleeper)
        self._at_work -= 1
        self._moved.notify_all()
        self._move_on()
        return sleeper

    def _sleep(self, sleeper: _Sleeper) -> None:
        while sleeper in self._sleepers:
            self._moved.wait()

    def _wake(self, is_due: Callable[[_Sleeper], bool]) -> None:
        due = [sleeper for sleeper in self._sleepers if is_due(sleeper)]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper not in due]
        # Immediately, although they may take a moment to continue.
        self._at_work += len(due)
        self._moved.notify_all()

    def _move_on(self) -> None:
        if self._at_work > 0 or not self._sleepers:
            return
        self.now = max(self.now, min(sleeper.end for sleeper in self._sleepers))
        self._wake(lambda sleeper: sleeper.end <= self.now)


@dataclass(eq=False)
class _Sleeper:
    """A thread that sleeps until a moment, or until a condition is notified."""

    end: float
    condition: threading.Condition | None
