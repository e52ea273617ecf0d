"""The pytest plugin for users' tests, in a separate pytest process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# The environment of the user's shell. Nothing listens at the proxy.
OUTSIDE = {
    "PYTHONPATH": str(Path(__file__).parents[3]),
    "NGROK_API_BASE_URL": "https://api.example",
    "NGROK_API_TIMEOUT_SECONDS": "wrong",
    "http_proxy": "http://127.0.0.1:9",
}

TESTS = """
import os

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.emulator import Api


def ngrok() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("NGROK_")}


@pytest.mark.parametrize("domain", ["connect.acme.com", "connect.acme.com"])
def test_each_has_an_empty_emulator(agin_emulator: Emulator, domain: str) -> None:
    assert ngrok() == {"NGROK_API_BASE_URL": agin_emulator.url, "NGROK_API_KEY": "emulator-key"}
    api = Api(agin_emulator, os.environ["NGROK_API_KEY"])
    ingress = api.create(domain, certificate_management_policy={"authority": "letsencrypt"})
    assert api.certificate(ingress)["renews_at"]
    assert [each["domain"] for each in agin_emulator.ingresses()] == [domain]


def test_afterwards_the_environment_is_as_before() -> None:
    assert ngrok() == {"NGROK_API_BASE_URL": "https://api.example", "NGROK_API_TIMEOUT_SECONDS": "wrong"}


def test_unused(agin_emulator): agin_emulator.add_fault("POST", "reset_after")


def test_removed(agin_emulator):
    agin_emulator.add_fault("POST", "delay")
    agin_emulator.clear_faults()


def test_block():
    with Emulator() as emulator:
        emulator.add_fault("PATCH", "delay")
"""


def run(folder: Path, *arguments: str) -> str:
    (folder / "test_it.py").write_text(TESTS)
    environment = {**os.environ, **OUTSIDE, "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-rN", "-W", "error", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_each_test_gets_its_own_emulator_and_fails_with_unused_faults(tmp_path: Path) -> None:
    output = run(tmp_path, "-p", "pulumi_agin.emulator.pytest_plugin")
    assert "1 failed, 5 passed, 1 error" in output, output
    assert "ERROR at teardown of test_unused" in output
    assert output.count("reset_after for POST requests (1 left)") == 1
    assert output.count("delay for PATCH requests (1 left)") == 1
    # A user's test shows none of the emulator's lines.
    assert "server.py" not in output


def test_plugin_is_loaded_only_by_name(tmp_path: Path) -> None:
    assert "fixture 'agin_emulator' not found" in run(tmp_path)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]\n')
    assert "fixture 'agin_emulator' not found" not in run(tmp_path)
