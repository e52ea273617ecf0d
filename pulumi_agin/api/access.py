"""Where ngrok's API is, how long a call may take, and what an API key looks like.

Apart from the client, so that settings can be judged before anything that sends requests is loaded.
"""

from __future__ import annotations

import re
from typing import NoReturn

PUBLIC_API = "https://api.ngrok.com"

# How long one call may take in all, its repetitions and waits included.
DEFAULT_TIMEOUT_SECONDS = 300

# A year. Operating systems refuse to wait for much longer times.
LONGEST_TIMEOUT_SECONDS = 31_536_000

# Plain http is for these alone.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class Secret:
    """A text that is shown by no representation, and never pickled."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be pickled")

    def get_secret_value(self) -> str:
        """The text."""
        return self._value


def api_key_problem(api_key: str) -> str | None:
    """What is wrong with the form of an API key, without the key; None where nothing is."""
    if not api_key:
        return "is empty"
    if re.search(r"\s", api_key):
        return "holds white space: set the key alone"
    if not re.fullmatch(r"[!-~]+", api_key):
        return "holds control characters, or others that no key has: set the key alone"
    return None
