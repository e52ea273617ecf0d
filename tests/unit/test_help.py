"""The help texts of the command line and the plugin."""

from __future__ import annotations

import re
import shlex
import sys
from functools import partial

import pytest

from pulumi_agin import cli, native
from pulumi_agin.version import VERSION

COMMANDS = ["import", "doctor", "emulator"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_examples_are_valid_commands(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A narrow terminal breaks no example, as they are pasted.
    monkeypatch.setenv("COLUMNS", "1")
    with pytest.raises(SystemExit):
        cli.main([*command.split(), "--help"])
    examples = re.findall("^  (.+)$", capsys.readouterr().out.partition("\nexamples:\n")[2], re.M)
    run: list[str] = []

    def record(name: str, options: object, clock: object) -> int:
        run.append(name)
        return 0

    for name in COMMANDS:
        monkeypatch.setattr(cli, f"_run_{name}", partial(record, name))
    for example in examples:
        program, *arguments = shlex.split(re.split(r" \| | > ", example)[0])
        assert program == "pulumi-agin"
        cli.main(arguments)
    assert run == ([command] * len(examples) if command else COMMANDS)
    assert run


@pytest.mark.parametrize(("flag", "printed"), [("--version", f"pulumi-resource-agin {VERSION}\n"), ("-h", "usage: ")])
def test_plugin_prints_its_version_and_help(
    flag: str, printed: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pulumi-resource-agin", flag])
    native.main()
    assert capsys.readouterr().out.startswith(printed)
