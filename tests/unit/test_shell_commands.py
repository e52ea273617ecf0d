"""The commands in messages. Each value is one word for the shell."""

from __future__ import annotations

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
# They would rewrite the line above, turn around the text, or end the line.
NAMES += ["\x1b[1A\x1b[2Krm -rf /", "it's \\ \u202e\u200b\xa0🚀 turned", "two\nlines\t1\r", "--x\x7f7"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `python` and `pulumi-agin`, whose name requires quotes."""
    folder = tmp_path / "my env"
    folder.mkdir()
    (folder / "pulumi-agin").touch()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    return folder


def words(line: str) -> list[str]:
    """Returns the words that a shell sees in a line, which a terminal shows as it is."""
    assert line.isprintable()
    script = "printf '%s\\0' " + line.replace(" | ", " '|' ")
    printed = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    return printed.decode().split("\0")[:-1]


@pytest.mark.parametrize("name", NAMES)
def test_every_value_stays_one_word(name: str, programs: Path) -> None:
    # A value that begins with a hyphen would be parsed as an option.
    named = [f"--name={name}"] if name.startswith("-") else ["--name", name]
    piped = ["|", "pulumi", "import", "--file", "/dev/stdin", "--generate-code=false", "--yes"]
    place = ["--parent", SITE, "--provider", CHILD]
    line = shell_commands.import_line(ID, name, Placement(parent=SITE, provider=CHILD))
    assert words(line) == [f"{programs}/pulumi-agin", "import", ID, *named, *place, *piped]
    expected = ["pulumi", "import", "--stack", "dev", "--generate-code=false", "--yes", "--", "agin:index:AgentIngress"]
    assert words(shell_commands.native_import_line(ID, f"{NATIVE}::{name}")) == [*expected, name, ID]


def test_commands_are_plain() -> None:
    line = shell_commands.import_line(ID, "connect", Placement("acme/dev"))
    assert line.endswith(
        f"import {ID} --name connect --language python --stack acme/dev | "
        "pulumi import --stack acme/dev --file /dev/stdin --generate-code=false --yes"
    )
    assert shell_commands.native_import_line(ID, f"{NATIVE}::connect") == (
        f"pulumi import --stack dev --generate-code=false --yes -- agin:index:AgentIngress connect {ID}"
    )
    assert shell_commands.explain_line("taken-domain").endswith(" explain taken-domain")
    assert shell_commands.doctor_line("*.b", "acme/dev").endswith("doctor '*.b' --stack acme/dev")
    urn = f"{NATIVE}::connect"
    assert shell_commands.state_delete_line(urn, stack="dev") == f"pulumi state delete --stack dev --yes --force {urn}"


def test_program_works_without_an_active_environment(programs: Path) -> None:
    def program() -> str:
        return shell_commands.import_line(ID, "a", Placement()).partition(" import")[0]

    # The path is absolute, because the line may be pasted in another folder.
    assert program() == f"'{programs}/pulumi-agin'"
    Path("Pulumi.yaml").touch()
    assert program() == "'my env/pulumi-agin'"
    (programs / "pulumi-agin").unlink()
    assert program() == "'my env/python' -m pulumi_agin.cli"
