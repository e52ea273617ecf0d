"""Agent Ingresses of a program in YAML: created, changed, replaced, refreshed and destroyed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.project import Project

TYPE = "agin:index:AgentIngress"

# Each resource is named for the change.
PROGRAM = """
    resources:
      unchanged:
        type: agin:AgentIngress
        properties:
          domain: " Unchanged.ACME.com. "
          description: same
          certificateManagementPolicy: {authority: letsencrypt}
      updated: {type: agin:AgentIngress, properties: {domain: updated.acme.com, description: one, metadata: one}}
      built-on-updated:
        type: agin:AgentIngress
        properties:
          domain: built-on-updated.acme.com
          metadata:
            fn::toJSON: ["${updated.nsTargets}", "${updated.createdAt}", "${updated.certificateManagementPolicy}"]
      cleared: {type: agin:AgentIngress, properties: {domain: cleared.acme.com, description: one, metadata: one}}
      policy:
        type: agin:AgentIngress
        properties: {domain: policy.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      built-on-policy:
        type: agin:AgentIngress
        properties:
          domain: built-on-policy.acme.com
          metadata: {fn::toJSON: "${policy.certificateManagementPolicy}"}
      ignored:
        type: agin:AgentIngress
        properties: {domain: ignored.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
        options: {ignoreChanges: [certificateManagementPolicy]}
      other-domain: {type: agin:AgentIngress, properties: {domain: before.acme.com}}
      built-on-other-domain:
        type: agin:AgentIngress
        properties: {domain: built-on-other-domain.acme.com, description: "${other-domain.uri}"}
      wait-for-other-domain:
        type: agin:AgentIngressCertificateValidation
        properties: {agentIngressId: "${other-domain.id}"}
      same-domain:
        type: agin:AgentIngress
        properties: {domain: same-domain.acme.com, description: one}
        options: {replaceOnChanges: [description]}
      old-name: {type: agin:AgentIngress, properties: {domain: old-name.acme.com}}
    outputs:
      texts: ["${unchanged.domain}", "${unchanged.metadata}", "${unchanged.createdAt}", "${unchanged.uri}"]
      lists: ["${unchanged.nsTargets}", "${unchanged.regionDomains}"]
      privateKeyType: ${unchanged.certificateManagementPolicy.privateKeyType}
      noPolicy: {fn::toJSON: "${updated.certificateManagementPolicy}"}
    """

CHANGES = {
    '" Unchanged.ACME.com. "': "unchanged.acme.com",
    "{authority: letsencrypt}\n": "{authority: letsencrypt, privateKeyType: rsa}\n",
    # Of `policy` and of `ignored`.
    "{authority: letsencrypt}}\n": "{authority: letsencrypt, privateKeyType: ecdsa}}\n",
    "cleared.acme.com, description: one, metadata: one": "cleared.acme.com",
    # Of `updated` and of `same-domain`.
    "description: one": "description: two",
    "before.acme.com": "after.acme.com",
    "old-name: {type: agin:AgentIngress, properties: {domain: old-name.acme.com}}": f"""new-name:
    type: agin:AgentIngress
    properties: {{domain: new-name.acme.com}}
    options: {{aliases: ["urn:pulumi:dev::test::{TYPE}::old-name"]}}""",
}


@pytest.mark.main
def test_preview_of_each_change_is_what_up_does(yaml_project: Project, emulator: OddEmulator) -> None:
    project = yaml_project
    # The status of a certificate depends on the time, so it must not change.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)
    emulator.oddities = Oddities(order="reversed", upper_case=True)

    # Created: one POST each, and every output in canonical form.
    project.yaml_program(PROGRAM)
    created = project.pulumi("up", "--yes")
    assert set(created.previewed.values()) == {"create"}
    assert "13 created" in created
    assert writes(emulator)["unchanged.acme.com"] == {
        "POST": {
            "domain": "unchanged.acme.com",
            "description": "same",
            "certificate_management_policy": {"authority": "letsencrypt"},
        }
    }
    before = {ingress["domain"]: ingress for ingress in emulator.ingresses()}
    stored = before["unchanged.acme.com"]
    outputs = {
        "texts": ["unchanged.acme.com", "", stored["created_at"], f"/agent_ingresses/{stored['id']}"],
        "lists": [sorted(f"{target}." for target in stored["ns_targets"]), sorted(stored["region_domains"])],
        "privateKeyType": "rsa",
        "noPolicy": "null",
    }
    assert project.outputs() == outputs

    # Changed: the preview shows the changes and no others, and each is one request.
    emulator.clear_requests()
    project.edit(CHANGES)
    changed = project.pulumi("up", "--yes")
    assert changed.previewed == {
        "updated": "update [diff: ~description]",
        "cleared": "update [diff: -description,metadata]",
        "policy": "update [diff: ~certificateManagementPolicy]",
        "built-on-policy": "update [diff: ~metadata]",
        "other-domain": "replace [diff: ~domain]",
        "built-on-other-domain": "update [diff: ~description]",
        "wait-for-other-domain": "replace [diff: ~agentIngressId]",
        "same-domain": "replace [diff: ~description]",
        "new-name": "replace [diff: ~domain]",
    }
    # Only changes of a domain disconnect agents.
    warnings = re.findall("warning: this replacement deletes the Agent Ingress (\\S+) in the same", changed.diagnostics)
    assert sorted(warnings) == ["before.acme.com", "old-name.acme.com"]
    after = {ingress["domain"]: ingress for ingress in emulator.ingresses()}
    ecdsa = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert writes(emulator, *before.values()) == {
        "updated.acme.com": {"PATCH": {"description": "two"}},
        "cleared.acme.com": {"PATCH": {"description": "", "metadata": ""}},
        "policy.acme.com": {"PATCH": {"certificate_management_policy": ecdsa}},
        "built-on-policy.acme.com": {"PATCH": {"metadata": '{"authority":"letsencrypt","privateKeyType":"ecdsa"}'}},
        "before.acme.com": {"DELETE": None},
        "after.acme.com": {"POST": {"domain": "after.acme.com"}},
        "built-on-other-domain.acme.com": {
            "PATCH": {"description": f"/agent_ingresses/{after['after.acme.com']['id']}"}
        },
        "same-domain.acme.com": {"DELETE": None, "POST": {"domain": "same-domain.acme.com", "description": "two"}},
        "old-name.acme.com": {"DELETE": None},
        "new-name.acme.com": {"POST": {"domain": "new-name.acme.com"}},
    }
    assert project.outputs() == outputs

    # The account of another key has none of them, and all stay in the state.
    failed = project.refresh(fails=True, env={"NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    assert "This does not prove that it was deleted" in failed.diagnostics
    assert not failed.has_traceback
    assert in_state(project) == {ingress["id"] for ingress in after.values()}

    # Changed and deleted at ngrok: a refresh finds it, and the next `up` restores what the program declares.
    emulator.set_ingress(after["updated.acme.com"]["id"], {"description": "theirs"})
    emulator.delete_ingress(after["cleared.acme.com"]["id"])
    refreshed = project.refresh("--diff")
    assert re.search(r'~ description *: "two" => "theirs"', refreshed.output)
    assert "1 deleted" in refreshed
    assert in_state(project) == {ingress["id"] for ingress in emulator.ingresses()}
    emulator.clear_requests()
    restored = project.pulumi("up", "--yes")
    assert restored.previewed == {"updated": "update [diff: ~description]", "cleared": "create"}
    assert writes(emulator) == {
        "updated.acme.com": {"PATCH": {"description": "two"}},
        "cleared.acme.com": {"POST": {"domain": "cleared.acme.com"}},
    }

    assert "13 deleted" in project.destroy()
    assert emulator.ingresses() == []


def in_state(project: Project) -> set[str]:
    return {resource["id"] for resource in project.of_type(TYPE)}


def writes(emulator: Emulator, *deleted: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the bodies of all requests except GET, by domain and method. `deleted` are deleted ingresses."""
    domains = {ingress["id"]: ingress["domain"] for ingress in [*deleted, *emulator.ingresses()]}
    found: dict[str, dict[str, Any]] = {}
    for request in emulator.requests():
        if request["method"] != "GET":
            body = request["body"]
            domain = body["domain"] if request["method"] == "POST" else domains[request["path"].rpartition("/")[2]]
            found.setdefault(domain, {})[request["method"]] = body
    return found
