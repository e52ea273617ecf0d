"""A pytest plugin with the fixture `agin_emulator`. pytest loads the plugin only by name.

In `conftest.py` at the root of the tests:

    pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]

Or on the command line: `pytest -p pulumi_agin.emulator.pytest_plugin`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from . import Emulator
from .state import DEFAULT_API_KEY


@pytest.fixture
def agin_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Runs an emulator of ngrok's API, without any ingresses, for one test and the programs that the test runs.

    During the test, the environment of the process has the emulator's URL and key, and no other settings for ngrok. The
    engine and its plugins inherit this environment. Certificates are issued at once; `Emulator.configure` changes this.

    The test fails if a fault is not used up, unless the test has removed the fault.
    """
    for name in os.environ:
        if name.startswith("NGROK_"):
            monkeypatch.delenv(name)
    with Emulator() as emulator:
        emulator.configure(job_after_seconds=0, issue_after_seconds=0)
        monkeypatch.setenv("NGROK_API_BASE_URL", emulator.url)
        monkeypatch.setenv("NGROK_API_KEY", DEFAULT_API_KEY)
        yield emulator
