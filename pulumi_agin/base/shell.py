"""Commands to paste into a shell: each value stays one word, and changes nothing else on the screen."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def quoted(word: str) -> str:
    """Returns a word for a shell. One with unprintable characters, which could rewrite the line above, gets $'…'."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def command_line(words: Iterable[str]) -> str:
    """Returns the command with these words."""
    return " ".join(map(quoted, words))


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    # Three octal digits end by themselves. A lone surrogate must not fail.
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogatepass"))
