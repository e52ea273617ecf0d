"""A program in TypeScript with the generated SDK: its types, a lifecycle, lookups, and secrets."""

from __future__ import annotations

import json
import re

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, THEIRS
from tests.support.ngrok import create, ns_targets, requests
from tests.support.project import Project

AUTHTOKEN = "2tokAbCdEfGhIjKlMnOpQrStUvW_not_a_real_one"
DESCRIPTION = "hush-hush-hush"

PROGRAM = """
    const config = new pulumi.Config();
    const connect = new agin.AgentIngress("connect", {
        domain: "Connect.ACME.com.",
        description: config.requireSecret("description"),
        metadata: "one",
        certificateManagementPolicy: { authority: "letsencrypt" },
    });
    const wait = new agin.AgentIngressCertificateValidation("wait", { agentIngressId: connect.id });
    const built = new agin.AgentIngress("built", {
        domain: "built.acme.com",
        metadata: pulumi.jsonStringify([connect.nsTargets, connect.certificateManagementPolicy]),
    });
    const imported = new agin.AgentIngress("imported", { domain: "imported.acme.com" }, { import: "IMPORTED_ID" });
    const read: agin.AgentIngress = agin.AgentIngress.get("read", "READ_ID");
    const other = new agin.Provider("other", { apiKey: config.requireSecret("otherKey") });
    const theirs = new agin.AgentIngress("theirs", { domain: "theirs.acme.com" }, { provider: other });

    export const targets: pulumi.Output<string[]> = connect.nsTargets;
    export const renewsAt: pulumi.Output<string | undefined> = wait.renewsAt;
    export const readTargets = read.nsTargets;
    export const found = agin.getAgentIngressOutput({ id: theirs.id }, { provider: other }).domain;
    export const listed = agin.getAgentIngressesOutput({ filter: 'obj.metadata == "read"' }).agentIngresses;
    const authtoken = config.requireSecret("authtoken");
    export const agent = agin.agentConfigOutput({ domain: connect.domain, authtoken });

    // Only their types are checked.
    const records = () => new agin.Rfc2136Delegation("records", {
        domain: connect.domain, nsTargets: connect.nsTargets, ttl: 300, zone: "acme.com", server: "ns1.acme.com",
        port: 53, tsigKeyName: "agin", tsigSecret: config.requireSecret("tsig"),
    });
    // @ts-expect-error
    const misspelled = () => new agin.AgentIngress("misspelled", { domain: "a.acme.com", descripton: "hello" });
    """


def test_types_lifecycle_and_secrets(typescript_project: Project, emulator: Emulator) -> None:
    project, logged = typescript_project, ("-v=9", "--logtostderr")
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    imported = create(emulator, "imported.acme.com")
    read = create(emulator, "read.acme.com", metadata="read")
    secret = {"agin:apiKey": API_KEY, "otherKey": OTHER_ACCOUNTS_KEY}
    project.config(secret={**secret, "description": DESCRIPTION, "authtoken": AUTHTOKEN})
    project.environment["NGROK_API_KEY"] = ""
    project.typescript_program(PROGRAM.replace("IMPORTED_ID", imported).replace("READ_ID", read))
    project.check_types()

    created = project.up(*logged)
    assert "= 1 imported" in created
    accounts = {each["domain"].partition(".")[0]: each["account"] for each in emulator.ingresses()}
    assert accounts == {"theirs": THEIRS, **dict.fromkeys(("connect", "built", "imported", "read"), OURS)}
    assert_outputs_and_secrets(project, emulator, read)

    requests(emulator)
    project.edit({'"one"': '"two"'})
    changed = project.pulumi("up", "--yes")
    preview, _, _ = changed.output.partition("Updating (")
    # What is built from outputs that never change does not change in the preview.
    assert re.findall(r" agin:\S+ (\S+ update.*)", preview) == ["connect update [diff: ~metadata]"]
    assert [each for each in requests(emulator) if each[0] != "GET"] == [("PATCH", {"metadata": "two"})]
    refreshed = project.refresh(*logged)
    assert_outputs_and_secrets(project, emulator, read)

    destroyed = project.destroy(*logged)
    assert [ingress["id"] for ingress in emulator.ingresses()] == [read]
    shown = created.output + changed.output + refreshed.output + destroyed.output
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(shown, key)
    for text in (shown, *project.files().values()):
        assert DESCRIPTION not in text
        assert AUTHTOKEN not in text


def assert_outputs_and_secrets(project: Project, emulator: Emulator, read: str) -> None:
    """Asserts that the stack has all outputs, and that secrets are encrypted in the state."""
    [stack] = project.of_type("pulumi:pulumi:Stack")
    outputs = stack["outputs"]
    assert outputs["targets"] == ns_targets(emulator, "connect.acme.com")
    assert outputs["readTargets"] == ns_targets(emulator, "read.acme.com")
    assert [each["id"] for each in outputs["listed"]] == [read]
    assert outputs["renewsAt"]
    assert outputs["found"] == "theirs.acme.com"
    assert "ciphertext" in json.dumps(outputs["agent"])
    [ingress] = [each for each in project.of_type("agin:index:AgentIngress") if each["urn"].endswith("::connect")]
    [provider] = [each for each in project.of_type("pulumi:providers:agin") if each["urn"].endswith("::other")]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in ingress[part]["description"]
        assert "ciphertext" in provider[part]["apiKey"]
