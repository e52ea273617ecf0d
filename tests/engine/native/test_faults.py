"""Faults of the network and of ngrok: what this door says, and what the engine makes of it.

The whole table is that of tests/servicer. What the engine does with each kind is that of tests/engine/test_faults.py.
"""

from __future__ import annotations

import re

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.native.names import camel_case
from tests.engine.native.program import INGRESS, LANGUAGES, NativeProject, Resource, ingress
from tests.engine.test_faults import (
    WANTED,
    assert_agree,
    live_through_all_that_passes_by,
    lose_nothing_after_the_post,
)


def one(description: str) -> dict[str, Resource]:
    return {"a": ingress("connect.acme.com", description=description)}


def ten(description: str) -> dict[str, Resource]:
    return {f"a{number}": ingress(f"d{number}.acme.com", description=description) for number in range(10)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_life_in_which_everything_that_passes_by_happens(project: NativeProject, emulator: Emulator) -> None:
    live_through_all_that_passes_by(project, emulator, lambda description: project.write(ten(description)))


def test_a_service_that_is_away_is_waited_for_and_that_is_said_while_it_lasts(
    project: NativeProject, emulator: Emulator
) -> None:
    def see(line: str) -> None:
        if re.search(r"agin:index:AgentIngress a creating \(\d+s\) still waiting to create the Agent Ingress co", line):
            emulator.clear_faults()

    project.write(one("d"))
    emulator.add_fault("POST", "answer", status=503, times=None)
    up = project.up(on_line=see)
    assert "2 created" in up
    assert "still waiting" not in up.diagnostics
    assert_agree(project, emulator)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_update_a_refresh_and_a_delete_fail_with_one_sentence(project: NativeProject, emulator: Emulator) -> None:
    project.write(one("old"))
    project.up()
    before = project.resources()
    id_ = before[0]["id"]
    project.write(one("new"))
    emulator.add_fault(None, "answer", times=None, status=200, body="<html>{api_key}</html>")
    failed = project.up(fails=True).sentence
    unknown = f"it is unknown whether the Agent Ingress connect.acme.com ({id_}) was changed: an answer was lost ("
    assert failed.startswith(f"{unknown}could not update the Agent Ingress connect.acme.com ({id_}): ")
    failed = project.refresh(fails=True).sentence
    assert failed.startswith(f"could not read the Agent Ingress connect.acme.com ({id_}): ")
    failed = project.destroy(fails=True).sentence
    assert failed.startswith(f"could not delete the Agent Ingress connect.acme.com ({id_}): ")
    assert [r["outputs"] for r in project.resources()] == [r["outputs"] for r in before]
    emulator.clear_faults()
    assert "1 updated" in project.up()
    assert_agree(project, emulator)


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_the_post_nothing_is_lost_and_the_next_up_goes_on_in_place(project: NativeProject) -> None:
    project.write({"a": Resource(INGRESS, {camel_case(name): value for name, value in WANTED.items()})})
    lose_nothing_after_the_post(project, "certificateManagementPolicy")


def test_a_replacement_by_one_of_the_same_domain_says_how_it_can_be_done(
    project: NativeProject, emulator: Emulator
) -> None:
    project.write(one("d"))
    project.up()
    [before] = project.resources()
    refused = project.up("--replace", before["urn"], fails=True).sentence
    assert f"The one that has it is {before['id']}" in refused
    assert "deleteBeforeReplace: true" in refused
    assert "ResourceOptions" not in refused
    project.write({"a": ingress("connect.acme.com", {"deleteBeforeReplace": True}, description="d")})
    assert "1 replaced" in project.up("--replace", before["urn"])
    assert project.resources()[0]["id"] != before["id"]
    assert_agree(project, emulator)
