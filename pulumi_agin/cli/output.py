"""Output of the commands: stdout, messages on stderr, colors and line wrapping.

Only a terminal gets colors and lines that fit its width.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from pulumi_agin.base.redaction import LISTED_VALUES

# The minimum width of a wrapped column, so that a narrow terminal does not show one word per line.
_NARROWEST = 24

# Colors, by their numbers in escape sequences.
RED, GREEN, YELLOW, MAGENTA, CYAN = 31, 32, 33, 35, 36


class UsageError(Exception):
    """The user must correct something before the command can run. The message is one sentence."""


@dataclass(frozen=True)
class Style:
    """The formatting for one output stream."""

    has_colors: bool = False
    width: int | None = None
    """The width of the terminal, in characters; None if lines are not wrapped."""

    def colored(self, string: str, color: int) -> str:
        """Returns a string in a color, if there are colors."""
        return f"\x1b[{color}m{string}\x1b[0m" if self.has_colors else string

    def beside(self, indent: int, string: str) -> list[str]:
        """Wraps a string to the right of a column, with an indent in all but the first line.

        Words stay whole, and so do Pulumi commands in backticks, so that they can be pasted.
        """
        if self.width is None:
            return [string]
        room = max(self.width - indent, _NARROWEST)
        whole = re.sub("`pulumi[^`]*`", lambda command: command[0].replace(" ", "\0"), string)
        first, *others = textwrap.wrap(whole, room, break_long_words=False, break_on_hyphens=False) or [""]
        return [line.replace("\0", " ") for line in (first, *(" " * indent + line for line in others))]


def style_of(stream: TextIO | None) -> Style:
    """Returns the style of stdout or stderr; None is a closed one.

    As in other programs, `NO_COLOR` turns colors off, and `FORCE_COLOR` turns them on in a pipe or a file, unless they
    are empty (https://no-color.org, https://force-color.org).
    """
    is_terminal = stream is not None and stream.isatty()
    has_colors = bool(os.environ.get("FORCE_COLOR")) or (is_terminal and os.environ.get("TERM") != "dumb")
    width = shutil.get_terminal_size().columns if is_terminal else None
    return Style(has_colors and not os.environ.get("NO_COLOR"), width)


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


def note(sentence: str, color: int = CYAN, *, lines: Sequence[str] = ()) -> None:
    """Prints a sentence on stderr, with lines to paste below it. Does nothing if stderr is closed."""
    if sys.stderr is None:
        return
    try:
        head = f"{style_of(sys.stderr).colored('pulumi-agin:', color)} {sentence}"
        sys.stderr.write("\n".join([head, *lines]) + "\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def first_unreadable(sentences: Sequence[str]) -> list[str]:
    """Returns the first ten sentences about Agent Ingresses that can't be read, and the number of the others."""
    rest = len(sentences) - LISTED_VALUES
    more = [f"{rest} more Agent Ingresses, which `pulumi-agin doctor` lists with --json"] if rest > 0 else []
    return [*sentences[:LISTED_VALUES], *more]


def _discard(stream: TextIO) -> None:
    """Discards what a stream can't write. Otherwise Python would retry when it exits, and report the error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fail(sentence: str, status: int = 2) -> int:
    """Prints on stderr why a command fails, and returns its exit status."""
    note(sentence, RED)
    return status
