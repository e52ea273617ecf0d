"""Moves of a stack from a Python program to the provider plugin and back, without changes at ngrok."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import urns
from pulumi_agin.native.plugin import SETTINGS
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import requests
from tests.support.pages import blocks
from tests.support.project import Project
from tools.bind import Programs

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "change-language.md"
DOMAIN = "connect.acme.com"


def in_python(project: Project, program: str) -> None:
    project.yaml(f"name: {project.name}\nruntime: python\n")
    project.program(program)


ALL_IN_PYTHON = """
    config = pulumi.Config()

    class Site(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("acme:index:Site", name)
            agin.AgentIngress("child", domain="child.acme.com", opts=pulumi.ResourceOptions(parent=self))

    Site("site")
    connect = agin.AgentIngress("connect", domain="connect.acme.com", description=config.require_secret("text"),
        certificate_management_policy={"authority": "letsencrypt"}, opts=pulumi.ResourceOptions(protect=True))
    delegation = agin.AgentIngressDelegation("connect", connect, agin.dns.rfc2136(
        server="127.0.0.1", port=config.require_int("port"), zone="acme.com",
        tsig_key_name="agin", tsig_secret=config.require_secret("tsig")))
    agin.AgentIngressCertificateValidation("connect", delegation.agent_ingress_id)
    other = agin.Provider("other", config.require_secret("second"))
    agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=other))
    """
# If a parent is gone, the alias names it. All other aliases are in the schema.
ALL_IN_YAML = """
    config:
      {port: {type: integer}, tsig: {type: string}, second: {type: string}, url: {type: string}, text: {type: string}}
    resources:
      child:
        type: agin:AgentIngress
        properties: {domain: child.acme.com}
        options:
          aliases: ["urn:pulumi:dev::test::acme:index:Site$pulumi-python:dynamic/agin:AgentIngress::child"]
      connect:
        type: agin:AgentIngress
        properties:
          domain: connect.acme.com
          description: ${text}
          certificateManagementPolicy: {authority: letsencrypt}
        options: {protect: true}
      records:
        type: agin:Rfc2136Delegation
        name: connect
        properties: {domain: "${connect.domain}", nsTargets: "${connect.nsTargets}", ttl: 300, server: 127.0.0.1,
          port: "${port}", zone: acme.com, tsigKeyName: agin, tsigSecret: "${tsig}"}
        options:
          aliases: ["urn:pulumi:dev::test::\\
            agin:index:AgentIngressDelegation$pulumi-python:dynamic/agin:Rfc2136Delegation::connect"]
      certificate:
        type: agin:AgentIngressCertificateValidation
        name: connect
        properties: {agentIngressId: "${connect.id}"}
        options: {dependsOn: ["${records}"]}
      other:
        type: pulumi:providers:agin
        properties: {apiKey: "${second}", apiBaseUrl: "${url}"}
      theirs:
        type: agin:AgentIngress
        properties: {domain: theirs.acme.com}
        options: {provider: "${other}"}
    outputs:
      renewsAt: ${certificate.renewsAt}
      targets: ${connect.nsTargets}
    """


def test_move_with_refresh_first_changes_nothing(
    yaml_project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    project = yaml_project
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    move_config, refresh = blocks(PAGE.read_text(), "sh")
    with Bind(bind_programs, tmp_path / "bind", [Key("agin", [DOMAIN])]) as bind:

        def existing() -> tuple[object, ...]:
            """Returns the ingresses, the NS records, and the number of DNS updates."""
            updates = (bind.folder / "named.log").read_text().count("updating zone")
            return emulator.ingresses(), bind.referral(DOMAIN), updates

        project.config(secret={"agin:apiKey": API_KEY, "tsig": bind.keys[0].secret, "text": "hush-hush"})
        project.config(secret={"second": OTHER_ACCOUNTS_KEY}, plain={"port": bind.port, "url": emulator.url})
        project.config(plain={"agin:apiBaseUrl": emulator.url, "agin:timeoutSeconds": "77"})
        # With the environment's settings, every request would fail.
        project.environment |= {"NGROK_API_BASE_URL": "https://127.0.0.1:1", "NGROK_API_KEY": OTHER_ACCOUNTS_KEY}
        in_python(project, ALL_IN_PYTHON)
        project.up()
        before = existing()
        emulator.clear_requests()

        project.yaml_program(ALL_IN_YAML)
        project.typed(move_config)
        stored = (project.folder / "Pulumi.dev.yaml").read_text()
        assert set(re.findall(r"(?:agin|ngrok):\w+", stored)) == {f"agin:{name}" for name in SETTINGS}
        # Records that are made of outputs need the refresh first.
        failed = project.up(fails=True)
        assert "nsTargets" in failed.diagnostics
        assert not failed.has_traceback
        project.typed(refresh)
        up = project.up()
        assert "7 unchanged" in up
        assert "updated" not in up
        assert {method for method, _ in requests(emulator)} == {"GET"}
        assert existing() == before
        assert project.outputs()["targets"] == bind.referral(DOMAIN)
        assert project.outputs()["renewsAt"]
        # Nothing of the dynamic provider is left in the state.
        assert "pulumi-python" not in json.dumps(project.state())
        assert "hush-hush" not in json.dumps(project.state())
        [moved] = [each for each in project.of_type(urns.NATIVE_AGENT_INGRESS) if "connect" in each["urn"]]
        assert moved["protect"]
        assert {name for name in moved["outputs"] if "_" in name} == {"_key_fingerprint"}
        assert all("ciphertext" in moved[part]["description"] for part in ("inputs", "outputs"))
        assert "7 unchanged" in project.up("--refresh")


IN_PYTHON = """
    agin.AgentIngress("connect", domain="connect.acme.com", description="d",
        certificate_management_policy={"authority": "letsencrypt"})
    agin.AgentIngress("changed", domain="changed.acme.com", description="old")
    """
IN_YAML = """
    resources:
      connect:
        type: agin:AgentIngress
        properties: {domain: connect.acme.com, description: d, certificateManagementPolicy: {authority: letsencrypt}}
      changed:
        type: agin:AgentIngress
        properties: {domain: changed.acme.com, description: new}
    outputs:
      targets: ${connect.nsTargets}
    """


def test_move_with_up_first_and_back_again(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    in_python(project, IN_PYTHON)
    project.up()
    emulator.clear_requests()

    # Until a refresh, outputs have the names of Python. Only what the program changes is sent.
    project.yaml_program(IN_YAML)
    preview = project.preview()
    changes = [line.split()[1] for line in preview.output.splitlines() if line.startswith("      ~ ")]
    assert changes == ["description:"]
    assert "+ targets: [unknown]" in preview
    assert "2 unchanged" in project.up()
    assert requests(emulator) == [("PATCH", {"description": "new"})]
    assert project.outputs()["targets"] is None
    assert "3 unchanged" in project.refresh()
    emulator.clear_requests()
    assert "3 unchanged" in project.up()
    assert requests(emulator) == []
    [connect] = [each for each in emulator.ingresses() if each["domain"] == DOMAIN]
    assert project.outputs()["targets"] == sorted(f"{target}." for target in connect["ns_targets"])

    # Back by an import, not by an alias. The output of each step has the next step.
    back = """
        agin.AgentIngress("connect", domain="connect.acme.com", description="d", opts=pulumi.ResourceOptions({options}),
            certificate_management_policy={{"authority": "letsencrypt"}})
        """
    in_python(project, back.format(options='aliases=[pulumi.Alias(type_="agin:index:AgentIngress")]'))
    failed = project.pulumi("preview", fails=True)
    assert "a Python program can't continue it with an alias. Nothing was changed" in failed.by_resource["connect"]
    # The engine does not send the URN in the state, so no command is printed.
    urn_step = f"its old URN, which `pulumi stack --show-urns` shows with the type {urns.NATIVE_AGENT_INGRESS}"
    assert f"with `pulumi state delete` and {urn_step}" in failed.messages["connect"]
    assert urns.NATIVE_AGENT_INGRESS in project.pulumi("stack", "--show-urns")
    in_python(project, back.format(options=""))
    failed = project.up("--continue-on-error", fails=True)
    assert "ERR_NGROK_6706" in failed.by_resource["connect"]
    adopt = failed.by_resource["connect"].splitlines()[-1]
    # With both in the state, the next `up` would delete the ingress.
    printed = project.shell(adopt, fails=True)
    assert "AgentIngress::connect, which belongs to the provider plugin" in printed
    [forget] = [line for line in printed.splitlines() if line.startswith("pulumi state delete")]
    project.shell(forget)
    assert "1 imported" in project.shell(adopt)
    up = project.up()
    assert "2 unchanged" in up
    assert "1 deleted" in up
    assert emulator.ingresses() == [connect]
    assert [each["id"] for each in project.resources()] == [connect["id"]]
