"""Limits of what the emulator does, and of the values that the control plane accepts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What bounds the emulator's work. Tests hand in smaller ones."""

    logged_requests: int = 10_000
    """How many requests the log keeps."""
    logged_bytes: int = 16 * 1024 * 1024
    """The most bytes of paths, queries, headers and bodies together that the log keeps."""


DEFAULT_BOUNDS = Bounds()


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
