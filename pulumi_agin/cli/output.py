"""Output of the commands: their result on stdout, and messages on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from pulumi_agin.base.redaction import LISTED_VALUES


class UsageError(Exception):
    """The user must correct something before the command can run.

    The message is at most three sentences. If a command to paste follows, it stands alone on the last line.
    """


def print_text(string: str) -> int:
    """Prints a string on stdout. Returns the exit status: 0, or 1 if stdout can't be written."""
    # None if the caller closed it.
    if sys.stdout is None:
        return fail("stdout is closed, so nothing can be printed", 1)
    try:
        # UTF-8 in every locale, because the output may be Python source.
        sys.stdout.buffer.write(string.encode())
        sys.stdout.flush()
    except OSError as error:
        _discard(sys.stdout)
        is_closed = isinstance(error, BrokenPipeError)
        return fail("stdout was closed" if is_closed else f"stdout can't be written: {error.strerror or error}", 1)
    return 0


def note(sentence: str, *, lines: Sequence[str] = ()) -> None:
    """Prints a sentence on stderr, with lines to paste below it. Does nothing if stderr is closed."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write("\n".join([f"pulumi-agin: {sentence}", *lines]) + "\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def first_unreadable(sentences: Sequence[str]) -> list[str]:
    """Returns the first ten sentences about Agent Ingresses that can't be read, and the number of the others."""
    rest = len(sentences) - LISTED_VALUES
    more = [f"{rest} more Agent Ingresses, which `pulumi-agin doctor --all --json` lists"] if rest > 0 else []
    return [*sentences[:LISTED_VALUES], *more]


def _discard(stream: TextIO) -> None:
    """Discards what a stream can't write. Otherwise Python would retry when it exits, and report the error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fail(sentence: str, status: int = 2) -> int:
    """Prints on stderr why a command fails, and returns its exit status."""
    note(sentence)
    return status
