"""The lines to paste: one line of POSIX shell, each value one word of it, and never a key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin import commands

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
SITE = "urn:pulumi:dev::test::acme:index:Site::it's"
CHILD = "urn:pulumi:dev::test::acme:index:Site$acme:index:Part::part"
PULUMI = "pulumi import --file /dev/stdin --generate-code=false --yes"

# In place of either program: what it was called with.
STUB = f"""#!{sys.executable}
import json, sys
if sys.argv[1] in ("state", "up") or "--" in sys.argv:
    print(json.dumps(sys.argv[1:]))
elif sys.argv[1:] == ["stack", "export"]:
    print(open("state.json").read())
elif sys.argv[1] == "import" and sys.argv[0].endswith("agin"):
    print(json.dumps(sys.argv[1:]))
else:
    print(json.dumps([sys.argv[1:], json.load(sys.stdin)]))
"""


# Where a line is pasted; the first two are everywhere.
SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shell in ("sh", "bash") or shutil.which(shell)]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `python`, `pulumi-agin` and `pulumi`; its name needs quotes."""
    folder = tmp_path / "my env"
    folder.mkdir()
    for name in ("pulumi-agin", "pulumi"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    return folder


def run(line: str, programs: Path) -> tuple[list[str], list[str]]:
    """What `pulumi` and `pulumi-agin` were called with when the line was run."""
    pulumi, agin = printed(line, programs)
    return pulumi, agin


def printed(line: str, programs: Path) -> Any:
    """The JSON that a line prints, which is the same in every shell."""
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    path = {"PATH": f"{programs}:/usr/bin:/bin"}
    found = []
    for shell in SHELLS:
        run = subprocess.run([shell, "-euc", line], env=path, capture_output=True, text=True, check=True)
        assert run.stderr == ""
        found.append(json.loads(run.stdout))
    assert found == found[:1] * len(SHELLS)
    return found[0]


def test_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = Path(sys.executable).with_name("pulumi-agin")
    assert program.exists()
    line = commands.import_line(ID, "connect", parent=CHILD)
    assert line == f"{program} import {ID} --name connect --parent '{CHILD}' | {PULUMI}"


NAMES = [
    "connect",
    "a b'; rm -rf /",
    '$(touch x)`touch x`"\\',
    "-n",
    "--all",
    "*",
    "~",
    "#x",
    "!x",
    "Ünïcode",
    "two\nlines; touch x",
    "\x1b[2K\\033 '\"$x",
    "\u202eturned",
    "\n",
    "ends in a line break\n",
    "\nin two of them '; touch x\n\n",
    "-\r\n",
    ".\n.",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_value_stays_one_word(name: str, programs: Path) -> None:
    line = commands.import_line(ID, name, parent=SITE, provider=CHILD)
    pulumi, agin = run(line, programs)
    assert pulumi == PULUMI.split()[1:]
    # A value with a hyphen in front would be taken for an option.
    named = [f"--name={name}"] if name.startswith("-") else ["--name", name]
    assert agin == ["import", ID, *named, "--parent", SITE, "--provider", CHILD]
    assert not Path("x").exists()


@pytest.mark.parametrize("name", [*NAMES, "--file=x", "--", "a\n"])
def test_the_line_of_the_plugin_takes_any_name(name: str, programs: Path) -> None:
    line = commands.native_import_line(ID, f"urn:pulumi:dev::test::agin:index:AgentIngress::{name}")
    options = ["--generate-code=false", "--yes"]
    new_stack = json.dumps({"version": 3, "deployment": {"manifest": {"version": "v3.274.1"}}})
    for state in (state_of(), new_stack):
        Path("state.json").write_text(state)
        assert printed(line, programs) == ["import", *options, "--", "agin:index:AgentIngress", name, ID]
    assert not Path("x").exists()


def state_of(*resources: dict[str, Any], stack: str = STACK) -> str:
    """What `pulumi stack export` prints of these resources of a stack whose outputs have the id, too."""
    outputs = {"id": ID, "shown": f'"id":"{ID}","type":'}
    whole = {"urn": stack, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": outputs}
    return json.dumps({"version": 3, "deployment": {"resources": [whole, *resources]}}, indent=4)


OLD_NAME = {"urn": f"{STACK}-old", "custom": True, "id": ID, "type": "agin:index:AgentIngress"}


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (
            state_of(OLD_NAME),
            f"the stack has {ID} already: give the resource its old URN, which pulumi stack --show-urns shows, in the "
            "option aliases; if the stack only reads it by get, give the resource the option import",
        ),
        (
            state_of(stack=STACK.replace("dev", "prod")),
            "another stack is selected: run this after pulumi stack select dev",
        ),
    ],
)
def test_the_line_of_the_plugin_takes_over_nothing_that_the_next_up_would_delete(
    state: str, says: str, programs: Path
) -> None:
    Path("state.json").write_text(state)
    line = commands.native_import_line(ID, "urn:pulumi:dev::test::agin:index:AgentIngress::connect")
    for shell in SHELLS:
        path = {"PATH": f"{programs}:/usr/bin:/bin"}
        run = subprocess.run([shell, "-euc", line], env=path, capture_output=True, text=True, check=True)
        assert run.stdout == f"{says}\n"


def test_one_of_two_resources_with_an_ingress_is_forgotten_and_never_the_only_one(programs: Path) -> None:
    in_python = {**OLD_NAME, "urn": f"{STACK}-python", "type": "pulumi-python:dynamic/agin:AgentIngress"}
    wait = {**OLD_NAME, "type": "agin:index:AgentIngressCertificateValidation"}
    line = commands.forget_one_of_two_line(ID, CHILD)
    for others in ([OLD_NAME, OLD_NAME], [OLD_NAME, in_python], [in_python, OLD_NAME], [in_python, in_python]):
        Path("state.json").write_text(state_of(*others))
        assert printed(line, programs) == ["state", "delete", "--yes", "--force", CHILD]
    Path("state.json").write_text(state_of(OLD_NAME, wait))
    for shell in SHELLS:
        path = {"PATH": f"{programs}:/usr/bin:/bin"}
        run = subprocess.run([shell, "-euc", line], env=path, capture_output=True, text=True, check=True)
        assert run.stdout == "nothing else in the stack has it: run pulumi up with the aliases alone first\n"


def test_every_value_of_a_line_can_end_in_a_line_break(programs: Path) -> None:
    name, parent, provider, stack = "a\n", f"{SITE}\n\n", f"{CHILD}.\n", "dev\n"
    pulumi, agin = run(commands.import_line(ID, name, parent=parent, provider=provider, stack=stack), programs)
    assert pulumi[:3] == ["import", "--stack", stack]
    values = ["--name", name, "--parent", parent, "--provider", provider, "--stack", stack]
    assert agin == ["import", ID, *values]
    for urn in (parent, f"{SITE}\x1b[2K"):
        assert printed(commands.state_delete_line(urn), programs) == ["state", "delete", "--yes", "--force", urn]
        assert printed(commands.replace_line(urn), programs) == ["up", "--replace", urn]


def test_a_stack_is_named_to_every_command(programs: Path) -> None:
    pulumi, agin = run(commands.import_line(ID, "connect", stack="acme/dev"), programs)
    assert pulumi[:3] == ["import", "--stack", "acme/dev"]
    assert agin[-2:] == ["--stack", "acme/dev"]
    assert commands.find_line("a.b", stack="dev").endswith("import --filter 'obj.domain == \"a.b\"' --stack dev")
    assert commands.state_delete_line(SITE, stack="dev").startswith("pulumi state delete --stack dev --yes --force ")
    assert commands.replace_line(SITE, stack="dev").startswith("pulumi up --stack dev --replace ")


def test_the_program_works_where_no_environment_is_active(programs: Path) -> None:
    def program() -> str:
        return commands.import_line(ID, "a").partition(" import")[0]

    # Not relative in a folder that may be another than where it is pasted.
    assert program() == f"'{programs}/pulumi-agin'"
    Path("Pulumi.yaml").touch()
    assert program() == "'my env/pulumi-agin'"
    (programs / "pulumi-agin").unlink()
    assert program() == f"'{programs}/python' -m pulumi_agin.cli"


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys; from pulumi_agin.commands import import_line; import_line('a', 'b'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "shlex" in loaded
    assert not {"pulumi", "requests", "pydantic", "pydantic_core"} & set(loaded)
