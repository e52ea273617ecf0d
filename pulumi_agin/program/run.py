"""ProgramRun: the state of one run of a program, one for each connection to the engine.

With Pulumi's Automation API, one process can run many programs. They do not share data that they have read, because it
may have changed since, and they do not wait for each other.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pulumi

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.operation import Placement
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import IN_PYTHON, PROVIDER_NAME, Setting, Settings

from . import sdk
from .account_queries import AccountQueries
from .failed_resources import FailedResources

# The outputs of a provider from which its settings are loaded.
_SETTINGS = (PROVIDER_NAME, *map(IN_PYTHON.key, Setting))

# The attribute of the connection to the engine that holds the run. In a dict of all runs, ended ones would stay,
# because their parts refer to the connection.
_ATTRIBUTE = "_pulumi_agin_run"

_NO_SETTINGS = (
    "Pulumi's engine did not return the settings of the provider, such as its API key. Unless the provider failed or "
    "was skipped, install another version of the Pulumi CLI, or a newer version of pulumi-agin"
)


class ProgramRun:
    """The state that all resources and lookups of one run share. `ProgramRun.current()` returns it."""

    def __init__(self, *, is_running: bool, is_mocked: bool) -> None:
        self.is_running = is_running
        self.is_mocked = is_mocked
        """Whether Pulumi's mocks run the program, as in a user's unit test, so that nothing may be sent."""
        self._last_validation: pulumi.CustomResource | None = None
        self._adopting: dict[tuple[object, str], str] = {}
        self._wrong_zones: dict[object, str] = {}
        self._queries: dict[Settings, AccountQueries] = {}
        self._stack_outputs: asyncio.Future[dict[str, dict[str, Any]] | None] | None = None
        self._warned_of: set[str] = set()
        self.failed_resources = FailedResources()

    @classmethod
    def current(cls) -> ProgramRun:
        """Returns the run of the program. Its first call in an `up` begins to watch for failures.

        Outside of a run, it returns a new object each time.
        """
        connection = sdk.engine_connection()
        if connection is None:
            return cls(is_running=False, is_mocked=False)
        run: ProgramRun | None = getattr(connection, _ATTRIBUTE, None)
        if run is None:
            run = cls(is_running=True, is_mocked=sdk.is_mock(connection))
            setattr(connection, _ATTRIBUTE, run)
            if run.sends_requests and not pulumi.runtime.is_dry_run():
                run.failed_resources.watch()
        return run

    @property
    def sends_requests(self) -> bool:
        """Whether the engine runs the program, so that ngrok may be queried."""
        return self.is_running and not self.is_mocked

    @functools.cached_property
    def settings_problems(self) -> Sequence[str]:
        """The problems with the settings of the stack config and the environment."""
        return Settings.load(pulumi.runtime.get_config).problems

    @property
    def organization(self) -> str | None:
        """The organization of the stack; None on a backend without organizations."""
        organization = pulumi.get_organization()
        # Backends without organizations return this name.
        return None if organization == "organization" else organization

    @property
    def stack(self) -> str:
        """The stack's name, with any organization. In the project's folder, the CLI accepts it from every user."""
        stack = pulumi.get_stack()
        return f"{self.organization}/{stack}" if self.organization else stack

    @property
    def last_validation(self) -> pulumi.CustomResource | None:
        """The last certificate validation in the program so far. The next one waits for it."""
        return self._last_validation

    def add_validation(self, validation: pulumi.CustomResource) -> None:
        self._last_validation = validation

    def adopt_record(self, record_class: object, id_: str, delegation: str) -> str:
        """Records that a delegation adopts a record, and returns the first one that does: only it may."""
        return self._adopting.setdefault((record_class, id_), delegation)

    @property
    def wrong_zones(self) -> Mapping[object, str]:
        """The problems with zones so far, by delegation."""
        return self._wrong_zones

    def add_wrong_zone(self, delegation: object, problem: str) -> None:
        self._wrong_zones[delegation] = problem

    async def stack_outputs(self, kept: Mapping[str, Sequence[str]]) -> Mapping[str, Mapping[str, Any]] | None:
        """Returns outputs of resources in the stack's state, by URN; None if it can't be read.

        `kept` is that of `sdk.outputs_of_stack`, always the same. The state is read once, and never under mocks, which
        would pass the call on to the user's.
        """
        if not self.sends_requests:
            return {}
        if self._stack_outputs is None:
            self._stack_outputs = asyncio.ensure_future(sdk.outputs_of_stack(self.stack, kept))
        return await self._stack_outputs

    async def resource(self, urn: pulumi.Input[str], kept: Collection[str] | None) -> sdk.ResourceOfRun | None:
        """Returns a resource that this run has registered, with the outputs of `sdk.resource_of_run`.

        It is None if the URN is not known, if the engine can't return the resource, and under mocks.
        """
        if not self.sends_requests:
            return None
        known = await sdk.value_of(pulumi.Output.from_input(urn))
        # For anything but a string, the engine would panic.
        return await sdk.resource_of_run(known, kept) if isinstance(known, str) else None

    async def placement(self, resource: pulumi.Resource, parent: pulumi.Resource | None) -> Placement:
        """Returns the stack and the URNs of the parent and the provider, for a command about a resource."""
        # The SDK awaits this as an input of the resource, after it has found the provider.
        named = {"parent": parent, "provider": sdk.provider_of(resource)}
        urns_of_named = {name: str(await sdk.value_of(each.urn)) for name, each in named.items() if each}
        return Placement(self.stack, **urns_of_named)

    async def queries_of(self, provider: pulumi.ProviderResource | None) -> AccountQueries | None:
        """Returns the queries to the account of an explicit provider, or of the stack config and the environment.

        It is the same object each time; None if a setting of the provider is unknown in this preview.
        """
        if provider is None:
            return self.queries(Settings.load(pulumi.runtime.get_config))
        if provider.package != urns.PYTHON_PACKAGE:
            # It has no settings of ours, and the environment's key may belong to another account.
            raise InvalidInputsError(
                f"the explicit provider is of the package {provider.package}: use a pulumi_agin.Provider"
            )
        return await self._queries_of_urn(provider.urn)

    async def queries_of_resource(self, resource: pulumi.CustomResource) -> AccountQueries | None:
        """Returns the queries to the account of the provider that a registered resource really has.

        A transform may have changed the one that the program has given it. None as for `queries_of`.
        """
        registered = await self.resource(resource.urn, ())
        if registered is None:
            raise InvalidInputsError(_NO_SETTINGS)
        return await self._queries_of_urn(registered.provider)

    async def _queries_of_urn(self, provider: pulumi.Input[str]) -> AccountQueries | None:
        # The provider may be of another process, which does not show its inputs to this one.
        registered = await self.resource(provider, _SETTINGS)
        if registered is None:
            raise InvalidInputsError(_NO_SETTINGS)
        settings = registered.outputs
        return None if pulumi.UNKNOWN in settings.values() else self.queries(Settings.load(settings.get))

    def queries(self, settings: Settings) -> AccountQueries:
        """Returns the queries to the account of these settings, the same object each time."""
        if settings not in self._queries:
            self._queries[settings] = AccountQueries(Account(settings))
        return self._queries[settings]

    def warn_of_plain_api_key(self) -> None:
        """Warns once if the stack config has the API key in plain text."""
        key = IN_PYTHON.key(Setting.API_KEY)
        is_plain = pulumi.runtime.get_config(key) and not pulumi.runtime.is_config_secret(key)
        if is_plain and self.sends_requests:
            self.warn_once(
                f"{key} is stored unencrypted in Pulumi.<stack>.yaml and in the state: create a new key at ngrok, and "
                f"set it with `pulumi config set --secret {key}`",
                about=key,
            )

    def warn_once(self, sentence: str, *, about: str) -> None:
        """Logs a warning, unless one about the same subject has been logged."""
        if about not in self._warned_of:
            self._warned_of.add(about)
            pulumi.log.warn(sentence)
