"""Connection constants and secrets. Settings are validated with them, without loading the HTTP client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

PUBLIC_API = "https://api.ngrok.com"

# The time budget of one call, in total.
DEFAULT_TIMEOUT_SECONDS = 300

# A year. Operating systems reject much longer timeouts.
LONGEST_TIMEOUT_SECONDS = 31_536_000

# The only hosts for which plain http is allowed.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Secret:
    """A string that is never shown by `repr` and can't be pickled."""

    _value: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be pickled")

    def get_secret_value(self) -> str:
        return self._value
