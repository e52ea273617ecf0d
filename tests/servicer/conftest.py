"""A plugin process that talks to the emulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pulumi_agin.emulator import Emulator
from tests.keys import API_KEY
from tests.servicer.plugin import Plugin

Plugins = Callable[..., Plugin]


@pytest.fixture
def plugins(emulator: Emulator) -> Iterator[Plugins]:
    """Starts plugins: `config` is the stack's, and the environment has the emulator's URL."""
    with ExitStack() as running:

        def start(api_key: str | None = API_KEY, config: dict[str, str] | None = None, **environment: str) -> Plugin:
            settings = {"NGROK_API_BASE_URL": emulator.url} | ({"NGROK_API_KEY": api_key} if api_key else {})
            return running.enter_context(Plugin({**os.environ, **settings, **environment}, config or {}))

        yield start


@pytest.fixture
def plugin(plugins: Plugins) -> Plugin:
    """A plugin with the emulator's key."""
    return plugins()
