"""The commands in messages, in which each value stays one word of the shell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_agin.lifecycle import shell_commands
from pulumi_agin.lifecycle.operation import Placement

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
SITE = "urn:pulumi:dev::test::acme:index:Site::it's"
CHILD = "urn:pulumi:dev::test::acme:index:Site$acme:index:Part::part"
NATIVE = "urn:pulumi:dev::test::agin:index:AgentIngress"

NAMES = ["a b'; rm -rf /", '$(touch x)`touch x`"\\', "-n", "--all", "*", "#x", "Ünïcode", "--file=x", "--"]

# In place of `pulumi-agin` and `pulumi`: prints the words that it was called with.
STUB = r"""#!/bin/sh
case "$*" in *"--file /dev/stdin"*) cat;; esac
printf '%s\0' "$@" END
"""

# `sh` and `bash` are on every machine.
SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shell in ("sh", "bash") or shutil.which(shell)]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `python`, `pulumi-agin` and `pulumi`. Its name needs quotes."""
    folder = tmp_path / "my env"
    folder.mkdir()
    for name in ("pulumi-agin", "pulumi"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    return folder


def calls(programs: Path, *lines: str) -> list[list[str]]:
    """Runs lines in every shell, and returns the words of each call of `pulumi-agin` and `pulumi`."""
    path = {"PATH": f"{programs}:/usr/bin:/bin"}
    printed: list[str] = []
    for shell in SHELLS:
        command = [shell, "-euc", "\n".join(lines)]
        run = subprocess.run(command, env=path, capture_output=True, check=True)
        assert run.stderr == b""
        printed.append(run.stdout.decode())
    assert printed == [printed[0]] * len(SHELLS)
    assert not Path("x").exists()
    return [call.split("\0")[:-1] for call in printed[0].split("END\0")[:-1]]


def test_every_value_of_the_import_line_stays_one_word(programs: Path) -> None:
    lines = [shell_commands.import_line(ID, name, Placement(parent=SITE, provider=CHILD)) for name in NAMES]
    made = calls(programs, *lines)
    assert made[1::2] == [["import", "--file", "/dev/stdin", "--generate-code=false", "--yes"]] * len(NAMES)
    # A value with a hyphen in front would be taken for an option.
    named = [[f"--name={name}"] if name.startswith("-") else ["--name", name] for name in NAMES]
    assert made[0::2] == [["import", ID, *name, "--parent", SITE, "--provider", CHILD] for name in named]


def test_every_value_of_the_other_lines_stays_one_word(programs: Path) -> None:
    lines = [shell_commands.native_import_line(ID, f"{NATIVE}::{name}") for name in NAMES]
    words = ["import", "--stack", "dev", "--generate-code=false", "--yes", "--", "agin:index:AgentIngress"]
    assert calls(programs, *lines) == [[*words, name, ID] for name in NAMES]
    assert calls(programs, shell_commands.state_delete_line(SITE), shell_commands.replace_line(SITE)) == [
        ["state", "delete", "--yes", "--force", SITE],
        ["up", "--replace", SITE],
    ]


def test_commands_are_plain() -> None:
    line = shell_commands.import_line(ID, "connect", Placement("acme/dev"))
    assert line.endswith(
        f"import {ID} --name connect --stack acme/dev | "
        "pulumi import --stack acme/dev --file /dev/stdin --generate-code=false --yes"
    )
    assert shell_commands.native_import_line(ID, f"{NATIVE}::connect") == (
        f"pulumi import --stack dev --generate-code=false --yes -- agin:index:AgentIngress connect {ID}"
    )
    line = shell_commands.find_line("a.b", Placement("dev"))
    assert line.endswith("import --filter 'obj.domain == \"a.b\"' --stack dev")
    urn = f"{NATIVE}::connect"
    assert shell_commands.state_delete_line(urn, stack="dev") == f"pulumi state delete --stack dev --yes --force {urn}"
    assert shell_commands.replace_line(urn, stack="dev") == f"pulumi up --stack dev --replace {urn}"


def test_program_works_without_an_active_environment(programs: Path) -> None:
    def program() -> str:
        return shell_commands.import_line(ID, "a", Placement()).partition(" import")[0]

    # The path is absolute, as the line may be pasted in another folder.
    assert program() == f"'{programs}/pulumi-agin'"
    Path("Pulumi.yaml").touch()
    assert program() == "'my env/pulumi-agin'"
    (programs / "pulumi-agin").unlink()
    assert program() == f"'{programs}/python' -m pulumi_agin.cli"
