"""A pytest plugin with the fixture `agin_emulator`. It is loaded only by its name.

In `conftest.py` at the root of the tests:

    pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]

Or on the command line: `pytest -p pulumi_agin.emulator.pytest_plugin`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from . import Emulator
from .faults import not_used_up
from .state import DEFAULT_API_KEY

_HAS_PASSED = pytest.StashKey[bool]()
"""Whether the last step of a test, its setup or its call, has passed."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Records for the fixture whether the test passed."""
    report = yield
    item.stash[_HAS_PASSED] = report.passed
    return report


@pytest.fixture
def agin_emulator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Runs an emulator of ngrok's API for one test, without any ingresses. Programs that the test runs use it.

    During the test, the environment of the process has its URL and its key, and no other settings for ngrok. The
    engine and its plugins inherit that environment. Certificates are issued at once; `Emulator.configure` changes that.

    A test that would pass fails if its faults are not used up, except those that it has removed.
    """
    for name in os.environ:
        if name.startswith("NGROK_"):
            monkeypatch.delenv(name)
    emulator = Emulator().start()
    try:
        emulator.configure(job_after_seconds=0, issue_after_seconds=0)
        monkeypatch.setenv("NGROK_API_BASE_URL", emulator.url)
        monkeypatch.setenv("NGROK_API_KEY", DEFAULT_API_KEY)
        yield emulator
    finally:
        emulator.stop()
    unused = emulator.unused_faults()
    # A test that has failed may not have reached the requests of its other faults.
    if unused and request.node.stash[_HAS_PASSED]:
        pytest.fail(not_used_up(unused), pytrace=False)
