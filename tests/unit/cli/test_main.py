"""The process of the command line: its help, its page, and how it ends without a traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin import cli
from pulumi_agin.emulator import Emulator
from pulumi_agin.version import VERSION
from tests.support.keys import assert_without_key
from tests.support.ngrok import create
from tests.support.waiting import until

PROGRAM = str(Path(sys.executable).with_name("pulumi-agin"))
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "command-line.md"


def start(*arguments: str, stdout: Any = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    # Most users' Python buffers stdout, so that what can't be written is found late.
    buffered = {**os.environ, **environment, "PYTHONUNBUFFERED": ""}
    return subprocess.Popen([PROGRAM, *arguments], env=buffered, stdout=stdout, stderr=subprocess.PIPE, text=True)


def stderr_of(process: subprocess.Popen[str], status: int) -> str:
    """Returns the stderr of a process when it has ended with a status."""
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert_without_key(err)
    return err


@pytest.mark.parametrize(
    ("arguments", "status", "output"),
    [
        (["--version"], 0, f"pulumi-agin {VERSION}\n"),
        (["--help"], 0, "doctor    Tells why an Agent Ingress isn't working yet.\n"),
        (["doctor", "--help"], 0, "usage: pulumi-agin doctor [-h] [--all]"),
        ([], 2, "the following arguments are required: COMMAND\n"),
        (["other"], 2, "invalid choice: 'other'"),
        (["explain", "tekan"], 2, "invalid choice: 'tekan' (choose from"),
        (["import"], 2, "one of the arguments ID --all is required\n"),
        (["import", "agin_1", "--all"], 2, "argument --all: not allowed with argument ID\n"),
        (["doctor", "a.acme.com", "--all"], 2, "argument --all: not allowed with argument DOMAIN\n"),
    ],
)
def test_arguments(arguments: list[str], status: int, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == status
    assert output in "".join(capsys.readouterr())


@pytest.mark.parametrize("command", ["import", "doctor", "explain"])
def test_page_has_the_options_of_the_help(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each option is on one line.
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    options = re.findall(r"^  (\S.*?)  +(.*)$", capsys.readouterr().out, re.MULTILINE)
    rows = {f"| `{name}` | {effect} |" for name, effect in options if name != "-h, --help"}
    section = PAGE.read_text().split(f"\n## pulumi-agin {command}\n")[1].split("\n## ")[0]
    assert {*section.split("\n| option | effect |\n|---|---|\n")[1].split("\n\n")[0].splitlines()} == rows


def test_broken_pipe_exits_1() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    assert stderr_of(start("explain", "taken", stdout=write_end), 1) == ""
    os.close(write_end)


def test_full_disk_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        process = start("explain", "taken", stdout=full)
        assert stderr_of(process, 1) == "pulumi-agin: [Errno 28] No space left on device\n"


def test_closed_stdout_has_no_traceback() -> None:
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", PROGRAM, "explain"], capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")


@pytest.mark.usefixtures("settings_of_emulator")
def test_interrupt_exits_130(emulator: Emulator) -> None:
    emulator.add_fault("GET", "delay", seconds=3600)
    process = start("import", "--all")
    until("it has sent its request", emulator.requests)
    process.send_signal(signal.SIGINT)
    assert stderr_of(process, 130) == ""


@pytest.mark.usefixtures("settings_of_emulator")
def test_locale_without_utf_8_prints_escapes(emulator: Emulator) -> None:
    create(emulator, "connect.acme.com", description="🚀")
    process = start("import", "--all", PYTHONIOENCODING="ascii")
    out, _ = process.communicate(timeout=60)
    assert "description='\\U0001f680'" in out


@pytest.mark.parametrize(("command", "module"), [("doctor", "dns"), ("emulator", "dns"), ("emulator", "celpy")])
def test_missing_extra_is_one_sentence(command: str, module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from pulumi_agin.cli import main; sys.exit(main({[command]}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert f"pulumi-agin: {'doctor' if command == 'doctor' else 'The emulator'} needs the package" in ended.stderr
    assert f"extra pulumi-agin[{command}]" in ended.stderr or f"extra `{command}`" in ended.stderr
