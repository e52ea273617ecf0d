"""A program in TypeScript with the generated SDK: its types, a lifecycle, lookups, and secrets."""

from __future__ import annotations

import json
from typing import Any

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, THEIRS
from tests.support.ngrok import create, requests
from tests.support.project import Project

AUTHTOKEN = "2tokAbCdEfGhIjKlMnOpQrStUvW_not_a_real_one"
DESCRIPTION = "hush-hush-hush"

PROGRAM = """
    const config = new pulumi.Config();
    const policy = { authority: "letsencrypt" };

    const connect = new agin.AgentIngress("connect", {
        domain: "Connect.ACME.com.",
        description: config.requireSecret("description"),
        certificateManagementPolicy: policy,
    });
    const wait = new agin.AgentIngressCertificateValidation("wait", { agentIngressId: connect.id });

    const updated = new agin.AgentIngress("updated", { domain: "updated.acme.com", metadata: "one" });
    const built = new agin.AgentIngress("built", {
        domain: "built.acme.com",
        metadata: pulumi.jsonStringify([updated.nsTargets, updated.certificateManagementPolicy]),
    });
    const moved = new agin.AgentIngress("moved", { domain: "before.acme.com" });
    const imported = new agin.AgentIngress("imported", { domain: "imported.acme.com" }, { import: "IMPORTED_ID" });

    const read: agin.AgentIngress = agin.AgentIngress.get("read", "READ_ID");
    const other = new agin.Provider("other", { apiKey: config.requireSecret("otherKey") });
    const theirs = new agin.AgentIngress("theirs", { domain: "theirs.acme.com" }, { provider: other });

    export const targets: pulumi.Output<string[]> = connect.nsTargets;
    export const renewsAt: pulumi.Output<string | undefined> = wait.renewsAt;
    export const found = agin.getAgentIngressOutput({ id: theirs.id }, { provider: other }).domain;
    export const listed = agin.getAgentIngressesOutput({ filter: 'obj.metadata == "read"' }).agentIngresses;
    export const readTargets = read.nsTargets;
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
    ingresses = {ingress["domain"]: ingress for ingress in emulator.ingresses()}
    assert ingresses["imported.acme.com"]["id"] == imported
    assert ingresses["connect.acme.com"]["description"] == DESCRIPTION
    assert {domain: ingress["account"] for domain, ingress in ingresses.items()} == {
        **dict.fromkeys(
            (f"{name}.acme.com" for name in ("connect", "updated", "built", "before", "imported", "read")), OURS
        ),
        "theirs.acme.com": THEIRS,
    }
    assert_outputs_and_secrets(project, ingresses)

    requests(emulator)
    project.edit({'"one"': '"two"', "before.acme.com": "after.acme.com"})
    changed = project.pulumi("up", "--yes")
    assert changed.previewed == {"updated": "update [diff: ~metadata]", "moved": "replace [diff: ~domain]"}
    sent = {method: body for method, body in requests(emulator) if method != "GET"}
    assert sent == {"PATCH": {"metadata": "two"}, "POST": {"domain": "after.acme.com"}, "DELETE": None}

    emulator.set_ingress(ingresses["connect.acme.com"]["id"], {"metadata": "theirs"})
    refreshed = project.refresh(*logged)
    assert "1 updated" in refreshed
    assert_outputs_and_secrets(project, ingresses)

    destroyed = project.destroy(*logged)
    assert [ingress["id"] for ingress in emulator.ingresses()] == [read]
    shown = created.output + refreshed.output + destroyed.output
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(shown, key)
    for text in (shown, *project.files().values()):
        assert DESCRIPTION not in text
        assert AUTHTOKEN not in text


def assert_outputs_and_secrets(project: Project, ingresses: dict[str, dict[str, Any]]) -> None:
    """Asserts that the stack has all outputs, and that secrets are encrypted in the state."""
    [stack] = project.of_type("pulumi:pulumi:Stack")
    outputs = stack["outputs"]
    for name, domain in (("targets", "connect.acme.com"), ("readTargets", "read.acme.com")):
        assert outputs[name] == sorted(f"{target}." for target in ingresses[domain]["ns_targets"])
    [listed] = outputs["listed"]
    assert (listed["id"], listed["createdAt"]) == (
        ingresses["read.acme.com"]["id"],
        ingresses["read.acme.com"]["created_at"],
    )
    assert outputs["renewsAt"]
    assert outputs["found"] == "theirs.acme.com"
    assert "ciphertext" in json.dumps(outputs["agent"])
    [ingress] = [each for each in project.of_type("agin:index:AgentIngress") if each["urn"].endswith("::connect")]
    [provider] = [each for each in project.of_type("pulumi:providers:agin") if each["urn"].endswith("::other")]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in ingress[part]["description"]
        assert "ciphertext" in provider[part]["apiKey"]
