"""The pytest plugin for users' tests, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.keys import API_KEY

CONFTEST = 'pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]\n'
BY_NAME = ("-p", "pulumi_agin.emulator.pytest_plugin")

# What the user's own shell has.
OUTSIDE = {
    "NGROK_API_KEY": API_KEY,
    "NGROK_API_BASE_URL": "https://api.example",
    "NGROK_API_TIMEOUT_SECONDS": "wrong",
    # Nobody listens there.
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}

TESTS = """
import os
import subprocess
import sys

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.settings import Settings


def ngrok() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("NGROK_")}


@pytest.mark.parametrize("domain", ["connect.acme.com", "connect.acme.com"])
def test_each_has_an_empty_emulator(agin_emulator: Emulator, domain: str) -> None:
    assert ngrok() == {"NGROK_API_BASE_URL": agin_emulator.url, "NGROK_API_KEY": "emulator-key"}
    client = Settings.load(lambda key: None).client()
    policy = {"authority": "letsencrypt"}
    id_ = client.create({"domain": domain, "certificate_management_policy": policy}).id
    assert client.get(id_).certificate_management_status.renews_at
    assert [each["domain"] for each in agin_emulator.ingresses()] == [domain]


def test_other_processes_use_it(agin_emulator: Emulator) -> None:
    code = "from pulumi_agin.settings import Settings; Settings.load(lambda key: None).client().list()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert agin_emulator.counts() == {"GET /agent_ingresses": 1}


def test_afterwards_the_environment_is_as_before() -> None:
    assert ngrok()["NGROK_API_BASE_URL"] == "https://api.example"
    assert ngrok()["NGROK_API_TIMEOUT_SECONDS"] == "wrong"
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**environment, **OUTSIDE}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("conftest", "arguments"), [(CONFTEST, ()), ("", BY_NAME)], ids=["conftest", "option"])
def test_programs_of_a_test_use_the_emulator(conftest: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_it.py").write_text(TESTS)
    done = run(tmp_path, *arguments)
    assert "4 passed" in done.stdout, done.stdout
    assert API_KEY not in done.stdout


def test_it_is_loaded_only_if_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(agin_emulator): pass\n")
    assert "fixture 'agin_emulator' not found" in run(tmp_path).stdout
    code = "import sys, pulumi_agin.emulator; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "h11.py").write_text("raise ModuleNotFoundError('no', name='h11')\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    done = run(tmp_path)
    assert done.returncode != 0
    assert "The emulator needs its extra: pip install 'pulumi-agin[emulator]'." in done.stdout + done.stderr
