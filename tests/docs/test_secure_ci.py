"""The workflow of docs/operate/secure-ci.md, whose commands run exactly as written, and its policies."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import pickle
import platform
import re
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.background import in_background
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.linked_pytest import link_pytest
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operate" / "secure-ci.md").read_text()
[WORKFLOW] = blocks(PAGE, "yaml")
TRUST, ROUTE_53 = map(json.loads, blocks(PAGE, "json"))
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW)["jobs"]
DOMAIN = "connect.acme.com"

# An access token of the same account, for the environment `prod-preview`.
READ_ONLY = "ngrok_pat_" + API_KEY.replace("2tst", "2rea")
KEYS = {"prod-preview": READ_ONLY, "prod": API_KEY}

SELECT, RUN_TESTS = "pulumi stack select acme/prod", "venv/bin/python -m pytest"
PREVIEW, UP, DRIFT = "pulumi preview --diff", "pulumi up --yes", "pulumi preview --refresh --expect-no-changes"
REFRESHED_PREVIEW, REFRESHED_UP = "pulumi preview --refresh --diff", "pulumi up --refresh --yes"
DOCTOR = "venv/bin/pulumi-agin doctor --all --stack acme/prod || test $? = 3"


def test_workflow_is_valid_and_pins_its_actions(tmp_path: Path) -> None:
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
    actions = set(re.findall(r"uses: (.*)", WORKFLOW))
    for action in actions:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action), action
    [checkout] = [action for action in actions if action.startswith("actions/checkout@")]
    assert checkout in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_pull_request_gets_no_secret_and_no_token() -> None:
    assert JOBS.keys() == {"test", "preview", "up"}
    assert JOBS["test"]["permissions"] == {"contents": "read"}
    assert not JOBS["test"].keys() & {"env", "environment"}
    assert "secrets." not in json.dumps(JOBS["test"])
    for event in ("push", "schedule", "workflow_dispatch"):
        assert runs("test", event) is False
    assert [name for name in JOBS if runs(name, "pull_request")] == ["test"]


def test_policies_trust_the_environment_of_the_job() -> None:
    [statement] = TRUST["Statement"]
    subject = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subject == f"repo:acme/infra:environment:{JOBS['up']['environment']}"
    assert f"| `repo:acme/infra:environment:{JOBS['preview']['environment']}` |" in PAGE
    # Every team and role of the workflow is one of the page.
    outside = PAGE.replace(WORKFLOW, "")
    steps = [step.get("with", {}) for job in JOBS.values() for step in job["steps"]]
    scopes = {step["scope"] for step in steps if "scope" in step}
    roles = {step["role-to-assume"].partition("/")[2] for step in steps if "role-to-assume" in step}
    assert (len(scopes), len(roles)) == (2, 2)
    for name in scopes | roles:
        assert f"`{name}`" in outside, name


def test_route_53_policy_is_limited_to_the_records() -> None:
    changes = [each for each in ROUTE_53["Statement"] if each["Action"] == "route53:ChangeResourceRecordSets"]
    [condition] = [each["Condition"] for each in changes]
    limits = condition["ForAllValues:StringEquals"]
    assert [*limits.values()] == [[DOMAIN], ["NS"]]
    # `ForAllValues` alone would allow a request without the key.
    assert condition["Null"] == dict.fromkeys(limits, "false")


def runs(job: str, event: str) -> bool:
    """Returns whether a job or a step with this condition runs for an event, if nothing has failed."""
    return is_true(JOBS[job]["if"], event)


def is_true(condition: str, event: str) -> bool:
    alternatives = []
    for alternative in condition.split(" || "):
        terms = set(alternative.split(" && ")) - {"success()", "!cancelled()"}
        assert len(terms) == 1, condition
        match = re.fullmatch(r"github\.event_name (==|!=) '(\w+)'", terms.pop())
        assert match, condition
        alternatives.append((match[2] == event) == (match[1] == "=="))
    return any(alternatives)


@dataclass(frozen=True)
class Step:
    """A step that runs a command."""

    job: str
    command: str
    has_key: bool


def steps(event: str) -> Iterator[Step]:
    """Yields the steps with commands that the workflow runs for an event."""
    for name, job in JOBS.items():
        if runs(name, event):
            for step in job["steps"]:
                if "run" in step and is_true(step.get("if", f"github.event_name == '{event}'"), event):
                    key = step.get("env", {}).get("NGROK_API_KEY")
                    assert key in (None, "${{ secrets.NGROK_API_KEY }}")
                    yield Step(name, step["run"], has_key=key is not None)


# Every job needs the packages.
[INSTALL] = {step["run"] for job in JOBS.values() for step in job["steps"] if "pip install" in step.get("run", "")}
NEWEST = next(step.command for step in steps("push") if "gh api" in step.command)


def test_commands_of_each_event() -> None:
    commands = {
        "pull_request": {"test": [INSTALL, RUN_TESTS]},
        "schedule": {"preview": [NEWEST, INSTALL, SELECT, DRIFT, DOCTOR]},
        "push": {"preview": [NEWEST, INSTALL, SELECT, PREVIEW], "up": [NEWEST, INSTALL, SELECT, UP]},
        "workflow_dispatch": {
            "preview": [NEWEST, INSTALL, SELECT, REFRESHED_PREVIEW],
            "up": [NEWEST, INSTALL, SELECT, REFRESHED_UP],
        },
    }
    for event, jobs in commands.items():
        assert [(step.job, step.command) for step in steps(event)] == [
            (job, command) for job, of_job in jobs.items() for command in of_job
        ]


@pytest.mark.parametrize(("newest", "status"), [("c0ffee", 0), ("decade", 1)])
def test_only_the_newest_commit_is_deployed(newest: str, status: int, tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text(
        f'#!/bin/sh\ntest "$*" = "api repos/acme/infra/git/ref/heads/main --jq .object.sha" && echo {newest}\n'
    )
    gh.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "acme/infra"}
    ran = subprocess.run(["bash", "-e", "-c", NEWEST], env={**environment, "GITHUB_SHA": "c0ffee"}, check=False)
    assert ran.returncode == status


@pytest.mark.rest
def test_only_files_with_the_hashes_are_installed(project: Project, tmp_path: Path) -> None:
    wheels = project.folder / "wheels"
    without_dependencies = {**os.environ, **clone.without_dependencies()}
    source = str(clone.copy(tmp_path))
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(wheels), source]
    subprocess.run(build, env=without_dependencies, check=True)
    [wheel] = wheels.iterdir()
    # As uv compiles it.
    requirement = f"./wheels/{wheel.name} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (project.folder / "requirements.txt").write_text(requirement)
    offline = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # Code in a committed environment would run, too.
    committed = project.folder / "venv" / "committed"
    committed.parent.mkdir()
    committed.touch()
    project.typed(INSTALL, **offline)
    assert not committed.exists()
    assert list(project.folder.glob("venv/lib/python*/site-packages/pulumi_agin/only_in_clone.py"))

    # The same version from other code.
    (tmp_path / "pulumi_agin" / "only_in_clone.py").write_text("evil = True")
    subprocess.run(build, env=without_dependencies, check=True)
    with pytest.raises(AssertionError, match="DO NOT MATCH THE HASHES"):
        project.typed(INSTALL, **offline)
    # The name alone, if an index has such a package.
    (project.folder / "requirements.txt").write_text("pulumi-agin[aws,doctor,emulator]\n")
    with pytest.raises(AssertionError, match="all requirements must have their versions pinned"):
        project.typed(INSTALL, **offline, PIP_FIND_LINKS=str(wheels))


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
    emulator.add_key(READ_ONLY, account_of=API_KEY)
    with Bind(bind_programs, tmp_path / "bind", [Key("agin", [DOMAIN])]) as bind:
        write_program(project, bind)
        # The rule that the page links to is the one of this server.
        assert "../reference/dns-adapters.md#rfc2136" in PAGE
        [rule] = re.findall(r'(grant "agin" .*?;)', (ROOT / "docs" / "reference" / "dns-adapters.md").read_text())
        assert rule in (bind.folder / "named.conf").read_text()

        def run(event: str, job: str, **environment: str) -> dict[str, int]:
            """Returns the exit status of each command. Like GitHub, it uses another shell for each."""
            statuses = {}
            emulator.clear_requests()
            for step in steps(event):
                if step.job != job or step.command in (INSTALL, NEWEST):
                    continue
                # The organization of the local backend. DNS is in no public zone.
                line = step.command.replace("acme/", "organization/").replace(
                    "doctor ", f"doctor --dns {bind.address} "
                )
                key = {"NGROK_API_KEY": KEYS[JOBS[job]["environment"]] if step.has_key else ""}
                output = project.shell(f"bash -e -c '{line}' || echo status $?", env=key | environment)
                statuses[step.command] = int((re.findall(r"^status (\d+)$", output, re.MULTILINE) or [0])[0])
            assert statuses.pop(SELECT) == 0
            if job == "preview":
                assert {request["method"] for request in emulator.requests()} <= {"GET"}
            return statuses

        assert run("push", "preview") == {PREVIEW: 0}
        assert run("push", "up") == {UP: 0}
        [ingress] = emulator.ingresses()
        emulator.set_ingress(ingress["id"], {"region_domains": [*ingress["region_domains"], f"tunnel.xx.{DOMAIN}"]})
        assert run("schedule", "preview") == {DRIFT: 0, DOCTOR: 0}
        assert run("push", "preview") == {PREVIEW: 0}
        # The key is not in the state.
        assert run("schedule", "preview", NGROK_API_KEY="") == {DRIFT: 1, DOCTOR: 1}

        # With the word of the page instead of a key.
        [word] = re.findall(r"^\| the word `(\w+)`, in the job's steps", PAGE, re.MULTILINE)
        project.edit({'"devices"': '"sensors"'})
        assert run("push", "preview", NGROK_API_KEY=word) == {PREVIEW: 0}
        # The program has a change that `up` has not made.
        assert run("schedule", "preview") == {DRIFT: 7, DOCTOR: 0}
        assert run("schedule", "preview", NGROK_API_KEY=word) == {DRIFT: 1, DOCTOR: 1}
        project.edit({'"sensors"': '"devices"'})

        emulator.set_ingress(ingress["id"], {"description": "changed by hand"})
        assert run("schedule", "preview") == {DRIFT: 7, DOCTOR: 0}
        emulator.set_ingress(ingress["id"], {"description": "devices"})
        delegate(bind, DOMAIN, [], bind.keys[0])
        assert run("schedule", "preview") == {DRIFT: 7, DOCTOR: 1}
        # Without a refresh, `up` compares the program with the state.
        emulator.set_ingress(ingress["id"], {"description": "changed by hand"})
        assert run("push", "up") == {UP: 0}
        assert emulator.ingresses()[0]["description"] == "changed by hand"
        assert run("workflow_dispatch", "preview") == {REFRESHED_PREVIEW: 0}
        assert run("workflow_dispatch", "up") == {REFRESHED_UP: 0}
        assert emulator.ingresses()[0]["description"] == "devices"
        assert bind.referral(DOMAIN) == ns_targets(emulator, DOMAIN)

        # Status 3 of doctor does not fail the job.
        bind.stop()
        assert run("schedule", "preview") == {DRIFT: 1, DOCTOR: 0}
        bind.start()

        # With another key, a deleted ingress can't be told from one of another account. The records outlive it.
        emulator.delete_ingress(ingress["id"])
        assert run("schedule", "preview") == {DRIFT: 1, DOCTOR: 1}
        assert run("schedule", "preview", NGROK_API_KEY=API_KEY) == {DRIFT: 7, DOCTOR: 1}
        # The job `up` has the key of the last one.
        assert run("workflow_dispatch", "preview") == {REFRESHED_PREVIEW: 1}
        assert run("workflow_dispatch", "up") == {REFRESHED_UP: 0}
        assert bind.referral(DOMAIN) == ns_targets(emulator, DOMAIN)


def test_only_a_run_by_hand_goes_on_after_a_failed_preview() -> None:
    condition = JOBS["up"]["if"]
    # Without a status function, GitHub would add success() to all of it.
    assert [("success()" in each, "!cancelled()" in each) for each in condition.split(" || ")] == [
        (True, False),
        (False, True),
    ]
    assert "'push'" in condition.split(" || ")[0]


class Pickled:
    """When it is loaded, a command runs."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.rest
def test_state_can_run_code(project: Project, tmp_path: Path) -> None:
    project.program(f'agin.AgentIngress("connect", domain="{DOMAIN}")')
    project.up()
    state = project.state()
    ran = tmp_path / "ran"

    # In Python, with a refresh.
    [ingress] = [each for each in state["deployment"]["resources"] if each["type"] == Project.INGRESS]
    own = ingress["outputs"]["__provider"]
    ingress["outputs"]["__provider"] = base64.b64encode(pickle.dumps(Pickled(f"env > {ran}"))).decode()
    project.write_state(state)
    project.preview()
    assert not ran.exists()
    project.preview("--refresh", fails=True)
    assert API_KEY in ran.read_text()
    ran.unlink()
    ingress["outputs"]["__provider"] = own

    # In every language.
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    plugin = tmp_path / "pulumi-resource-evil"
    plugin.write_text(f"#!/bin/sh\nenv > {ran}\n")
    plugin.chmod(0o755)
    system = f"{platform.system()}-{platform.machine()}".lower().replace("x86_64", "amd64").replace("aarch64", "arm64")
    with tarfile.open(downloads / f"pulumi-resource-evil-v1.0.0-{system}.tar.gz", "w:gz") as archive:
        archive.add(plugin, plugin.name)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(downloads))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with in_background(server):
        url = f"http://127.0.0.1:{server.server_port}"
        inputs = {"version": "1.0.0", "__internal": {"pluginDownloadURL": url}}
        provider = {
            "urn": "urn:pulumi:dev::test::pulumi:providers:evil::default_1_0_0",
            "type": "pulumi:providers:evil",
            "id": str(uuid.uuid4()),
            "custom": True,
            "inputs": inputs,
            "outputs": inputs,
        }
        resource = {
            "urn": "urn:pulumi:dev::test::evil:index:Evil::evil",
            "type": "evil:index:Evil",
            "id": "evil",
            "custom": True,
            "provider": f"{provider['urn']}::{provider['id']}",
        }
        state["deployment"]["resources"] += [provider, resource]
        project.write_state(state)
        project.preview(fails=True)
    assert API_KEY in ran.read_text()


@pytest.mark.rest
def test_pull_request_job_runs_tests_without_keys(project: Project, tmp_path: Path) -> None:
    (project.folder / "venv").symlink_to(project.user_env)
    (project.folder / "test_program.py").write_text(
        'pytest_plugins = ["pulumi_agin.emulator.pytest_plugin"]\n\n\n'
        "def test_emulator(agin_emulator):\n    assert agin_emulator.requests() == []\n"
    )
    project.environment.pop("NGROK_API_KEY")
    packages = link_pytest(tmp_path / "pytest")
    [_, step] = steps("pull_request")
    assert "1 passed" in project.shell(step.command, env={"PYTHONPATH": str(packages), "PYTEST_ADDOPTS": "--quiet"})
