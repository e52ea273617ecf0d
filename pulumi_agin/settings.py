"""The API key, the base URL and the time that a call may take: from the stack config or the environment.

| stack config           | environment variable        | else                             |
|------------------------|-----------------------------|----------------------------------|
| `ngrok:apiKey`         | `NGROK_API_KEY`             | none: that is an error           |
| `ngrok:apiBaseUrl`     | `NGROK_API_BASE_URL`        | ngrok's public API               |
| `ngrok:timeoutSeconds` | `NGROK_API_TIMEOUT_SECONDS` | 300                              |

The stack config wins; an empty value is as good as none. The first two variables are those of ngrok's own Terraform
provider.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from pydantic import SecretStr

from .api.client import (
    DEFAULT_TIMEOUT_SECONDS,
    LOOPBACK_HOSTS,
    PUBLIC_API,
    AgentIngressClient,
    api_key_problem,
)
from .api.errors import InvalidInputsError


@dataclass(frozen=True)
class Settings:
    """What a process needs to ask ngrok, each value with where it came from. Nothing is judged until `client`."""

    api_key: SecretStr
    api_key_source: str
    base_url: str
    base_url_source: str
    timeout_seconds: str
    timeout_seconds_source: str

    @classmethod
    def load(cls, config: Callable[[str], object], environment: Mapping[str, str] = os.environ) -> Settings:
        """`config` gives the value of a key of the stack config, such as "ngrok:apiKey", or None."""

        def setting(key: str, variable: str, default: str) -> tuple[str, str]:
            for value, source in (
                (config(key), f"{key} of the stack config"),
                (environment.get(variable), f"the environment variable {variable}"),
            ):
                if value is not None and str(value).strip(" "):
                    return str(value), source
            return default, "the default"

        api_key, api_key_source = setting("ngrok:apiKey", "NGROK_API_KEY", "")
        base_url, base_url_source = setting("ngrok:apiBaseUrl", "NGROK_API_BASE_URL", PUBLIC_API)
        timeout, timeout_source = setting(
            "ngrok:timeoutSeconds", "NGROK_API_TIMEOUT_SECONDS", str(DEFAULT_TIMEOUT_SECONDS)
        )
        return cls(SecretStr(api_key), api_key_source, base_url, base_url_source, timeout, timeout_source)

    def problems(self) -> list[str]:
        """What is wrong with the settings, each a sentence that says what would be right, without the key."""
        return [*self._api_key_problems(), *self._base_url_problems(), *self._timeout_problems()]

    def __getstate__(self) -> NoReturn:
        raise TypeError("Settings hold the API key, and so are not to be pickled")

    @property
    def api_key_hint(self) -> str:
        """What else there is to know of where the key comes from, for messages; "" where there is nothing."""
        if not self.api_key_source.endswith("of the stack config"):
            return ""
        # They run no program, and the engine then gives the provider what is in the state.
        return (
            " (refresh and destroy take it as the last `pulumi up` left it: after a change run `pulumi up` first, "
            "or add --run-program)"
        )

    def client(self) -> AgentIngressClient:
        """A client with these settings. Raises InvalidInputsError where they have problems."""
        problems = self.problems()
        if problems:
            raise InvalidInputsError("; ".join(problems))
        return AgentIngressClient(
            self.api_key,
            self.base_url,
            float(self.timeout_seconds),
            api_key_source=self.api_key_source,
            api_key_hint=self.api_key_hint,
            base_url_source=self.base_url_source,
        )

    def _api_key_problems(self) -> list[str]:
        key = self.api_key.get_secret_value()
        if not key:
            return [
                "there is no ngrok API key: set it with `pulumi config set --secret ngrok:apiKey`, "
                "or in the environment variable NGROK_API_KEY"
            ]
        problem = api_key_problem(key)
        return [f"the API key from {self.api_key_source} {problem}"] if problem else []

    def _base_url_problems(self) -> list[str]:
        where = f"the base URL from {self.base_url_source}"
        try:
            parts = urlsplit(self.base_url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return [f"{where} is not a URL; ngrok's is {PUBLIC_API}"]
        if parts.username is not None or parts.password is not None:
            return [f"{where} holds a user name or password, which would be shown in messages: leave them out"]
        if parts.scheme not in ("https", "http") or not host or re.search(r"\s", self.base_url):
            return [f"{where} is not a URL that begins with https://; ngrok's is {PUBLIC_API}"]
        if parts.query or parts.fragment:
            return [f"{where} has a query or a fragment; give the part before them alone"]
        if parts.scheme == "http" and host not in LOOPBACK_HOSTS:
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
        if not 0 < seconds < math.inf:
            return [f"the time from {self.timeout_seconds_source} must be a number of seconds above 0, such as 300"]
        return []
