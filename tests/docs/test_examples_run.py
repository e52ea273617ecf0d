"""The examples, installed from a clone and run with the real engine as a user would run them.

The demos run the quickstarts. The full demo and test_end_to_end.py run the examples with BIND.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY
from tests.support.pages import blocks, type_lines
from tests.support.ports import free_port
from tests.support.project import Project, listening
from tools.bind import Programs

pytestmark = pytest.mark.rest

REPOSITORY = Path(__file__).parents[2]
EXAMPLES, DOCS = REPOSITORY / "examples", REPOSITORY / "docs"


@pytest.mark.parametrize("name", ["quickstart", "bind"])
def test_package_installs_from_the_clone(name: str, tmp_path: Path) -> None:
    """The first block of the README, in a new virtual environment. bind has an extra."""
    folder = clone.copy(tmp_path / "clone") / "examples" / name
    install = blocks((folder / "README.md").read_text(), "sh")[0]
    variables = {
        **clone.offline(tmp_path / "packages"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    run = subprocess.run(
        ["bash", "-euc", install], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "does not provide the extra" not in run.stdout + run.stderr
    assert list(folder.glob(".venv/lib/python*/site-packages/pulumi_agin/only_in_clone.py"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("quickstart", "Missing required configuration variable 'agin-quickstart:domain'"),
        ("yaml", "Stack 'dev' is missing configuration value 'domain'"),
    ],
)
def test_stack_without_a_domain_fails_with_a_sentence(
    name: str, sentence: str, yaml_project: Project, emulator: Emulator
) -> None:
    shutil.copytree(EXAMPLES / name, yaml_project.folder, dirs_exist_ok=True, ignore=clone.MADE_BY_USERS)
    yaml_project.init("dev")
    output = yaml_project.preview(fails=True).output
    assert sentence in output
    assert "Traceback" not in output
    assert emulator.requests() == []


def test_quickstart_runs_on_the_emulator_as_the_index_says(project: Project) -> None:
    shutil.copytree(EXAMPLES / "quickstart", project.folder, dirs_exist_ok=True, ignore=clone.MADE_BY_USERS)
    port = str(free_port())
    # test_package_installs_from_the_clone runs such a pip.
    pip, start, export = blocks((EXAMPLES / "README.md").read_text(), "sh")[0].replace("24404", port).splitlines()
    assert pip == "pip install '../..[emulator]'"
    lines = blocks((project.folder / "README.md").read_text(), "sh")[1].replace("YOUR-DOMAIN", "acme.com").splitlines()
    run = [line for line in lines if "agin:apiKey" not in line]
    output = project.typed("\n".join([start, listening(int(port)), export, *run]))
    assert "2 created" in output
    assert 'domain          : "connect.acme.com"' in output


def test_automation_api(project: Project, emulator: Emulator) -> None:
    def run(*arguments: str, fails: bool = False) -> str:
        python = project.user_env / "bin" / "python"
        completed = subprocess.run(
            [python, EXAMPLES / "automation" / "main.py", *arguments],
            cwd=project.folder,
            env=project.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (completed.returncode != 0) == fails, completed.stdout + completed.stderr
        return completed.stderr if fails else completed.stdout

    for arguments in ((), ("up",), ("down", "devices.acme.com")):
        assert run(*arguments, fails=True).startswith("Pass a command: python main.py up DOMAIN, ")
    assert emulator.requests() == []
    output = run("up", "devices.acme.com")
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "devices.acme.com"
    assert [line.strip() for line in output.splitlines()[-4:]] == sorted(f"{t}." for t in ingress["ns_targets"])
    emulator.clear_requests()
    assert "2 unchanged" in run("up", "devices.acme.com")
    assert emulator.requests() == []
    run("destroy")
    assert emulator.ingresses() == []


def test_many_accounts(cli: Path, user_env: Path, emulator: Emulator, tmp_path: Path, bind_programs: Programs) -> None:
    environment = {"NGROK_API_BASE_URL": emulator.url}
    project = Project(tmp_path / "many-accounts", cli, user_env, environment, "agin-many-accounts")
    shutil.copytree(EXAMPLES / "many-accounts", project.folder, dirs_exist_ok=True)
    page = (DOCS / "reference/provider.md").read_text()
    with Bind(bind_programs, tmp_path / "bind", [Key("agin", ["connect.acme.com", "partner.acme.com"])]) as bind:
        project.config(plain={"port": bind.port})
        values = {"tsigSecret": bind.keys[0].secret, "apiKeys.first": API_KEY, "apiKeys.second": OTHER_ACCOUNTS_KEY}
        settings = re.findall(r"^(pulumi config set .*)", (project.folder / "README.md").read_text(), re.MULTILINE)
        type_lines(project, "\n".join(settings).replace("ns1.YOUR-DOMAIN", "127.0.0.1"), values)
        project.up()
        accounts = {request["body"]["domain"]: request["account"] for request in emulator.requests()}
        assert accounts == {"connect.acme.com": 1, "partner.acme.com": 2}
        for ingress in emulator.ingresses():
            assert bind.referral(ingress["domain"]) == sorted(f"{target}." for target in ingress["ns_targets"])
        assert_unchanged(project, emulator)

        # The steps of the page.
        [set_key] = re.findall("^pulumi config set .*--secret .*$", page, re.MULTILINE)
        emulator.add_key(OTHER_ROTATED_KEY, account_of=OTHER_ACCOUNTS_KEY)
        project.typed(set_key, stdin=OTHER_ROTATED_KEY)
        up = project.pulumi("up", "--yes")
        assert "~ 1 updated" in up
        assert len(emulator.ingresses()) == 2
        emulator.remove_key(OTHER_ACCOUNTS_KEY)
        project.refresh()
        assert_unchanged(project, emulator)
    shown = [up.output, *project.files().values()]
    assert not any(secret in text for secret in (*values.values(), OTHER_ROTATED_KEY) for text in shown)


def assert_unchanged(project: Project, emulator: Emulator) -> None:
    emulator.clear_requests()
    assert "unchanged" in project.preview("--expect-no-changes")
    assert emulator.requests() == []
