"""The pytest plugin for users' tests, in a separate pytest process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = 'pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]\n'

# The environment of the user's shell. Nothing listens at the proxy, and there is no CLI.
OUTSIDE = {
    "PATH": "",
    "NGROK_API_BASE_URL": "https://api.example",
    "NGROK_API_TIMEOUT_SECONDS": "wrong",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}

TESTS = """
import os

import pytest
from pulumi import automation

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import Settings


def ngrok() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("NGROK_")}


@pytest.mark.parametrize("domain", ["connect.acme.com", "connect.acme.com"])
def test_each_has_an_empty_emulator(agin_emulator: Emulator, domain: str) -> None:
    assert ngrok() == {"NGROK_API_BASE_URL": agin_emulator.url, "NGROK_API_KEY": "emulator-key"}
    client = Account(Settings.load(lambda key: None)).require_client()
    id_ = client.create({"domain": domain, "certificate_management_policy": {"authority": "letsencrypt"}}).id
    assert client.get(id_).certificate_management_status.renews_at
    assert [each["domain"] for each in agin_emulator.ingresses()] == [domain]


def test_afterwards_the_environment_is_as_before() -> None:
    assert ngrok() == {"NGROK_API_BASE_URL": "https://api.example", "NGROK_API_TIMEOUT_SECONDS": "wrong"}


@pytest.fixture
def stack(agin_emulator: Emulator) -> automation.Stack:
    return automation.create_stack("dev", project_name="test", program=print)


def test_stack_needs_the_cli(stack: automation.Stack) -> None: ...
def test_other_error_is_shown() -> None: open("missing")
"""


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **OUTSIDE, "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_each_test_gets_its_own_emulator(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    output = run(tmp_path, "-rN")
    assert "1 failed, 3 passed, 1 error" in output, output
    # The sentence takes the place of a traceback.
    assert output.count("this test runs the Pulumi CLI, which is not on PATH. To install it: https://") == 1
    assert ("'pulumi'" in output, "No such file or directory: 'missing'" in output) == (False, True)


UNUSED_FAULTS = """
import unittest

import pytest
from pulumi_agin.emulator import Emulator


@pytest.fixture
def late(agin_emulator):
    yield
    agin_emulator.clear_faults()


def test_unused(agin_emulator): agin_emulator.add_fault("POST", "reset_after")
def test_optional(agin_emulator): agin_emulator.add_fault("POST", "hang", optional=True)
def test_cleared_by_a_fixture(agin_emulator, late): agin_emulator.add_fault("POST", "hang")


def test_failed_before(agin_emulator):
    agin_emulator.add_fault("DELETE", "hang")
    pytest.fail("its own failure")


def test_block():
    with Emulator() as emulator:
        emulator.add_fault("PATCH", "hang")


class OfUnittest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def add_fault(self, agin_emulator): agin_emulator.add_fault("DELETE", "hang")

    def test_failed_before(self): self.fail("its own failure")
"""


def test_unused_fault_is_a_teardown_error(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(UNUSED_FAULTS)
    output = run(tmp_path, "-rN")
    assert "3 failed, 3 passed, 1 error" in output, output
    assert "ERROR at teardown of test_unused" in output
    assert output.count("reset_after for POST requests (1 left)") == 1
    assert output.count("hang for PATCH requests (1 left)") == 1
    assert "DELETE requests" not in output
    # A user's test shows none of this package's lines.
    assert "server.py" not in output
    assert "pytest_plugin.py" not in output


def test_plugin_is_loaded_only_by_name(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(agin_emulator): pass\n")
    assert "fixture 'agin_emulator' not found" in run(tmp_path)
    output = run(tmp_path, "-p", "pulumi_agin.emulator.pytest_plugin")
    assert "1 passed" in output, output
