"""Constants of the connection to ngrok's API, and the form of an API key.

This is separate from the client so that settings can be validated without loading what sends requests.
"""

from __future__ import annotations

import re
from typing import NoReturn

PUBLIC_API = "https://api.ngrok.com"

# How long one call may take in all, repetitions and pauses included.
DEFAULT_TIMEOUT_SECONDS = 300

# A year. Operating systems refuse to wait for much longer.
LONGEST_TIMEOUT_SECONDS = 31_536_000

# The only hosts for which plain http is allowed.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class Secret:
    """A string that is never shown by `repr` and can't be pickled."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be pickled")

    def get_secret_value(self) -> str:
        return self._value


def api_key_problem(api_key: str) -> str | None:
    """Returns what is wrong with the form of an API key, without showing the key; None if nothing is wrong."""
    if not api_key:
        return "is empty"
    if re.search(r"\s", api_key):
        return "contains white space: set only the key"
    if not re.fullmatch(r"[!-~]+", api_key):
        return "contains control characters, or others that no key has: set only the key"
    return None
