"""The examples, run for real as a user would.

The quickstarts are run by the demos, and those with BIND by the full demo and test_end_to_end.py.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import UNCHANGED, Project
from tools.bind import Bind, Key

pytestmark = pytest.mark.rest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(tmp_path: Path, cli: Path, user_env: Path, emulator: Emulator) -> Callable[[str], Project]:
    """A copy of an example, with a stack, the emulator for ngrok, and its key in the environment."""

    def copied(name: str) -> Project:
        environment = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
        project = Project(tmp_path / name, cli, user_env, environment, f"agin-{name.replace('_', '-')}")
        shutil.copytree(EXAMPLES / name, project.folder, dirs_exist_ok=True)
        return project

    return copied


def test_the_automation_api(project: Project, emulator: Emulator) -> None:
    def run(*arguments: str) -> str:
        python = project.user_env / "bin" / "python"
        done = subprocess.run(
            [python, EXAMPLES / "automation" / "main.py", *arguments],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shown = run("up", "devices.acme.com")
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "devices.acme.com"
    assert [line.strip() for line in shown.splitlines()[-4:]] == sorted(f"{t}." for t in ingress["ns_targets"])
    emulator.clear_requests()
    assert "2 unchanged" in run("up", "devices.acme.com")
    assert emulator.requests() == []
    run("destroy")
    assert emulator.ingresses() == []


def test_two_accounts(example: Callable[[str], Project], emulator: Emulator, tmp_path: Path) -> None:
    project = example("two_accounts")
    with Bind(tmp_path / "bind", [Key("agin", ["connect.acme.com", "partner.acme.com"])]) as bind:
        config = {"server": "127.0.0.1", "port": bind.port, "zone": "acme.com", "tsigKeyName": "agin"}
        secrets = {"tsigSecret": bind.keys[0].secret, "partnerApiKey": OTHER_ACCOUNTS_KEY}
        plain = [f"--plaintext={name}={value}" for name, value in config.items()]
        project.pulumi("config", "set-all", *plain, *(f"--secret={name}={value}" for name, value in secrets.items()))
        project.up()
        accounts = {request["body"]["domain"]: request["account"] for request in emulator.requests()}
        assert accounts == {"connect.acme.com": 1, "partner.acme.com": 2}
        for ingress in emulator.ingresses():
            assert bind.referral(ingress["domain"]) == sorted(f"{target}." for target in ingress["ns_targets"])
        emulator.clear_requests()
        assert "unchanged" in project.preview("--expect-no-changes")
        assert emulator.requests() == []
    assert not any(secret in text for secret in secrets.values() for text in project.files().values())


def test_taking_over(example: Callable[[str], Project], emulator: Emulator) -> None:
    other = "shared.acme.com"
    made = create(emulator, "connect.acme.com", description="made by hand")
    create(emulator, other)
    emulator.clear_requests()

    project = example("take_over")
    readme = (EXAMPLES / "take_over" / "README.md").read_text()
    commands = [line.removeprefix("$ ") for line in readme.splitlines() if line.startswith("$ ")]
    # The project has a stack, an environment and a key already.
    done = ("pip install", "pulumi stack init", "export NGROK_API_KEY")
    script = "\n".join(command for command in commands if not command.startswith(done))
    assert script.count("\n") == 4
    output = project.typed(script)
    assert 'description="made by hand"' in output
    assert UNCHANGED in output
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    [stack, _, resource] = project.state()["deployment"]["resources"]
    assert stack["outputs"]["domains_of_the_account"] == ["connect.acme.com", other]
    assert f'connect_url: "{other}:443"' in stack["outputs"]["shared_agent_config"]
    assert (resource["id"], resource["protect"]) == (made, True)
