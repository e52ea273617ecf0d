"""A stack of a Python program goes over to the provider plugin. What exists stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pulumi_agin import tokens
from pulumi_agin.emulator import Emulator
from pulumi_agin.native.provider import SETTINGS
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.pages import blocks
from tests.support.project import UNCHANGED, Project, Result
from tools.bind import Bind, Key

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "languages.md"
SECRET = "hush-hush"

IN_PYTHON = """
    agin.AgentIngress("connect", domain="{domain}", description=pulumi.Output.secret("{description}"),
        certificate_management_policy={{"authority": "letsencrypt"}},
        opts=pulumi.ResourceOptions(protect=True{options}))
    """
NATIVE_URN = f"urn:pulumi:dev::test::{tokens.NATIVE_AGENT_INGRESS}::connect"
# The schema has the alias, so the program needs none.
IN_YAML = """
    resources:
      connect:
        type: agin:AgentIngress
        properties:
          domain: {domain}
          description: {{fn::secret: {description}}}
          certificateManagementPolicy: {{authority: letsencrypt}}
        options: {{protect: true}}
    outputs:
      targets: ${{connect.nsTargets}}
      policy: ${{connect.certificateManagementPolicy}}
    """
DOMAIN = "connect.acme.com"


def in_python(project: Project, domain: str = DOMAIN, options: str = "") -> None:
    """Makes it a project in Python."""
    project.yaml(f"name: {project.name}\nruntime: python\n")
    project.program(IN_PYTHON.format(description=SECRET, domain=domain, options=options))


def in_yaml(project: Project, description: str = SECRET, domain: str = DOMAIN) -> None:
    """Makes it a project in YAML."""
    project.yaml_program(IN_YAML.format(description=description, domain=domain))


def of_type(project: Project, type_: str) -> list[dict[str, Any]]:
    """The resources of a type in the state."""
    return [each for each in project.state()["deployment"]["resources"] if each["type"] == type_]


def methods(emulator: Emulator) -> set[str]:
    """The methods of the requests since the last look."""
    found = {request["method"] for request in emulator.requests()}
    emulator.clear_requests()
    return found


def assert_the_plugins(project: Project, emulator: Emulator) -> None:
    """The one ingress is as the plugin writes it, and nothing is left of the dynamic provider."""
    [found], [ingress] = of_type(project, tokens.NATIVE_AGENT_INGRESS), emulator.ingresses()
    assert (found["id"], found["protect"]) == (ingress["id"], True)
    assert "_" not in "".join(found["inputs"])
    assert {name for name in found["outputs"] if "_" in name} == {"_key_fingerprint"}
    for part in ("inputs", "outputs"):
        assert "ciphertext" in found[part]["description"]
    targets = sorted(f"{target}." for target in ingress["ns_targets"])
    assert project.outputs() == {
        "targets": targets,
        "policy": {"authority": "letsencrypt", "privateKeyType": "rsa"},
    }
    assert not any(SECRET in text for name, text in project.files().items() if name.startswith("state"))
    # The provider of the dynamic resources may go.
    assert "pulumi-python:dynamic" not in json.dumps(project.state())


def assert_settled(project: Project, emulator: Emulator) -> None:
    """An `up` changes nothing and asks nothing, and a refresh changes nothing."""
    emulator.clear_requests()
    assert UNCHANGED in project.up()
    assert methods(emulator) == set()
    before = of_type(project, tokens.NATIVE_AGENT_INGRESS)[0]["inputs"]
    assert UNCHANGED in project.refresh()
    assert of_type(project, tokens.NATIVE_AGENT_INGRESS)[0]["inputs"].keys() == before.keys()


@pytest.fixture
def moving(yaml_project: Project, emulator: Emulator) -> Project:
    """A stack of a Python program, whose program is in YAML now."""
    in_python(yaml_project)
    yaml_project.up()
    emulator.clear_requests()
    in_yaml(yaml_project)
    return yaml_project


def test_every_setting_of_the_stack_config_moves(yaml_project: Project, emulator: Emulator) -> None:
    section = PAGE.read_text().partition("\n## Moving over from Python\n")[2].partition("\n### ")[0]
    config, refresh = blocks(re.sub("(?m)^   ", "", section), "sh")
    # Each setting is in the table, and has its line in both parts of the commands.
    for name in SETTINGS:
        assert f"| `agin:{name}` |" in section
        assert len(re.findall(rf"ngrok:{name}\b", config)) == 2
    settings = {"ngrok:apiBaseUrl": emulator.url, "ngrok:timeoutSeconds": "77"}
    yaml_project.config(plain=settings, secret={"ngrok:apiKey": API_KEY})
    # A setting that is left behind is missed: the environment has others.
    yaml_project.environment |= {"NGROK_API_BASE_URL": "https://127.0.0.1:1", "NGROK_API_KEY": OTHER_ACCOUNTS_KEY}
    in_python(yaml_project)
    yaml_project.up()
    emulator.clear_requests()

    in_yaml(yaml_project)
    yaml_project.typed(config + refresh)
    assert methods(emulator) == {"GET"}
    stored = yaml.safe_load((yaml_project.folder / f"Pulumi.{yaml_project.stack}.yaml").read_text())["config"]
    assert (stored["agin:apiBaseUrl"], int(stored["agin:timeoutSeconds"])) == (emulator.url, 77)
    assert stored["agin:apiKey"].keys() == {"secure"}
    assert stored.keys() == {f"agin:{name}" for name in SETTINGS}
    yaml_project.up()
    assert_the_plugins(yaml_project, emulator)


def test_with_an_up_first_nothing_changes_either_but_outputs_have_their_old_names(
    moving: Project, emulator: Emulator
) -> None:
    # Without the program, a refresh is still Python's.
    assert UNCHANGED in moving.refresh()
    assert of_type(moving, tokens.AGENT_INGRESS)
    assert methods(emulator) == {"GET"}
    # A preview says that it does not know them. The `up` finds none.
    preview = moving.preview()
    assert UNCHANGED in preview
    assert "+ targets: [unknown]" in preview
    assert UNCHANGED in moving.up()
    assert methods(emulator) == set()
    assert moving.outputs()["targets"] is None
    [found] = of_type(moving, tokens.NATIVE_AGENT_INGRESS)
    assert "ns_targets" in found["outputs"]

    assert UNCHANGED in moving.refresh()
    assert methods(emulator) == {"GET"}
    assert UNCHANGED in moving.up()
    assert methods(emulator) == set()
    assert_the_plugins(moving, emulator)
    assert_settled(moving, emulator)


def test_what_the_program_changes_in_the_same_step_is_shown_and_sent(moving: Project, emulator: Emulator) -> None:
    in_yaml(moving, description="another")
    preview = moving.preview()
    changes = [line.split()[1] for line in preview.output.splitlines() if line.startswith("      ~ ")]
    assert changes == ["description:"]
    # It refreshes as Python does, and updates as the plugin does.
    moving.up("--refresh")
    [sent] = [request for request in emulator.requests() if request["method"] != "GET"]
    assert (sent["method"], sent["body"]) == ("PATCH", {"description": "another"})
    assert_the_plugins(moving, emulator)
    assert_settled(moving, emulator)


def test_a_program_in_typescript(typescript_project: Project, emulator: Emulator) -> None:
    project = typescript_project
    in_python(project)
    project.up()
    emulator.clear_requests()
    project.typescript_program(f"""
        const connect = new agin.AgentIngress("connect", {{
            domain: "{DOMAIN}",
            description: pulumi.secret("{SECRET}"),
            certificateManagementPolicy: {{ authority: "letsencrypt" }},
        }}, {{ protect: true }});
        export const targets = connect.nsTargets;
        export const policy = connect.certificateManagementPolicy;
        """)
    assert UNCHANGED in project.refresh("--run-program")
    assert methods(emulator) == {"GET"}
    assert_the_plugins(project, emulator)
    assert UNCHANGED in project.up()
    assert methods(emulator) == set()


# -- children, records, waits and accounts ----------------------------------------------------------------

ALL_IN_PYTHON = """
    config = pulumi.Config()

    class Site(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("acme:index:Site", name)
            agin.AgentIngress("child", domain="child.acme.com", opts=pulumi.ResourceOptions(parent=self))

    Site("site")
    connect = agin.AgentIngress("connect", domain="connect.acme.com",
        certificate_management_policy={"authority": "letsencrypt"})
    delegation = agin.AgentIngressDelegation("connect", connect, agin.dns.rfc2136(
        server="127.0.0.1", port=config.require_int("port"), zone="acme.com",
        tsig_key_name="agin", tsig_secret=config.require_secret("tsig")))
    agin.AgentIngressCertificateValidation("connect", delegation.agent_ingress_id)
    other = agin.Provider("other", config.require_secret("second"))
    agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=other))
    """
# Where a parent is gone, the alias says which one it was.
ALL_IN_YAML = """
    config:
      port: {type: integer}
      tsig: {type: string}
      second: {type: string}
    resources:
      child:
        type: agin:AgentIngress
        properties: {domain: child.acme.com}
        options:
          aliases: ["urn:pulumi:dev::test::acme:index:Site$pulumi-python:dynamic/agin:AgentIngress::child"]
      connect:
        type: agin:AgentIngress
        properties: {domain: connect.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      records:
        type: agin:Rfc2136Delegation
        name: connect
        properties:
          domain: ${connect.domain}
          nsTargets: ${connect.nsTargets}
          ttl: 300
          server: 127.0.0.1
          port: ${port}
          zone: acme.com
          tsigKeyName: agin
          tsigSecret: ${tsig}
        options:
          aliases:
            - "urn:pulumi:dev::test::\\
              agin:index:AgentIngressDelegation$pulumi-python:dynamic/agin:Rfc2136Delegation::connect"
      certificate:
        type: agin:AgentIngressCertificateValidation
        name: connect
        properties: {agentIngressId: "${connect.id}"}
        options: {dependsOn: ["${records}"]}
      other:
        type: pulumi:providers:agin
        properties: {apiKey: "${second}"}
      theirs:
        type: agin:AgentIngress
        properties: {domain: theirs.acme.com}
        options: {provider: "${other}"}
    outputs:
      renewsAt: ${certificate.renewsAt}
    """


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    with Bind(tmp_path / "bind", [Key("agin", ["connect.acme.com"])]) as running:
        yield running


@pytest.fixture
def all_moving(yaml_project: Project, emulator: Emulator, bind: Bind) -> Project:
    """A stack of a Python program with everything, whose program is in YAML now."""
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    secret = {"tsig": bind.keys[0].secret, "second": OTHER_ACCOUNTS_KEY}
    yaml_project.config(secret=secret, plain={"port": bind.port})
    yaml_project.program(ALL_IN_PYTHON)
    yaml_project.up()
    emulator.clear_requests()
    yaml_project.yaml_program(ALL_IN_YAML)
    return yaml_project


def updates(bind: Bind) -> int:
    """How many updates of its zone the server has seen."""
    return (bind.folder / "named.log").read_text().count("updating zone")


def assert_all_moved(project: Project, emulator: Emulator, bind: Bind) -> None:
    """With a refresh, the plugin takes all over, and nothing is written. Then an `up` changes nothing that exists."""
    before = emulator.ingresses(), bind.referral("connect.acme.com"), updates(bind)
    project.refresh("--run-program")
    up = project.up()
    assert "7 unchanged" in up
    assert "updated" not in up
    assert methods(emulator) == {"GET"}
    assert (emulator.ingresses(), bind.referral("connect.acme.com"), updates(bind)) == before
    assert project.outputs()["renewsAt"]
    assert "pulumi-python" not in json.dumps(project.state())


def assert_refused(result: Result) -> None:
    assert "a program in Python can't take it over by an alias. Nothing was changed" in result.diagnostics
    assert not result.has_traceback


def test_children_records_waits_and_explicit_providers(all_moving: Project, emulator: Emulator, bind: Bind) -> None:
    # Records that are made of outputs need the refresh first.
    before = bind.referral(DOMAIN), updates(bind)
    failed = all_moving.up(fails=True)
    assert "nsTargets" in failed.diagnostics
    assert not failed.has_traceback
    assert methods(emulator) <= {"GET"}
    assert (bind.referral(DOMAIN), updates(bind)) == before
    # It is not too late.
    assert_all_moved(all_moving, emulator, bind)
    # The components were only in the state, and so was the former provider.
    assert "7 unchanged" in all_moving.up()
    assert methods(emulator) == set()
    assert "7 unchanged" in all_moving.refresh()

    # Records and waits don't go back by an alias.
    [connect] = [ingress for ingress in emulator.ingresses() if ingress["domain"] == DOMAIN]
    described = (all_moving.folder / "Pulumi.yaml").read_text()
    all_moving.yaml(f"name: {all_moving.name}\nruntime: python\n")
    for program in (
        f"""
        agin.AgentIngressCertificateValidation("connect", "{connect["id"]}", opts=pulumi.ResourceOptions(
            aliases=[pulumi.Alias(type_="{tokens.NATIVE_CERTIFICATE_VALIDATION}")]))
        """,
        f"""
        agin.dns.Rfc2136Delegation("connect", domain="connect.acme.com", ns_targets=["ns1.x.net"], ttl=300,
            server="127.0.0.1", port={bind.port}, zone="acme.com",
            opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="{tokens.NATIVE_RFC2136_DELEGATION}")]))
        """,
    ):
        all_moving.program(program)
        assert_refused(all_moving.pulumi("preview", fails=True))
    assert updates(bind) == before[1]

    all_moving.yaml(described)
    all_moving.destroy()
    assert (emulator.ingresses(), bind.referral(DOMAIN)) == ([], [])


# -- there and back ---------------------------------------------------------------------------------------


def test_with_a_refresh_first_nothing_changes_at_all_and_the_way_back_is_told(
    moving: Project, emulator: Emulator
) -> None:
    assert UNCHANGED in moving.refresh("--run-program")
    assert methods(emulator) == {"GET"}
    assert_the_plugins(moving, emulator)
    assert_settled(moving, emulator)
    emulator.clear_requests()

    # An alias back is refused.
    before = of_type(moving, tokens.NATIVE_AGENT_INGRESS)[0]["outputs"].keys()
    for alias in (f"pulumi.Alias(type_='{tokens.NATIVE_AGENT_INGRESS}')", f"'{NATIVE_URN}'"):
        in_python(moving, options=f", aliases=[{alias}]")
        assert_refused(moving.pulumi("preview", fails=True))
    assert_refused(moving.up(fails=True))
    in_python(moving, domain="other.acme.com", options=f", aliases=[{alias}]")
    assert_refused(moving.up(fails=True))
    assert methods(emulator) == set()
    assert of_type(moving, tokens.NATIVE_AGENT_INGRESS)[0]["outputs"].keys() == before
    # The program in YAML goes on.
    in_yaml(moving)
    assert UNCHANGED in moving.up()

    # The way back: each step is what the one before says.
    in_python(moving)
    moving.pulumi("state", "unprotect", "--all", "--yes")
    failed = moving.up(fails=True)
    assert "ERR_NGROK_6706" in failed.diagnostics
    [take_over] = {line.strip() for line in failed.output.splitlines() if "| pulumi import" in line}
    # With both in the state, the next `up` would delete the ingress.
    said = moving.shell(take_over, fails=True)
    assert f"is in the stack already, as {NATIVE_URN}, a resource of the provider plugin" in said
    assert moving.resources() == []
    [forget] = [line for line in said.splitlines() if line.startswith("pulumi state delete")]
    moving.shell(forget)
    assert "1 imported" in moving.shell(take_over)
    emulator.clear_requests()
    assert UNCHANGED in moving.up()
    assert methods(emulator) == set()
    [found], [ingress] = moving.resources(), emulator.ingresses()
    assert found["id"] == ingress["id"]
    assert "agin:index" not in json.dumps(moving.state())
