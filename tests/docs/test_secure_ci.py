"""The workflow and the commands of docs/operate/secure-ci.md, run exactly as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operate" / "secure-ci.md").read_text()
WORKFLOW, ENVIRONMENT = blocks(PAGE, "yaml")
[REQUIREMENT] = blocks(PAGE, "text")
BUILD_WHEEL, ROTATION = blocks(PAGE, "sh")
[KEEP] = re.findall(r"run `(pulumi state delete .*?)`", PAGE)
DOMAIN = "connect.acme.com"

NEW_KEY = API_KEY.replace("2tst", "2new")
NEXT_KEY = API_KEY.replace("2tst", "2nxt")

PREVIEW, UP = "pulumi preview", "pulumi up --yes"
REFRESH, CHECK = "pulumi refresh --preview-only --expect-no-changes", "pulumi preview --expect-no-changes"
DOCTOR = "venv/bin/pulumi-agin doctor --all --stack prod"


def test_workflow_is_valid_and_has_the_actions_of_this_repository(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "stack.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(WORKFLOW)
    for command in (
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow],
        ["zizmor", "--offline", "--no-progress", "--quiet", workflow],
    ):
        program, *arguments = map(str, command)
        checked = subprocess.run(
            [Path(sys.executable).parent / program, *arguments], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
    checkout, pulumi = re.findall(r"uses: (.*)", WORKFLOW)
    assert checkout in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.fullmatch(r"pulumi/actions@[0-9a-f]{40} # v[\d.]+", pulumi)
    # The two forms of the key.
    assert yaml.safe_load(ENVIRONMENT)["values"].keys() == {"pulumiConfig", "environmentVariables"}


def steps(event: str) -> list[str]:
    """Returns the commands that the workflow runs for an event, without those that install and select."""
    [job] = yaml.safe_load(WORKFLOW)["jobs"].values()
    install, select, *others = [step for step in job["steps"] if "run" in step]
    assert (install["run"], select["run"]) == ("pulumi install", "pulumi stack select prod")
    return [step["run"] for step in others if f"github.event_name == '{event}'" in step["if"]]


def write_program(project: Project, bind: Bind) -> None:
    """Makes a stack `prod` with an ingress and its delegation, in the virtual environment of `pulumi new`."""
    project.init("prod")
    project.config(secret={"tsigSecret": bind.keys[0].secret})
    (project.folder / "venv").symlink_to(project.user_env)
    project.program(
        f"""
        protected = pulumi.ResourceOptions(protect=True)
        ingress = agin.AgentIngress("connect", domain="{DOMAIN}", description="devices", opts=protected)
        secret = pulumi.Config().require_secret("tsigSecret")
        dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", secret, port={bind.port})
        agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=dns, opts=protected)
        """
    )


@pytest.mark.rest
def test_workflow_creates_the_stack_and_finds_drift(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    with Bind(bind_programs, tmp_path / "bind", [Key("agin", [DOMAIN])]) as bind:
        write_program(project, bind)

        def run(event: str, **environment: str) -> dict[str, int]:
            """Returns the exit status of each command. Like GitHub, it uses another shell for each."""
            statuses = {}
            for command in steps(event):
                # DNS is in no public zone.
                line = command.replace(" doctor ", f" doctor --dns {bind.address} ")
                output = project.shell(f"bash -e -c '{line}' || echo status $?", env=environment)
                statuses[command] = int((re.findall(r"^status (\d+)$", output, re.MULTILINE) or [0])[0])
            return statuses

        assert run("pull_request") == {PREVIEW: 0}
        assert emulator.ingresses() == []
        assert run("push") == {UP: 0}
        [ingress] = emulator.ingresses()
        emulator.set_ingress(ingress["id"], {"region_domains": [*ingress["region_domains"], f"tunnel.xx.{DOMAIN}"]})
        assert run("schedule") == {REFRESH: 0, CHECK: 0, DOCTOR: 0}
        # The key is not in the state.
        assert run("schedule", NGROK_API_KEY="") == {REFRESH: 1, CHECK: 1, DOCTOR: 2}

        emulator.set_ingress(ingress["id"], {"description": "changed by hand"})
        delegate(bind, DOMAIN, [], bind.keys[0])
        assert run("schedule") == {REFRESH: 7, CHECK: 0, DOCTOR: 1}
        # Without a refresh, `up` compares the program with the state.
        assert run("push") == {UP: 0}
        assert emulator.ingresses()[0]["description"] == "changed by hand"
        project.shell("pulumi up --refresh --yes --skip-preview")
        assert emulator.ingresses()[0]["description"] == "devices"
        assert bind.referral(DOMAIN) == ns_targets(emulator, DOMAIN)

        bind.stop()
        assert run("schedule") == {REFRESH: 1, CHECK: 0, DOCTOR: 3}
        bind.start()

        # A refresh, as before a rotation, removes a deleted ingress from the state.
        emulator.delete_ingress(ingress["id"])
        project.refresh()
        # The records outlive the ingress.
        assert run("schedule") == {REFRESH: 0, CHECK: 7, DOCTOR: 1}


@pytest.mark.rest
def test_key_rotation(project: Project, emulator: Emulator) -> None:
    project.environment["NGROK_API_KEY"] = ""
    project.config(secret={"ngrok:apiKey": API_KEY})
    project.program('for name in ("kept", "gone"): agin.AgentIngress(name, domain=f"{name}.acme.com")')
    project.up()
    for key in (NEW_KEY, NEXT_KEY):
        emulator.add_key(key, account_of=API_KEY)
    [gone] = [each["id"] for each in emulator.ingresses() if each["domain"] == "gone.acme.com"]
    emulator.delete_ingress(gone)
    project.program('agin.AgentIngress("kept", domain="kept.acme.com")')

    output = project.typed(ROTATION, stdin=NEW_KEY)
    assert output.count("1 deleted") == 1
    emulator.remove_key(API_KEY)

    # The next one, with the old key revoked too early.
    project.config(secret={"ngrok:apiKey": NEXT_KEY})
    emulator.remove_key(NEW_KEY)
    assert "or add --run-program" in project.refresh(fails=True)
    project.pulumi("refresh", "--preview-only", "--run-program", "--expect-no-changes")
    assert "2 unchanged" in project.up()
    project.refresh()
    assert project.names(Project.INGRESS) == {"kept"}

    # A wrong key fails at the second refresh.
    project.config(secret={"ngrok:apiKey": API_KEY})
    assert "2 unchanged" in project.up()
    assert "ERR_NGROK_202" in project.refresh(fails=True)
    assert project.names(Project.INGRESS) == {"kept"}


@pytest.mark.rest
def test_without_the_package_only_the_state_can_be_changed(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("kept", domain="kept.acme.com")')
    project.up()
    (project.folder / "__main__.py").write_text("")
    without = project.folder / "without"
    without.mkdir()
    message = "No module named 'pulumi_agin'"
    (without / "pulumi_agin.py").write_text(f'raise ModuleNotFoundError("{message}")\n')
    project.environment["PYTHONPATH"] = str(without)
    assert message in PAGE
    for command in (project.up, project.refresh, project.destroy):
        assert message in command(fails=True)
    assert project.names(Project.INGRESS) == {"kept"}
    # As of a protected ingress.
    project.typed(f"pulumi state protect --all --yes\n{KEEP}")
    assert project.names(Project.INGRESS) == set()
    assert len(emulator.ingresses()) == 1


def install_requirements(project_folder: Path) -> None:
    """Installs requirements.txt as `pulumi install` does, without its dependencies."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"],
        cwd=project_folder,
        env={**os.environ, **clone.without_dependencies(), **clone.instead_of_fork(), "PIP_TARGET": "to"},
        check=True,
    )
    assert (project_folder / "to" / "pulumi_agin" / "py.typed").exists()


@pytest.mark.rest
def test_requirement_installs_a_commit(tmp_path: Path) -> None:
    commit = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (tmp_path / "requirements.txt").write_text(REQUIREMENT.replace("COMMIT", commit))
    install_requirements(tmp_path)


@pytest.mark.rest
def test_requirement_installs_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "pulumi-agin").symlink_to(ROOT)
    project = tmp_path / "project"
    project.mkdir()
    environment = {**os.environ, **clone.without_dependencies()}
    subprocess.run(["bash", "-euc", BUILD_WHEEL], cwd=project, env=environment, check=True)
    install_requirements(project)
