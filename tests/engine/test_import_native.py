"""`pulumi import` and the option `import` take over what exists, as resources of the provider plugin."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml

from pulumi_agin import tokens
from pulumi_agin.commands import native_import_line
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import UNCHANGED, Project


def urn(name: str) -> str:
    """The URN of an Agent Ingress without a parent."""
    return f"urn:pulumi:dev::test::agin:index:AgentIngress::{name}"


pytestmark = pytest.mark.usefixtures("yaml_project")

EMPTY = "resources: {}"
TEXT = 'it\'s\n"odd" \\ 🚀 ${x}'


def ingresses(project: Project) -> list[dict[str, Any]]:
    """The Agent Ingresses of the state that are the plugin's."""
    resources = project.state()["deployment"].get("resources", [])
    return [each for each in resources if each["type"] == tokens.NATIVE_AGENT_INGRESS]


def printed(output: str) -> str:
    """The program that the CLI prints after an import."""
    return "resources:\n" + output.partition("\nresources:\n")[2]


def assert_unchanged(project: Project, emulator: Emulator, resources: int) -> None:
    """An `up` changes nothing and asks nothing. A refresh finds no difference, and leaves the state as it was."""
    before = contents(project)
    emulator.clear_requests()
    assert f"{resources} unchanged" in project.up()
    assert emulator.requests() == []
    assert f"{resources} unchanged" in project.up("--refresh")
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert contents(project) == before


def contents(project: Project) -> dict[str, tuple[object, object]]:
    """Inputs and outputs in the state, by URN."""
    return {found["urn"]: (found["inputs"], found["outputs"]) for found in ingresses(project)}


KINDS: dict[str, dict[str, Any]] = {
    "bare": {},
    "texts": {"description": TEXT, "metadata": '{"team": "iot"}'},
    "policy": {"certificate_management_policy": {"authority": "letsencrypt"}},
    "key-type": {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"}},
}


def test_the_program_that_the_cli_prints_is_as_it_is(project: Project, emulator: Emulator) -> None:
    ids = {name: create(emulator, f"{name}.acme.com", **inputs) for name, inputs in KINDS.items()}
    # The status of a certificate goes by the clock.
    emulator.configure(order="shuffled", upper_case=True, job_after_seconds=10_000, issue_after_seconds=20_000)
    project.yaml_program(EMPTY)
    emulator.clear_requests()
    program: dict[str, Any] = {"resources": {}}
    for name, id_ in ids.items():
        imported = project.pulumi("import", tokens.NATIVE_AGENT_INGRESS, name, id_, "--yes")
        assert "1 imported" in imported
        assert "warning" not in imported
        program["resources"] |= yaml.safe_load(printed(imported.output))["resources"]
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert [(found["id"], found["protect"]) for found in ingresses(project)] == [(id_, True) for id_ in ids.values()]
    project.yaml_program(yaml.safe_dump(program))
    assert_unchanged(project, emulator, 5)

    # A user may leave out what ngrok chose.
    properties = {
        "domain": "Policy.ACME.com.",
        "description": "",
        "certificateManagementPolicy": {"authority": "letsencrypt"},
    }
    program["resources"]["policy"] = {"type": "agin:AgentIngress", "properties": properties}
    project.yaml_program(yaml.safe_dump(program))
    emulator.clear_requests()
    assert "5 unchanged" in project.preview()
    assert "5 unchanged" in project.up()
    assert emulator.requests() == []
    # This program does not protect it, so it is protected no longer.
    assert [found["id"] for found in ingresses(project) if "protect" not in found] == [ids["policy"]]

    # An imported one can be found gone. Not with a key of another account, for which it does not exist.
    failed = project.refresh(fails=True, env={"NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    assert "That need not mean that it is gone" in failed.diagnostics
    for id_ in ids.values():
        emulator.delete_ingress(id_)
    project.refresh()
    assert ingresses(project) == []


PARENT_AND_PROVIDER = """
    resources:
      other:
        type: pulumi:providers:agin
        properties:
          apiKey: ${secondApiKey}
          apiBaseUrl: ${url}
      site:
        type: agin:AgentIngress
        properties: {domain: site.acme.com}
    configuration:
      secondApiKey: {type: string, secret: true}
      url: {type: string}
    """
SITE = "urn:pulumi:dev::test::agin:index:AgentIngress::site"
OTHER = "urn:pulumi:dev::test::pulumi:providers:agin::other"


def test_a_parent_and_a_provider(project: Project, emulator: Emulator) -> None:
    project.config(secret={"secondApiKey": OTHER_ACCOUNTS_KEY}, plain={"url": emulator.url})
    project.yaml_program(PARENT_AND_PROVIDER)
    project.up()
    theirs = create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    ours = create(emulator, "ours.acme.com")
    more = ""
    for name, id_, options in (
        ("theirs", theirs, ["--parent", f"site={SITE}", "--provider", f"other={OTHER}"]),
        ("ours", ours, ["--parent", f"site={SITE}"]),
    ):
        imported = project.pulumi("import", tokens.NATIVE_AGENT_INGRESS, name, id_, *options, "--yes")
        assert "1 imported" in imported
        assert OTHER_ACCOUNTS_KEY[:8] not in imported
        more += printed(imported.output).removeprefix("resources:\n")
    program = yaml.safe_load(PARENT_AND_PROVIDER)
    program["resources"] |= yaml.safe_load(more)
    project.yaml_program(yaml.safe_dump(program))
    assert_unchanged(project, emulator, 5)
    assert len(emulator.ingresses()) == 3


def test_what_can_not_be_imported_fails_with_a_sentence_and_leaves_the_state(
    project: Project, emulator: Emulator
) -> None:
    nobodys, theirs = f"agin_{'0' * 27}", create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY)
    project.yaml_program(EMPTY)
    before = project.state()
    for type_, id_, sentence in (
        (
            tokens.NATIVE_AGENT_INGRESS,
            nobodys,
            f"could not read the Agent Ingress {nobodys}: ngrok answered 404: Resou",
        ),
        (tokens.NATIVE_AGENT_INGRESS, theirs, "there is no such Agent Ingress in the account of this key"),
        (
            tokens.NATIVE_CERTIFICATE_VALIDATION,
            nobodys,
            "an AgentIngressCertificateValidation is a wait, so there is nothing to read or import: create it",
        ),
        (
            tokens.NATIVE_RFC2136_DELEGATION,
            "connect.acme.com",
            "NS records can't be imported: `takeOver: true` takes over records that exist",
        ),
    ):
        failed = project.pulumi("import", type_, "connect", id_, "--yes", fails=True)
        assert sentence in failed.diagnostics
        assert "Traceback" not in failed
    assert project.state() == before


def test_the_option_import(project: Project, emulator: Emulator) -> None:
    theirs = create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY)
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    id_ = create(emulator, "connect.other.com", description="d", certificate_management_policy=policy)
    program = """
        resources:
          connect:
            type: agin:AgentIngress
            properties:
              domain: Connect.other.com.
              description: {description}
              certificateManagementPolicy: {{authority: letsencrypt, privateKeyType: ecdsa}}
            options: {options}
        """
    project.yaml_program(program.format(description="d", options=f"{{import: {theirs}}}"))
    failed = project.up(fails=True)
    assert "there is no such Agent Ingress in the account of this key" in failed.diagnostics
    assert ingresses(project) == []
    assert len(emulator.ingresses()) == 2

    option = f"{{import: {id_}}}"
    # The status of a certificate goes by the clock.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)
    emulator.clear_requests()
    # The preview shows what the program would change in the same step.
    project.yaml_program(program.format(description="another", options=option))
    preview = project.preview()
    assert "= 1 to import" in preview
    assert '~ description: "d" => "another"' in preview

    project.yaml_program(program.format(description="d", options=option))
    assert "1 imported" in project.up()
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    emulator.clear_requests()
    assert UNCHANGED in project.up()
    assert emulator.requests() == []
    project.yaml_program(program.format(description="d", options="{}"))
    assert_unchanged(project, emulator, 2)


def test_the_lines_that_a_failed_up_prints_work_for_any_name(project: Project, emulator: Emulator) -> None:
    names = ["connect", "--file=/etc/passwd", 'it\'s "a b"; rm -rf /', "\x1b[2K\u202ea\n\n"]
    domains = {name: f"d{number}.acme.com" for number, name in enumerate(names)}
    ids = {name: create(emulator, domain, description="made by hand") for name, domain in domains.items()}
    resources = {name: {"type": "agin:AgentIngress", "properties": {"domain": domains[name]}} for name in names}
    project.yaml_program(yaml.safe_dump({"resources": resources}))
    failed = project.up("--continue-on-error", fails=True)
    lines = {line.strip() for line in failed.output.splitlines() if "pulumi import" in line}
    assert lines == {native_import_line(ids[name], urn(name)) for name in names}
    assert API_KEY[:8] not in failed
    for name, shell_name in zip(names, ("sh", "bash", "sh", "bash"), strict=True):
        line = native_import_line(ids[name], urn(name))
        assert "1 imported" in project.shell(f"exec {shell_name} -c {shlex.quote(line)}")
    imported = {found["urn"].rpartition("::")[2]: found["id"] for found in ingresses(project)}
    assert imported == ids
    # It changes nothing by itself. The next `up` shows what differs.
    assert {each["description"] for each in emulator.ingresses()} == {"made by hand"}
    assert project.preview().output.count('- description: "made by hand"') == len(names)
    project.up()
    assert {each["id"]: each["description"] for each in emulator.ingresses()} == dict.fromkeys(ids.values(), "")


def test_the_line_of_a_taken_domain_in_a_project_without_code_generation(project: Project, emulator: Emulator) -> None:
    """The language hosts of older CLIs can't write programs. The line needs none."""
    id_ = create(emulator, "connect.acme.com")
    project.yaml_program(EMPTY)
    project.yaml((project.folder / "Pulumi.yaml").read_text().replace('"yaml"', '"python"'))
    project.program("")
    project.up()
    assert "1 imported" in project.shell(native_import_line(id_, urn("connect")))
