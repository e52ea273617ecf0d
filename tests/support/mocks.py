"""Pulumi's mocks, as in a user's unit test, which return ngrok's responses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
NS_TARGETS = ["ns-1.example.net.", "ns-2.example.net.", "ns-3.example.net.", "ns-4.example.net."]
COMPUTED = {
    "ns_targets": NS_TARGETS,
    "region_domains": ["tunnel.eu.connect.acme.com"],
    "created_at": "2026-01-01T00:00:00Z",
    "uri": "/agent_ingresses/agin_1",
}


class Mocks(pulumi.runtime.Mocks):
    """Returns outputs like ngrok's, records registrations and calls, and returns `answer` for every call."""

    def __init__(self) -> None:
        self.registered: list[pulumi.runtime.MockResourceArgs] = []
        self.called: list[pulumi.runtime.MockCallArgs] = []
        self.answer: dict[str, Any] = {}
        self.ns_targets = NS_TARGETS

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.registered.append(args)
        outputs: dict[str, Any] = dict(args.inputs)
        if args.typ == TYPE:
            outputs |= {**COMPUTED, "ns_targets": self.ns_targets}
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        self.called.append(args)
        return self.answer, []

    def inputs(self, name: str) -> dict[str, Any]:
        """Returns the inputs of a registered resource."""
        [found] = [each for each in self.registered if each.name == name]
        return dict(found.inputs)


@pytest.fixture
def event_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An event loop for programs, some of whose resources may fail. Closes those that Pulumi's SDK leaves open."""
    loops: list[asyncio.AbstractEventLoop] = []
    make_loop = asyncio.new_event_loop

    def make_and_keep() -> asyncio.AbstractEventLoop:
        loops.append(make_loop())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", make_and_keep)
    loop = asyncio.new_event_loop()
    # A failed program raises the first exception. asyncio would print the others.
    loop.set_exception_handler(lambda loop, context: None)
    asyncio.set_event_loop(loop)
    yield
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    for each in loops:
        each.close()


@pytest.fixture
def mocks(request: pytest.FixtureRequest, event_loop: None) -> Mocks:
    """Mocks of a preview, or with the parameter False of an update."""
    installed = Mocks()
    # The SDK would keep the root of another test, whose loop is closed.
    pulumi.runtime.settings.set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_mocks(installed, preview=getattr(request, "param", True))
    return installed


def run(program: Callable[[], Any]) -> Any:
    """Runs a program under mocks until all of its resources are registered, and returns the value of its Output."""
    seen: dict[str, Any] = {}

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def test() -> Any:
        result = program()
        return pulumi.Output.from_input(result).apply(lambda value: seen.update(value=value))

    test()
    return seen.get("value")
