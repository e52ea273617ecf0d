"""Settings from the stack config or the environment: the API key, the base URL and the timeout of a call.

| stack config           | environment variable        | else                             |
|------------------------|-----------------------------|----------------------------------|
| `ngrok:apiKey`         | `NGROK_API_KEY`             | none: that is an error           |
| `ngrok:apiBaseUrl`     | `NGROK_API_BASE_URL`        | ngrok's public API               |
| `ngrok:timeoutSeconds` | `NGROK_API_TIMEOUT_SECONDS` | 300                              |
|                        | `PULUMI_AGIN_LOG`           | no line for each request         |

The stack config wins. An empty value counts as absent. ngrok's own Terraform provider also reads the first
two variables. An explicit `Provider` has inputs with the same keys, and its API key comes only from these inputs. The
provider plugin reads `agin:apiKey` and so on instead of `ngrok:apiKey`.
"""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from .base.budget import LONGEST_TIMEOUT_SECONDS
from .base.facts import DEFAULT_CALL_SECONDS, PUBLIC_API, canonical_base_url
from .base.names import LOOPBACK_HOSTS
from .base.redaction import Secret, one_line
from .base.shell import quoted

# The input of an explicit Provider that has its name.
PROVIDER_NAME = "ngrok:provider"


class Setting(Enum):
    """A setting. The value is its name in every stack config, after the namespace of the front end."""

    API_KEY = "apiKey"
    BASE_URL = "apiBaseUrl"
    TIMEOUT_SECONDS = "timeoutSeconds"


# The environment variable that is read if the stack config does not have the setting.
ENVIRONMENT = {
    Setting.API_KEY: "NGROK_API_KEY",
    Setting.BASE_URL: "NGROK_API_BASE_URL",
    Setting.TIMEOUT_SECONDS: "NGROK_API_TIMEOUT_SECONDS",
}


@dataclass(frozen=True, eq=False)
class Names:
    """The names of the settings in one front end."""

    namespace: str
    """The namespace of the keys in the stack config."""
    provider_arguments: Mapping[Setting, str]
    """The arguments of an explicit provider, in messages. Other settings are shown by their stack config keys."""

    def key(self, setting: Setting) -> str:
        """Returns the key in the stack config, such as "ngrok:apiKey"."""
        return f"{self.namespace}:{setting.value}"

    def argument(self, setting: Setting) -> str:
        """Returns the argument of an explicit provider."""
        return self.provider_arguments.get(setting) or self.key(setting)


# In Pulumi's dynamic providers, and so in most programs in Python.
IN_PYTHON = Names("ngrok", {Setting.API_KEY: "api_key"})
# In the provider plugin, and so in programs in other languages.
IN_PLUGIN = Names("agin", {setting: setting.value for setting in Setting})


@dataclass(frozen=True)
class Source:
    """The source of a setting's value."""

    kind: Literal["stack config", "provider", "environment", "default"]
    shown_as: str
    """The source in messages, such as "ngrok:apiKey in the stack config"."""


@dataclass(frozen=True)
class Settings:
    """The settings of a process that queries ngrok. They may have `problems`."""

    api_key: Secret
    """Empty if there is none."""
    api_key_source: Source
    base_url: str
    base_url_source: Source
    timeout_seconds: float
    """NaN if the setting is not a number."""
    timeout_source: Source
    log: str
    provider_name: str
    """The name of the explicit `Provider` with these settings; "" if there is none."""
    names: Names = IN_PYTHON
    stack: str = ""
    """The stack that the command line read; "" elsewhere."""

    @classmethod
    def load(
        cls,
        config: Callable[[str], object],
        environment: Mapping[str, str] = os.environ,
        *,
        names: Names = IN_PYTHON,
        stack: str = "",
    ) -> Settings:
        """Reads the settings, which may have problems.

        `config` returns a value of the stack config by its key in `names`, or None. The inputs of an explicit provider
        have the same keys, and its name as PROVIDER_NAME. Messages name `stack`.
        """
        provider_name = str(config(PROVIDER_NAME) or "")

        def read(setting: Setting, default: str) -> tuple[str, Source]:
            in_config = _source_in_config(setting, names, stack, provider_name)
            given = config(names.key(setting))
            value = "" if given is None else str(given)
            if value.strip(" "):
                return value, in_config
            if provider_name and setting is Setting.API_KEY:
                # The key in the environment may belong to another account.
                return "", in_config
            variable = ENVIRONMENT[setting]
            if environment.get(variable, "").strip(" "):
                return environment[variable], Source("environment", f"the environment variable {variable}")
            return default, Source("default", "the default")

        api_key, api_key_source = read(Setting.API_KEY, "")
        base_url, base_url_source = read(Setting.BASE_URL, PUBLIC_API)
        timeout, timeout_source = read(Setting.TIMEOUT_SECONDS, str(DEFAULT_CALL_SECONDS))
        return cls(
            api_key=Secret(api_key),
            api_key_source=api_key_source,
            base_url=base_url,
            base_url_source=base_url_source,
            timeout_seconds=_number(timeout),
            timeout_source=timeout_source,
            log=environment.get("PULUMI_AGIN_LOG", ""),
            provider_name=provider_name,
            names=names,
            stack=stack,
        )

    @functools.cached_property
    def problems(self) -> Sequence[str]:
        """A sentence for each invalid setting, with the valid form. No sentence contains the key."""
        problems = []
        if problem := self._api_key_problem():
            problems.append(problem)
        if problem := _base_url_problem(self.base_url):
            problems.append(f"the base URL from {self.base_url_source.shown_as} {problem}")
        if not 0 < self.timeout_seconds <= LONGEST_TIMEOUT_SECONDS:
            problems.append(
                f"the timeout from {self.timeout_source.shown_as} must be a number of seconds greater than 0 and at "
                f"most {LONGEST_TIMEOUT_SECONDS}, such as {DEFAULT_CALL_SECONDS}"
            )
        if self.log not in ("", "debug"):
            problems.append('the environment variable PULUMI_AGIN_LOG must be "debug" or unset')
        return problems

    def _api_key_problem(self) -> str | None:
        key = self.api_key.get_secret_value()
        if re.fullmatch(r"[!-~]+", key):
            return None
        if key:
            return (
                f"the API key from {self.api_key_source.shown_as} contains whitespace or other invalid characters; "
                "set only the key"
            )
        if self.provider_name:
            return (
                f"{self.api_key_source.shown_as} is empty: an explicit Provider does not use the key in the stack "
                "config or the environment, because that key may belong to another account; set the key of its account"
            )
        return (
            f"there is no ngrok API key: set it with `pulumi config set --secret {self.names.key(Setting.API_KEY)}`, "
            f"or in the environment variable {ENVIRONMENT[Setting.API_KEY]}"
        )

    def __getstate__(self) -> NoReturn:
        raise TypeError("settings contain the API key, so they must not be pickled")

    @property
    def account_description(self) -> str:
        """A description of the account of the API key, for messages."""
        return f"the account of the API key from {self.api_key_source.shown_as}"

    @property
    def has_other_base_url(self) -> bool:
        """Whether requests go elsewhere than to ngrok's public API, such as to the emulator."""
        return canonical_base_url(self.base_url) != PUBLIC_API

    @property
    def shown_base_url(self) -> str:
        """The base URL and where it comes from, for messages."""
        source = (
            self.base_url_source.shown_as
            if self.base_url_source.kind == "default"
            else f"from {self.base_url_source.shown_as}"
        )
        return f"{canonical_base_url(self.base_url)}, {source}"

    def describe_change_of_base_url(self, last: str) -> str:
        """Returns that an ingress was last read at another base URL, as a clause from "last read" on; "" if it was not.

        `last` is the base URL in its state; "" if there is none.
        """
        if last in ("", canonical_base_url(self.base_url)):
            return ""
        return f"last read at {one_line(last)}, but the base URL is now {self.shown_base_url}"

    def how_to_set_base_url(self, base_url: str) -> str:
        """Returns the next step to use another base URL, for messages."""
        if self.base_url_source.kind == "environment":
            return f"{'unset' if base_url == PUBLIC_API else 'change'} {self.base_url_source.shown_as}"
        if self.provider_name:
            return f'set {self.names.argument(Setting.BASE_URL)} of the Provider "{one_line(self.provider_name, 60)}"'
        return f"run `pulumi config set {self.names.key(Setting.BASE_URL)} {quoted(one_line(base_url))}`"

    @property
    def how_to_set_api_key(self) -> str:
        """The next step to replace the API key, for messages."""
        if self.api_key_source.kind == "stack config":
            return f"run `pulumi config set --secret {self.names.key(Setting.API_KEY)}`"
        return f"{'change' if self.api_key_source.kind == 'provider' else 'set'} {self.api_key_source.shown_as}"

    @property
    def api_key_hint(self) -> str:
        """An addition to messages that name the source of the key; "" if there is none."""
        return self._hint("key", self.api_key_source)

    @property
    def base_url_hint(self) -> str:
        """An addition to messages that tell to change the base URL; "" if there is none."""
        return self._hint("base URL", self.base_url_source)

    def _hint(self, name: str, source: Source) -> str:
        if source.kind == "environment" or (self.stack and not self.provider_name):
            return ""
        # Neither command runs the program. The engine then passes the settings of the last `pulumi up` to the provider.
        return (
            f" (refresh and destroy use the {name} of the last `pulumi up`: after changing the {name}, run `pulumi up` "
            "first, or add --run-program)"
        )


def _source_in_config(setting: Setting, names: Names, stack: str, provider_name: str) -> Source:
    """Returns the source of a setting that the stack config or the explicit provider has."""
    if provider_name:
        return Source("provider", f'{names.argument(setting)} of the Provider "{one_line(provider_name, 60)}"')
    if stack:
        return Source("stack config", f"the config of the stack {one_line(stack, 100)} ({names.key(setting)})")
    return Source("stack config", f"{names.key(setting)} in the stack config")


def _number(value: str) -> float:
    """Returns a number; NaN for any other string."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _base_url_problem(base_url: str) -> str | None:
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"is not a URL such as https://host:8080/path; ngrok's is {PUBLIC_API}"
    if "@" in base_url:
        return "contains a user name or password, which messages would show; remove them"
    # urlsplit removes line breaks, and a backslash ends the host for some parsers.
    if parts.scheme not in ("https", "http") or not host or not re.fullmatch(r"[!-\[\]-~]+", base_url):
        return f"is not a URL that begins with https://; ngrok's is {PUBLIC_API}"
    # Empty ones are also rejected, because the request path would become a part of them.
    if "?" in base_url or "#" in base_url:
        return "has a query or a fragment; remove it"
    if parts.scheme == "http" and host not in LOOPBACK_HOSTS:
        return (
            f"must begin with https://, because the API key would be sent unencrypted to {host}; "
            "http:// is allowed only for this machine, such as http://127.0.0.1:8080"
        )
    return None
