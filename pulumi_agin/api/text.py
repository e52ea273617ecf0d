"""Making text safe to show: without secrets, on one line, and not too long."""

from __future__ import annotations

import re
from itertools import accumulate, groupby
from urllib.parse import unquote

# Text that others wrote is cut here, so that no answer fills the screen.
EXCERPT_CHARACTERS = 300

# Text is cut here before it is searched for secrets. No message shows more than this.
SEARCHED_CHARACTERS = 20_000

# This many characters of a key in a row already reveal too much.
TELLING_CHARACTERS = 8

_ESCAPE_OR_CHARACTER = re.compile(
    r"%[0-9A-Fa-f]{2}|&#[0-9]{2,10};|&#[xX][0-9A-Fa-f]{2,8};|&[A-Za-z]{2,8};|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|.",
    re.DOTALL,
)


def one_line(text: str, limit: int = EXCERPT_CHARACTERS) -> str:
    """Returns a text on one line, without characters that can't be printed.

    These include control characters, direction characters and halves of surrogate pairs, which can't be encoded.

    Args:
        text: The text.
        limit: The number of characters after which the text is cut.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[:limit]}…"


def redact(text: str, secret: str, mark: str = "[key]") -> str:
    """Returns a text without a secret, and without any 8 characters of the secret in a row.

    Services may repeat a key: whole, shortened, URL-encoded, in HTML, or in JSON. The case of letters does not matter.

    Args:
        text: The text.
        secret: What must not be shown. If it is shorter than 8 characters, only the whole of it counts.
        mark: What replaces the secret in the text.
    """
    size = min(TELLING_CHARACTERS, len(secret))
    lowered = _ascii_lower(secret)
    pieces = {lowered[start : start + size] for start in range(len(secret) - size + 1)} - {""}
    telling = bytearray(len(text))
    # Without one of these characters there are no escapes, and both ways are the same.
    ways = [text, _ESCAPE_OR_CHARACTER.findall(text)] if re.search(r"[%&\\]", text) else [text]
    for written in ways:
        # What each unit stands for, and where it ends in the text.
        meant = _ascii_lower("".join(map(_character, written)))
        ends = [0, *accumulate(map(len, written))]
        for piece in pieces:
            found = meant.find(piece)
            while found >= 0:
                begin, end = ends[found], ends[found + size]
                telling[begin:end] = b"\1" * (end - begin)
                found = meant.find(piece, found + 1)
    if not any(telling):
        return text
    runs = groupby(zip(text, telling, strict=True), key=lambda pair: pair[1])
    shown = "".join(mark if secret_run else "".join(c for c, _ in run) for secret_run, run in runs)
    # What is left may again contain a piece of the key.
    return shown if shown == text or len(shown) >= len(text) else redact(shown, secret, mark)


def holds_secret(text: str, secret: str) -> bool:
    """Returns whether a text holds a secret, or any 8 characters of the secret in a row.

    Args:
        text: The text.
        secret: The secret.
    """
    return redact(text, secret) != text


def _character(unit: str) -> str:
    """Returns the character that a unit of text stands for: itself, "%41", "&#65;", "&amp;" or an escape in JSON."""
    if len(unit) == 1:
        return unit
    if unit.startswith("&"):
        import html  # rarely needed

        character = html.unescape(unit)
        return character if len(character) == 1 else "\0"
    if unit.startswith("\\"):
        return chr(int(unit[2:], 16))
    return unquote(unit, "latin-1")


def _ascii_lower(text: str) -> str:
    # str.lower can change the length of text that is not ASCII, and so shift every position after it.
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)
