"""Settings from the stack config or the environment: the API key, the base URL and the time limit of a call.

| stack config          | environment variable        | default                   |
|-----------------------|-----------------------------|---------------------------|
| `agin:apiKey`         | `NGROK_API_KEY`             | none, which is an error   |
| `agin:apiBaseUrl`     | `NGROK_API_BASE_URL`        | ngrok's public API        |
| `agin:timeoutSeconds` | `NGROK_API_TIMEOUT_SECONDS` | 300                       |

The stack config takes precedence, and an empty value counts as absent. An explicit provider has inputs with the same
keys, in place of the stack config. A provider's API key never comes from the environment, because the key in the
environment may belong to another account.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from .api.client import Client
from .api.clock import Clock
from .api.redaction import Secret, one_line
from .api.values import LOOPBACK_HOSTS, PUBLIC_API

API_KEY = "agin:apiKey"
BASE_URL = "agin:apiBaseUrl"
TIMEOUT_SECONDS = "agin:timeoutSeconds"
# The input that contains the name of an explicit provider.
PROVIDER_NAME = "agin:provider"

ENVIRONMENT = {
    API_KEY: "NGROK_API_KEY",
    BASE_URL: "NGROK_API_BASE_URL",
    TIMEOUT_SECONDS: "NGROK_API_TIMEOUT_SECONDS",
}

DEFAULT_CALL_SECONDS = 300
# A year. Operating systems reject much longer timeouts.
LONGEST_CALL_SECONDS = 31_536_000


@dataclass(frozen=True)
class Setting:
    """A value and its source, which is a noun phrase for messages, such as "agin:apiKey in the stack config"."""

    value: str
    source: str


@dataclass(frozen=True)
class Settings:
    """The settings of a process that queries ngrok. Invalid settings have a sentence in `problems`."""

    api_key: Secret
    api_key_source: str
    base_url: str
    base_url_source: str
    timeout_seconds: float
    problems: Sequence[str] = ()
    """A sentence for each invalid setting, with the valid form. No sentence contains the API key."""

    @classmethod
    def load(cls, config: Callable[[str], object], environment: Mapping[str, str] = os.environ) -> Settings:
        """Reads the settings for a program, a plugin process or a command. Invalid settings go into `problems`.

        `config` returns the value of a key, or None. The values are the stack config, or the inputs of an explicit
        provider, which must all be known.
        """
        provider = str(config(PROVIDER_NAME) or "")
        where = f'of the Provider "{one_line(provider, 60)}"' if provider else "in the stack config"

        def read(name: str, default: object) -> Setting:
            given = config(name)
            # The engine may pass a number instead of a string.
            if given not in (None, ""):
                return Setting(str(given).strip(), f"{name} {where}")
            variable = ENVIRONMENT[name]
            if provider and name == API_KEY:
                return Setting("", f"{name} {where}")
            if environment.get(variable):
                return Setting(environment[variable].strip(), f"the environment variable {variable}")
            return Setting(str(default), "the default")

        api_key = read(API_KEY, "")
        base_url = read(BASE_URL, PUBLIC_API)
        timeout = read(TIMEOUT_SECONDS, DEFAULT_CALL_SECONDS)
        found = [_api_key_problem(api_key, bool(provider)), _base_url_problem(base_url), _timeout_problem(timeout)]
        return cls(
            api_key=Secret(api_key.value),
            api_key_source=api_key.source,
            base_url=base_url.value.rstrip("/"),
            base_url_source=base_url.source,
            timeout_seconds=_number(timeout.value),
            problems=tuple(filter(None, found)),
        )

    def __getstate__(self) -> NoReturn:
        raise TypeError("settings contain the API key, so they must not be pickled")

    @property
    def is_ngrok(self) -> bool:
        """Whether requests go to ngrok's public API, and not to an emulator or a gateway."""
        return self.base_url == PUBLIC_API

    @property
    def notice(self) -> str:
        """A line for the user if the base URL is not ngrok's; "" if it is, or if the settings have problems.

        Only the plugin processes log the line, once.
        """
        if self.is_ngrok or self.problems:
            return ""
        return f"this command does not use ngrok itself: the base URL is {self.base_url}, from {self.base_url_source}"

    @property
    def not_in_account(self) -> str:
        """A clause for messages about an ID for which ngrok responded 404."""
        return f"the account of the API key from {self.api_key_source} does not have it"

    def new_client(self, clock: Clock | None = None) -> Client:
        """Returns a client for all calls of a process. Use the client only if the settings have no problems."""
        return Client(
            self.api_key,
            self.base_url,
            api_key_source=self.api_key_source,
            base_url_source=self.base_url_source,
            clock=clock,
        )


def _api_key_problem(api_key: Setting, is_explicit: bool) -> str:
    if re.fullmatch(r"[!-~]+", api_key.value):
        return ""
    if api_key.value:
        return f"the API key from {api_key.source} contains whitespace or other invalid characters; set only the key"
    if is_explicit:
        return f"{api_key.source} is empty; set the key of its account"
    return (
        f"there is no ngrok API key: set it with `pulumi config set --secret {API_KEY}`, or in the environment "
        f"variable {ENVIRONMENT[API_KEY]}"
    )


def _base_url_problem(base_url: Setting) -> str:
    url, name = base_url.value, f"the base URL from {base_url.source}"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    # urlsplit accepts line breaks, and a backslash ends the host for some parsers.
    if not host or scheme not in ("https", "http") or not re.fullmatch(r"[!-\[\]-~]+", url):
        return f"{name} is not a URL that begins with https://; ngrok's is {PUBLIC_API}"
    if re.search("[@?#]", url):
        return f"{name} contains a user name, a query or a fragment; remove it"
    if scheme == "http" and host not in LOOPBACK_HOSTS:
        return (
            f"{name} must begin with https://, because the API key would be sent unencrypted to {host}; http:// is "
            "only for this machine, such as http://127.0.0.1:8080"
        )
    return ""


def _timeout_problem(timeout: Setting) -> str:
    if 0 < _number(timeout.value) <= LONGEST_CALL_SECONDS:
        return ""
    return (
        f"the timeout from {timeout.source} must be a number of seconds greater than 0 and at most "
        f"{LONGEST_CALL_SECONDS}, such as {DEFAULT_CALL_SECONDS}"
    )


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
