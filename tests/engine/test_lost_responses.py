"""Requests whose outcome is unknown, and other faults of the network, with the `up` that follows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.ports import closed_port
from tests.support.project import Project

# By the resource that meets it: lost before ngrok has done it, after that, and failures of a gateway.
FAULTS: dict[str, dict[str, Any]] = {
    "before": {"kind": "reset_before"},
    "after": {"kind": "reset_after"},
    "away": {"kind": "respond", "status": 503},
    "garbled": {"kind": "respond_after", "status": 502, "body": f"<html>{API_KEY}</html>"},
}
PROGRAM = """
    for name in NAMES:
        agin.AgentIngress(name, domain=f"{name}.acme.com", description="DESCRIPTION")
    """


def add_faults(emulator: Emulator, method: str) -> None:
    for name, fault in FAULTS.items():
        emulator.add_fault(method, domain=f"{name}.acme.com", **fault)


def in_state(project: Project) -> dict[str, str]:
    return {each["id"]: each["outputs"]["description"] for each in project.resources()}


def at_ngrok(emulator: Emulator) -> dict[str, str]:
    return {each["id"]: each["description"] for each in emulator.ingresses()}


@pytest.mark.main
def test_lost_responses_lose_and_duplicate_nothing(project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    program = PROGRAM.replace("NAMES", json.dumps([*FAULTS]))
    project.program(program.replace("DESCRIPTION", "one"))
    add_faults(emulator, "POST")
    output = project.up().output
    assert emulator.unused_faults() == []
    assert in_state(project) == at_ngrok(emulator)
    assert len(emulator.ingresses()) == len(FAULTS)

    project.program(program.replace("DESCRIPTION", "two"))
    add_faults(emulator, "PATCH")
    output += project.up().output
    assert emulator.unused_faults() == []
    assert in_state(project) == at_ngrok(emulator)
    assert set(at_ngrok(emulator).values()) == {"two"}

    # A rate limit is waited for.
    emulator.add_fault("GET", "respond", status=429, headers={"Retry-After": "1"})
    output += project.refresh().output
    add_faults(emulator, "DELETE")
    output += project.destroy().output
    assert emulator.unused_faults() == []
    assert emulator.ingresses() == []
    project.assert_no_key(output)


def test_update_of_unknown_outcome_needs_update_or_reverted(project: Project, emulator: Emulator) -> None:
    project.environment["NGROK_API_TIMEOUT_SECONDS"] = "4"
    project.program('agin.AgentIngress("connect", domain="connect.acme.com", description="one")')
    project.up()

    # ngrok has done it, and no response says so.
    emulator.add_fault("PATCH", "reset_after", times=None)
    emulator.add_fault("GET", "reset_before", times=None)
    project.edit({'"one"': '"two"'})
    failed = project.up(fails=True)
    assert "Before you revert the program, run `pulumi refresh`" in failed.messages["connect"]
    assert not failed.has_traceback
    emulator.clear_faults()
    assert list(in_state(project).values()) == ["one"]
    assert list(at_ngrok(emulator).values()) == ["two"]

    # As the message says, a refresh comes before the revert.
    project.edit({'"two"': '"one"'})
    project.refresh()
    assert "1 updated" in project.up()
    assert in_state(project) == at_ngrok(emulator)
    assert list(at_ngrok(emulator).values()) == ["one"]


def test_what_ngrok_does_not_change_fails_and_is_tried_again(project: Project, emulator: Emulator) -> None:
    program = 'agin.AgentIngress("connect", domain="connect.acme.com"POLICY)'
    project.program(program.replace("POLICY", ', certificate_management_policy={"authority": "letsencrypt"}'))
    project.up()
    emulator.configure(null_policy="ignored")
    project.program(program.replace("POLICY", ""))
    failed = project.up(fails=True)
    assert "ngrok did not change certificate_management_policy" in failed.messages["connect"]
    emulator.configure(null_policy="removes")
    assert "1 updated" in project.up()
    [ingress] = emulator.ingresses()
    assert ingress["certificate_management_policy"] is None


def test_dead_server_fails_and_changes_no_state(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    project.up()
    before = in_state(project)
    project.environment["NGROK_API_TIMEOUT_SECONDS"] = "2"
    emulator.stop()
    with closed_port(emulator.url):
        for failed in (project.refresh(fails=True), project.destroy(fails=True)):
            assert f"no connection to {emulator.url}: Connection refused" in failed.messages["connect"]
            assert not failed.has_traceback
    emulator.start()
    assert in_state(project) == before


def test_two_stacks_that_create_one_domain_at_once(project: Project, emulator: Emulator) -> None:
    """Only one of them owns it: to its first attempt, ERR_NGROK_6706 is never about its own ingress."""
    emulator.configure(limit=0)
    project.program('agin.AgentIngress("connect", domain="connect.acme.com", description="same")')
    project.pulumi("stack", "init", "other", "--secrets-provider", project.secrets_provider or "passphrase")
    # Both are under way before ngrok responds to one.
    emulator.add_fault("POST", "delay", seconds=3, times=2)
    runs = []
    with ThreadPoolExecutor() as pool:
        for stack in ("dev", "other"):
            runs.append(pool.submit(_up, project, stack))
        codes = sorted(each.result() for each in runs)
    assert codes == [0, 255] or codes == [0, 1]
    assert len(emulator.ingresses()) == 1


def _up(project: Project, stack: str) -> int:
    with project.start("up", "--yes", "--skip-preview", "--stack", stack) as process:
        process.communicate()
    return process.returncode
