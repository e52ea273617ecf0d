"""A plugin process that talks to the emulator.

The lifecycle is the same through both doors. So the native one has the tests of what is translated, those of one of
each kind of outcome, and the table of faults.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.plugin import AGENT_INGRESS, DynamicPlugin, Plugin, Plugins
from tests.support.records import DOMAIN, KEY, delegate
from tools.bind import Bind


@pytest.fixture(scope="module")
def front_end(request: pytest.FixtureRequest) -> type[Plugin]:
    """The front end: the dynamic one, unless a test names another one, or both."""
    front_end: type[Plugin] = getattr(request, "param", DynamicPlugin)
    return front_end


@pytest.fixture
def resource() -> str:
    """The resource that the calls are about. A file may be about another one."""
    return AGENT_INGRESS


@pytest.fixture
def plugins(front_end: type[Plugin], resource: str, emulator: Emulator) -> Iterator[Plugins]:
    """Starts plugins: `config` is the stack's, and the environment has the emulator's URL."""
    with ExitStack() as running:

        def start(api_key: str | None = API_KEY, config: dict[str, str] | None = None, **environment: str) -> Plugin:
            settings = {"NGROK_API_BASE_URL": emulator.url} | ({"NGROK_API_KEY": api_key} if api_key else {})
            return running.enter_context(
                front_end({**os.environ, **settings, **environment}, config or {}, resource=resource)
            )

        yield start


@pytest.fixture
def plugin(plugins: Plugins) -> Plugin:
    """A plugin with the emulator's key."""
    return plugins()


@pytest.fixture(scope="module")
def offline_process(front_end: type[Plugin]) -> Iterator[Plugin]:
    """A plugin with a key, and without an API. To start one takes most of the time of a quick test."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NGROK_", "PULUMI_"))}
    settings = {"NGROK_API_BASE_URL": "https://127.0.0.1:1", "NGROK_API_KEY": API_KEY}
    with front_end({**environment, **settings}) as running:
        yield running


@pytest.fixture
def offline(offline_process: Plugin, resource: str) -> Plugin:
    """The same plugin for all tests of a file that ask ngrok nothing."""
    return offline_process.of(resource)


@pytest.fixture(scope="session")
def running_bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    with Bind(tmp_path_factory.mktemp("bind"), [KEY]) as bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    """A primary of acme.com, in which nothing is delegated."""
    delegate(running_bind, DOMAIN, [])
    return running_bind
