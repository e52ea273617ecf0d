"""The process of the command line: its help, and how it ends without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from pulumi_agin import cli
from pulumi_agin.emulator import Emulator
from pulumi_agin.version import VERSION
from tests.support.keys import assert_without_key
from tests.support.ngrok import create
from tests.support.waiting import until

COMMAND = [sys.executable, "-m", "pulumi_agin.cli"]


def start(*arguments: str, stdout: Any = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    # Most users' Python buffers stdout, so that what can't be written is found late.
    buffered = {**os.environ, **environment, "PYTHONUNBUFFERED": ""}
    return subprocess.Popen([*COMMAND, *arguments], env=buffered, stdout=stdout, stderr=subprocess.PIPE, text=True)


def stderr_of(process: subprocess.Popen[str], status: int) -> str:
    """Returns the stderr of a process when it has ended with a status."""
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert_without_key(err)
    return err


@pytest.mark.parametrize("command", ["", "import", "doctor", "explain", "emulator"])
def test_help_names_the_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"usage: pulumi-agin{f' {command}' if command else ''} [-h]" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"pulumi-agin {VERSION}\n"


@pytest.mark.parametrize("arguments", [[], ["other"], ["doctor", "--other"]])
def test_wrong_arguments_exit_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_broken_pipe_exits_1() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    assert stderr_of(start("explain", "taken", stdout=write_end), 1) == ""
    os.close(write_end)


def test_full_disk_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        assert stderr_of(start("explain", "taken", stdout=full), 1) == "pulumi-agin: No space left on device\n"


def test_closed_stdout_has_no_traceback() -> None:
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *COMMAND, "explain"], capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")


@pytest.mark.usefixtures("settings_of_emulator")
@pytest.mark.parametrize("command", ["doctor", "import"])
def test_interrupt_exits_130(command: str, emulator: Emulator) -> None:
    emulator.add_fault("GET", "delay", seconds=3600)
    process = start(command, "--all")
    until("it has sent its request", emulator.requests)
    process.send_signal(signal.SIGINT)
    assert stderr_of(process, 130) == ""


@pytest.mark.usefixtures("settings_of_emulator")
def test_locale_without_utf_8_prints_escapes(emulator: Emulator) -> None:
    create(emulator, "connect.acme.com", description="🚀")
    process = start("import", "--all", PYTHONIOENCODING="ascii")
    out, _ = process.communicate(timeout=60)
    assert 'description="\\U0001f680"' in out


@pytest.mark.parametrize(("command", "module"), [("doctor", "dns"), ("emulator", "dns"), ("emulator", "celpy")])
def test_missing_extra_is_one_sentence(command: str, module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from pulumi_agin.cli import main; sys.exit(main({[command]}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert f"pulumi-agin: {'doctor' if command == 'doctor' else 'The emulator'} needs the package" in ended.stderr
    assert f"extra pulumi-agin[{command}]" in ended.stderr or f"extra `{command}`" in ended.stderr
