"""Plugin processes that send requests to the emulator. Tests share them, because a start takes a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from pulumi_agin.emulator import Emulator, EmulatorSettings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.plugin import NativePlugin, Plugin

Start = Callable[..., Plugin]


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], limit=0) as running:
        yield running


@pytest.fixture
def emulator(running_emulator: Emulator) -> Iterator[Emulator]:
    """The shared emulator, as a new one is."""
    for ingress in running_emulator.ingresses():
        running_emulator.delete_ingress(ingress["id"])
    running_emulator.configure(**asdict(EmulatorSettings(limit=0)))
    running_emulator.clear_requests()
    yield running_emulator
    unused = running_emulator.unused_faults()
    running_emulator.clear_faults()
    assert unused == []


@pytest.fixture(scope="session")
def running_plugins() -> Iterator[dict[object, Plugin]]:
    """The running processes. None may print the key until it ends."""
    running: dict[object, Plugin] = {}
    yield running
    for plugin in running.values():
        plugin.end()


@pytest.fixture(params=[Plugin, NativePlugin], ids=["dynamic", "native"])
def front_end(request: pytest.FixtureRequest) -> type[Plugin]:
    kind: type[Plugin] = request.param
    return kind


@pytest.fixture
def start(front_end: type[Plugin], emulator: Emulator, running_plugins: dict[object, Plugin]) -> Start:
    """Starts a plugin of the front end, or returns the one that a test has started in the same way."""

    def started(resource: str = "AgentIngress", config: dict[str, str] | None = None, **environment: str) -> Plugin:
        settings = {"agin:apiKey": API_KEY, "agin:apiBaseUrl": emulator.url} if config is None else config
        way = (front_end, resource, *settings.items(), *environment.items())
        if way in running_plugins:
            running_plugins[way].engine.lines.clear()
        else:
            running_plugins[way] = front_end({**os.environ, **environment}, settings, resource)
        return running_plugins[way]

    return started


@pytest.fixture
def plugin(start: Start) -> Plugin:
    return start()
