"""Provider: an explicit provider, for a second account."""

from __future__ import annotations

from typing import Any

import pulumi

from .lifecycle import urns
from .program import sdk
from .program.resource import require_options
from .settings import IN_PYTHON, PROVIDER_NAME, Setting, Settings

# The inputs, whose names are in users' states.
_API_KEY = IN_PYTHON.key(Setting.API_KEY)
_BASE_URL = IN_PYTHON.key(Setting.BASE_URL)
_TIMEOUT_SECONDS = IN_PYTHON.key(Setting.TIMEOUT_SECONDS)

# Placeholder for a key that is still an Output; treated as valid.
_NOT_KNOWN_YET = "not-known-yet"


class Provider(pulumi.ProviderResource):
    """An explicit provider. Its resources are created with its API key, in that key's account.

    Pass it to a resource as `ResourceOptions(provider=…)`, and to a lookup as `InvokeOptions(provider=…)`. Resources
    and lookups without it use the key from the stack config or the environment. With `providers=[…]` of a component,
    all dynamic resources in it get this provider, also those of other packages. They find the stack config there.

    Documentation: docs/reference/provider.md in the repository
    """

    def __init__(
        self,
        resource_name: str,
        api_key: pulumi.Input[str],
        api_base_url: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares an explicit provider.

        Plain values are checked immediately. The preview of each resource that uses the provider shows problems with
        Outputs. The time limit of a call is `ngrok:timeoutSeconds` of the stack config, `NGROK_API_TIMEOUT_SECONDS`, or
        300 seconds, as without a provider.

        Args:
            resource_name: The name of the provider in Pulumi.
            api_key: An ngrok API key, which becomes a secret. Required: the provider never uses the key in the stack
                config or the environment, which may belong to another account. A new key does not change the ingresses.
            api_base_url: The URL of ngrok's API. If omitted, it is `ngrok:apiBaseUrl` of the stack config,
                `NGROK_API_BASE_URL`, or ngrok's public API.
            opts: The options of the provider.

        Raises:
            pulumi.RunError: `api_key` is None, or a plain value is invalid, such as an API key with whitespace.
        """
        require_options(opts, "Provider")
        inputs = {
            PROVIDER_NAME: resource_name,
            _API_KEY: pulumi.Output.secret(api_key),
            _BASE_URL: _stack_config(_BASE_URL) if api_base_url in (None, "") else api_base_url,
            _TIMEOUT_SECONDS: _stack_config(_TIMEOUT_SECONDS),
        }
        # The plugin checks values of the environment and values that are still Outputs.
        known = {name: value for name, value in inputs.items() if isinstance(value, str)}
        plain_key = api_key if isinstance(api_key, str | None) else _NOT_KNOWN_YET
        problems = Settings.load({**known, _API_KEY: plain_key}.get, {}).problems
        if problems:
            raise pulumi.RunError("; ".join(problems))
        # Other people's dynamic resources are of the same package. In a component with this provider, they use it, too,
        # and read the stack config.
        config = {key: _stack_config(key) for key in sdk.config_keys()}
        super().__init__(urns.PYTHON_PACKAGE, resource_name, {**config, **inputs}, opts)


def _stack_config(key: str) -> Any:
    """Returns a value of the stack config, as a secret if it is one there; None if there is none."""
    value = pulumi.runtime.get_config(key)
    return pulumi.Output.secret(value) if pulumi.runtime.is_config_secret(key) else value
