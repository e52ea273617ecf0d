"""What messages say of names and values, and how the language of a program writes some. Loads nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

# A message never repeats a wrong value that is longer. The base64 of a 16-byte secret has 24 characters.
LONGEST_SHOWN_CHARACTERS = 20


class UnsupportedValue:
    """A value that no property takes: an asset or a reference to a resource."""


class Words(Protocol):
    """The words of one language, or of several that write these alike."""

    boolean: str
    """The two values of a boolean."""
    mapping: str
    """The type of values with names."""
    certificate_policy: str
    """The types that a certificate policy can have."""
    to_json: str
    """What makes text of values, as the end of a message."""

    def spell(self, name: str) -> str:
        """Returns a program's spelling of the name of a property."""
        raise NotImplementedError


class NeutralPhrasing:
    """The words of no language."""

    boolean = "true or false"
    mapping = "a dictionary"
    certificate_policy = "a dictionary"
    to_json = "write it as JSON"

    def spell(self, name: str) -> str:
        """See `Words`."""
        return name


class PythonWords(NeutralPhrasing):
    """The words of a Python program."""

    boolean = "True or False"
    certificate_policy = "a dict or AgentIngressCertPolicyArgs"
    to_json = "`json.dumps(…)` makes text of it"


def either(choices: Sequence[str]) -> str:
    """Returns choices as in "one, two or three"."""
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)


def must_be_one_of(choices: Sequence[str], given: str) -> str:
    """Returns what is wrong with a text that is none of a few.

    A short text is shown, because it is hardly ever a secret.

    Args:
        choices: The right texts.
        given: The wrong one.
    """
    few = len(choices) < 3
    right = either([f'"{choice}"' for choice in choices]) if few else f"one of {', '.join(choices)}"
    shown = f', not "{given}"' if len(given) <= LONGEST_SHOWN_CHARACTERS and given.isprintable() else ""
    return f"must be {right}{shown}"


def printable_name(name: str) -> str:
    """Returns a name that somebody wrote, so that it neither fills the screen nor forges a line."""
    return name if name.isprintable() and len(name) <= 40 else f"{ascii(name)[:40]}…"


def right_names(name: str, known: Sequence[str], words: Words = NeutralPhrasing()) -> str:  # noqa: B008 - it never changes
    """Returns which name somebody meant who wrote one that is not known, or else all that are known.

    Args:
        name: The name that somebody wrote.
        known: The known names, in snake_case.
        words: The words of the program's language.
    """
    likeliest = likeliest_name(name, known)
    return (
        f'did you mean "{words.spell(likeliest)}"?'
        if likeliest
        else f"the names are {', '.join(map(words.spell, known))}"
    )


def why_unknown(name: str, known: Sequence[str], words: Words) -> str:
    """Returns what is wrong with a name that is not known. The arguments are as for `right_names`."""
    return f"is not known; {right_names(name, known, words)}"


def likeliest_name(name: str, known: Sequence[str]) -> str | None:
    """Returns the known name that somebody meant who wrote another one; None if no known name is similar.

    Args:
        name: The name that somebody wrote, in snake_case or camelCase.
        known: The known names, in either.
    """
    import difflib

    in_snake_case = {_snake_case(each): each for each in known}
    closest = difflib.get_close_matches(_snake_case(name), in_snake_case, n=1)
    return in_snake_case[closest[0]] if closest else None


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
