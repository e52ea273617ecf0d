"""The help of the command line, and its options."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from pulumi_agin import cli

COMMANDS = ["import", "doctor", "explain", "emulator"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_examples_are_valid_commands(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A narrow terminal does not wrap the examples, because users paste them.
    monkeypatch.setenv("COLUMNS", "1")
    with pytest.raises(SystemExit):
        cli.main([*command.split(), "--help"])
    examples = re.findall("^  (.+)$", capsys.readouterr().out.partition("\nexamples:\n")[2], re.M)
    run: list[str] = []

    def record(options: argparse.Namespace, clock: object) -> int:
        run.append(options.module.partition("_")[0])
        return 0

    monkeypatch.setattr(cli, "_run", record)
    for example in examples:
        program, *arguments = shlex.split(re.split(r" \| | > ", example)[0])
        assert program == "pulumi-agin"
        cli.main(arguments)
    assert run == ([command] * len(examples) if command else COMMANDS)
    assert run


@pytest.mark.parametrize("line", ["import --al", "doctor --al", "emulator --por 0", "--vers"])
def test_options_can_not_be_abbreviated(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_run", lambda options, clock: 0)
    with pytest.raises(SystemExit) as ended:
        cli.main(line.split())
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
