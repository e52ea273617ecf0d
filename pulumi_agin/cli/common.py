"""What the commands have in common: how they print, and how they fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import cast

from .terminal import Color, style_of

# How long to wait for ngrok. It is short, because somebody waits at the terminal.
NGROK_SECONDS = 30.0


class UsageError(Exception):
    """The user must correct something before the command can run. The text is one sentence that says what."""


def print_text(text: str) -> int:
    """Prints a text on stdout, in UTF-8.

    Args:
        text: The text, with its line break at the end.

    Returns:
        The exit status: 0, or 1 if stdout can't be written.
    """
    # Python has none if the caller closed it.
    if cast(object, sys.stdout) is None:
        return fail("stdout is closed, so nothing can be printed", 1)
    try:
        # UTF-8 in every terminal, because the text may be Python source.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except OSError as error:
        # Otherwise Python would try again when it exits, and report the error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return fail("nobody reads what is printed", 1)
        return fail(f"what is printed can't be written: {error.strerror or error}", 1)
    return 0


def note(sentence: str, color: Color = Color.CYAN, *, lines: Sequence[str] = ()) -> None:
    """Prints a line on stderr, if that is not closed.

    Args:
        sentence: What to say.
        color: The color of the command's name before it.
        lines: Lines to paste, which are printed below it.
    """
    if cast(object, sys.stderr) is None:
        return
    said = f"{style_of(sys.stderr).colored('pulumi-agin:', color)} {sentence}"
    sys.stderr.write("\n".join([said, *lines]) + "\n")


def fail(sentence: str, status: int = 2) -> int:
    """Prints on stderr why a command fails.

    Args:
        sentence: The reason.
        status: The exit status of the command.

    Returns:
        The exit status.
    """
    note(sentence, Color.RED)
    return status
