"""`pulumi-agin emulator`: its options, its output, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY

Command = Callable[..., tuple[int, str, str]]


@contextmanager
def running(*arguments: str, stop: int = signal.SIGTERM) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Runs the command until the end of the block. Yields the URL that it printed, and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pulumi_agin.cli", "emulator", *arguments],
        # ngrok's key, which the emulator must not accept.
        env={**os.environ, "NGROK_API_KEY": API_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip(), process
    finally:
        process.send_signal(stop)
        process.wait(timeout=60)


def status_of(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}", "Ngrok-Version": "2"}
    return requests.post(
        f"{url}/agent_ingresses", json={"domain": "a.acme.com"}, headers=headers, timeout=20
    ).status_code


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_emulator_runs_until_a_signal(stop: int) -> None:
    with running("--file", "ingresses.json", stop=stop) as (url, process):
        assert status_of(url, API_KEY) == 403
        assert status_of(url, "emulator-key") == 201
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err == (
        "To use it in a stack, run these commands in the project's folder:\n"
        f"  pulumi config set agin:apiBaseUrl {url}\n"
        "  pulumi config set --secret agin:apiKey emulator-key\n"
    )
    assert "a.acme.com" in Path("ingresses.json").read_text()


def test_options_reach_the_emulator() -> None:
    with running("--host", "0.0.0.0", "--limit", "1", "--api-key", "a", "--api-key", "b") as (url, process):
        # Each key has its own account.
        assert (status_of(url, "a"), status_of(url, "b"), status_of(url, "emulator-key")) == (201, 400, 403)
        assert status_of(url, "a") == 429
    # The command prompts for the key.
    assert process.communicate()[1].endswith("  pulumi config set --secret agin:apiKey\n")


def test_url_that_programs_reject_has_no_commands() -> None:
    with running("--host", "127.0.0.2") as (url, process):
        assert status_of(url, "emulator-key") == 201
    assert process.communicate()[1] == ""


def test_taken_port_is_one_sentence(pulumi_agin: Command, emulator: Emulator) -> None:
    port = emulator.url.rpartition(":")[2]
    sentence = f"pulumi-agin: can't listen on 127.0.0.1, port {port}: Address already in use\n"
    assert pulumi_agin("emulator", "--port", port) == (1, "", sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--limit", "-1"], "limit, job_after_seconds and issue_after_seconds must not be negative"),
        (["--port", "70000"], "can't listen on 127.0.0.1, port 70000: "),
        (["--dns", "nowhere"], "'nowhere' is not the address of a DNS server"),
        (["--file", "missing/file"], "missing/file"),
    ],
)
def test_invalid_argument_is_one_sentence(pulumi_agin: Command, arguments: list[str], sentence: str) -> None:
    status, out, err = pulumi_agin("emulator", *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert sentence in err
