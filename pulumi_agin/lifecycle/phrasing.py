"""Phrasing of names, values, options and commands in messages, by front end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .operation import Placement

# Wrong values that are longer are never repeated. The base64 of a 16-byte secret has 24 characters.
LONGEST_SHOWN_CHARACTERS = 20


class UnsupportedValue:
    """A value that no property accepts: an asset or a reference to a resource."""


class Phrasing:
    """The phrasing of one front end. The defaults are language-neutral."""

    boolean = "true or false"
    mapping = "an object"
    certificate_policy = "an object"
    """The accepted types of a certificate policy."""
    to_json = "write it as JSON"
    """The instruction to convert a value to a string."""
    to_concatenate = "use its `apply`"
    """The instruction to make a string of an Output and other strings."""
    delete_before_replace: str
    """The option that deletes a resource before its replacement is created."""
    aliases: str
    """The option that gives a resource its old name or parent."""
    provider: str
    """The option that names an explicit provider."""
    custom_timeouts: str
    """The option that limits how long a call may take."""
    adopt_records: str
    """The argument with which existing NS records are adopted."""
    rfc2136: str
    """The feature that creates NS records by DNS updates."""

    def spell(self, name: str) -> str:
        """Returns a program's spelling of the name of a property."""
        return name

    def declare(self, name: str, value: Mapping[str, str]) -> str:
        """Returns the code with which a program sets a property to an object of strings."""
        raise NotImplementedError

    def import_step(self, id_: str, urn: str, placement: Placement) -> str:
        """Returns the end of a message: how to import an ingress as the resource `urn`."""
        raise NotImplementedError


NEUTRAL = Phrasing()


def either(choices: Sequence[str]) -> str:
    """Returns choices as in "one, two or three"."""
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)


def must_be_one_of(choices: Sequence[str], given: object) -> str:
    """Returns the problem with a value that is none of the choices. A short string, hardly a secret, is shown."""
    is_shown = isinstance(given, str) and len(given) <= LONGEST_SHOWN_CHARACTERS and given.isprintable()
    right = either([f'"{choice}"' for choice in choices])
    return f'must be {right}, not "{given}"' if is_shown else f"must be {right}"


def printable_name(name: str) -> str:
    """Returns a user's name in a form that neither fills the screen nor forges a line."""
    return name if name.isprintable() and len(name) <= 40 else f"{ascii(name)[:40]}…"


def right_names(name: str, known: Sequence[str], phrasing: Phrasing) -> str:
    """Returns the most similar known name for an unknown one, or else all known names."""
    if likeliest := likeliest_name(name, known):
        return f'did you mean "{phrasing.spell(likeliest)}"?'
    return f"valid names are {', '.join(map(phrasing.spell, known))}"


def likeliest_name(name: str, known: Sequence[str]) -> str | None:
    """Returns the most similar known name; None if none is similar. Both may be in camelCase or snake_case."""
    import difflib  # only for an error

    letters = {each.replace("_", "").lower(): each for each in known}
    closest = difflib.get_close_matches(name.replace("_", "").lower(), letters, n=1)
    return letters[closest[0]] if closest else None
