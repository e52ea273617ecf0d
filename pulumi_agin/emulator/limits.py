"""Limits of the values that the control plane accepts, so that they do not break the emulator."""

from __future__ import annotations

MAX_NUMBER = 1_000_000_000
"""The largest number. In seconds it is about thirty years."""


def is_sendable(text: str) -> bool:
    """Returns whether a text can be encoded. Half a surrogate pair cannot.

    Args:
        text: The text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
