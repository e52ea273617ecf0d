"""The API key, the base URL and the time limit of a call, from the stack config or the environment.

| stack config           | environment variable        | else                             |
|------------------------|-----------------------------|----------------------------------|
| `ngrok:apiKey`         | `NGROK_API_KEY`             | none: that is an error           |
| `ngrok:apiBaseUrl`     | `NGROK_API_BASE_URL`        | ngrok's public API               |
| `ngrok:timeoutSeconds` | `NGROK_API_TIMEOUT_SECONDS` | 300                              |
|                        | `PULUMI_AGIN_LOG`           | no line for each request         |

The stack config wins. An empty value counts as absent. ngrok's own Terraform provider reads the first two variables
too. An explicit `Provider` has inputs with the same keys. Its API key comes only from these inputs. The provider plugin
reads `agin:apiKey` and so on instead of `ngrok:apiKey`.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, NamedTuple, NoReturn, TypeVar

from .api.credentials import (
    DEFAULT_TIMEOUT_SECONDS,
    LONGEST_TIMEOUT_SECONDS,
    LOOPBACK_HOSTS,
    PUBLIC_API,
    Secret,
    api_key_problem,
)
from .api.errors import InvalidInputsError
from .api.redaction import one_line

if TYPE_CHECKING:
    from .api.client import AgentIngressClient
    from .api.clock import Clock

API_KEY = "ngrok:apiKey"
BASE_URL = "ngrok:apiBaseUrl"
TIMEOUT_SECONDS = "ngrok:timeoutSeconds"

# The environment variable that is read if the stack config does not have the key.
ENVIRONMENT = {
    API_KEY: "NGROK_API_KEY",
    BASE_URL: "NGROK_API_BASE_URL",
    TIMEOUT_SECONDS: "NGROK_API_TIMEOUT_SECONDS",
}

# An input of an explicit Provider: its name.
PROVIDER_NAME = "ngrok:provider"

# What a base URL may be. Parsers disagree about other URLs, and the host that is checked here must be the one to which
# the API key is sent. It is compiled when it is used, because many programs never ask ngrok themselves.
_BASE_URL = r"""
    (?P<scheme> https? ) ://
    (?: (?P<name> (?: [a-z0-9_-]{1,63} \. )* [a-z0-9_-]{1,63} \.? ) | \[ (?P<ipv6> [0-9a-f:.]+ ) \] )
    (?: : (?P<port> [1-9][0-9]{0,4} ) )?
    (?: / (?: [a-z0-9._~-] | %[0-9a-f]{2} )* )*
    """

_HIGHEST_PORT = 65535

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Names:
    """What a door calls the settings."""

    namespace: str
    """The namespace of the keys in the stack config."""
    provider_arguments: Mapping[str, str]
    """The arguments of an explicit provider by the keys above. It takes others by their keys."""

    def key(self, key: str) -> str:
        """Returns one of the keys above, such as API_KEY, in the namespace."""
        return f"{self.namespace}:{key.partition(':')[2]}"

    def argument(self, key: str) -> str:
        """Returns what an explicit provider calls one of the keys above."""
        return self.provider_arguments.get(key) or self.key(key)


IN_PYTHON = Names("ngrok", {API_KEY: "api_key"})


class Source(Enum):
    """What a setting can come from."""

    STACK_CONFIG = auto()
    PROVIDER = auto()
    """An input of an explicit provider."""
    ENVIRONMENT = auto()
    DEFAULT = auto()


class Origin(NamedTuple):
    """Where a setting comes from. Its `str` is what messages call it."""

    source: Source
    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """A value, and where it comes from."""

    value: Value
    origin: Origin


@dataclass(frozen=True)
class Settings:
    """What a process needs to ask ngrok. Nothing is validated until `problems` or `client` is called."""

    api_key: Setting[Secret]
    base_url: Setting[str]
    timeout_seconds: Setting[str]
    log: str
    provider_name: str
    """The name of a `Provider`; "" if the settings are not of one."""
    names: Names = IN_PYTHON
    """What messages call the settings."""
    stack: str = ""
    """The stack whose config the command line read; "" elsewhere."""

    @classmethod
    def load(
        cls,
        config: Callable[[str], object],
        environment: Mapping[str, str] = os.environ,
        *,
        is_of_provider: bool = False,
        names: Names = IN_PYTHON,
        stack: str = "",
    ) -> Settings:
        """Reads the settings.

        Args:
            config: Gives the value of a key of the stack config, such as "ngrok:apiKey", or None. The inputs of an
                explicit `Provider` have the same keys.
            environment: The environment variables.
            is_of_provider: Whether `config` gives the inputs of an explicit provider. Those of a `Provider` say so
                themselves.
            names: What messages call the settings.
            stack: The stack that `config` is of, if messages should name it.

        Returns:
            The settings, which may have problems.
        """
        provider_name = str(config(PROVIDER_NAME) or "")
        is_of_provider = is_of_provider or bool(provider_name)
        if provider_name:
            of_config = f'of the Provider "{one_line(provider_name, 60)}"'
        else:
            of_config = "of the provider" if is_of_provider else "of the stack config"
        source = Source.PROVIDER if is_of_provider else Source.STACK_CONFIG
        called = names.argument if provider_name else names.key

        def in_config(name: str) -> str:
            return f"the config of the stack {one_line(stack, 100)} ({name})" if stack else f"{name} {of_config}"

        def setting(key: str, default: str) -> Setting[str]:
            variable = ENVIRONMENT[key]
            for value, origin in (
                (config(key), Origin(source, in_config(called(key)))),
                (environment.get(variable), Origin(Source.ENVIRONMENT, f"the environment variable {variable}")),
            ):
                if value is not None and str(value).strip(" "):
                    return Setting(str(value), origin)
            return Setting(default, Origin(Source.DEFAULT, "the default"))

        if is_of_provider:
            # The key in the environment may belong to another account, so it is not used. The key is an argument of
            # a `Provider`.
            key = str(config(API_KEY) or "").strip(" ")
            api_key = Setting(key, Origin(source, f"{called(API_KEY)} {of_config}"))
        else:
            api_key = setting(API_KEY, "")
        return cls(
            Setting(Secret(api_key.value), api_key.origin),
            setting(BASE_URL, PUBLIC_API),
            setting(TIMEOUT_SECONDS, str(DEFAULT_TIMEOUT_SECONDS)),
            environment.get("PULUMI_AGIN_LOG", ""),
            provider_name,
            names,
            stack,
        )

    def problems(self) -> list[str]:
        """Returns what is wrong with the settings, in sentences that say what is right. None contains the key."""
        return [
            *self._api_key_problems(),
            *self._base_url_problems(),
            *self._timeout_problems(),
            *self._log_problems(),
        ]

    def __getstate__(self) -> NoReturn:
        raise TypeError("settings contain the API key, so they must not be pickled")

    @property
    def account(self) -> str:
        """What messages call the account of the API key."""
        return f"the account of the API key from {self.api_key.origin}"

    @property
    def other_base_url(self) -> str:
        """The base URL and where it comes from, in words; "" if it is that of ngrok's public API."""
        base_url = self.base_url.value
        if base_url.rstrip("/").lower() == PUBLIC_API:
            return ""
        return f"{base_url}, from {self.base_url.origin}"

    @property
    def how_to_set_api_key(self) -> str:
        """How to set another API key in place of this one."""
        origin = self.api_key.origin
        if origin.source is Source.STACK_CONFIG:
            return f"run `pulumi config set --secret {self.names.key(API_KEY)}`"
        return f"change {origin}" if origin.source is Source.PROVIDER else f"set {origin}"

    @property
    def api_key_hint(self) -> str:
        """What else messages say about where the key comes from; "" if nothing."""
        if self.stack or (not self.provider_name and self.api_key.origin.source is not Source.STACK_CONFIG):
            return ""
        # Neither command runs the program. The engine then passes the settings of the last `pulumi up` to the provider.
        return (
            " (refresh and destroy use that of the last `pulumi up`: after a change, run `pulumi up` first, "
            "or add --run-program)"
        )

    def client(
        self,
        clock: Clock | None = None,
        show: Callable[[str], None] | None = None,
        show_progress: Callable[[str, str], None] | None = None,
    ) -> AgentIngressClient:
        """Makes a client with these settings.

        Args:
            clock: What to measure the time and to wait by; None for the system's clock.
            show: Shows a line to the user; None for `say`.
            show_progress: Shows what a call waits for, and gets the subject of the call; None for `show`.

        Raises:
            InvalidInputsError: The settings have problems.
        """
        problems = self.problems()
        if problems:
            raise InvalidInputsError("; ".join(problems))
        from .api.client import AgentIngressClient
        from .api.clock import SYSTEM_CLOCK

        show_line = show or say
        return AgentIngressClient(
            self.api_key.value,
            self.base_url.value,
            float(self.timeout_seconds.value),
            api_key_source=str(self.api_key.origin),
            api_key_hint=self.api_key_hint,
            base_url_source=str(self.base_url.origin),
            show_progress=show_progress or (lambda line, _: show_line(line) if line else None),
            trace=show_line if self.log else None,
            clock=clock or SYSTEM_CLOCK,
        )

    def _api_key_problems(self) -> list[str]:
        key = self.api_key.value.get_secret_value()
        if not key and self.provider_name:
            return [
                f"{self.api_key.origin} is empty: an explicit Provider takes no key from the stack config or the "
                "environment, because that may belong to another account; give it the key of its account"
            ]
        if not key:
            return [
                f"there is no ngrok API key: set it with `pulumi config set --secret {self.names.key(API_KEY)}`, "
                f"or in the environment variable {ENVIRONMENT[API_KEY]}"
            ]
        problem = api_key_problem(key)
        return [f"the API key from {self.api_key.origin} {problem}"] if problem else []

    def _base_url_problems(self) -> list[str]:
        base_url = self.base_url.value
        where = f"the base URL from {self.base_url.origin}"
        host = _host(base_url)
        if host is None:
            return [f"{where} {_base_url_problem(base_url)}"]
        if not base_url.lower().startswith("https:") and host not in LOOPBACK_HOSTS:
            return [
                f"{where} must begin with https://, as the API key would be sent in clear to {host}; "
                "http:// is only for this machine, such as http://127.0.0.1:8080"
            ]
        return []

    def _timeout_problems(self) -> list[str]:
        try:
            seconds = float(self.timeout_seconds.value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= LONGEST_TIMEOUT_SECONDS:
            return [
                f"the time from {self.timeout_seconds.origin} must be a number of seconds above 0 and at most "
                f"{LONGEST_TIMEOUT_SECONDS}, such as {DEFAULT_TIMEOUT_SECONDS}"
            ]
        return []

    def _log_problems(self) -> list[str]:
        if self.log not in ("", "debug"):
            return ['the environment variable PULUMI_AGIN_LOG must be "debug", or not set']
        return []


def _host(base_url: str) -> str | None:
    """Returns the host of a base URL, in lower case and without brackets; None if the URL is not accepted."""
    parts = re.fullmatch(_BASE_URL, base_url, re.ASCII | re.IGNORECASE | re.VERBOSE)
    if parts is None or int(parts["port"] or 0) > _HIGHEST_PORT:
        return None
    if parts["ipv6"] is not None:
        import ipaddress

        try:
            ipaddress.IPv6Address(parts["ipv6"])
        except ValueError:
            return None
    return str(parts["ipv6"] or parts["name"]).lower()


def _base_url_problem(base_url: str) -> str:
    """Returns what is wrong with a base URL that `_host` does not accept."""
    if "@" in base_url:
        return "contains a user name or password, which messages would show: leave them out"
    if not re.match(r"https?://[!-~]", base_url, re.IGNORECASE):
        return f"is not a URL that begins with https://; ngrok's is {PUBLIC_API}"
    # An empty one is refused too, because the path that follows would become a part of it.
    if re.search(r"[?#]", base_url):
        return "has a query or a fragment; give the part before them alone"
    return (
        f"is not a URL such as https://host:8080/path, with a port from 1 to {_HIGHEST_PORT} and a path of "
        f"letters, digits and -._~%; ngrok's is {PUBLIC_API}"
    )


def say(line: str) -> None:
    """Shows a line to the user at once: Pulumi passes on the output of programs and dynamic providers as it comes."""
    # One write, so that the lines of several threads stay whole.
    sys.stderr.write(f"pulumi-agin: {line}\n")
    sys.stderr.flush()
