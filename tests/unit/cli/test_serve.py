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

from tests.support.keys import API_KEY

Command = Callable[..., tuple[int, str, str]]


@contextmanager
def running(*arguments: str, stop: int = signal.SIGTERM) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Runs the command until the end of the block. Yields the URL that it printed, and its process."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("pulumi-agin"), "emulator", *arguments],
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


def create(url: str, key: str) -> int:
    """Creates an ingress, and returns the status of the response."""
    headers = {"Authorization": f"Bearer {key}", "Ngrok-Version": "2"}
    domain = {"domain": "a.acme.com"}
    return requests.post(f"{url}/agent_ingresses", json=domain, headers=headers, timeout=20).status_code


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_emulator_runs_until_a_signal(stop: int) -> None:
    with running("--file", "ingresses.json", stop=stop) as (url, process):
        assert create(url, API_KEY) == 403
        assert create(url, "emulator-key") == 201
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err == (
        "To use it in a stack, run these commands in the project's folder:\n"
        f"  pulumi config set agin:apiBaseUrl {url}\n"
        "  pulumi config set --secret agin:apiKey emulator-key\n"
    )
    assert "a.acme.com" in Path("ingresses.json").read_text()


def test_options_reach_the_emulator() -> None:
    with running("--host", "127.0.0.2", "--limit", "1", "--api-key", "a", "--api-key", "b") as (url, process):
        # Each key has its own account.
        assert [create(url, key) for key in ("a", "b", "emulator-key", "a")] == [201, 400, 403, 429]
    # Programs reject the URL.
    assert process.communicate()[1] == ""


def test_key_of_the_user_is_not_printed() -> None:
    with running("--api-key", "a") as (_, process):
        pass
    # The command prompts for it.
    assert process.communicate()[1].endswith("  pulumi config set --secret agin:apiKey\n")


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--host", "192.0.2.1", "can't listen on 192.0.2.1, port 0: Cannot assign requested address"),
        ("--port", "70000", "can't listen on 127.0.0.1, port 70000: "),
        ("--dns", "nowhere", "'nowhere' is not the address of a DNS server"),
    ],
)
def test_invalid_argument_is_one_sentence(pulumi_agin: Command, option: str, value: str, sentence: str) -> None:
    status, out, err = pulumi_agin("emulator", option, value)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"pulumi-agin: {sentence}")
