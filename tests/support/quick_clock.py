"""A plugin process with very short pauses: `python -m tests.support.quick_clock MODULE ARGUMENTS…`."""

from __future__ import annotations

import runpy
import sys
import threading
import time

from pulumi_agin.base import clock


class QuickClock(clock.Clock):
    """Stands still, except that each pause advances it, by a second for each millisecond of real time."""

    _now = 1000.0
    _lock = threading.Lock()

    def monotonic(self) -> float:
        return QuickClock._now

    def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while self.monotonic() < end:
            time.sleep(0.001)
            with self._lock:
                QuickClock._now += max(min(1.0, end - QuickClock._now), 0.0)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        # Longer than a pause, because it waits for another thread at work.
        condition.wait(0.01)
        self.sleep(min(seconds, 1))


def quicken_native_plugin() -> None:
    """Lets Ctrl-C end the pauses of the native plugin, as with its own clock."""
    from pulumi_agin.native import process

    class QuickInterruptibleClock(QuickClock, process.InterruptibleClock):
        def sleep(self, seconds: float) -> None:
            if not self.interrupted.is_set():
                super().sleep(seconds)

    process.InterruptibleClock = QuickInterruptibleClock  # type: ignore[misc]


if __name__ == "__main__":
    # The same object is a default argument of many functions.
    clock.SYSTEM_CLOCK.__class__ = QuickClock
    sys.argv = sys.argv[1:]
    if sys.argv[0] == "pulumi_agin.native":
        quicken_native_plugin()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
