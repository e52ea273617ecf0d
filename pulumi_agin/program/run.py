"""What one run of a program knows: a Deployment for each connection to the engine.

With Pulumi's Automation API, one process can run many deployments. They do not share what they have read, because it
may have changed in between, and they do not wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pulumi

from . import sdk_internals

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.settings import Settings

    from .preview_reads import PreviewReads
    from .threads import DaemonThreads


Resources: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The "type" of each resource, and those of its "outputs" that are text or numbers, by its URN."""

READ_AGAIN_AFTER_SECONDS = (0.1, 0.3, 0.6)

# A deployment is an attribute of its monitor, because its parts refer to the monitor, so both must end together.
_ATTRIBUTE = "_pulumi_agin_deployment"


class ProgramRun:
    """What is shared by all resources and lookups of one deployment. `ProgramRun.current()` gives it."""

    def __init__(self, *, is_running: bool, is_mocked: bool) -> None:
        """Knows nothing yet.

        Args:
            is_running: Whether Pulumi runs the program.
            is_mocked: Whether Pulumi's mocks run it, as in a user's unit test. Then nothing may be sent.
        """
        self.is_running = is_running
        self.is_mocked = is_mocked
        self.last_validation: pulumi.Resource | None = None
        """The certificate validation that was declared last."""
        self.importers: dict[tuple[str, str], str] = {}
        """The names of the delegations that import records, by the type and the id of the record."""
        self.wrong_zones: dict[object, str] = {}
        """What is wrong with the zones of delegations, by the delegations."""
        self._accounts: dict[Settings, ProgramAccount] = {}
        self._told_of: set[str] = set()
        self._resources_in_stack: asyncio.Future[Resources] | None = None

    @classmethod
    def current(cls) -> ProgramRun:
        """Returns the deployment in which the program runs. Outside of a deployment, it returns a new object each time.

        Raises:
            pulumi.RunError: Pulumi's SDK lacks the function that tells; see `sdk.monitor`.
        """
        monitor = sdk_internals.monitor()
        if monitor is None:
            return cls(is_running=False, is_mocked=False)
        deployment: ProgramRun | None = getattr(monitor, _ATTRIBUTE, None)
        if deployment is None:
            deployment = cls(is_running=True, is_mocked=sdk_internals.is_mock(monitor))
            setattr(monitor, _ATTRIBUTE, deployment)
        return deployment

    def account(self, settings: Settings) -> ProgramAccount:
        """Returns the account of these settings, the same object each time.

        Args:
            settings: The settings with the API key of the account.

        Raises:
            InvalidInputsError: The settings have problems.
        """
        if settings not in self._accounts:
            self._accounts[settings] = ProgramAccount(settings)
        return self._accounts[settings]

    def begin_to_read_stack(self) -> None:
        """Begins to read which resources the stack has, once. Under mocks there is nothing to read."""
        if self._resources_in_stack is None and self.is_running and not self.is_mocked:
            self._resources_in_stack = asyncio.ensure_future(_read_stack())

    @property
    def is_reading_stack(self) -> bool:
        """Whether `begin_to_read_stack` was called."""
        return self._resources_in_stack is not None

    async def resources_in_stack(self) -> Resources:
        """Returns the resources that the stack has. Under mocks it has none.

        Those that are registered before it is read may be as this run makes them.

        Raises:
            pulumi.RunError: The engine does not tell.
        """
        self.begin_to_read_stack()
        return await self._resources_in_stack if self._resources_in_stack is not None else {}

    def tell_once(self, subject: str, sentence: str) -> None:
        """Warns the user, unless one about the same subject was shown before.

        Args:
            subject: What the sentence is about. It is not shown.
            sentence: The sentence.
        """
        if subject not in self._told_of:
            self._told_of.add(subject)
            pulumi.log.warn(sentence)


async def _read_stack() -> Resources:
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    pauses = iter(READ_AGAIN_AFTER_SECONDS)
    while True:
        try:
            # The function of the engine that `pulumi.runtime.listResourceOutputs` of the SDK for Node.js calls.
            answer = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack})
        except Exception as error:
            pause = next(pauses, None)
            if pause is None:
                raise pulumi.RunError(
                    f"the engine does not tell which resources the stack {stack} has, which take_over needs to know: "
                    f"{error}"
                ) from error
            # A state that is a file can't be read while the engine writes it.
            await asyncio.sleep(pause)
        else:
            return {urn: _plain(resource) for urn, resource in answer["outputs"].items()}


def _plain(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a resource with those of its outputs that are text or numbers.

    A run that failed may have left an unknown output in the state. The SDK would then treat everything as unknown.
    """
    outputs = {name: value for name, value in resource["outputs"].items() if isinstance(value, str | float)}
    return {"type": resource["type"], "outputs": outputs}


class ProgramAccount:
    """An ngrok account that the program itself asks, for lookups and previews."""

    def __init__(self, settings: Settings) -> None:
        """Creates the client of the account.

        Args:
            settings: The settings with the API key of the account.

        Raises:
            InvalidInputsError: The settings have problems.
        """
        from .preview_reads import PreviewReads
        from .threads import DaemonThreads

        self.settings = settings
        self.client: AgentIngressClient = settings.client()
        self.lookups: DaemonThreads = DaemonThreads()
        """The threads in which lookups wait for their answers."""
        self.previews: PreviewReads = PreviewReads(self.client)
        """Asks for the ingresses that previews need."""
