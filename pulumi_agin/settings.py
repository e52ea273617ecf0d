"""The API key, the base URL and the time that a call may take: from the stack config or the environment.

| stack config           | environment variable        | else                             |
|------------------------|-----------------------------|----------------------------------|
| `ngrok:apiKey`         | `NGROK_API_KEY`             | none: that is an error           |
| `ngrok:apiBaseUrl`     | `NGROK_API_BASE_URL`        | ngrok's public API               |
| `ngrok:timeoutSeconds` | `NGROK_API_TIMEOUT_SECONDS` | 300                              |
|                        | `PULUMI_AGIN_LOG`           | no line for each request         |

The stack config wins; an empty value is as good as none. The first two variables are those of ngrok's own Terraform
provider. An explicit `Provider` has the stack config's keys as its own inputs, and its API key from nowhere else.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from .api.access import (
    DEFAULT_TIMEOUT_SECONDS,
    LONGEST_TIMEOUT_SECONDS,
    LOOPBACK_HOSTS,
    PUBLIC_API,
    Secret,
    api_key_problem,
)
from .api.errors import InvalidInputsError
from .api.text import one_line

if TYPE_CHECKING:
    from .api.client import AgentIngressClient

API_KEY = "ngrok:apiKey"
BASE_URL = "ngrok:apiBaseUrl"
TIMEOUT_SECONDS = "ngrok:timeoutSeconds"

# The name of the explicit Provider whose inputs are asked in place of the stack config.
PROVIDER_NAME = "ngrok:provider"

# What a base URL may be. Parsers read other URLs differently, and the host that is judged here must be the one to which
# the API key is sent.
_BASE_URL = re.compile(
    r"""
    (?P<scheme> https? ) ://
    (?: (?P<name> (?: [a-z0-9_-]{1,63} \. )* [a-z0-9_-]{1,63} \.? ) | \[ (?P<ipv6> [0-9a-f:.]+ ) \] )
    (?: : (?P<port> [1-9][0-9]{0,4} ) )?
    (?: / (?: [a-z0-9._~-] | %[0-9a-f]{2} )* )*
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)

_HIGHEST_PORT = 65535

# Where a setting comes from, as messages say it.
STACK_CONFIG = "of the stack config"


@dataclass(frozen=True)
class Settings:
    """What a process needs to ask ngrok, each value with where it came from. Nothing is judged until `client`."""

    api_key: Secret
    api_key_source: str
    base_url: str
    base_url_source: str
    timeout_seconds: str
    timeout_seconds_source: str
    log: str
    provider_name: str

    @classmethod
    def load(cls, config: Callable[[str], object], environment: Mapping[str, str] = os.environ) -> Settings:
        """`config` gives the value of a key of the stack config, such as "ngrok:apiKey", or None."""
        provider_name = str(config(PROVIDER_NAME) or "")
        configured = f'of the Provider "{one_line(provider_name, 60)}"' if provider_name else STACK_CONFIG

        def setting(key: str, variable: str, default: str) -> tuple[str, str]:
            for value, source in (
                (config(key), f"{key} {configured}"),
                (environment.get(variable), f"the environment variable {variable}"),
            ):
                if value is not None and str(value).strip(" "):
                    return str(value), source
            return default, "the default"

        if provider_name:
            # The environment's key may be of another account than the one that was meant.
            api_key, api_key_source = str(config(API_KEY) or "").strip(" "), f"api_key {configured}"
        else:
            api_key, api_key_source = setting(API_KEY, "NGROK_API_KEY", "")
        base_url, base_url_source = setting(BASE_URL, "NGROK_API_BASE_URL", PUBLIC_API)
        timeout, timeout_source = setting(TIMEOUT_SECONDS, "NGROK_API_TIMEOUT_SECONDS", str(DEFAULT_TIMEOUT_SECONDS))
        return cls(
            Secret(api_key),
            api_key_source,
            base_url,
            base_url_source,
            timeout,
            timeout_source,
            environment.get("PULUMI_AGIN_LOG", ""),
            provider_name,
        )

    def problems(self) -> list[str]:
        """What is wrong with the settings, each a sentence that says what would be right, without the key."""
        return [
            *self._api_key_problems(),
            *self._base_url_problems(),
            *self._timeout_problems(),
            *self._log_problems(),
        ]

    def __getstate__(self) -> NoReturn:
        raise TypeError("Settings hold the API key, and so are not to be pickled")

    @property
    def api_key_hint(self) -> str:
        """What else there is to know of where the key comes from, for messages; "" where there is nothing."""
        if not self.provider_name and not self.api_key_source.endswith(STACK_CONFIG):
            return ""
        # They run no program, and the engine then gives the provider what is in the state.
        return (
            " (refresh and destroy take it as the last `pulumi up` left it: after a change run `pulumi up` first, "
            "or add --run-program)"
        )

    @property
    def from_stack_config(self) -> list[str]:
        """Which keys of the stack config are in use: a shell has to be given these."""
        sources = {
            API_KEY: self.api_key_source,
            BASE_URL: self.base_url_source,
            TIMEOUT_SECONDS: self.timeout_seconds_source,
        }
        return [key for key, source in sources.items() if source.endswith(STACK_CONFIG)]

    def client(self, is_awaited: Callable[[], bool] = lambda: True) -> AgentIngressClient:
        """A client with these settings.

        Args:
            is_awaited: Tells, in the thread of a call, whether anybody still waits for it.

        Raises:
            InvalidInputsError: The settings have problems.
        """
        problems = self.problems()
        if problems:
            raise InvalidInputsError("; ".join(problems))
        from .api.client import AgentIngressClient

        return AgentIngressClient(
            self.api_key,
            self.base_url,
            float(self.timeout_seconds),
            api_key_source=self.api_key_source,
            api_key_hint=self.api_key_hint,
            base_url_source=self.base_url_source,
            say=say,
            trace=say if self.log else None,
            is_awaited=is_awaited,
        )

    def _api_key_problems(self) -> list[str]:
        key = self.api_key.get_secret_value()
        if not key and self.provider_name:
            return [
                f"{self.api_key_source} is empty: an explicit Provider takes no key from the stack config or the "
                "environment, which may be of another account; give it the one of its account"
            ]
        if not key:
            return [
                "there is no ngrok API key: set it with `pulumi config set --secret ngrok:apiKey`, "
                "or in the environment variable NGROK_API_KEY"
            ]
        problem = api_key_problem(key)
        return [f"the API key from {self.api_key_source} {problem}"] if problem else []

    def _base_url_problems(self) -> list[str]:
        where = f"the base URL from {self.base_url_source}"
        host = _host(self.base_url)
        if host is None:
            return [f"{where} {_why_not_taken(self.base_url)}"]
        if not self.base_url.lower().startswith("https:") and host not in LOOPBACK_HOSTS:
            return [
                f"{where} must begin with https://, as the API key would be sent in clear to {host}; "
                "http:// is for this machine alone, such as http://127.0.0.1:8080"
            ]
        return []

    def _timeout_problems(self) -> list[str]:
        try:
            seconds = float(self.timeout_seconds)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= LONGEST_TIMEOUT_SECONDS:
            return [
                f"the time from {self.timeout_seconds_source} must be a number of seconds above 0 and at most "
                f"{LONGEST_TIMEOUT_SECONDS}, such as {DEFAULT_TIMEOUT_SECONDS}"
            ]
        return []

    def _log_problems(self) -> list[str]:
        if self.log not in ("", "debug"):
            return ['the environment variable PULUMI_AGIN_LOG must be "debug", or not set']
        return []


def _host(base_url: str) -> str | None:
    """The host of a base URL, in lower case and without brackets; None where the URL is none that is taken."""
    parts = _BASE_URL.fullmatch(base_url)
    if parts is None or int(parts["port"] or 0) > _HIGHEST_PORT:
        return None
    if parts["ipv6"] is not None:
        import ipaddress

        try:
            ipaddress.IPv6Address(parts["ipv6"])
        except ValueError:
            return None
    return str(parts["ipv6"] or parts["name"]).lower()


def _why_not_taken(base_url: str) -> str:
    """What is wrong with a base URL that `_host` does not take."""
    if "@" in base_url:
        return "holds a user name or password, which would be shown in messages: leave them out"
    if not re.match(r"https?://[!-~]", base_url, re.IGNORECASE):
        return f"is not a URL that begins with https://; ngrok's is {PUBLIC_API}"
    # Also an empty one, which would take the path that follows.
    if re.search(r"[?#]", base_url):
        return "has a query or a fragment; give the part before them alone"
    return (
        f"is not a URL such as https://host:8080/path, with a port from 1 to {_HIGHEST_PORT} and a path of "
        f"letters, digits and -._~%; ngrok's is {PUBLIC_API}"
    )


def say(line: str) -> None:
    """Shows a line to whoever waits. Pulumi shows what a plugin or a program writes, as it comes."""
    # One write: the lines of several threads stay whole.
    sys.stderr.write(f"pulumi-agin: {line}\n")
    sys.stderr.flush()
