"""Provider: an explicit provider, for a second account."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import pulumi

from .settings import API_KEY, BASE_URL, PROVIDER_NAME, TIMEOUT_SECONDS, Settings


class Provider(pulumi.ProviderResource):
    """An explicit provider. Its resources are created in the account of its API key.

    Pass the provider to a resource as `ResourceOptions(provider=…)`, and to a lookup with `_output` in its name as
    `InvokeOptions(provider=…)`. Resources and lookups without an explicit provider use the key from the stack config or
    the environment.

    If a component gets this provider in `providers=[…]`, all dynamic resources in the component use the provider. This
    includes dynamic resources of other packages, which then do not find the stack config.

    Documentation: docs/reference/provider.md in the repository
    """

    def __init__(
        self,
        resource_name: str,
        api_key: pulumi.Input[str],
        api_base_url: pulumi.Input[str] | None = None,
        timeout_seconds: pulumi.Input[float] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares an explicit provider.

        If all values are plain, they are checked immediately. If any value is an Output or an awaitable, the preview of
        each resource that uses the provider shows the problems. The provider ignores the stack config.

        Args:
            resource_name: The name of the provider in Pulumi.
            api_key: An ngrok API key, which becomes a secret. Required: the provider never uses the key in the stack
                config or the environment, because that key may belong to another account. A new key does not change the
                ingresses.
            api_base_url: The URL of ngrok's API. The default is `NGROK_API_BASE_URL`, or else ngrok's public API.
            timeout_seconds: The time limit of one call, in seconds. The default is `NGROK_API_TIMEOUT_SECONDS`, or else
                300.
            opts: The options of the provider.

        Raises:
            pulumi.RunError: All values are plain, and a value is invalid, such as an API key with whitespace.
        """
        inputs: dict[str, Any] = {
            PROVIDER_NAME: resource_name,
            API_KEY: api_key,
            BASE_URL: api_base_url,
            TIMEOUT_SECONDS: timeout_seconds,
        }
        inputs = {name: value for name, value in inputs.items() if value is not None}
        if not any(isinstance(value, pulumi.Output | Awaitable) for value in inputs.values()):
            problems = Settings.load(inputs.get).problems
            if problems:
                raise pulumi.RunError("; ".join(problems))
        # As Outputs, because each value is used twice, and a coroutine can be awaited only once.
        outputs: dict[str, Any] = {name: pulumi.Output.from_input(value) for name, value in inputs.items()}
        outputs[API_KEY] = pulumi.Output.secret(outputs[API_KEY])
        self.settings: pulumi.Output[Mapping[str, Any]] = pulumi.Output.secret(outputs)
        """The settings, for the lookups and previews of this program."""
        super().__init__("pulumi-python", resource_name, outputs, opts)
