"""Making text fit to be shown: without the API key, on one line, and not too long."""

from __future__ import annotations

import re
from itertools import groupby
from urllib.parse import quote, quote_plus

# Text that others wrote is cut here, so that no answer fills a screen.
EXCERPT_CHARACTERS = 300

# As many characters of a key in a row are already too much of it.
TELLING_CHARACTERS = 8

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str, limit: int = EXCERPT_CHARACTERS) -> str:
    """The text without line breaks, control and direction characters, cut after `limit` characters."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return line if len(line) <= limit else f"{line[:limit]}…"


def redact(text: str, secret: str) -> str:
    """The text with "[key]" wherever it holds the secret, whole or 8 of its characters in a row.

    Services echo keys: whole, shortened, or URL-encoded. Upper and lower case count as the same.
    """
    lowered = _ascii_lower(text)
    telling = bytearray(len(text))
    for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
        size = min(TELLING_CHARACTERS, len(form))
        for start in range(len(form) - size + 1 if form else 0):
            piece = _ascii_lower(form[start : start + size])
            found = lowered.find(piece)
            while found >= 0:
                telling[found : found + size] = b"\1" * size
                found = lowered.find(piece, found + 1)
    runs = groupby(zip(text, telling, strict=True), key=lambda pair: pair[1])
    return "".join("[key]" if secret_run else "".join(c for c, _ in run) for secret_run, run in runs)


def _ascii_lower(text: str) -> str:
    # str.lower can change the length of a text, which would shift every position after it.
    return "".join(c.lower() if c.isascii() else c for c in text)
