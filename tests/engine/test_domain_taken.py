"""An ingress that is there already: what the error says, and that the line that it ends with takes it over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import UNCHANGED, Project, Result
from tests.support.waiting import until

TOP = 'agin.AgentIngress("a", domain="connect.acme.com", description="ours", metadata=\'{"team": "iot"}\')'

# Two of a kind, of which only one has the ingress: its URN does not tell which.
CHILD = """
class Gateway(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Gateway", name, None, opts)

Gateway("other")
gateway = Gateway("gateway's", OPTS)
agin.AgentIngress("a", domain="connect.acme.com", opts=pulumi.ResourceOptions(parent=gateway))
"""

SECOND = f'second = agin.Provider("second", api_key="{OTHER_ACCOUNTS_KEY}")\n'


def line_to_paste(failed: Result) -> str:
    """The command at the end of the error: the last that its resource's diagnostics say."""
    lines = [line.strip() for line in failed.output.partition("Diagnostics:")[2].splitlines()]
    [number] = {number for number, line in enumerate(lines) if " import " in line and "pulumi-agin" in line}
    # After it come a blank line, or what the CLI itself says of a program that failed.
    assert lines[number + 1] == "" or lines[number + 1].startswith("error: an unhandled error occurred")
    return lines[number]


def paste(project: Project, line: str, folder: Path | None = None) -> str:
    """Runs a line in a shell in the project's folder."""
    run = subprocess.run(
        ["bash", "-c", line],
        cwd=folder or project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


@pytest.mark.parametrize(
    "program",
    [TOP, SECOND + CHILD.replace("OPTS", "pulumi.ResourceOptions(providers=[second])")],
    ids=["top", "child-with-provider"],
)
def test_a_create_that_was_killed_is_taken_over_by_the_line_that_the_error_ends_with(
    program: str, project: Project, emulator: Emulator
) -> None:
    project.config(secret={"ngrok:apiKey": API_KEY}, plain={"ngrok:apiBaseUrl": emulator.url})
    project.environment = {k: v for k, v in project.environment.items() if not k.startswith("NGROK_")}
    project.program(program)
    taken_over(project, emulator)


def test_what_was_taken_over_is_a_resource_like_any_other(project: Project, emulator: Emulator) -> None:
    project.program(TOP)
    # Pulumi tells of the create that was cut off until a refresh clears it.
    assert "interrupted while creating" in taken_over(project, emulator)
    project.refresh("--clear-pending-creates")
    up = project.up()
    assert UNCHANGED in up
    assert "warning" not in up
    project.destroy()
    assert emulator.ingresses() == []


def taken_over(project: Project, emulator: Emulator) -> Result:
    """The `up` that finds nothing to do, after a create that was killed and the line that the next `up` ended with."""
    emulator.add_fault("POST", "hang", after=True)
    killed_during_create(project, emulator)
    project.pulumi("cancel", "--yes")

    failed = project.up(fails=True)
    [ingress] = emulator.ingresses()
    assert f"The one that has it is {ingress['id']}" in failed.diagnostics
    line = line_to_paste(failed)
    assert "pulumi-agin import" in line
    assert not failed.has_traceback
    assert API_KEY[:8] not in failed

    paste(project, line)
    emulator.clear_requests()
    up = project.up()
    assert "created" not in up
    assert "updated" not in up
    assert emulator.requests() == []
    assert [resource["id"] for resource in project.resources()] == [ingress["id"]]
    assert len(emulator.ingresses()) == 1
    return up


def killed_during_create(project: Project, emulator: Emulator) -> None:
    """`pulumi up`, killed when ngrok has made the ingress and has not answered yet."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # A session of its own, so that the plugin that outlives it can be found and ended.
    up = project.start("up", "--yes", "--skip-preview", **quiet, start_new_session=True)
    until("the ingress is made", emulator.ingresses)
    up.kill()
    up.wait()
    subprocess.run(["pkill", "-KILL", "-s", str(up.pid)], check=False)


def test_the_line_imports_into_the_stack_that_failed_whichever_is_selected(
    project: Project, emulator: Emulator
) -> None:
    project.program(TOP)
    project.config(secret={"ngrok:apiKey": API_KEY})
    del project.environment["NGROK_API_KEY"]
    project.up()
    [ingress] = emulator.ingresses()
    project.pulumi("state", "delete", "--yes", project.resources()[0]["urn"])
    project.init("prod")
    line = line_to_paste(project.up("--stack", "dev", fails=True))
    assert f"import {ingress['id']} " in line
    paste(project, line)
    assert project.resources() == []
    project.select("dev")
    assert "2 unchanged" in project.up()
    assert [i["id"] for i in emulator.ingresses()] == [ingress["id"]]


def test_a_domain_of_another_account_is_said_to_be_one(project: Project, emulator: Emulator) -> None:
    project.program(TOP)
    project.up(env={"NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    project.init("prod")
    failed = project.up(fails=True)
    assert "ngrok lists none with this domain for this key, so another account has it" in failed.diagnostics
    assert len(emulator.ingresses()) == 1


def test_import_in_the_program_is_refused_with_the_way_that_works(project: Project, emulator: Emulator) -> None:
    project.program(TOP)
    project.up()
    [ingress] = emulator.ingresses()
    project.pulumi("state", "delete", "--yes", project.resources()[0]["urn"])
    emulator.clear_requests()

    project.program(f'{TOP[:-1]}, opts=pulumi.ResourceOptions(import_="{ingress["id"]}"))')
    failed = project.pulumi("preview", fails=True)
    assert "can't be imported by ResourceOptions(import_=…)" in failed
    assert not failed.has_traceback
    assert emulator.requests() == []

    line = line_to_paste(failed)
    project.program(TOP)
    paste(project, line)
    assert "2 unchanged" in project.up()


def test_a_create_whose_outcome_is_unknown_ends_with_the_command_that_finds_out(
    project: Project, emulator: Emulator
) -> None:
    project.program(TOP)
    emulator.add_fault("POST", "reset_after", times=None)
    emulator.add_fault("GET", "answer", times=None, status=400, json_body={"msg": "no", "status_code": 400})
    failed = project.up(fails=True, env={"NGROK_API_TIMEOUT_SECONDS": "4"})
    assert "it is unknown whether the Agent Ingress connect.acme.com was made" in failed.diagnostics
    line = line_to_paste(failed)
    emulator.clear_faults()
    assert emulator.ingresses()[0]["id"] in paste(project, line)
    paste(project, line_to_paste(project.up(fails=True)))
    assert "2 unchanged" in project.up()
