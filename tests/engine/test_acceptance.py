"""`make acceptance` with the real engine, and the emulator in place of ngrok."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.waiting import until
from tools.acceptance.life import STEPS
from tools.acceptance.probes import PROBES
from tools.steps import BUILD, LOGS, ROOT

DOMAIN = "test.acme.com"
RUN = [sys.executable, "-m", "tools.acceptance"]


@pytest.fixture
def env(cli: Path, user_env: Path, emulator: Emulator) -> dict[str, str]:
    """The environment of a run. `user_env` is what the run itself would make otherwise."""
    return {
        **os.environ,
        "PATH": f"{cli}:{os.environ['PATH']}",
        "NGROK_API_KEY": API_KEY,
        "NGROK_API_BASE_URL": emulator.url,
        "DOMAIN": DOMAIN,
        "CONFIRM": "yes",
    }


def start(command: list[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_says_nothing_of_the_account(out: str) -> None:
    assert not any(API_KEY[start : start + 8] in out for start in range(len(API_KEY) - 7))
    assert not re.search(r"agin_[0-9A-Za-z]{27}|op_[0-9a-f]{32}|acme\.com", out)


def test_all_of_it(emulator: Emulator, env: dict[str, str]) -> None:
    before = in_build()
    with start(RUN, env) as process:
        out, err = process.communicate(timeout=400)
    assert process.returncode == 0, out + err
    assert "This run creates 4 Agent Ingresses" in err
    assert "Nothing is left: all Agent Ingresses that this run created are deleted." in err
    assert emulator.ingresses() == []
    assert out.startswith("# `make acceptance`\n")
    assert f"## Same as the emulator: {len(PROBES)} of {len(PROBES)} questions" in out
    assert [f"- passed: {step}" for step, _ in STEPS] == re.findall("^- passed: .*$", out, re.M)
    assert_says_nothing_of_the_account(out)
    # Of the project, only the log is left, and every run has its own.
    [log] = in_build() - before
    assert API_KEY.encode() not in log.read_bytes()
    log.unlink()


def in_build() -> set[Path]:
    """What runs have left."""
    return {*BUILD.glob("acceptance-*"), *LOGS.glob("acceptance-*")}


def test_a_step_that_goes_wrong(emulator: Emulator, env: dict[str, str]) -> None:
    refused = {
        "error_code": "ERR_NGROK_1219",
        "status_code": 403,
        "msg": f"The key {API_KEY} may not do that to {DOMAIN}.",
        "details": {"operation_id": "op_" + "0" * 32},
    }
    emulator.add_fault("PATCH", "answer", status=403, json_body=refused, times=None)
    with start(RUN, {**env, "PART": "life"}) as process:
        out, err = process.communicate(timeout=400)
    assert process.returncode == 1, out + err
    passed, [failed] = re.findall("^- passed: .*$", out, re.M), re.findall(r"^- \*\*failed\*\*: .*$", out, re.M)
    assert passed == [f"- passed: {step}" for step, _ in STEPS[:2]]
    assert failed.startswith(f"- **failed**: {STEPS[2][0]}: ")
    assert "may not do that to domain.example" in failed
    assert f"- not run: {STEPS[3][0]}" in out
    assert_says_nothing_of_the_account(out)
    assert API_KEY[:8] not in err
    assert "Nothing is left" in err
    assert emulator.ingresses() == []


def test_a_run_that_is_ended_while_the_ingress_is_created(emulator: Emulator, env: dict[str, str]) -> None:
    emulator.add_fault("POST", "hang", after=True)
    with start(RUN, {**env, "PART": "life"}) as process:
        try:
            until("the ingress is created", emulator.ingresses, seconds=120)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 143, out + err
    assert emulator.ingresses() == []
    assert "Nothing is left" in err
    assert f"- not run: {STEPS[0][0]}" in out
    assert "Traceback" not in err
    # Pulumi's plugins are in process groups of their own, and one that goes on could create the ingress again.
    assert processes_that_know(emulator.url) == []


def processes_that_know(text: str) -> list[str]:
    """The processes that have a text in their environment, as far as this system shows it."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        # Others come and go, and may belong to others.
        with suppress(OSError):
            if text.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
