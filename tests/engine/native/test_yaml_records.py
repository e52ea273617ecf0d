"""NS records and secrets in YAML. Each resource is named for its case; the server is a real BIND."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

RECORDS = "agin:index:Rfc2136Delegation"
NAMES = ("updated", "drifted", "adopted", "renamed", "replaced")
KEY = Key("agin", [f"{name}.acme.com" for name in NAMES])
DESCRIPTION = "hush-hush-hush"
AUTHTOKEN = "2tokAbCdEfGhIjKlMnOpQrStUvW_not_a_real_one"
PLAIN_AUTHTOKEN = "2tokZyXwVuTsRqPoNmLkJiHgFeD_not_a_real_one"

PROGRAM = f"""
    config:
      description: {{type: string}}
      authtoken: {{type: string}}
    resources:
      ingress:
        type: agin:AgentIngress
        properties: {{domain: connect.acme.com, description: "${{description}}"}}
      updated:
        type: agin:Rfc2136Delegation
        properties: {{domain: updated.acme.com, nsTargets: [ns2.x.net., NS1.x.net], ttl: 300, BIND}}
      drifted:
        type: agin:Rfc2136Delegation
        properties: {{domain: drifted.acme.com, nsTargets: [ns1.x.net.], ttl: 300, BIND}}
      adopted:
        type: agin:Rfc2136Delegation
        properties: {{domain: adopted.acme.com, nsTargets: [ns1.x.net.], ttl: 300, adopt: true, BIND}}
      old-name:
        type: agin:Rfc2136Delegation
        properties: {{domain: renamed.acme.com, nsTargets: [ns1.x.net.], ttl: 300, adopt: true, BIND}}
      replaced:
        type: agin:Rfc2136Delegation
        properties: {{domain: replaced.acme.com, nsTargets: [ns1.x.net.], ttl: 300, adopt: true, BIND}}
        options: {{replaceOnChanges: [ttl], deleteBeforeReplace: true}}
    outputs:
      description: ${{ingress.description}}
      targets: ${{updated.nsTargets}}
      secretToken:
        fn::invoke:
          function: agin:agentConfig
          arguments: {{domain: "${{ingress.domain}}", authtoken: "${{authtoken}}"}}
          return: yaml
      plainToken:
        fn::invoke:
          function: agin:agentConfig
          arguments: {{domain: connect.acme.com, authtoken: {PLAIN_AUTHTOKEN}}}
          return: yaml
      noToken: {{fn::invoke: {{function: agin:agentConfig, arguments: {{domain: connect.acme.com}}, return: yaml}}}}
    """


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


def test_records_and_secrets(yaml_project: Project, emulator: Emulator, bind: Bind) -> None:
    project = yaml_project
    logged = ("-v=9", "--logtostderr")
    project.config(secret={"agin:apiKey": API_KEY, "description": DESCRIPTION, "authtoken": AUTHTOKEN})
    # The secret of the key is in plain text only in the program.
    server = f"zone: acme.com, server: 127.0.0.1, port: {bind.port}, tsigKeyName: agin, tsigSecret: '{KEY.secret}'"
    program = PROGRAM.replace("BIND", server)
    delegate(bind, "adopted.acme.com", ["ns1.x.net"], KEY)

    project.yaml_program(program)
    up = project.up(*logged)
    assert "they will be adopted, and nothing is written there" in up
    assert_secrets(project)
    assert emulator.ingresses()[0]["description"] == DESCRIPTION
    assert AUTHTOKEN in project.pulumi("stack", "output", "secretToken", "--show-secrets")

    replaced = "replaced.acme.com, nsTargets: [ns1.x.net.], ttl: "
    project.edit({"NS1.x.net": "ns3.x.net", "old-name:": "new-name:", f"{replaced}300": f"{replaced}60"})
    changed = project.pulumi("up", "--yes")
    assert changed.previewed == {
        "updated": "update [diff: ~nsTargets]",
        "old-name": "delete",
        "new-name": "create",
        "replaced": "replace [diff: ~ttl]",
    }
    # The old resource of a renaming or a replacement does not delete the records of the new one.
    expected = {f"{name}.acme.com": ["ns1.x.net."] for name in ("drifted", "adopted", "renamed", "replaced")}
    expected["updated.acme.com"] = ["ns2.x.net.", "ns3.x.net."]
    assert {domain: bind.referral(domain) for domain in expected} == expected

    delegate(bind, "drifted.acme.com", ["ns9.x.net"], KEY)
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"metadata": "theirs"})
    refreshed = project.refresh(*logged)
    [drifted] = [each for each in project.of_type(RECORDS) if each["urn"].endswith("::drifted")]
    assert drifted["outputs"]["nsTargets"] == ["ns9.x.net."]
    assert_secrets(project)
    restored = project.pulumi("up", "--yes")
    assert restored.previewed == {"drifted": "update [diff: ~nsTargets]", "ingress": "update [diff: -metadata]"}
    assert {domain: bind.referral(domain) for domain in expected} == expected

    destroyed = project.destroy(*logged)
    assert not any(bind.referral(domain) for domain in expected)
    shown = up.output + refreshed.output + destroyed.output
    project.assert_no_key(shown)
    files = project.files()
    del files["Pulumi.yaml"]
    for text in (shown, *files.values()):
        for hidden in (KEY.secret, DESCRIPTION, AUTHTOKEN, PLAIN_AUTHTOKEN):
            assert hidden not in text

    # A failed preview shows what is wrong, and no part of the secret.
    project.edit({"ttl: 300": "ttl: -1", "ttl: 60": "ttl: -1", KEY.secret: f"{KEY.secret}?"})
    failed = project.preview(fails=True)
    assert "property ttl must be a whole number, 0 to" in failed
    assert "property tsigSecret must be base64" in failed
    assert KEY.secret not in failed


def assert_secrets(project: Project) -> None:
    [ingress] = project.of_type("agin:index:AgentIngress")
    [stack] = project.of_type("pulumi:pulumi:Stack")
    records = project.of_type(RECORDS)
    assert len(records) == 5
    for part in ("inputs", "outputs"):
        assert "ciphertext" in ingress[part]["description"]
        assert all("ciphertext" in each[part]["tsigSecret"] for each in records)
    are_secret = {name: "ciphertext" in output for name, output in stack["outputs"].items()}
    assert are_secret == {
        "description": True,
        "targets": False,
        "secretToken": True,
        "plainToken": True,
        "noToken": False,
    }
