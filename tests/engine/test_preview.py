"""Exact previews: an output that an update does not change is known, and resources that use it show no change.

All cases are resources of one stack, each with a domain of its name. BEFORE is the first program, AFTER the second one.
"""

from __future__ import annotations

import re

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import Project
from tests.support.result import Result

# A module of the project. A record stands for those of the DNS packages.
CASES = """
import pulumi_agin as agin
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class RecordProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult(props["target"], props)


class Record(Resource, module="test", name="Record"):
    def __init__(self, name, target):
        super().__init__(RecordProvider(), name, {"target": target})


def case(name, domain=None, **arguments):
    ingress = agin.AgentIngress(name, domain=domain or f"{name}.acme.com", **arguments)
    ingress.ns_targets.apply(lambda targets: [Record(f"{name}-{target}", target) for target in targets])
    for output in type(ingress).__annotations__:
        getattr(ingress, output).apply(lambda value, output=output: print(f"known {name} {output}: {value!r}"))
    return ingress
"""

COMMON = f"""
from cases import Record, case

policy = {{"authority": "letsencrypt"}}
in_second_account = pulumi.ResourceOptions(provider=agin.Provider("second", "{OTHER_ACCOUNTS_KEY}"))
in_gateway = pulumi.ResourceOptions(parent=pulumi.ComponentResource("acme:index:Gateway", "gateway"))
secret_uri = pulumi.ResourceOptions(additional_secret_outputs=["uri"])
ignore_policy = pulumi.ResourceOptions(ignore_changes=["certificate_management_policy"])
delete_first = pulumi.ResourceOptions(delete_before_replace=True)
"""

BEFORE = f"""{COMMON}
case("unchanged")
case("text", description="one", metadata="m")
case("secret", description="one")
case("unknown-text", description="one")
case("account", description="one", opts=in_second_account)
case("secret-output", description="one", opts=secret_uri)
case("policy-kept", description="one", certificate_management_policy=policy)
case("policy-ignored", description="one", certificate_management_policy=policy)
case("policy-removed", certificate_management_policy=policy, opts=in_gateway)
case("policy-added")
case("key-type", certificate_management_policy=policy)
case("unknown-authority", certificate_management_policy=policy)
case("another-domain", certificate_management_policy=policy)
case("recreated", certificate_management_policy=policy, opts=delete_first)
case("deleted-at-ngrok", description="one")
case("old-name", domain="renamed.acme.com")

agin.AgentIngress("assigned", domain="assigned.acme.com", description="one")
whole = agin.AgentIngress("whole", domain="whole.acme.com", description="one", certificate_management_policy=policy)
pulumi.export("whole", whole)
"""

AFTER = f"""{COMMON}
unknown = Record("new", "letsencrypt").id

case("unchanged")
case("text", description="two")
pulumi.export("secret_text", case("secret", description=pulumi.Output.secret("hush-hush")).description)
case("unknown-text", description=unknown)
case("account", description="two", opts=in_second_account)
pulumi.export("secret_uri", case("secret-output", description="two", opts=secret_uri).uri)
case("policy-kept", description="two", certificate_management_policy=policy)
case("policy-ignored", description="two", opts=ignore_policy)
case("policy-removed", opts=in_gateway)
case("policy-added", certificate_management_policy=dict(policy, private_key_type="rsa"))
case("key-type", certificate_management_policy={{"authority": "letsencrypt", "private_key_type": "ecdsa"}})
case("unknown-authority", certificate_management_policy={{"authority": unknown}})
case("another-domain", domain="another.acme.com")
case("recreated", opts=delete_first)
case("deleted-at-ngrok", description="two")
case("new-name", domain="renamed.acme.com")
case("new")
case("taken")

assigned = agin.AgentIngress("assigned", domain="assigned.acme.com", description="two")
assigned.created_at.apply(lambda value: print("known assigned created_at:", value))
assigned.uri = pulumi.Output.from_input("ours")
assigned.uri.apply(lambda value: print("known assigned uri:", value))
whole = agin.AgentIngress("whole", domain="whole.acme.com", description="two", certificate_management_policy=policy)
pulumi.export("whole", whole)
"""

POLICY, STATUS = "certificate_management_policy", "certificate_management_status"
COMPUTED = {"ns_targets", "region_domains", "created_at", "uri"}
NEW = {*COMPUTED, "description", "metadata", POLICY, STATUS}

# The outputs of each case that its preview does not know.
UNKNOWN: dict[str, set[str]] = {
    "unchanged": set(),
    "text": set(),
    "secret": set(),
    "unknown-text": {"description"},
    "account": set(),
    "secret-output": set(),
    "policy-kept": set(),
    "policy-ignored": set(),
    "policy-removed": {POLICY, STATUS},
    "policy-added": {STATUS},
    "key-type": {STATUS},
    "unknown-authority": {POLICY, STATUS},
    "another-domain": NEW,
    "recreated": NEW,
    "deleted-at-ngrok": NEW - {"description"},
    "new-name": NEW,
    "new": NEW,
    "taken": NEW,
}

# A part of each warning of the preview. It can't detect `--replace`, so it warns of "recreated" too.
WARNINGS = (
    "was not found, so this update will fail",
    "renamed.acme.com already has an Agent Ingress, so `pulumi up` fails",
    "taken.acme.com already has an Agent Ingress, so `pulumi up` fails",
    "recreated.acme.com already has an Agent Ingress, so `pulumi up` fails unless it deletes that one first",
    "this replacement deletes the Agent Ingress another-domain.acme.com in the same `pulumi up`, which disconnects all",
    "this update removes the certificate_management_policy of policy-removed.acme.com: if ngrok keeps it, the update",
    "this update changes the certificate authority of policy-added.acme.com, after which agents can't connect",
)

# A part of each error of the update.
FAILURES = {
    "deleted-at-ngrok": "ngrok responded 404: Resource not found",
    "new-name": 'The agent ingress domain "renamed.acme.com" already exists',
    "taken": 'The agent ingress domain "taken.acme.com" already exists',
    "policy-removed": "ngrok did not remove the certificate_management_policy",
    "test-dev": "error: this run deletes nothing more, because these resources failed",
}


def known(result: Result) -> dict[str, dict[str, str]]:
    """Returns the outputs that the program printed, by case."""
    outputs: dict[str, dict[str, str]] = {}
    for case, output, value in re.findall(r"^ *known (\S+) (\w+): (.*)$", result.output, re.M):
        outputs.setdefault(case, {})[output] = value
    return outputs


def test_previews_of_updates_are_exact_and_warn_of_failures(project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0, job_after_seconds=10**7, issue_after_seconds=10**7, null_policy="ignored")
    (project.folder / "cases.py").write_text(CASES)
    project.environment["PYTHONPATH"] = str(project.folder)
    project.program(BEFORE)
    project.up()
    ids = {ingress["domain"]: ingress["id"] for ingress in emulator.ingresses()}
    emulator.set_certificate(ids["policy-kept.acme.com"], "issued")
    emulator.delete_ingress(ids["deleted-at-ngrok.acme.com"])
    taken = create(emulator, "taken.acme.com")
    emulator.clear_requests()

    project.program(AFTER)
    states = {state["urn"].rpartition("::")[2]: state for state in project.resources()}
    replace = ("--replace", states["recreated"]["urn"])
    preview = project.preview(*replace)
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    # There are more updates and creates: most share a list.
    assert len(emulator.requests()) < len(UNKNOWN)
    before = known(preview)
    assert before.pop("assigned") == {"created_at": states["assigned"]["outputs"]["created_at"], "uri": "ours"}
    assert {case: {"domain", *NEW} - outputs.keys() for case, outputs in before.items()} == UNKNOWN
    assert before["unchanged"][POLICY] == before["unchanged"][STATUS] == "None"
    assert before["policy-kept"][POLICY] == "{'authority': 'letsencrypt', 'private_key_type': 'rsa'}"
    assert "renews_at" in before["policy-kept"][STATUS]

    # Only records of other name servers are shown as changing.
    deleted = re.findall(r"- \S+:Record: \(delete\)\n.*\n *\[urn=.*::(.+)-ns-", preview.output)
    assert set(deleted) == {"another-domain", "recreated", "deleted-at-ngrok", "old-name"}
    # The same holds for outputs of the stack.
    stack_outputs = preview.output.partition("--outputs:--")[2].partition("Resources:")[0]
    assert re.findall(r"^ *[-+~] (\w+)", stack_outputs, re.M) == ["secret_text", "secret_uri", "whole", "description"]
    assert re.findall(r"(secret_\w+) *: \[secret\]", stack_outputs) == ["secret_text", "secret_uri"]
    # The engine prints strings with double quotes, the program with single ones.
    assert '"hush-hush"' not in preview

    warnings = re.findall(r"^warning: (.*)$", preview.output, re.M)
    assert [part for part in WARNINGS if not any(part in warning for warning in warnings)] == []
    assert len(warnings) == len(WARNINGS)
    assert "don't import it: use ResourceOptions(aliases=[…]) after a rename" in preview
    assert f"pulumi-agin import {taken} --name taken" in preview

    up = project.up("--continue-on-error", *replace, fails=True)
    assert up.messages.keys() == FAILURES.keys()
    assert {name: text for name, text in up.messages.items() if FAILURES[name] not in text} == {}
    assert "pulumi-agin explain removed-policy" in up.diagnostics
    assert not up.has_traceback
    # Everything in the preview was true.
    after = known(up)
    made = before.keys() - FAILURES.keys()
    assert {case: before[case] for case in made} == {
        case: {output: value for output, value in after[case].items() if output in before[case]} for case in made
    }
