"""`pulumi import` and the option `import` with existing ingresses, as resources of the provider plugin."""

from __future__ import annotations

import json
from typing import Any

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import urns
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.project import Project

# In the CLI's format, so that its output can be appended.
PROGRAM = """
config:
  secondApiKey: {type: string, secret: true}
  url: {type: string}
resources:
  other:
    type: pulumi:providers:agin
    properties: {apiKey: "${secondApiKey}", apiBaseUrl: "${url}"}
  site:
    type: agin:AgentIngress
    properties: {domain: site.acme.com}
"""
# It omits values that ngrok chose.
MORE = """
  more:
    type: agin:AgentIngress
    properties:
      domain: More.ACME.com.
      description: DESCRIPTION
      metadata: ""
      certificateManagementPolicy: {authority: letsencrypt}
    options: OPTIONS
"""


def in_state(project: Project) -> dict[str, dict[str, Any]]:
    return {each["urn"].rpartition("::")[2]: each for each in project.of_type(urns.NATIVE_AGENT_INGRESS)}


def test_imported_ingresses_of_all_kinds_are_unchanged(yaml_project: Project, emulator: OddEmulator) -> None:
    project = yaml_project
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    ids = {
        "bare": create(emulator, "bare.acme.com"),
        "text": create(emulator, "text.acme.com", description='it\'s\n"odd" \\ 🚀 ${x}', metadata='{"team": "iot"}'),
        "policy": create(emulator, "policy.acme.com", certificate_management_policy=policy),
        "child": create(emulator, "child.acme.com"),
        "theirs": create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY),
    }
    default = {"authority": "letsencrypt"}
    more = create(emulator, "more.acme.com", description="d", certificate_management_policy=default)
    # The status of a certificate depends on the time.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)
    emulator.oddities = Oddities(order="shuffled", upper_case=True)
    project.config(secret={"secondApiKey": OTHER_ACCOUNTS_KEY}, plain={"url": emulator.url})
    project.yaml_program(PROGRAM)
    project.up()

    resources = [{"type": urns.NATIVE_AGENT_INGRESS, "name": name, "id": id_} for name, id_ in ids.items()]
    resources[3] |= {"parent": "site"}
    resources[4] |= {"parent": "site", "provider": "other"}
    names = {
        "site": "urn:pulumi:dev::test::agin:index:AgentIngress::site",
        "other": "urn:pulumi:dev::test::pulumi:providers:agin::other",
    }
    (project.folder / "import.json").write_text(json.dumps({"nameTable": names, "resources": resources}))
    imported = project.pulumi("import", "--file", "import.json", "--yes")
    assert "5 imported" in imported
    assert OTHER_ACCOUNTS_KEY[:8] not in imported
    assert {name: each["id"] for name, each in in_state(project).items() if each.get("protect")} == ids

    # The program that the CLI prints, and one more ingress by the option `import`.
    program = PROGRAM + imported.output.partition("\nresources:\n")[2] + MORE
    with_option = program.replace("OPTIONS", f"{{import: {more}}}")
    emulator.clear_requests()
    project.yaml_program(with_option.replace("DESCRIPTION", "changed"))
    preview = project.preview()
    assert "= 1 to import" in preview
    assert '~ description: "d" => "changed"' in preview
    project.yaml_program(with_option.replace("DESCRIPTION", "d"))
    up = project.up()
    assert "1 imported" in up
    assert "8 unchanged" in up

    before = in_state(project)
    project.yaml_program(program.replace("OPTIONS", "{}").replace("DESCRIPTION", "d"))
    assert "9 unchanged" in project.up("--refresh")
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    after = in_state(project)
    assert {name: each["outputs"] for name, each in after.items()} == {n: each["outputs"] for n, each in before.items()}
    assert {name for name, each in after.items() if not each.get("protect")} == {"site", "more"}


def test_failed_imports_print_commands_that_work(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    theirs = create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    by_hand = {
        "--file=/etc/passwd": create(emulator, "a.acme.com", description="made by hand"),
        "it's a": create(emulator, "b.acme.com", description="made by hand"),
    }
    program = """
        resources:
          "--file=/etc/passwd":
            type: agin:AgentIngress
            properties: {domain: a.acme.com}
          "it's a":
            type: agin:AgentIngress
            properties: {domain: b.acme.com}
        """
    imports = f"""
          theirs:
            type: agin:AgentIngress
            properties: {{domain: theirs.acme.com}}
            options: {{import: {theirs}}}
          records:
            type: agin:Rfc2136Delegation
            properties: {{domain: c.acme.com, nsTargets: [ns1.x.net], ttl: 300, server: 127.0.0.1, zone: acme.com}}
            options: {{import: c.acme.com}}
        """
    project.yaml_program(program.rstrip() + imports)
    failed = project.up("--continue-on-error", fails=True)
    expected = {
        "theirs": "there is no such Agent Ingress in the account of this key",
        "records": "NS records can't be imported: `adopt: true` adopts existing ones",
        **{name: f"The domain belongs to {id_}" for name, id_ in by_hand.items()},
    }
    assert failed.unexpected(expected) == {}
    assert not failed.has_traceback
    assert API_KEY[:8] not in failed
    assert in_state(project) == {}

    lines = {line.strip() for line in failed.output.splitlines() if "pulumi import" in line}
    for line, shell in zip(sorted(lines), ("sh", "bash"), strict=True):
        assert line.isprintable()
        (project.folder / "line.sh").write_text(line)
        assert "1 imported" in project.shell(f"{shell} line.sh")
    assert {name: each["id"] for name, each in in_state(project).items()} == by_hand
    # That changed nothing at ngrok. The next `up` does.
    assert sorted(each["description"] for each in emulator.ingresses()) == ["", "made by hand", "made by hand"]
    project.yaml_program(program)
    assert "2 updated" in project.up()
    assert {each["description"] for each in emulator.ingresses()} == {""}
