"""Waiting for another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(what: str, is_true: Callable[[], object], seconds: float = 30) -> None:
    """Waits until a condition is true. Fails after a timeout that is long enough on a busy machine."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"not in {seconds} seconds: {what}"
        time.sleep(0.02)
