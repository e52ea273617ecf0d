"""What values the control plane takes: those with which the emulator can go on."""

from __future__ import annotations

MAX_NUMBER = 1_000_000_000
"""The largest that is taken; of seconds, some thirty years."""


def is_sendable(text: str) -> bool:
    """Whether a text can be sent: half a surrogate pair can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
