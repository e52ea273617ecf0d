"""How the language of a program writes names and some values, for messages. Loads nothing heavy."""

from __future__ import annotations

from typing import Protocol


class Special:
    """A value that no property takes: an asset or a reference to a resource."""


class Words(Protocol):
    """The words of one language, or of several that write these alike."""

    boolean: str
    """The two values of a boolean."""
    mapping: str
    """The type of values with names."""
    certificate_policy: str
    """The types that a certificate policy can have."""

    def spell(self, name: str) -> str:
        """Returns a program's spelling of the name of a property."""
        raise NotImplementedError


class NeutralWords:
    """The words of no language."""

    boolean = "true or false"
    mapping = "a dictionary"
    certificate_policy = "a dictionary"

    def spell(self, name: str) -> str:
        """See `Words`."""
        return name
