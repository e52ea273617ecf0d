"""The help texts of the command line: each has examples, and the examples are right. And what shells complete."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import partial

import pytest

from pulumi_agin import cli, native
from pulumi_agin.version import VERSION

COMMANDS = ("import", "doctor", "emulator")


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def examples_of(text: str) -> list[str]:
    """The command lines below "examples:"."""
    return re.findall("^  (.+)$", text.partition("\nexamples:\n")[2], re.M)


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words) or "all")
def test_the_examples_are_command_lines(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A narrow terminal breaks no line that is pasted.
    monkeypatch.setenv("COLUMNS", "40")
    examples = examples_of(help_of(capsys, *words))
    ran: list[str] = []

    def note(name: str, options: object, clock: object) -> int:
        ran.append(name)
        return 0

    for name in COMMANDS:
        monkeypatch.setattr(cli, f"_run_{name}", partial(note, name))
    for example in examples:
        command = shlex.split(re.split(r" \| | > ", example)[0])
        assert command[0] == "pulumi-agin"
        assert cli.main(command[1:]) == 0
    assert ran == (list(COMMANDS) if not words else words * len(examples))
    assert ran


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words) or "all")
def test_the_rest_fits_the_terminal(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    # The usage is broken where we say so.
    _, _, described = help_of(capsys, *words).partition("\n\n")
    lines = described.partition("\nexamples:\n")[0].splitlines()
    assert max(map(len, lines)) <= 100
    if words:
        assert max(map(len, lines)) > 80


@pytest.mark.parametrize(("words", "completed"), [("doc", "doctor"), ("doctor --wa", "--watch")])
def test_shtab_makes_the_completion_of_a_shell(words: str, completed: str) -> None:
    shtab = [sys.executable, "-m", "shtab", "--shell=bash", "pulumi_agin.cli.parser"]
    script = subprocess.run(shtab, capture_output=True, text=True, check=True).stdout
    typed = f"pulumi-agin {words}"
    # What bash does when the user presses Tab.
    tab = f"""
        COMP_WORDS=({typed}); COMP_CWORD={len(words.split())}; COMP_LINE='{typed}'; COMP_POINT={len(typed)}
        function="$(complete -p pulumi-agin | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
        "$function"
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script + tab], capture_output=True, text=True, check=True)
    assert done.stdout == f"{completed}\n"


# -- the plugin -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "prints"),
    [
        ("--version", rf"pulumi-resource-agin {re.escape(VERSION)}\n"),
        ("-h", r"usage: pulumi-resource-agin (?s:.*)"),
        ("--help", r"usage: pulumi-resource-agin (?s:.*)"),
    ],
)
def test_the_plugin_prints_what_a_user_asks_it_for_and_ends(
    flag: str, prints: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pulumi-resource-agin", flag])
    native.main()
    assert re.fullmatch(prints, capsys.readouterr().out)
