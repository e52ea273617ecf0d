"""Settings, clients and lists that the resources and lookups in one run of a Python program share.

With Pulumi's Automation API, one process can run many programs, each in its own event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi

from . import sdk_names
from .api.budget import Budget
from .lifecycle.limits import PREVIEW_SECONDS
from .settings import API_KEY, Settings

if TYPE_CHECKING:
    from .api.client import Client
    from .api.models import IngressModel

AGENT_INGRESS_TYPE = "pulumi-python:dynamic/agin:AgentIngress"


class Run:
    """One run of a program, which resources and lookups get from `current()`."""

    def __init__(self) -> None:
        self.settings = Settings.load(pulumi.runtime.get_config)
        """The settings of the stack config and the environment."""
        self._clients: dict[Settings, Client] = {}
        self._lists: dict[Settings, asyncio.Future[list[IngressModel]]] = {}
        self._shared: dict[Callable[[], Any], Any] = {}
        self._warned: set[str] = set()
        self._last_validation: asyncio.Future[None] | None = None
        if pulumi.runtime.get_config(API_KEY) and not pulumi.runtime.is_config_secret(API_KEY):
            self.warn_once(
                f"{API_KEY} is stored unencrypted in Pulumi.<stack>.yaml and in the state: create a new key at ngrok, "
                f"and set it with `pulumi config set --secret {API_KEY}`"
            )

    def require_settings(self, opts: pulumi.ResourceOptions) -> None:
        """Raises a RunError for problems with the program's settings, unless the options set or inherit a provider.

        The plugin checks the settings, too, but reports problems once for each resource. If the program may have other
        environment variables than the plugin, only the plugin checks the settings.
        """
        inherited = opts.parent.get_provider(AGENT_INGRESS_TYPE) if opts.parent else None
        has_provider = bool(opts.provider or opts.providers or inherited)
        if self.settings.problems and not has_provider and sdk_names.has_environment_of_cli():
            raise pulumi.RunError("; ".join(self.settings.problems))

    def settings_of(self, provider: pulumi.ProviderResource | None) -> pulumi.Output[Settings | None]:
        """Returns the settings of an explicit provider; the settings of the program if `provider` is None.

        The output is None for a provider without settings. Such a provider belongs to another package, or to the
        consumer of a component, which runs in another process.
        """
        if provider is None:
            return pulumi.Output.from_input(self.settings)
        inputs: Any = getattr(provider, "settings", None)
        if not isinstance(inputs, pulumi.Output):
            return pulumi.Output.from_input(None)
        # The API key must not make the results of queries secret. The settings themselves are never registered.
        return pulumi.Output.unsecret(inputs.apply(lambda values: Settings.load(values.get)))

    def client(self, settings: Settings) -> Client:
        """Returns the client for these settings, the same object each time."""
        return self._clients.setdefault(settings, settings.new_client())

    async def listed(self, settings: Settings) -> Sequence[IngressModel]:
        """Returns the Agent Ingresses of an account for a preview. All resources of the preview share one list."""
        if settings not in self._lists:
            # In a thread, because `list` blocks.
            reading = asyncio.to_thread(self.client(settings).list_ingresses, None, Budget(PREVIEW_SECONDS))
            self._lists[settings] = asyncio.ensure_future(reading)
        return await self._lists[settings]

    def shared(self, make: Callable[[], Any]) -> Any:
        """Returns the object that `make` creates for this run, the same object each time."""
        if make not in self._shared:
            self._shared[make] = make()
        return self._shared[make]

    def warn_once(self, sentence: str, resource: pulumi.Resource | None = None) -> None:
        """Logs a warning only once, although several resources may cause the warning."""
        if sentence not in self._warned:
            self._warned.add(sentence)
            pulumi.log.warn(sentence, resource)

    def after_last_validation(self, value: pulumi.Input[str]) -> pulumi.Input[str]:
        """Returns `value` as an input that is known once the previous validation is registered or has failed.

        So validations wait one after another, and do not occupy all calls that the SDK makes at once. `depends_on`
        would leave a dependency in the state, which `--target` would follow.
        """
        previous = self._last_validation
        return value if previous is None else _after(previous, value)

    def add_validation(self, validation: pulumi.CustomResource) -> None:
        """Records a validation. The next validation is registered after the recorded validation."""
        registered = self._last_validation = asyncio.get_running_loop().create_future()
        # With unknowns, because a validation that fails leaves its ID unknown.
        validation.id.apply(lambda id_: registered.set_result(None), run_with_unknowns=True)


async def _after(previous: Awaitable[None], value: pulumi.Input[str]) -> Any:
    await previous
    return value


_runs: WeakKeyDictionary[asyncio.AbstractEventLoop, Run] = WeakKeyDictionary()


def current() -> Run | None:
    """Returns the run of the program; None under Pulumi's mocks, and outside of a run."""
    if not sdk_names.is_real_run():
        return None
    loop = asyncio.get_running_loop()
    if loop not in _runs:
        _runs[loop] = Run()
    return _runs[loop]
