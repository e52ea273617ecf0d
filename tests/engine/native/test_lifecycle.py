"""An Agent Ingress by the provider plugin: created, left alone, changed, replaced, read, destroyed."""

from __future__ import annotations

import re

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.engine.native.program import INGRESS, LANGUAGES, Call, Json, NativeProject, Ref, Resource, ingress
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, requests
from tests.support.project import UNCHANGED

OUTPUTS = ("domain", "description", "metadata", "nsTargets", "regionDomains", "createdAt", "uri")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_life(project: NativeProject, emulator: Emulator) -> None:
    emulator.configure(order="reversed", upper_case=True)
    policy = {"authority": "letsencrypt"}
    outputs = {name: Ref(f"a.{name}") for name in (*OUTPUTS, "id")}
    outputs["privateKeyType"] = Ref("a.certificateManagementPolicy.privateKeyType")
    project.write({"a": ingress(" Connect.ACME.com. ", description="d", certificateManagementPolicy=policy)}, **outputs)
    # Created: one POST, and every output, in canonical form. The preview checks whether the domain has an ingress.
    up = project.preview_and_up()
    assert "2 to create" in up
    assert "2 created" in up
    assert requests(emulator) == [
        ("GET", None),
        ("POST", {"domain": "connect.acme.com", "description": "d", "certificate_management_policy": policy}),
    ]
    [stored] = emulator.ingresses()
    assert project.outputs() == {
        "id": stored["id"],
        "domain": "connect.acme.com",
        "description": "d",
        "metadata": "",
        "nsTargets": sorted(f"{target}." for target in stored["ns_targets"]),
        "regionDomains": sorted(stored["region_domains"]),
        "createdAt": stored["created_at"],
        "uri": f"/agent_ingresses/{stored['id']}",
        "privateKeyType": "rsa",
    }

    # Nothing changed but how it is spelled: no request at all.
    policy = {**policy, "privateKeyType": "rsa"}
    project.write({"a": ingress("connect.acme.com", description="d", certificateManagementPolicy=policy)}, **outputs)
    same = project.preview_and_up()
    assert same.output.count(UNCHANGED) == 2
    # An update lists all outputs, and a preview those that change.
    assert "--outputs:--" not in same.output.partition("Updating (dev)")[0]
    assert requests(emulator) == []

    # Another account's key: it does not exist there, and stays in the state.
    failed = project.up("--refresh", fails=True, env={"NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    assert "That need not mean that it is gone" in failed.diagnostics
    assert not failed.has_traceback
    assert [resource["id"] for resource in project.resources()] == [stored["id"]]
    requests(emulator)

    # Changed: one PATCH with only what changed, in place.
    policy = {**policy, "privateKeyType": "ecdsa"}
    a = ingress("connect.acme.com", description="new", metadata="m", certificateManagementPolicy=policy)
    project.write({"a": a}, **outputs)
    shown = " ".join(project.preview_and_up().output.split())
    assert "1 to update" in shown
    assert '~ description : "d" => "new"' in shown
    assert "1 updated" in shown
    sent = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert requests(emulator) == [
        ("PATCH", {"description": "new", "metadata": "m", "certificate_management_policy": sent})
    ]

    # Changed by somebody else: shown by a refresh, and mended by the next up.
    emulator.set_ingress(stored["id"], {"description": "theirs"})
    refresh = project.refresh("--diff")
    assert "1 updated" in refresh
    assert re.search(r'~ description *: "new" => "theirs"', refresh.output)
    assert project.resources()[0]["outputs"]["description"] == "theirs"
    requests(emulator)
    assert "1 updated" in project.up()
    assert requests(emulator) == [("PATCH", {"description": "new"})]

    # Removed: cleared in the service and in the state.
    project.write({"a": ingress("connect.acme.com", certificateManagementPolicy=policy)}, **outputs)
    assert "1 updated" in project.up()
    assert requests(emulator) == [("PATCH", {"description": "", "metadata": ""})]
    assert (project.outputs()["description"], project.outputs()["metadata"]) == ("", "")

    # Another domain: the new one is made before the old one goes.
    project.write({"a": ingress("other.acme.com", certificateManagementPolicy=policy)}, **outputs)
    shown = " ".join(project.preview_and_up().output.split())
    assert "1 to replace" in shown
    assert '~ domain : "connect.acme.com" => "other.acme.com"' in shown
    assert "1 replaced" in shown
    assert [method for method, _ in requests(emulator)] == ["GET", "POST", "DELETE"]
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["other.acme.com"]

    # Destroyed.
    assert "2 deleted" in project.destroy()
    assert requests(emulator) == [("DELETE", None)]
    assert emulator.ingresses() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_get_and_functions_read_what_the_stack_does_not_own_in_previews_too(
    project: NativeProject, emulator: Emulator
) -> None:
    # The job goes by the clock: it is there from the beginning, and stays.
    emulator.configure(job_after_seconds=0, issue_after_seconds=10_000)
    policy = {"authority": "letsencrypt"}
    theirs = [
        AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": f"{name}.acme.com", **more})
        for name, more in (("one", {"certificate_management_policy": policy}), ("two", {"metadata": "iot"}))
    ]
    config = {
        "domain": Ref("read.domain"),
        "certificateManagementPolicy": Ref("read.certificateManagementPolicy"),
        "regionDomains": Ref("read.regionDomains"),
        "region": "eu",
    }
    program = {"read": Resource(INGRESS, id=theirs[0].id)}
    outputs = {
        "domain": Ref("read.domain"),
        "id": Ref("read.id"),
        "nsTargets": Ref("read.nsTargets"),
        "status": Json(Ref("read.certificateManagementStatus.provisioningJob.msg")),
        "byDomain": Call("agin:index:getAgentIngress", {"domain": "Two.ACME.com."}, "id"),
        "byId": Call("agin:index:getAgentIngress", {"id": theirs[1].id}, "metadata"),
        "policy": Json(Call("agin:index:getAgentIngress", {"id": theirs[1].id}, "certificateManagementPolicy")),
        "filtered": Call("agin:index:getAgentIngresses", {"filter": 'obj.metadata == "iot"'}, "agentIngresses"),
        "agent": Call("agin:index:agentConfig", config, "yaml"),
    }
    project.write(program, **outputs)
    preview = project.preview().output
    for known in (theirs[1].id, theirs[0].ns_targets[0], "connect_cas", "tunnel.eu.one.acme.com:443"):
        assert known in preview
    project.up()
    got = project.outputs()
    assert (got["domain"], got["id"], got["nsTargets"]) == ("one.acme.com", theirs[0].id, list(theirs[0].ns_targets))
    assert (got["byDomain"], got["byId"], got["policy"]) == (theirs[1].id, "iot", "null")
    assert [(each["id"], each["createdAt"]) for each in got["filtered"]] == [(theirs[1].id, theirs[1].created_at)]
    assert got["agent"] == ('version: 3\nagent:\n  connect_url: "tunnel.eu.one.acme.com:443"\n  connect_cas: "host"\n')
    assert {request["method"] for request in emulator.requests()[2:]} == {"GET"}
    # What is read is not owned.
    project.destroy()
    assert len(emulator.ingresses()) == 2


def test_what_the_stack_owns_can_be_read_too_and_is_still_destroyed(project: NativeProject, emulator: Emulator) -> None:
    project.write({"a": ingress("connect.acme.com"), "read": Resource(INGRESS, id=Ref("a.id"))})
    project.up()
    project.destroy("--run-program")
    assert emulator.ingresses() == []


def test_what_is_not_there_can_not_be_read(project: NativeProject) -> None:
    missing = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
    project.write({"read": Resource(INGRESS, id=missing)})
    failed = project.preview(fails=True)
    assert f"could not read the Agent Ingress {missing}" in failed
    assert "there is no such Agent Ingress in the account of this key" in failed
    project.write({}, found=Call("agin:index:getAgentIngress", {"domain": "none.acme.com"}, "id"))
    assert "there is no Agent Ingress with the domain none.acme.com in the account of the API" in project.preview(
        fails=True
    )


# In YAML: tests/engine/test_native_import.py.
@pytest.mark.parametrize("language", ["typescript"])
def test_the_option_import_takes_over_what_exists(project: NativeProject, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", description="d")
    emulator.clear_requests()
    project.write({"a": ingress("connect.acme.com", {"import": id_}, description="d")})
    assert "1 imported" in project.up()
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    emulator.clear_requests()
    project.write({"a": ingress("connect.acme.com", description="d")})
    assert UNCHANGED in project.up()
    assert emulator.requests() == []
    assert [resource["id"] for resource in project.resources()] == [id_]
