"""The provider plugin through the engine, in YAML: what users of the other languages see."""

from __future__ import annotations

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, THEIRS
from tests.support.ngrok import create, requests
from tests.support.project import Project

LIFE = """
resources:
  connect:
    type: agin:AgentIngress
    properties: {domain: Connect.acme.com., description: one}
  certificate:
    type: agin:AgentIngressCertificateValidation
    properties: {agentIngressId: "${connect.id}"}
variables:
  looked:
    fn::invoke: {function: agin:getAgentIngress, arguments: {domain: shared.acme.com}}
  file:
    fn::invoke: {function: agin:agentConfig, arguments: {domain: "${connect.domain}"}}
outputs:
  targets: ${connect.nsTargets}
  looked: ${looked.description}
  file: ${file.yaml}
"""


@pytest.mark.main
def test_whole_life(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    create(emulator, "shared.acme.com", description="theirs")
    project.yaml_program(LIFE)
    project.up()
    outputs = project.outputs()
    assert len(outputs["targets"]) == 4
    assert outputs["looked"] == "theirs"
    assert 'connect_url: "connect.acme.com:443"' in outputs["file"]

    project.edit({"description: one": "description: two"})
    emulator.clear_requests()
    preview = project.preview()
    assert '~ description: "one" => "two"' in preview
    assert "~ 1 to update" in preview
    # Only the lookup is sent.
    assert len(emulator.requests()) == 1
    project.up()
    [_, ingress] = emulator.ingresses()
    emulator.set_ingress(ingress["id"], {"description": "drifted"})
    assert "1 updated" in project.refresh()
    assert '"drifted" => "two"' in project.preview()

    project.edit({"Connect.acme.com.": "other.acme.com"})
    replaced = project.up()
    assert "this replacement deletes the Agent Ingress connect.acme.com" in replaced.messages["connect"]
    assert [each["domain"] for each in emulator.ingresses()] == ["shared.acme.com", "other.acme.com"]
    project.destroy()
    assert [each["domain"] for each in emulator.ingresses()] == ["shared.acme.com"]


FAILURES = """
resources:
  taken: {type: "agin:AgentIngress", properties: {domain: taken.acme.com}}
  theirs: {type: "agin:AgentIngress", properties: {domain: theirs.acme.com}}
  lost: {type: "agin:AgentIngress", properties: {domain: lost.acme.com}}
"""


def test_failures_are_sentences_and_lost_responses_are_settled(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    taken = create(emulator, "taken.acme.com")
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    project.yaml_program(FAILURES)
    sentence = f"taken.acme.com already has the Agent Ingress {taken}"
    assert sentence in project.pulumi("preview").messages["taken"]
    emulator.add_fault("POST", "reset_after", domain="lost.acme.com")
    failed = project.up("--continue-on-error", fails=True)
    assert failed.unexpected({"taken": sentence, "theirs": "theirs.acme.com belongs to another account"}) == {}
    assert len([each for each in emulator.ingresses() if each["domain"] == "lost.acme.com"]) == 1

    project.environment["NGROK_API_KEY"] = OTHER_ACCOUNTS_KEY
    for command in (project.refresh, project.destroy):
        assert "This does not prove that it was deleted" in command(fails=True).messages["lost"]
    project.assert_no_key(failed.output)


WRONG = """
resources:
  a: {type: "agin:AgentIngress", properties: {domain: "https://a.acme.com", description: 7}}
"""
DOUBLE = """
resources:
  a: {type: "agin:AgentIngress", properties: {domain: a.acme.com}}
  b: {type: "agin:AgentIngress", properties: {domain: A.acme.com.}, options: {dependsOn: ["${a}"]}}
"""


def test_wrong_inputs_are_found_in_the_preview(yaml_project: Project, emulator: Emulator) -> None:
    yaml_project.yaml_program(DOUBLE)
    assert 'the Agent Ingress "a" has the same domain' in yaml_project.pulumi("preview", fails=True).messages["b"]
    del yaml_project.environment["NGROK_API_KEY"]
    failed = yaml_project.pulumi("preview", fails=True)
    assert "pulumi config set --secret agin:apiKey" in failed.messages["a"]
    assert [method for method, _ in requests(emulator) if method != "GET"] == []


ACCOUNTS = """
config:
  theirs: {type: string, secret: true}
resources:
  other: {type: "pulumi:providers:agin", properties: {apiKey: "${theirs}"}}
  ours: {type: "agin:AgentIngress", properties: {domain: ours.acme.com}, options: {import: OURS}}
  theirs-new: {type: "agin:AgentIngress", properties: {domain: theirs.acme.com}, options: {provider: "${other}"}}
"""


def test_import_and_two_accounts(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    project.yaml_program(ACCOUNTS.replace("OURS", create(emulator, "ours.acme.com")))
    project.config(secret={"theirs": OTHER_ACCOUNTS_KEY})
    emulator.clear_requests()
    output = project.up().output
    assert [method for method, _ in requests(emulator) if method != "GET"] == ["POST"]
    accounts = {each["domain"]: each["account"] for each in emulator.ingresses()}
    assert accounts == {"ours.acme.com": OURS, "theirs.acme.com": THEIRS}
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(output, key)


def test_alias_continues_the_state_of_a_python_program(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    project.program('agin.AgentIngress("connect", domain="connect.acme.com", description="d")')
    project.up()
    emulator.clear_requests()
    (project.folder / "__main__.py").unlink()
    project.yaml_program(
        """
        resources:
          connect:
            type: agin:AgentIngress
            properties: {domain: connect.acme.com, description: d}
            options:
              aliases: ["urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::connect"]
        """
    )
    up = project.up()
    assert "unchanged" in up
    assert "created" not in up
    assert requests(emulator) == []
    project.refresh()
    project.destroy()
    assert emulator.ingresses() == []
