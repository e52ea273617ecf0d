"""`pulumi import` and the option `import` with existing ingresses, as resources of the provider plugin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import urns
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

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


# The name of one begins like those of the engine's default providers.
WITH_PROVIDERS = """
config:
  secondApiKey: {type: string, secret: true}
resources:
  eu:
    type: pulumi:providers:agin
    properties: {apiKey: "${secondApiKey}"}
  default_eu:
    type: pulumi:providers:agin
    properties: {apiKey: "${secondApiKey}"}
"""


def test_printed_file_is_imported_in_yaml_and_doctor_speaks_yaml(
    yaml_project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    project = yaml_project
    create(emulator, "a.acme.com", description="a")
    create(emulator, "b.acme.com", certificate_management_policy={"authority": "letsencrypt"})
    create(emulator, "eu.acme.com", OTHER_ACCOUNTS_KEY)
    create(emulator, "default.acme.com", OTHER_ACCOUNTS_KEY)
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    project.environment["NGROK_API_KEY"] = ""
    project.config(secret={"agin:apiKey": API_KEY, "secondApiKey": OTHER_ACCOUNTS_KEY})
    project.yaml_program(WITH_PROVIDERS)
    project.up()
    urn = "urn:pulumi:dev::test::pulumi:providers:agin::"
    generated = ""
    for selected, number in (
        ("--all", 2),
        (f"eu.acme.com --provider {urn}eu", 1),
        (f"--all --provider {urn}default_eu", 1),
    ):
        piped = f"pulumi-agin import {selected} | pulumi import --file /dev/stdin --yes --out imported.yaml"
        assert f"{number} imported" in project.shell(piped)
        generated += (project.folder / "imported.yaml").read_text().removeprefix("resources:\n")
    assert generated.count("provider: ${eu}") == 1
    # `pulumi import` takes this one for a default provider.
    assert "default_eu" not in generated
    generated = generated.removesuffix("\n") + "\n      provider: ${default_eu}\n"

    project.yaml_program(WITH_PROVIDERS + generated)
    emulator.clear_requests()
    project.preview("--expect-no-changes")
    project.refresh("--expect-no-changes")
    # The CLI does not count default_eu, either.
    assert "6 unchanged" in project.up()
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    key = Key("agin", [each["domain"] for each in emulator.ingresses()])
    with Bind(bind_programs, tmp_path / "bind", [key]) as bind:
        for each in emulator.ingresses():
            delegate(bind, each["domain"], each["ns_targets"], key)
        doctor = f"pulumi-agin doctor --dns {bind.address}"
        assert "2 domains: 2 ok" in project.shell(f"{doctor} --all")
        for provider in ("eu", "default_eu"):
            # Both have the same key.
            assert "2 domains: 2 ok" in project.shell(f"{doctor} --all --provider {urn}{provider}")
        missing = project.shell(f"{doctor} new.acme.com", fails=True)
    assert '\n  connect: {type: agin:AgentIngress, properties: {domain: "new.acme.com"}}\n' in missing


def test_printed_file_is_imported_in_typescript(typescript_project: Project, emulator: Emulator) -> None:
    project = typescript_project
    create(emulator, "a.acme.com", description="a")
    project.typescript_program("")
    # The language host of the tests generates no code.
    piped = "pulumi-agin import --all | pulumi import --file /dev/stdin --generate-code=false --yes"
    assert "1 imported" in project.shell(piped)
    arguments = '"a-acme-com", { domain: "a.acme.com", description: "a" }, { protect: true }'
    project.typescript_program(f"new agin.AgentIngress({arguments});")
    project.preview("--expect-no-changes")
    project.refresh("--expect-no-changes")
    missing = project.shell("pulumi-agin doctor new.acme.com", fails=True)
    assert '\n  new agin.AgentIngress("connect", { domain: "new.acme.com" });\n' in missing


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
