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

_NO_CLI = "this test runs the Pulumi CLI, which is not on PATH. To install it: https://www.pulumi.com/docs/install/"
_HAS_FAILED = pytest.StashKey[bool]()
"""Whether the last step of a test, its setup or its call, has failed or was skipped."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports in one sentence that the Pulumi CLI is missing, and records for the fixture whether the test failed."""
    report = yield
    item.stash[_HAS_FAILED] = report.outcome != "passed"
    error = call.excinfo and call.excinfo.value
    if isinstance(error, FileNotFoundError) and error.filename == "pulumi":
        report.longrepr = _NO_CLI
    return report


@pytest.fixture
def agin_emulator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Runs an emulator of ngrok's API for one test, without any ingresses. Programs that the test runs use it.

    During the test, the environment of the process has its URL and its key, and no other settings for ngrok. The
    engine and its plugins inherit that environment. Certificates are issued at once; `Emulator.configure` changes that.

    A test fails if its faults are not used up, except those that are `optional` or that it has removed.

    A test that runs the Pulumi CLI, as the Automation API does, fails with one sentence if the CLI is not on PATH.
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
    if unused and not request.node.stash[_HAS_FAILED]:
        pytest.fail(not_used_up(unused), pytrace=False)
