"""Pulumi's mocks, which return ngrok's responses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pulumi
import pytest
import requests
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor

from pulumi_agin.api.models import IngressModel

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
NS_TARGETS = ["ns-1.example.net.", "ns-2.example.net."]

# The engine's function that returns the state of a stack.
READ_STACK = "pulumi:pulumi:readStackResourceOutputs"

# The one that returns a resource of the run.
GET_RESOURCE = "pulumi:pulumi:getResource"

# The provider of dynamic resources without an explicit one.
DEFAULT_PROVIDER = "urn:pulumi:stack::project::pulumi:providers:pulumi-python::default"

# The result of lookups, with every output.
INGRESS: dict[str, Any] = IngressModel.model_validate(
    {
        "id": "agin_2k5okIo7afS6bKA3xNDLRZ9rjqj",
        "domain": "shared.acme.com",
        "ns_targets": NS_TARGETS,
        "created_at": "2024-08-02T07:15:39Z",
    }
).plain()


class Mocks(pulumi.runtime.Mocks):
    """Returns outputs like ngrok's, records registrations and calls, and returns `answer` for every call."""

    def __init__(self) -> None:
        self.registered: list[pulumi.runtime.MockResourceArgs] = []
        self.called: list[pulumi.runtime.MockCallArgs] = []
        self.requests: list[Request] = []
        self.answer: dict[str, Any] = {}
        self.stack: dict[str, Any] = {}
        """The resources in the stack's state, by URN, as the engine returns them."""
        self.ns_targets = NS_TARGETS
        self.to_be_made: set[str] = set()
        """The names of resources whose ID and computed outputs are unknown in a preview."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.registered.append(args)
        if args.name in self.to_be_made:
            return "", args.inputs
        if args.typ != TYPE:
            return f"{args.name}-id", args.inputs
        answer = {
            "ns_targets": self.ns_targets,
            "region_domains": ["tunnel.us.connect.acme.com"],
            "created_at": "2024-08-02T07:15:39Z",
            "certificate_management_status": {"renews_at": None, "provisioning_job": {"msg": "in progress"}},
        }
        return "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", {**args.inputs, **answer}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        self.called.append(args)
        return {"outputs": self.stack} if args.token == READ_STACK else self.answer, []

    def inputs(self) -> list[dict[str, Any]]:
        """The inputs of each registered Agent Ingress."""
        return [
            {name: value for name, value in args.inputs.items() if name != "__provider"}
            for args in self.registered
            if args.typ == TYPE
        ]


class Request:
    """The registration of a resource."""

    def __init__(self, request: Any) -> None:
        self.token: str = request.type
        self.name: str = request.name
        self.inputs: dict[str, Any] = MessageToDict(request.object)
        self.parent: str = request.parent
        self.dependencies: list[str] = list(request.dependencies)
        self.provider: str = request.provider
        self.is_protected: bool = request.protect
        self.import_id: str = request.importId
        self.replace_on_changes: list[str] = list(request.replaceOnChanges)
        self.deleted_with: str = request.deletedWith
        self.ignore_changes: list[str] = list(request.ignoreChanges)
        self.aliases: list[str] = [each.urn or f"{each.spec.parentUrn} {each.spec.name}" for each in request.aliases]
        self.delete_before_replace: bool | None = (
            request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
        )


class Monitor(MockMonitor):
    """Keeps the whole request. Pulumi's monitor passes only a part of it to the mocks."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        # With an empty stack config, the settings come from the environment.
        self.resources[DEFAULT_PROVIDER] = self.ResourceRegistration(DEFAULT_PROVIDER, "id", {})

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - its name in Pulumi
        if request.type != "pulumi:pulumi:Stack":
            self.mocks.requests.append(Request(request))  # type: ignore[attr-defined]
        register: Any = super().RegisterResource
        return register(request)

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Returns a resource of the run with its provider, as the engine does, and other responses unchanged."""
        invoke: Any = super().Invoke
        response = invoke(request)
        if request.tok == GET_RESOURCE:
            requests: list[Request] = self.mocks.requests  # type: ignore[attr-defined]
            urn, provider = request.args["urn"], ""
            for each in requests:
                if urn.endswith(f"{each.token}::{each.name}"):
                    default = f"{DEFAULT_PROVIDER}::id" if each.token.startswith("pulumi-python:") else ""
                    provider = each.provider or default
            getattr(response, "return").update({"provider": provider})
        return response


class Engine:
    """Looks like the engine, because its class is not that of Pulumi's mocks."""

    def __init__(self, monitor: MockMonitor) -> None:
        self._monitor = monitor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._monitor, name)


@pytest.fixture
def event_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An event loop for a program. Afterwards, all loops of Pulumi's SDK are closed."""
    # Pulumi's SDK uses the thread's event loop, which may be closed. It never closes the loops that it creates.
    loops: list[asyncio.AbstractEventLoop] = []
    make_loop = asyncio.new_event_loop

    def make_and_keep() -> asyncio.AbstractEventLoop:
        loops.append(make_loop())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", make_and_keep)
    loop = asyncio.new_event_loop()
    # A failed run raises the first exception. asyncio would print the others later.
    loop.set_exception_handler(lambda loop, context: None)
    asyncio.set_event_loop(loop)
    # The SDK registers the stack once in a process, with the mocks of that moment. These are of no test.
    pulumi.runtime.set_mocks(Mocks())
    run(lambda: None)
    yield
    # The other resources of a program that failed.
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    for made in loops:
        made.close()


@pytest.fixture(params=[False, True], ids=["up", "preview"])
def mocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, event_loop: None) -> Mocks:
    """Mocks of an update, and of a preview. A request would fail the test."""

    def no_request(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a program under mocks sent a request")

    monkeypatch.setattr(requests.Session, "send", no_request)
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, preview=request.param, monitor=Monitor(mocks))
    return mocks


@pytest.fixture
def preview(settings_of_emulator: None, event_loop: None) -> Mocks:
    """A preview in which the program queries the emulator, as it queries ngrok with the real engine."""
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, preview=True, monitor=cast(MockMonitor, Engine(Monitor(mocks))))
    return mocks


def run(program: Any) -> None:
    """Runs a program, and waits for its resources and for the outputs that it returns."""
    test: Any = pulumi.runtime.test
    test(program)()
