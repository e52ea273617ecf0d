"""The shell commands in messages: one line, in which each value stays one word."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.lifecycle import shell_commands

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
SITE = "urn:pulumi:dev::test::acme:index:Site::it's"
CHILD = "urn:pulumi:dev::test::acme:index:Site$acme:index:Part::part"
NATIVE = "urn:pulumi:dev::test::agin:index:AgentIngress"

NAMES = ["a b'; rm -rf /", '$(touch x)`touch x`"\\', "-n", "--all", "*", "#x", "Ünïcode", "\x1b[2K\\033 '\"$x"]
NAMES += ["two\nlines; touch x", "ends in a line break\n", "\nin two of them '; touch x\n\n", "-\r\n"]

# In place of `pulumi-agin` and `pulumi`: prints the words that it was called with.
STUB = r"""#!/bin/sh
case "$*" in
    "stack export"*) exec cat state.json;;
    *"--file /dev/stdin"*) cat;;
esac
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


def run(programs: Path, *lines: str) -> str:
    """Runs lines in every shell, and returns what they print, which must be the same."""
    for line in lines:
        assert len(line.splitlines()) == 1
        assert line.isprintable()
    path = {"PATH": f"{programs}:/usr/bin:/bin"}
    printed: list[str] = []
    for shell in SHELLS:
        command = [shell, "-euc", "\n".join(lines)]
        run = subprocess.run(command, env=path, capture_output=True, check=True)
        assert run.stderr == b""
        printed.append(run.stdout.decode())
    assert printed == [printed[0]] * len(SHELLS)
    assert not Path("x").exists()
    return printed[0]


def calls(programs: Path, *lines: str) -> list[list[str]]:
    """Runs lines in every shell, and returns the words of each call of `pulumi-agin` and `pulumi`."""
    return [call.split("\0")[:-1] for call in run(programs, *lines).split("END\0")[:-1]]


def write_state(*resources: dict[str, Any], stack: str = STACK) -> None:
    """Writes what `pulumi stack export` prints. An output of the stack has the id, too."""
    outputs = {"id": ID, "shown": f'"id":"{ID}","type":'}
    whole = {"urn": stack, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": outputs}
    state = {"version": 3, "deployment": {"resources": [whole, *resources]}}
    Path("state.json").write_text(json.dumps(state, indent=4))


def test_every_value_of_the_import_line_stays_one_word(programs: Path) -> None:
    lines = [shell_commands.import_line(ID, name, parent=SITE, provider=CHILD) for name in NAMES]
    made = calls(programs, *lines)
    assert made[1::2] == [["import", "--file", "/dev/stdin", "--generate-code=false", "--yes"]] * len(NAMES)
    # A value with a hyphen in front would be taken for an option.
    named = [[f"--name={name}"] if name.startswith("-") else ["--name", name] for name in NAMES]
    assert made[0::2] == [["import", ID, *name, "--parent", SITE, "--provider", CHILD] for name in named]


def test_every_value_of_a_line_may_end_in_a_line_break(programs: Path) -> None:
    name, parent, provider, stack = "a\n", f"{SITE}\n\n", f"{CHILD}.\n", "dev\n"
    import_line = shell_commands.import_line(ID, name, parent=parent, provider=provider, stack=stack)
    other_lines = [shell_commands.state_delete_line(parent), shell_commands.replace_line(f"{SITE}\x1b[2K")]
    agin, pulumi, delete, replace = calls(programs, import_line, *other_lines)
    assert agin == ["import", ID, "--name", name, "--parent", parent, "--provider", provider, "--stack", stack]
    assert pulumi[:3] == ["import", "--stack", stack]
    assert delete == ["state", "delete", "--yes", "--force", parent]
    assert replace == ["up", "--replace", f"{SITE}\x1b[2K"]


def test_native_import_line_imports_any_name(programs: Path) -> None:
    names = [*NAMES, "--file=x", "--"]
    lines = [shell_commands.native_import_line(ID, f"{NATIVE}::{name}") for name in names]
    words = ["import", "--generate-code=false", "--yes", "--", "agin:index:AgentIngress"]
    write_state()
    assert calls(programs, *lines) == [[*words, name, ID] for name in names]
    # The state of a new stack.
    Path("state.json").write_text(json.dumps({"version": 3, "deployment": {"manifest": {"version": "v3.274.1"}}}))
    assert calls(programs, lines[0]) == [[*words, names[0], ID]]


OTHER = {"urn": f"{STACK}-old", "custom": True, "id": ID, "type": "agin:index:AgentIngress"}


def test_native_import_line_imports_nothing_that_an_up_would_delete(programs: Path) -> None:
    line = shell_commands.native_import_line(ID, f"{NATIVE}::connect")
    write_state(OTHER)
    assert run(programs, line) == (
        f"the stack has {ID} already: give the resource its old URN, which pulumi stack --show-urns shows, in the "
        "option aliases; if the stack only reads it by get, give the resource the option import\n"
    )
    write_state(stack=STACK.replace("dev", "prod"))
    assert run(programs, line) == "another stack is selected: run this after pulumi stack select dev\n"


def test_forget_line_needs_two_resources_with_the_ingress(programs: Path) -> None:
    in_python = {**OTHER, "urn": f"{STACK}-python", "type": "pulumi-python:dynamic/agin:AgentIngress"}
    line = shell_commands.forget_one_of_two_line(ID, CHILD)
    for others in ([OTHER, OTHER], [OTHER, in_python], [in_python, OTHER], [in_python, in_python]):
        write_state(*others)
        assert calls(programs, line) == [["state", "delete", "--yes", "--force", CHILD]]
    write_state(OTHER, {**OTHER, "type": "agin:index:AgentIngressCertificateValidation"})
    only_one = "nothing else in the stack has it: run pulumi up with the aliases alone first\n"
    assert run(programs, line) == only_one


def test_stack_is_passed_to_every_command() -> None:
    line = shell_commands.import_line(ID, "connect", stack="acme/dev")
    assert "--name connect --stack acme/dev | pulumi import --stack acme/dev --file" in line
    assert shell_commands.find_line("a.b", stack="dev").endswith("import --filter 'obj.domain == \"a.b\"' --stack dev")
    assert shell_commands.state_delete_line(SITE, stack="dev").startswith(
        "pulumi state delete --stack dev --yes --force "
    )
    assert shell_commands.replace_line(SITE, stack="dev").startswith("pulumi up --stack dev --replace ")


def test_program_works_without_an_active_environment(programs: Path) -> None:
    def program() -> str:
        return shell_commands.import_line(ID, "a").partition(" import")[0]

    # The path is absolute, as the line may be pasted in another folder.
    assert program() == f"'{programs}/pulumi-agin'"
    Path("Pulumi.yaml").touch()
    assert program() == "'my env/pulumi-agin'"
    (programs / "pulumi-agin").unlink()
    assert program() == f"'{programs}/python' -m pulumi_agin.cli"
