"""Secrets, and strings for messages: without the API key, on one line, with a limited length."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import quote

# The default limit for quoted strings, so that no response fills the screen.
EXCERPT_CHARACTERS = 300


@dataclass(frozen=True)
class Secret:
    """A string that is never shown by `repr` and can't be pickled."""

    _value: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be pickled")

    def get_secret_value(self) -> str:
        return self._value

    def redact(self, string: str) -> str:
        """Returns a string with "[key]" in place of the secret, plain or URL-encoded."""
        if self._value:
            for form in {self._value, quote(self._value), quote(self._value, safe="")}:
                string = string.replace(form, "[key]")
        return string

    def sanitize(self, string: str, limit: int = EXCERPT_CHARACTERS) -> str:
        """Returns an external string for a message: redacted, on one line, cut at the limit."""
        return one_line(self.redact(string), limit)


def one_line(string: str, limit: int = EXCERPT_CHARACTERS) -> str:
    """Returns a string on one line, cut at the limit, and without characters that affect the display of others."""
    line = " ".join("".join(c if c.isprintable() else " " for c in string).split())
    return line if len(line) <= limit else f"{line[:limit]}…"
