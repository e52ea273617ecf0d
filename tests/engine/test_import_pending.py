"""`pulumi-agin import --pending` after killed runs: what they created is imported by one command, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import urns
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.killed_up import kill_up_during_creates
from tests.support.ngrok import create
from tests.support.project import Project
from tests.support.waiting import until

CREATED = ("part.acme.com", "theirs.acme.com", "secret.acme.com")
NOT_OURS = ("older.acme.com", "differs.acme.com")
NEVER_SENT = "unsent.acme.com"

PROGRAM = """
    class Site(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("test:index:Site", name, None, opts)

    second = agin.Provider("second", api_key=pulumi.Config().require_secret("second"))
    inner = pulumi.ResourceOptions(parent=Site("site", pulumi.ResourceOptions(parent=Site("outer"))))
    agin.AgentIngress("part", domain="part.acme.com", description="d", opts=inner)
    agin.AgentIngress(
        "theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(parent=Site("second"), provider=second)
    )
    agin.AgentIngress(
        "secret",
        domain="secret.acme.com",
        metadata=pulumi.Output.secret("hush-hush"),
        certificate_management_policy={"authority": "letsencrypt"},
    )
    agin.AgentIngress("older", domain="older.acme.com", description="d")
    agin.AgentIngress("differs", domain="differs.acme.com", description="d", metadata="m")
    agin.AgentIngress("unsent", domain="unsent.acme.com")
    """

# The same with the provider plugin. A program in YAML creates one resource at a time.
IN_TYPESCRIPT = """
    class Site extends pulumi.ComponentResource {
        constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
            super("test:index:Site", name, {}, opts);
        }
    }
    const apiKey = new pulumi.Config().requireSecret("second");
    const second = new agin.Provider("second", { apiKey });
    const site = new Site("site", { parent: new Site("outer") });
    new agin.AgentIngress("part", { domain: "part.acme.com", description: "d" }, { parent: site });
    new agin.AgentIngress("theirs", { domain: "theirs.acme.com" }, { parent: new Site("second"), provider: second });
    const policy = { authority: "letsencrypt" };
    new agin.AgentIngress("secret", {
        domain: "secret.acme.com", metadata: pulumi.secret("hush-hush"), certificateManagementPolicy: policy,
    });
    new agin.AgentIngress("older", { domain: "older.acme.com", description: "d" });
    new agin.AgentIngress("differs", { domain: "differs.acme.com", description: "d", metadata: "m" });
    new agin.AgentIngress("unsent", { domain: "unsent.acme.com" });
    """


def create_others(emulator: Emulator) -> dict[str, str]:
    """Creates ingresses that are not the stack's, in a second that is over before a run begins. Returns their IDs."""
    ids = {
        "older": create(emulator, "older.acme.com", description="d"),
        "differs": create(emulator, "differs.acme.com", description="another's"),
    }
    second = int(datetime.now(timezone.utc).timestamp())
    until("the second is over", lambda: datetime.now(timezone.utc).timestamp() > second + 1)
    return ids


def ids_of(emulator: Emulator, *domains: str) -> dict[str, str]:
    found = {each["domain"]: each["id"] for each in emulator.ingresses()}
    return {domain.partition(".")[0]: found[domain] for domain in domains}


def in_state(project: Project, type_: str) -> dict[str, dict[str, Any]]:
    return {each["urn"].rpartition("::")[2]: each for each in project.of_type(type_)}


def assert_not_imported(printed: str, others: Mapping[str, str], unsent: str) -> None:
    """Asserts that the notes give the reason for each pending create that was not imported, `unsent` for the last."""
    reasons = {
        "older": f"{others['older']}, created at ",
        "differs": f"{others['differs']} has a different description and metadata",
        "unsent": unsent,
    }
    for name, reason in reasons.items():
        assert f"not imported: {name}.acme.com (urn:" in printed
        assert reason in printed


def test_command_of_the_message_imports_all_that_killed_runs_created(project: Project, emulator: Emulator) -> None:
    project.config(secret={"ngrok:apiKey": API_KEY, "second": OTHER_ACCOUNTS_KEY})
    del project.environment["NGROK_API_KEY"]
    project.program(PROGRAM)
    others = create_others(emulator)
    kill_up_during_creates(project, emulator, CREATED, unsent=(*NOT_OURS, NEVER_SENT))
    ids = ids_of(emulator, *CREATED)
    # The next run is killed, too.
    kill_up_during_creates(project, emulator, (), unsent=(*CREATED, *NOT_OURS, NEVER_SENT))
    assert len(project.state()["deployment"]["pending_operations"]) == 12

    failed = project.up("--continue-on-error", fails=True)
    expected = {name: f"It belongs to {id_}" for name, id_ in {**ids, **others}.items()}
    assert failed.unexpected(expected) == {}
    assert not failed.has_traceback
    lines = {name: text.splitlines()[-2:] for name, text in failed.by_resource.items() if name in expected}
    assert "import --pending" not in lines["differs"][0]
    [first] = {lines[name][0] for name in (*ids, "older")}
    printed = project.shell(first)
    assert "3 imported" in printed
    assert "hush-hush" not in json.dumps(project.state())
    # `up` has created it since.
    unsent = "is already in the stack as urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::unsent"
    assert_not_imported(printed, others, unsent)
    assert "the import file contains 3 of 6 Agent Ingresses" in printed

    assert "interrupted while creating" not in project.refresh("--clear-pending-creates")
    emulator.clear_requests()
    failed = project.up("--continue-on-error", fails=True)
    assert failed.unexpected({name: f"It belongs to {id_}" for name, id_ in others.items()}) == {}
    # Four ingresses, three components, the provider, and the stack.
    assert "9 unchanged" in failed
    posts = [each["body"]["domain"] for each in emulator.requests() if each["method"] == "POST"]
    assert sorted(posts) == sorted(NOT_OURS)
    after = in_state(project, urns.AGENT_INGRESS)
    assert {name: each["id"] for name, each in after.items()} == {**ids, **ids_of(emulator, NEVER_SENT)}
    project.destroy()
    assert {each["id"] for each in emulator.ingresses()} == {*others.values()}


def test_pending_creates_of_the_plugin_are_imported_by_one_command(
    typescript_project: Project, emulator: Emulator
) -> None:
    project = typescript_project
    project.config(secret={"agin:apiKey": API_KEY, "second": OTHER_ACCOUNTS_KEY})
    del project.environment["NGROK_API_KEY"]
    project.typescript_program(IN_TYPESCRIPT)
    others = create_others(emulator)
    kill_up_during_creates(project, emulator, CREATED, unsent=(*NOT_OURS, NEVER_SENT))
    ids = ids_of(emulator, *CREATED)

    printed = project.shell(
        "pulumi-agin import --pending | pulumi import --file /dev/stdin --generate-code=false --yes"
    )
    assert "3 imported" in printed
    unsent = "has no Agent Ingress with this domain, so there is nothing to import"
    assert_not_imported(printed, others, unsent)
    # A second time, there is nothing more to import.
    again = project.shell("pulumi-agin import --pending")
    assert '"resources": []' in again
    assert again.count("is already in the stack as urn:") == 3

    project.refresh("--clear-pending-creates")
    emulator.clear_requests()
    failed = project.up("--continue-on-error", fails=True)
    assert failed.unexpected({name: f"It belongs to {id_}" for name, id_ in others.items()}) == {}
    # The three ingresses, three components, the provider, and the stack.
    assert "8 unchanged" in failed
    assert "1 created" in failed
    after = in_state(project, urns.NATIVE_AGENT_INGRESS)
    assert after.keys() == {*ids, "unsent"}
    assert ids.items() <= {name: each["id"] for name, each in after.items()}.items()
    assert "hush-hush" not in json.dumps(project.state())
    project.destroy()
    assert {each["id"] for each in emulator.ingresses()} == {*others.values()}
