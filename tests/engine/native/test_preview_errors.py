"""Previews that say what an update would fail at."""

from __future__ import annotations

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.engine.native.program import INGRESS, LANGUAGES, Call, NativeProject, Ref, ingress
from tests.support.keys import API_KEY
from tests.support.project import UNCHANGED

URN = f"urn:pulumi:dev::test::{INGRESS}::"
POLICY = {"authority": "letsencrypt"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_wrong_settings_are_one_error_however_many_resources_there_are(
    project: NativeProject, emulator: Emulator
) -> None:
    project.write({f"a{n}": ingress(f"d{n}.acme.com") for n in range(30)})
    for failed in (
        project.pulumi("preview", fails=True, env={"NGROK_API_KEY": ""}),
        project.up(fails=True, env={"NGROK_API_KEY": ""}),
    ):
        assert failed.diagnostics.count("there is no ngrok API key: set it with `pulumi config set --secret") == 1
        assert "Traceback" not in failed
    assert emulator.requests() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_resources_with_one_domain_are_an_error_that_names_both(project: NativeProject, emulator: Emulator) -> None:
    project.write({"a": ingress("connect.acme.com")})
    project.up()
    project.write({"a": ingress("connect.acme.com"), "b": ingress("Connect.ACME.com.")})
    failed = project.pulumi("preview", fails=True)
    assert f"The new one is {URN}b: give it another domain, or remove it from the program" in failed.diagnostics
    assert f"{INGRESS} (a)" in failed or f"{URN}a has this domain too" in failed
    assert not failed.has_traceback
    # So does one that a preview knows by its reference.
    project.write({"a": ingress("other.acme.com"), "b": ingress(Ref("a.domain"))})
    assert "has this domain too" in project.preview(fails=True)
    assert len(emulator.ingresses()) == 1


def test_a_preview_warns_of_a_domain_that_has_an_ingress(project: NativeProject, emulator: Emulator) -> None:
    project.write({"a": ingress("connect.acme.com")})
    project.up()
    [made] = project.resources()
    left = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": "left.acme.com"})
    # One that the same run imports is none that is to be created.
    imported = {"left": ingress("left.acme.com", {"import": left.id}), "free": ingress("free.acme.com")}
    project.write({"b": ingress("connect.acme.com"), **imported})
    emulator.clear_requests()
    preview = project.pulumi("preview")
    [warning] = preview.diagnostics.split("warning: ")[1:]
    assert warning.startswith("connect.acme.com already has an Agent Ingress, so `pulumi up` will fail")
    assert f"The one that has it is {made['id']}, created at {made['outputs']['createdAt']}" in warning
    assert (
        "renamed or moved in the program, give the resource its old name or parent in the option `aliases`" in warning
    )
    assert f"agin:index:AgentIngress b {made['id']}" in warning
    assert "GET /agent_ingresses" in emulator.counts()
    project.write({"b": ingress("connect.acme.com", {"aliases": [made["urn"]]}), **imported})
    assert "warning" not in project.pulumi("preview")


def test_a_replacement_that_keeps_the_domain_deletes_the_old_one_first(
    project: NativeProject, emulator: Emulator
) -> None:
    options = {"replaceOnChanges": ["description"]}
    project.write({"a": ingress("connect.acme.com", options)})
    project.up()
    [before] = emulator.ingresses()
    project.write({"a": ingress("connect.acme.com", options, description="new")})
    preview = project.pulumi("preview")
    assert "1 to replace" in preview
    assert "warning" not in preview
    assert "1 replaced" in project.up()
    [after] = emulator.ingresses()
    assert after["id"] != before["id"]
    assert after["description"] == "new"


def test_a_lookup_of_an_ingress_that_is_to_be_created_says_how_to_look_it_up(project: NativeProject) -> None:
    lookup = "agin:index:getAgentIngress"
    a = {"a": ingress("connect.acme.com")}
    project.write(a, found=Call(lookup, {"domain": Ref("a.domain")}, "id"))
    failed = project.pulumi("preview", fails=True)
    assert f"because {URN}a is still to be created. Use the outputs of that resource in place of the lookup" in failed
    project.write(a, found=Call(lookup, {"id": Ref("a.id")}, "domain"))
    assert "found: [unknown]" in project.pulumi("preview", "--diff")
    project.up()
    assert project.outputs()["found"] == "connect.acme.com"


def test_two_names_of_one_ingress_end_in_the_line_that_forgets_one(project: NativeProject, emulator: Emulator) -> None:
    both = {"a": ingress("connect.acme.com"), "b": ingress("connect.acme.com")}
    project.write({"a": both["a"]})
    project.up()
    id_ = project.import_again(f"{URN}a", f"{URN}b")
    project.write(both)
    failed = project.pulumi("preview", fails=True)
    assert f"Both are in the state with {id_}, as after an import under a second name." in failed
    [line] = {line.strip() for line in failed.output.splitlines() if "pulumi state delete" in line}
    project.shell(line)
    [left] = project.resources()
    name = left["urn"][-1]
    project.write({name: both[name]})
    assert UNCHANGED in project.up()
    assert [each["id"] for each in emulator.ingresses()] == [left["id"]]


def test_the_preview_of_a_removed_policy_warns_that_ngrok_keeps_it(project: NativeProject) -> None:
    project.write({"a": ingress("connect.acme.com", certificateManagementPolicy=POLICY)})
    project.up()
    project.write({"a": ingress("connect.acme.com")})
    preview = project.pulumi("preview")
    [warning] = preview.diagnostics.split("warning: ")[1:]
    assert warning.startswith("ngrok will keep the certificateManagementPolicy that this update is to remove")
    assert "give the resource the option `deleteBeforeReplace: true`" in warning
    assert f"pulumi up --replace {URN}a" in warning
    # What does not remove it by an update is not warned of.
    for options in (
        {"replaceOnChanges": ["certificateManagementPolicy"], "deleteBeforeReplace": True},
        {"ignoreChanges": ["certificateManagementPolicy"]},
    ):
        project.write({"a": ingress("connect.acme.com", options, description="new")})
        assert "warning:" not in project.pulumi("preview")
    project.write({"a": ingress("connect.acme.com", {"deleteBeforeReplace": True})})
    assert "ngrok will keep" not in project.pulumi("preview", "--replace", f"{URN}a")
