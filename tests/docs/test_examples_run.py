"""The examples, run with the real engine as a user would run them.

The demos run the quickstarts. The full demo and test_end_to_end.py run the examples with BIND.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project

pytestmark = pytest.mark.rest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_automation_api(project: Project, emulator: Emulator) -> None:
    def run(*arguments: str) -> str:
        python = project.user_env / "bin" / "python"
        completed = subprocess.run(
            [python, EXAMPLES / "automation" / "main.py", *arguments],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    output = run("up", "devices.acme.com")
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "devices.acme.com"
    assert [line.strip() for line in output.splitlines()[-4:]] == sorted(f"{t}." for t in ingress["ns_targets"])
    emulator.clear_requests()
    assert "2 unchanged" in run("up", "devices.acme.com")
    assert emulator.requests() == []
    run("destroy")
    assert emulator.ingresses() == []


def test_many_accounts(cli: Path, user_env: Path, emulator: Emulator, tmp_path: Path) -> None:
    environment = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    project = Project(tmp_path / "many_accounts", cli, user_env, environment, "agin-many-accounts")
    shutil.copytree(EXAMPLES / "many_accounts", project.folder, dirs_exist_ok=True)
    with Bind(tmp_path / "bind", [Key("agin", ["connect.acme.com", "partner.acme.com"])]) as bind:
        config = {"server": "127.0.0.1", "port": bind.port, "zone": "acme.com", "tsigKeyName": "agin"}
        secrets = {"tsigSecret": bind.keys[0].secret, "partnerApiKey": OTHER_ACCOUNTS_KEY}
        project.config(plain=config, secret=secrets)
        project.up()
        accounts = {request["body"]["domain"]: request["account"] for request in emulator.requests()}
        assert accounts == {"connect.acme.com": 1, "partner.acme.com": 2}
        for ingress in emulator.ingresses():
            assert bind.referral(ingress["domain"]) == sorted(f"{target}." for target in ingress["ns_targets"])
        emulator.clear_requests()
        assert "unchanged" in project.preview("--expect-no-changes")
        assert emulator.requests() == []
    assert not any(secret in text for secret in secrets.values() for text in project.files().values())
