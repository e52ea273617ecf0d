"""How text looks on a terminal: colors, and lines that fit its width.

Elsewhere, such as in a pipe or a file, text has no colors, and lines are as long as they are.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

# A text beside others gets at least this much room, so that a narrow terminal does not show one word on each line.
_NARROWEST = 24


class Color(Enum):
    """A color, by its number in the escape sequence that begins it."""

    RED = 31
    GREEN = 32
    YELLOW = 33
    MAGENTA = 35
    CYAN = 36


@dataclass(frozen=True)
class Style:
    """How text looks at the place where it is printed."""

    has_colors: bool = False
    width: int | None = None
    """The width of the terminal, in characters; None where lines are not broken."""

    def colored(self, text: str, color: Color) -> str:
        """Returns the text in a color, if there are colors."""
        return f"\x1b[{color.value}m{text}\x1b[0m" if self.has_colors else text

    def beside(self, indent: int, text: str) -> list[str]:
        """Returns the lines of a text that begins to the right of something else.

        Words stay whole, and so do Pulumi's commands in backticks, so that they can be pasted.

        Args:
            indent: The width of what is to the left of the first line. It is the indent of the other lines.
            text: The text.
        """
        if self.width is None:
            return [text]
        room = max(self.width - indent, _NARROWEST)
        whole = re.sub("`pulumi[^`]*`", lambda command: command[0].replace(" ", "\0"), text)
        first, *others = textwrap.wrap(whole, room, break_long_words=False, break_on_hyphens=False) or [""]
        return [line.replace("\0", " ") for line in (first, *(" " * indent + line for line in others))]


PLAIN = Style()
"""Without colors, and with lines as long as they are."""


def style_of(stream: TextIO | None) -> Style:
    """Returns how text looks on a stream.

    As in other programs, `NO_COLOR` means no colors, and `FORCE_COLOR` means colors in a pipe or a file, too, unless
    they are empty (https://no-color.org, https://force-color.org).

    Args:
        stream: stdout or stderr; None if it is closed.
    """
    is_terminal = stream is not None and stream.isatty()
    if os.environ.get("NO_COLOR"):
        has_colors = False
    else:
        has_colors = bool(os.environ.get("FORCE_COLOR")) or (is_terminal and os.environ.get("TERM") != "dumb")
    return Style(has_colors, shutil.get_terminal_size().columns if is_terminal else None)
