"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(what: str, is_true: Callable[[], object], seconds: float = 30) -> None:
    """Returns when it is so. Fails if it is not within so many seconds, which are enough on a busy machine."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"not in {seconds} seconds: {what}"
        time.sleep(0.02)
