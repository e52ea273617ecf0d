"""Faults of the network and of ngrok with the real engine, and the `up` that follows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import assert_without_key
from tests.support.ngrok import create
from tests.support.ports import closed_port
from tests.support.project import Project
from tests.support.result import Result
from tests.support.waiting import until
from tests.support.wire import serve, trickle

GARBAGE: dict[str, Any] = {"status": 200, "body": "<html>{api_key}</html>"}
REJECTED: dict[str, Any] = {"status": 400, "json_body": {"status_code": 400, "msg": "not now"}}


@pytest.fixture(autouse=True)
def no_key_in_files(project: Project) -> Iterator[None]:
    """Asserts that no file of the project has eight consecutive characters of the key."""
    yield
    project.assert_no_key("")


def ingresses(emulator: Emulator) -> dict[str, tuple[str, str]]:
    return {each["id"]: (each["domain"], each["description"]) for each in emulator.ingresses()}


def ingresses_in_state(project: Project) -> dict[str, tuple[str, str]]:
    return {each["id"]: (each["outputs"]["domain"], each["outputs"]["description"]) for each in project.resources()}


@pytest.mark.main
def test_lost_response_to_create_makes_one_ingress(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com", description="d")')
    emulator.add_fault("POST", "reset_after")
    assert "2 created" in project.up()
    assert emulator.faults() == []
    assert len(emulator.ingresses()) == 1
    assert ingresses_in_state(project) == ingresses(emulator)


# By the resource that meets it.
TRANSIENT: dict[str, dict[str, Any]] = {
    "lost": {"kind": "reset_after"},
    # Until the output shows it.
    "away": {"kind": "respond", "status": 503, "times": None},
}


def add_transient_faults(emulator: Emulator, method: str) -> None:
    for name, fault in TRANSIENT.items():
        # All are read by one list.
        domain = None if method == "GET" else f"{name}.acme.com"
        emulator.add_fault(method, domain=domain, **fault)
    emulator.clear_requests()


def assert_retried(project: Project, emulator: Emulator, result: Result, method: str) -> None:
    # Each fault happened: a lost response has no status.
    statuses = {request["status"] for request in emulator.requests() if request["method"] == method}
    assert statuses >= {None, 503}
    assert ingresses_in_state(project) == ingresses(emulator)
    assert_without_key(result.output)
    # At the end, the line is gone.
    assert "still waiting" not in result.diagnostics


def test_transient_faults_are_retried(project: Project, emulator: Emulator) -> None:
    program = """
        for name in ["lost", "away"]:
            agin.AgentIngress(name, domain=f"{{name}}.acme.com", description="{description}")
        """
    emulator.configure(limit=0)

    def on_line(line: str) -> None:
        """Ends the last fault when the row of a resource shows that it waits, and the other fault has happened."""
        if re.search(
            r"AgentIngress \S+ \w+ing \(\d+s\) .*still waiting to \w+ the Agent Ingress.* \(\d+(\.\d)? seconds? "
            r"elapsed, limit [\w ]+\): ngrok responded 503",
            line,
        ) and all(fault["times"] is None for fault in emulator.faults()):
            emulator.clear_faults()

    project.program(program.format(description="old"))
    add_transient_faults(emulator, "POST")
    created = project.up(on_line=on_line)
    assert "3 created" in created
    assert_retried(project, emulator, created, "POST")

    project.program(program.format(description="new"))
    add_transient_faults(emulator, "PATCH")
    updated = project.up(on_line=on_line)
    assert "2 updated" in updated
    assert_retried(project, emulator, updated, "PATCH")

    for ingress in emulator.ingresses():
        emulator.set_ingress(ingress["id"], {"description": "theirs"})
    add_transient_faults(emulator, "GET")
    refreshed = project.refresh(on_line=on_line)
    assert "2 updated" in refreshed
    assert_retried(project, emulator, refreshed, "GET")

    add_transient_faults(emulator, "DELETE")
    deleted = project.destroy(on_line=on_line)
    assert "3 deleted" in deleted
    assert_retried(project, emulator, deleted, "DELETE")
    assert emulator.ingresses() == []


def test_permanent_faults_fail_and_change_no_state(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com", description="d")')
    project.up()
    before = ingresses_in_state(project)
    [id_] = before
    emulator.add_fault("GET", "respond", times=None, **GARBAGE)
    sentence = project.refresh(fails=True).sentence
    assert sentence.startswith(f"could not read the Agent Ingress connect.acme.com ({id_}): ")
    assert ": not JSON (" in sentence
    emulator.clear_faults()
    emulator.stop()
    with closed_port(emulator.url):
        sentence = project.destroy(fails=True).sentence
    assert sentence.startswith(f"could not delete the Agent Ingress connect.acme.com ({id_}) after ")
    assert "Connection refused; start the emulator there with `pulumi-agin emulator --port " in sentence
    emulator.start()
    assert ingresses_in_state(project) == before


def methods(emulator: Emulator, domains: Mapping[str, str]) -> dict[str, list[str]]:
    """Returns the methods of the requests about each ingress, by domain. `domains` has the domains by ID."""
    found: dict[str, list[str]] = {}
    for request in emulator.requests():
        body = request["body"] or {}
        domain = domains.get(request["path"].rpartition("/")[2]) or body.get("domain")
        if domain:
            found.setdefault(domain, []).append(request["method"])
    emulator.clear_requests()
    return found


class Replacement(NamedTuple):
    """A resource in four `up`s: created, replaced in part, then completed or reverted, and completed as advised."""

    domains: tuple[str, ...]
    error: str
    """What the second `up` prints about it."""
    faults: tuple[dict[str, Any], ...] = ()
    """The faults in the second `up`."""
    options: tuple[dict[str, Any], ...] = ({}, {}, {}, {})
    third_error: str = ""
    third_requests: Mapping[str, list[str]] = {}
    """Methods by domain."""
    last_requests: Mapping[str, list[str]] = {}


def rejected(method: str, domain: str) -> tuple[dict[str, Any]]:
    return ({"method": method, "kind": "respond", "domain": domain, "times": None, **REJECTED},)


def lost(domain: str) -> tuple[dict[str, Any], ...]:
    """Returns faults that lose the response to a create, and fail the reads that would settle it."""
    return ({"method": "POST", "kind": "respond_after", "domain": domain, **GARBAGE}, *rejected("GET", domain))


FIRST = {"delete_before_replace": True}
DELETE_IT = "created it, delete it at ngrok, and run `pulumi up` again"
REPLACEMENTS = {
    "rejected": Replacement(
        ("rejected-old.com", "rejected-new.com", "rejected-new.com", "rejected-new.com"),
        "could not create the Agent Ingress rejected-new.com: ngrok responded 400: not now",
        rejected("POST", "rejected-new.com"),
        third_requests={"rejected-new.com": ["POST"]},
        last_requests={"rejected-old.com": ["DELETE"]},
    ),
    "undone": Replacement(
        ("undone-old.com", "undone-new.com", "undone-old.com", "undone-old.com"),
        "could not create the Agent Ingress undone-new.com: ngrok responded 400: not now",
        rejected("POST", "undone-new.com"),
    ),
    # It succeeds, but an `up` in which another ingress fails deletes nothing.
    "kept": Replacement(
        ("kept-old.com", "kept-new.com", "kept-old.com", "kept-new.com"),
        "",
        third_error='did not finish, set domain to "kept-new.com" again',
        third_requests={"kept-old.com": ["POST"]},
        last_requests={"kept-old.com": ["DELETE"]},
    ),
    "lost": Replacement(
        ("lost-old.com", "lost-new.com", "lost-new.com", "lost-new.com"),
        "it is unknown whether the Agent Ingress lost-new.com was created",
        lost("lost-new.com"),
        third_error=DELETE_IT,
        third_requests={"lost-new.com": ["POST"]},
        last_requests={"lost-new.com": ["POST"], "lost-old.com": ["DELETE"]},
    ),
    "lost-undone": Replacement(
        ("lost-undone-old.com", "lost-undone-new.com", "lost-undone-old.com", "lost-undone-old.com"),
        "it is unknown whether the Agent Ingress lost-undone-new.com was created",
        lost("lost-undone-new.com"),
    ),
    "in-use": Replacement(
        ("in-use-old.com", "in-use-new.com", "in-use-old.com", "in-use-old.com"),
        "Only if an interrupted run of this stack created it",
    ),
    # The first of the two to fail may fail before the check of the other one, which it does not know of then.
    "swap1": Replacement(
        ("x.com", "y.com", "x.com", "x.com"),
        "choose another domain",
    ),
    "swap2": Replacement(
        ("y.com", "x.com", "z.com", "z.com"),
        "choose another domain",
        third_requests={"z.com": ["POST"]},
        last_requests={"y.com": ["DELETE"]},
    ),
    # The second and the third `up` have `--replace` for it.
    "forced": Replacement(
        ("forced.com",) * 4,
        "pulumi-agin explain taken-domain`. Import it only if",
        options=({}, {}, FIRST, FIRST),
        third_requests={"forced.com": ["DELETE", "POST"]},
    ),
    "same": Replacement(
        ("same.com",) * 4,
        "being replaced. A domain can have only one Agent Ingress: to delete it first, set",
        options=(
            {"replacement_trigger": "one"},
            *[{"replacement_trigger": "two", **each} for each in ({}, FIRST, FIRST)],
        ),
        third_requests={"same.com": ["DELETE", "POST"]},
    ),
    "same-lost": Replacement(
        ("same-lost.com",) * 4,
        "it is unknown whether the Agent Ingress same-lost.com was created",
        lost("same-lost.com"),
        options=({"replacement_trigger": "one", **FIRST}, *[{"replacement_trigger": "two", **FIRST}] * 3),
        third_error=DELETE_IT,
        third_requests={"same-lost.com": ["POST"]},
        last_requests={"same-lost.com": ["POST"]},
    ),
}


def in_state(project: Project) -> set[tuple[str, bool]]:
    """Returns the domains in the state, and whether each is still to be deleted."""
    return {(each["outputs"]["domain"], each.get("delete", False)) for each in project.resources()}


def test_next_up_completes_or_reverts_half_done_replacements(project: Project, emulator: Emulator) -> None:
    project.program("""
        import json, os

        for name, (domain, options) in json.loads(os.environ["RESOURCES"]).items():
            agin.AgentIngress(name, domain=domain, opts=pulumi.ResourceOptions(**options))
        """)
    domains: dict[str, str] = {}

    def up(number: int, *arguments: str, fails: bool = False) -> Result:
        resources = {name: (each.domains[number], each.options[number]) for name, each in REPLACEMENTS.items()}
        project.environment["RESOURCES"] = json.dumps(resources)
        domains.update({each["id"]: each["domain"] for each in emulator.ingresses()})
        emulator.clear_requests()
        return project.up("--continue-on-error", *arguments, fails=fails)

    up(0)
    before = in_state(project)
    for replacement in REPLACEMENTS.values():
        for fault in replacement.faults:
            emulator.add_fault(**fault)
    # Times are whole seconds, and what follows must be newer than what is in the state.
    newest = max(each["created_at"] for each in emulator.ingresses())
    until("a later second", lambda: f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}" > newest)
    in_use = create(emulator, "in-use-new.com")
    replace = ("--replace", "urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::forced")
    failed = up(1, *replace, fails=True)
    assert failed.unexpected({name: each.error for name, each in REPLACEMENTS.items()}) == {}
    assert f"The domain belongs to {in_use}, created at" in failed.by_resource["in-use"]
    assert "otherwise, it is in use: choose another domain\n" in failed.by_resource["in-use"]
    # The resource has an ingress.
    assert "pulumi-agin import" not in failed.by_resource["lost"]
    assert not failed.has_traceback
    assert in_state(project) - before == {("kept-new.com", False), ("kept-old.com", True)}
    assert before - in_state(project) == {("kept-old.com", False)}

    # Some are completed, others reverted. If ngrok has an ingress that the state lacks, the error names it.
    emulator.clear_faults()
    ids = {each["domain"]: each["id"] for each in emulator.ingresses()}
    failed = up(2, *replace, fails=True)
    assert failed.unexpected({name: each.third_error for name, each in REPLACEMENTS.items() if each.third_error}) == {}
    for name, domain in {"lost": "lost-new.com", "same-lost": "same-lost.com"}.items():
        assert f"The domain belongs to {ids[domain]}" in failed.by_resource[name]
        assert DELETE_IT in failed.by_resource[name]
    assert "pulumi-agin import" not in failed
    assert "which is being replaced" not in failed
    assert methods(emulator, domains) == merged(each.third_requests for each in REPLACEMENTS.values())

    # As the errors advised.
    emulator.clear_faults()
    emulator.delete_ingress(ids["lost-new.com"])
    emulator.delete_ingress(ids["same-lost.com"])
    [fault] = rejected("DELETE", "kept-old.com")
    emulator.add_fault(**fault)
    failed = up(3, fails=True)
    assert failed.unexpected({"kept": "could not delete the Agent Ingress kept-old.com"}) == {}
    assert methods(emulator, domains) == merged(each.last_requests for each in REPLACEMENTS.values())
    emulator.clear_faults()
    up(3)
    assert methods(emulator, domains) == {"kept-old.com": ["DELETE"]}
    not_in_state = {ids[domain]: (domain, "") for domain in ("lost-undone-new.com", "in-use-new.com")}
    assert ingresses(emulator) == ingresses_in_state(project) | not_in_state


def merged(requests: Iterable[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """Returns the requests of all resources. No two have requests for one domain in the same `up`."""
    return {domain: methods for each in requests for domain, methods in each.items()}


def test_next_up_completes_half_done_updates(project: Project, emulator: Emulator) -> None:
    program = """
        secret = pulumi.Output.secret("hidden-{secret}")
        agin.AgentIngress("lost", domain="lost.com", description="{description}")
        agin.AgentIngress("not-sent", domain="not-sent.com", description="{description}")
        agin.AgentIngress("secret-lost", domain="secret-lost.com", description=secret)
        agin.AgentIngress("secret-not-set", domain="secret-not-set.com", description=secret)
        """
    project.program(program.format(description="old", secret="old"))
    project.up()
    domains = {each["id"]: each["domain"] for each in emulator.ingresses()}

    emulator.add_fault("PATCH", "respond_after", domain="lost.com", **GARBAGE)
    for domain in ("not-sent.com", "secret-lost.com", "secret-not-set.com"):
        emulator.add_fault("PATCH", "respond", domain=domain, **GARBAGE)
    for domain in ("lost.com", "not-sent.com", "secret-lost.com"):
        emulator.add_fault("GET", "respond", domain=domain, times=None, **REJECTED)
    project.program(program.format(description="new", secret="new"))
    failed = project.up("--continue-on-error", fails=True)
    names = ("lost", "not-sent", "secret-lost", "secret-not-set")
    unknown = {name: f"it is unknown whether the Agent Ingress {name}.com (agin_" for name in names}
    assert failed.unexpected(unknown) == {}
    assert not failed.has_traceback
    assert {each["id"]: bool(each.get("initErrors")) for each in project.resources()} == dict.fromkeys(domains, True)
    assert "hidden-" not in json.dumps(project.state())

    # The next `up` reads what is unknown, and sends only what differs.
    emulator.clear_faults()
    emulator.clear_requests()
    project.program(program.format(description="old", secret="new"))
    second = project.up()
    assert methods(emulator, domains) == {
        "lost.com": ["GET", "PATCH"],
        "not-sent.com": ["GET"],
        "secret-lost.com": ["PATCH"],
        "secret-not-set.com": ["PATCH"],
    }
    assert {description for _, description in ingresses(emulator).values()} == {"old", "hidden-new"}
    assert_settled(project, emulator)
    for text in (failed.output, second.output, json.dumps(project.state())):
        assert "hidden-" not in text


def test_next_up_completes_half_done_creates(project: Project, emulator: Emulator) -> None:
    # ngrok creates this one without its policy.
    policy = create(emulator, "policy.com", description="wanted")
    [made] = emulator.ingresses()
    emulator.add_fault("POST", "respond", domain="policy.com", status=201, json_body=made)
    # The responses lack its ns_targets.
    unread = create(emulator, "unread.com", description="wanted")
    odd = {"id": unread, "domain": "unread.com"}
    emulator.add_fault("POST", "respond", domain="unread.com", status=201, json_body=odd)
    emulator.add_fault("GET", "respond", domain="unread.com", status=200, json_body={"ingresses": [odd]})
    project.program("""
        agin.AgentIngress("policy", domain="policy.com", description="wanted",
            certificate_management_policy={"authority": "letsencrypt"})
        agin.AgentIngress("unread", domain="unread.com", description="wanted")
        """)
    failed = project.up("--continue-on-error", fails=True)
    expected = {
        "policy": "ngrok did not set certificate_management_policy on the Agent Ingress policy.com",
        "unread": f"the Agent Ingress unread.com ({unread}) was created, but could not be read",
    }
    assert failed.unexpected(expected) == {}
    assert "The next `pulumi up` reads it again" in failed.by_resource["unread"]
    assert not failed.has_traceback
    assert {each["id"]: bool(each.get("initErrors")) for each in project.resources()} == {policy: True, unread: True}

    emulator.clear_faults()
    emulator.clear_requests()
    project.up()
    policy_sent = {"certificate_management_policy": {"authority": "letsencrypt"}}
    assert policy_sent in [request["body"] for request in emulator.requests()]
    domains = {policy: "policy.com", unread: "unread.com"}
    assert methods(emulator, domains) == {"policy.com": ["PATCH"], "unread.com": ["GET"]}
    assert_settled(project, emulator)


def assert_settled(project: Project, emulator: Emulator) -> None:
    assert [each["urn"] for each in project.resources() if each.get("initErrors")] == []
    emulator.clear_requests()
    project.up("--expect-no-changes")
    assert emulator.requests() == []


def test_slow_server_can_not_defeat_the_time_limit(project: Project) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    with serve(trickle(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as place:
        project.config(plain={"ngrok:apiBaseUrl": f"http://{place}", "ngrok:timeoutSeconds": 3})
        sentence = project.up(fails=True).sentence
    assert sentence.startswith("it is unknown whether the Agent Ingress connect.acme.com was created")
    assert "the response was not complete after " in sentence
