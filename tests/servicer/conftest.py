"""Plugin processes that send requests to the emulator.

The lifecycle is the same in both front ends, so the native one has only the tests of its translation, one test for each
kind of outcome, and the tests of faults.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tests.support.odd_emulator import OddEmulator
from tests.support.plugin import AGENT_INGRESS, DynamicPlugin, Plugin, Plugins

SharedPlugins = Callable[[type[Plugin], str], Plugin]


@pytest.fixture(scope="module")
def front_end(request: pytest.FixtureRequest) -> type[Plugin]:
    """The dynamic front end, unless a test selects another one, or both."""
    front_end: type[Plugin] = getattr(request, "param", DynamicPlugin)
    return front_end


@pytest.fixture
def resource() -> str:
    """The resource of the calls. A test file may replace it."""
    return AGENT_INGRESS


@pytest.fixture(scope="session")
def running_emulator() -> Iterator[Emulator]:
    with OddEmulator(api_key=API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], limit=0) as running:
        yield running


@pytest.fixture
def emulator(running_emulator: Emulator) -> Iterator[Emulator]:
    """ngrok's API: two accounts without ingresses, no rate limit, and certificates that don't change."""
    running_emulator.reset()
    running_emulator.configure(job_after_seconds=3600)
    yield running_emulator
    assert running_emulator.unused_faults() == []


@pytest.fixture(scope="session")
def shared_plugins(running_emulator: Emulator) -> Iterator[SharedPlugins]:
    """Starts one process for each front end and API key, because a start is slow."""
    running: dict[tuple[type[Plugin], str], Plugin] = {}
    with ExitStack() as stack:

        def start(front_end: type[Plugin], api_key: str) -> Plugin:
            if (front_end, api_key) not in running:
                environment = {**os.environ, "NGROK_API_BASE_URL": running_emulator.url, "NGROK_API_KEY": api_key}
                # It shows a line for each request, which must not contain any part of the key.
                plugin = front_end({**environment, "PULUMI_AGIN_LOG": "debug"}, has_quick_clock=True)
                running[front_end, api_key] = stack.enter_context(plugin)
            return running[front_end, api_key]

        yield start
        for plugin in running.values():
            running_emulator.reset()
            plugin.of(AGENT_INGRESS).create({"domain": "logged.acme.com"})
    for plugin in running.values():
        assert "POST /agent_ingresses 201" in plugin.printed
        assert_without_key(plugin.printed)


@pytest.fixture
def plugin(shared_plugins: SharedPlugins, front_end: type[Plugin], resource: str, emulator: Emulator) -> Plugin:
    return shared_plugins(front_end, API_KEY).of(resource)


@pytest.fixture
def plugin_of_other_account(
    shared_plugins: SharedPlugins, front_end: type[Plugin], resource: str, emulator: Emulator
) -> Plugin:
    return shared_plugins(front_end, OTHER_ACCOUNTS_KEY).of(resource)


@pytest.fixture
def new_plugin(front_end: type[Plugin], resource: str, emulator: Emulator) -> Iterator[Plugins]:
    """Starts separate processes for a test, by default with the system's clock."""
    with ExitStack() as running:

        def start(
            api_key: str = API_KEY,
            config: Mapping[str, str] | None = None,
            *,
            has_quick_clock: bool = False,
            **environment: str,
        ) -> Plugin:
            settings = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": api_key}
            plugin = front_end({**os.environ, **settings, **environment}, config or {}, resource)
            plugin.has_quick_clock = has_quick_clock
            return running.enter_context(plugin)

        yield start
