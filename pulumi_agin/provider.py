"""Provider: an explicit one, for a second account; and the client with which the program itself asks ngrok."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import pulumi
from pulumi.runtime.settings import get_monitor

from .api.errors import InvalidInputsError
from .settings import API_KEY, BASE_URL, PROVIDER_NAME, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from .api.client import AgentIngressClient
    from .settings import Settings

# That of all dynamic resources in Python; an explicit provider is of a package, and so is what it is for.
PACKAGE = "pulumi-python"


class Provider(pulumi.ProviderResource):
    """An explicit provider: Agent Ingresses that name it are made with its API key, in the account of that key.

    A resource names it by `ResourceOptions(provider=…)`, a component's children by its `providers=[…]`, and a lookup
    by `InvokeOptions(provider=…)`. What does not name one uses the stack config or the environment, as ever.
    """

    def __init__(
        self,
        resource_name: str,
        api_key: pulumi.Input[str],
        base_url: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares an explicit provider.

        api_key: an ngrok API key. Required: one that fell back to the stack config or the environment would act on
            the wrong account. It is made a secret. A new one changes no ingress, only the key that is used.
        base_url: where ngrok's API is; left out, it is `ngrok:apiBaseUrl` of the stack config, `NGROK_API_BASE_URL`,
            or ngrok's public API. The time that a call may take is `ngrok:timeoutSeconds` likewise.

        Raises pulumi.RunError where api_key is empty or None. Whatever else is wrong, with a value that is known only
        later too, is shown by the preview at each resource that uses the provider.
        """
        if api_key is None or (isinstance(api_key, str) and not api_key.strip(" ")):
            from .settings import Settings

            raise pulumi.RunError("; ".join(Settings.load({PROVIDER_NAME: resource_name}.get, {}).problems()))
        inputs = {
            PROVIDER_NAME: resource_name,
            API_KEY: pulumi.Output.secret(api_key),
            BASE_URL: _of_the_stack(BASE_URL) if base_url in (None, "") else base_url,
            TIMEOUT_SECONDS: _of_the_stack(TIMEOUT_SECONDS),
        }
        super().__init__(PACKAGE, resource_name, inputs, opts)
        # Pulumi gives no provider's inputs back.
        self._inputs: Mapping[str, pulumi.Input[Any]] = inputs


def _of_the_stack(key: str) -> Any:
    """The value in the stack config, secret where it is there; None where there is none."""
    value = pulumi.runtime.get_config(key)
    return pulumi.Output.secret(value) if pulumi.runtime.is_config_secret(key) else value


# -- whom the program itself asks -------------------------------------------------------------------------

# A client for each deployment and settings. Where many deployments run in one process (Automation API), none sees
# what another one has read: others write in between.
_clients: WeakKeyDictionary[Any, dict[Settings, AgentIngressClient]] = WeakKeyDictionary()

_warned: WeakSet[Any] = WeakSet()


def under_mocks() -> bool:
    """Whether this is a user's unit test, in which nothing is to be asked."""
    from pulumi.runtime.mocks import MockMonitor

    return isinstance(get_monitor(), MockMonitor)


def warn_of_plain_api_key() -> None:
    """Warns, once in a deployment, of an API key that stands in clear in the stack config, and so in the state."""
    monitor = get_monitor()
    if monitor is None or monitor in _warned or under_mocks():
        return
    _warned.add(monitor)
    if pulumi.runtime.get_config(API_KEY) and not pulumi.runtime.is_config_secret(API_KEY):
        pulumi.log.warn(
            f"{API_KEY} is in the stack config in clear, and so in the stack's file and its state: set it again with "
            f"`pulumi config set --secret {API_KEY}`, and make a new key at ngrok, as this one was written down"
        )


async def client_of(provider: pulumi.ProviderResource | None) -> AgentIngressClient | None:
    """The client for an explicit provider, or for the stack config and the environment where there is none.

    The same provider gets the same client. None where a value of the provider is not known in this preview. Raises
    InvalidInputsError where the settings have problems, or the provider is not a pulumi_agin.Provider.
    """
    settings = await settings_of(provider)
    return None if settings is None else client_with(settings)


async def settings_of(provider: pulumi.ProviderResource | None) -> Settings | None:
    """The settings of an explicit provider, or of the stack and the environment; see `client_of`."""
    from .settings import Settings

    if provider is None:
        return Settings.load(pulumi.runtime.get_config)
    if not isinstance(provider, Provider):
        raise InvalidInputsError(
            f'the explicit provider "{provider.pulumi_resource_name}" is a {type(provider).__name__}, of which the '
            "API key can't be read in the program: make it a pulumi_agin.Provider"
        )
    inputs = pulumi.Output.all(**provider._inputs)
    return Settings.load((await inputs.future() or {}).get) if await inputs.is_known() else None


def client_with(settings: Settings) -> AgentIngressClient:
    """The client for these settings in this deployment. Raises InvalidInputsError where they have problems."""
    clients = _clients.setdefault(get_monitor(), {})
    if settings not in clients:
        clients[settings] = settings.client()
    return clients[settings]
