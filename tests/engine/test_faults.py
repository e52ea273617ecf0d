"""Faults of the network and of ngrok, through the real engine: one of each kind, and what the engine makes of it.

The whole table, each fault in each operation, is that of tests/servicer/test_faults.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from random import Random
from typing import Any

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.project import UNCHANGED, Project

ONE = 'agin.AgentIngress("a", domain="connect.acme.com", description="{}")'


def ten(description: str) -> str:
    return f"""
        for number in range(10):
            agin.AgentIngress(f"a{{number}}", domain=f"d{{number}}.acme.com", description="{description}")
        """


def assert_agree(project: Project, emulator: Emulator) -> None:
    """The service holds what the state holds."""
    theirs = {i["id"]: (i["domain"], i["description"]) for i in emulator.ingresses()}
    ours = {r["id"]: (r["outputs"]["domain"], r["outputs"]["description"]) for r in project.resources()}
    assert ours == theirs


@pytest.fixture(autouse=True)
def no_key_is_kept(project: Project) -> Iterator[None]:
    """Whatever happened, no eight characters of the key in a row are in any file of the project."""
    yield
    project.assert_no_key("")


# -- what passes by ---------------------------------------------------------------------------------------

LIMITED: dict[str, Any] = {"status_code": 429, "error_code": "ERR_NGROK_226", "msg": "no", "details": {}}
MAINTENANCE: dict[str, Any] = {"status_code": 503, "error_code": "ERR_NGROK_1500", "msg": "no", "details": {}}

PASSING: list[dict[str, Any]] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "cut_short"},
    {"kind": "answer", "status": 500, "body": "oops"},
    {"kind": "answer_after", "status": 502, "body": "<html>bad gateway</html>"},
    {"kind": "answer", "status": 503, "json_body": MAINTENANCE},
    {"kind": "answer", "status": 429, "json_body": LIMITED},
    {"kind": "answer", "status": 429, "json_body": LIMITED, "headers": {"Retry-After": "1"}},
]


def live_through_all_that_passes_by(project: Project, emulator: Emulator, write: Callable[[str], None]) -> None:
    """A life of ten ingresses, in which all of it happens. `write` writes their program, with a description."""
    emulator.configure(limit=0)

    def trouble(method: str) -> None:
        for fault in PASSING:
            emulator.add_fault(method, **fault)

    write("old")
    trouble("POST")
    assert "11 created" in project.up()
    assert emulator.faults() == []
    assert_agree(project, emulator)

    write("new")
    trouble("PATCH")
    assert "10 updated" in project.up()
    assert emulator.faults() == []
    assert_agree(project, emulator)

    for ingress in emulator.ingresses():
        emulator.set_ingress(ingress["id"], {"description": "theirs"})
    trouble("GET")
    assert "10 updated" in project.refresh()
    assert emulator.faults() == []
    assert_agree(project, emulator)

    trouble("DELETE")
    assert "11 deleted" in project.destroy()
    assert emulator.faults() == []
    assert emulator.ingresses() == []


def test_a_life_in_which_everything_that_passes_by_happens(project: Project, emulator: Emulator) -> None:
    live_through_all_that_passes_by(project, emulator, lambda description: project.program(ten(description)))


def test_a_service_that_is_away_is_waited_for_and_that_is_said_while_it_lasts(
    project: Project, emulator: Emulator
) -> None:
    def until_told(*doing: str) -> Callable[[str], None]:
        """Takes the service away, until each of these has been said to wait."""
        waiting = set(doing)

        def see(line: str) -> None:
            for each in [each for each in waiting if f"still waiting to {each}" in line]:
                # In the row of the resource.
                assert re.search(
                    rf"AgentIngress [ab] \w+ing \(\d+s\) .*still waiting to {each}.*, for \d+(\.\d)? seconds? "
                    r"\([\w ]+ at most\): ngrok answered 503",
                    line,
                )
                waiting.remove(each)
                if not waiting:
                    emulator.clear_faults()

        emulator.add_fault(None, "answer", status=503, times=None)
        return see

    project.program(ONE.format("old"))
    project.up()
    project.program(ONE.format("new") + '\nagin.AgentIngress("b", domain="b.acme.com")')
    up = project.up(
        on_line=until_told("create the Agent Ingress b.acme.com", "update the Agent Ingress connect.acme.com")
    )
    assert "1 created" in up
    assert "1 updated" in up
    assert_agree(project, emulator)
    refresh = project.refresh(on_line=until_told("list the Agent Ingresses"))
    assert "3 unchanged" in refresh
    destroy = project.destroy(on_line=until_told("delete the Agent Ingress b.acme.com"))
    assert "3 deleted" in destroy
    assert emulator.ingresses() == []
    for shown in (up, refresh, destroy):
        assert API_KEY[:8] not in shown
        # It is not true any more.
        assert "still waiting" not in shown.diagnostics


def test_a_service_that_is_not_started_fails_each_command_with_one_sentence(
    project: Project, emulator: Emulator
) -> None:
    project.program(ONE.format("old"))
    project.up()
    project.program(ONE.format("new"))
    emulator.stop()
    port = emulator.url.rpartition(":")[2]
    for failed, doing in (
        (project.up(fails=True), "update"),
        (project.refresh(fails=True), "read"),
        (project.destroy(fails=True), "delete"),
    ):
        assert re.fullmatch(
            rf"could not {doing} the Agent Ingress connect\.acme\.com \(agin_\w+\) after \d tries in \S+ seconds: no "
            rf"connection to {emulator.url} \(the base URL from the environment variable NGROK_API_BASE_URL\): "
            rf"Connection refused; start the emulator there with `pulumi-agin emulator --port {port}`, or correct the "
            "base URL",
            failed.sentence,
        )
        assert "still waiting" not in failed.diagnostics


# -- what does not ----------------------------------------------------------------------------------------


def test_an_update_a_refresh_and_a_delete_fail_with_one_sentence(project: Project, emulator: Emulator) -> None:
    project.program(ONE.format("old"))
    project.up()
    before = project.resources()
    id_ = before[0]["id"]
    project.program(ONE.format("new"))
    emulator.add_fault(None, "answer", times=None, status=200, body="<html>{api_key}</html>")
    failed = project.up(fails=True).sentence
    # What may have been carried out is looked at, here in vain.
    unknown = f"it is unknown whether the Agent Ingress connect.acme.com ({id_}) was changed: an answer was lost ("
    assert failed.startswith(f"{unknown}could not update the Agent Ingress connect.acme.com ({id_}): ")
    assert "(it is not JSON)" in failed
    failed = project.refresh(fails=True).sentence
    assert failed.startswith(f"could not read the Agent Ingress connect.acme.com ({id_}): ")
    assert "(it is not JSON)" in failed
    failed = project.destroy(fails=True).sentence
    assert failed.startswith(f"could not delete the Agent Ingress connect.acme.com ({id_}): ")
    assert [r["outputs"] for r in project.resources()] == [r["outputs"] for r in before]
    emulator.clear_faults()
    assert_agree(project, emulator)
    assert "1 updated" in project.up()
    assert_agree(project, emulator)


WANTED: dict[str, Any] = {
    "domain": "connect.acme.com",
    "description": "wanted",
    "certificate_management_policy": {"authority": "letsencrypt"},
}


def lose_nothing_after_the_post(project: Project, spelled: str) -> None:
    """The program has one ingress, WANTED. ngrok does not take its policy, which the program spells like this."""
    not_taken = "certificate_management_policy"
    now = datetime.now(timezone.utc)

    def twin() -> Emulator:
        # Each makes the same ingress, so that its answer is known before.
        return Emulator(api_key=API_KEY, clock=lambda: now, random=Random(7))

    with twin() as rehearsal:
        answer = AgentIngressClient(Secret(API_KEY), rehearsal.url).create(WANTED)
    with twin() as emulator:
        project.environment["NGROK_API_BASE_URL"] = emulator.url
        emulator.add_fault(
            "POST", "answer_after", status=201, json_body={**answer.outputs(), "id": answer.id, not_taken: None}
        )
        failed = project.up(fails=True)
        assert f"ngrok was asked to set {spelled} of the Agent Ingress connect.acme.com" in failed.diagnostics
        assert not failed.has_traceback
        [resource] = project.resources()
        assert resource["initErrors"]
        assert [resource["id"]] == [ingress["id"] for ingress in emulator.ingresses()]

        # It asks for what was not taken, and for nothing else.
        emulator.clear_requests()
        assert "1 updated" in project.up()
        assert [(r["method"], r["body"]) for r in emulator.requests()] == [("PATCH", {not_taken: WANTED[not_taken]})]
        assert "initErrors" not in project.resources()[0]
        assert_agree(project, emulator)
        assert UNCHANGED in project.up()


def test_after_the_post_nothing_is_lost_and_the_next_up_goes_on_in_place(project: Project) -> None:
    project.program(f"""agin.AgentIngress("a", **{WANTED})""")
    lose_nothing_after_the_post(project, "certificate_management_policy")


def test_what_was_made_and_cant_be_read_is_kept_by_its_id(project: Project, emulator: Emulator) -> None:
    program = """agin.AgentIngress("a", domain="connect.acme.com", description="wanted")"""
    project.program(program)
    id_ = (
        AgentIngressClient(Secret(API_KEY), emulator.url)
        .create({"domain": "connect.acme.com", "description": "wanted"})
        .id
    )
    # As one that was made just now, and answered without its ns_targets.
    odd = {"id": id_, "domain": "connect.acme.com"}
    emulator.add_fault("POST", "answer", status=201, json_body=odd)
    emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [odd]})
    failed = project.up(fails=True)
    assert f"the Agent Ingress connect.acme.com ({id_}) was made, but can't be read" in failed.diagnostics
    assert "The next `pulumi up` reads it again" in failed.diagnostics
    assert [resource["id"] for resource in project.resources()] == [id_]
    # A refresh, or the next up, reads it, and changes nothing.
    emulator.clear_requests()
    assert "1 updated" in project.up()
    assert [request["method"] for request in emulator.requests()] == ["GET"]
    assert_agree(project, emulator)
    assert UNCHANGED in project.up()


def test_two_resources_that_want_one_domain_never_share_an_ingress(project: Project, emulator: Emulator) -> None:
    # With this option, the program does not know that the two have one domain.
    project.program(
        """
        for name in "ab":
            opts = pulumi.ResourceOptions(ignore_changes=["domain"])
            agin.AgentIngress(name, domain="connect.acme.com", opts=opts)
        """
    )
    # A try of the first is lost, so that it is repeated when the second is under way.
    emulator.add_fault("POST", "answer", status=502)
    assert "has this domain too, and a domain has at most one Agent Ingress" in project.up(fails=True)
    assert [each["id"] for each in project.resources()] == [each["id"] for each in emulator.ingresses()]


def test_two_that_exchange_their_domains_are_told_how(project: Project, emulator: Emulator) -> None:
    program = """
        agin.AgentIngress("a", domain="{}.acme.com")
        agin.AgentIngress("b", domain="{}.acme.com")
        """
    project.program(program.format("x", "y"))
    project.up()
    before = emulator.ingresses()
    project.program(program.format("y", "x"))
    failed = project.up(fails=True)
    assert "to swap the domains of the two, first give one of them a third" in failed.diagnostics
    assert "ngrok api agent-ingresses delete" not in failed
    assert emulator.ingresses() == before
    for both in (("x", "z"), ("y", "z"), ("y", "x")):
        project.program(program.format(*both))
        project.up()
    assert sorted(domains(emulator)) == ["x.acme.com", "y.acme.com"]


@pytest.mark.parametrize("kind", ["answer", "answer_after"])
def test_an_update_of_which_nobody_knows_is_looked_at_by_the_next_up(
    kind: str, project: Project, emulator: Emulator
) -> None:
    project.program(ONE.format("old"))
    project.up()
    project.program(ONE.format("new"))
    # A look fails too, and then the program goes back to what the state has.
    emulator.add_fault("PATCH", kind, status=200, body="<html>hello</html>")  # type: ignore[arg-type]
    emulator.add_fault("GET", "answer", status=400, json_body={"status_code": 400, "msg": "not now"})
    assert project.up(fails=True).sentence.startswith("it is unknown whether the Agent Ingress connect.acme.com (agin_")
    project.program(ONE.format("old"))
    emulator.clear_requests()
    assert "1 updated" in project.up()
    assert [r["method"] for r in emulator.requests()] == ["GET", "PATCH"] if kind == "answer_after" else ["GET"]
    assert_agree(project, emulator)
    assert UNCHANGED in project.up()


def test_a_secret_stays_one_through_an_update_of_which_nobody_knows(project: Project, emulator: Emulator) -> None:
    secret = 'agin.AgentIngress("c", domain="connect.acme.com", description=pulumi.Output.secret("{}"))'
    project.program(secret.format("hidden-one"))
    project.up()
    project.program(secret.format("hidden-two"))
    # A look that finds it as it was, and one that fails.
    for looks in (0, 1):
        emulator.add_fault("PATCH", "answer", status=200, body="<html>hello</html>")
        if looks:
            emulator.add_fault("GET", "answer", times=2, status=400, json_body=REFUSED["json_body"])
        shown = project.up(fails=True).output
        assert "error: " in shown
        assert "hidden-" not in shown
        assert not [name for name, text in project.files().items() if "hidden-" in text and "__main__" not in name]
        assert project.resources()[0]["initErrors"]
        emulator.clear_faults()
    project.up()
    assert emulator.ingresses()[0]["description"] == "hidden-two"
    assert not [name for name, text in project.files().items() if "hidden-" in text and "__main__" not in name]
    assert UNCHANGED in project.up()


# -- a domain change that fails half-way ------------------------------------------------------------------

REFUSED: dict[str, Any] = {"kind": "answer", "status": 400, "json_body": {"status_code": 400, "msg": "not now"}}


def domains(emulator: Emulator) -> list[str]:
    return [ingress["domain"] for ingress in emulator.ingresses()]


def in_state(project: Project) -> list[tuple[str, bool]]:
    """The domains that the state holds, and whether each is still to be deleted."""
    return [(r["outputs"]["domain"], r.get("delete", False)) for r in project.resources()]


def domain(name: str) -> str:
    return f'agin.AgentIngress("a", domain="{name}.acme.com")'


def nobody_knows_of_the_next_create(emulator: Emulator) -> None:
    """It is carried out, its answer makes no sense, and nobody can look."""
    emulator.add_fault("POST", "answer_after", status=201, body="<html>hello</html>")
    emulator.add_fault("GET", "answer", times=None, status=400, json_body=REFUSED["json_body"])


@pytest.fixture
def at_a(project: Project) -> Project:
    project.program(domain("a"))
    project.up()
    return project


def test_where_the_new_one_could_not_be_made_both_ways_are_open(at_a: Project, emulator: Emulator) -> None:
    at_a.program(domain("b"))
    emulator.add_fault("POST", **REFUSED)
    assert "could not create the Agent Ingress b.acme.com" in at_a.up(fails=True).sentence
    assert domains(emulator) == ["a.acme.com"]
    assert in_state(at_a) == [("a.acme.com", False)]
    # Back.
    at_a.program(domain("a"))
    assert UNCHANGED in at_a.up()
    # On.
    at_a.program(domain("b"))
    assert "1 replaced" in at_a.up()
    assert domains(emulator) == ["b.acme.com"]
    assert in_state(at_a) == [("b.acme.com", False)]
    assert UNCHANGED in at_a.up()


def test_where_the_old_one_could_not_be_deleted_the_way_back_leads_over_the_new_one(
    at_a: Project, emulator: Emulator
) -> None:
    at_a.program(domain("b"))
    emulator.add_fault("DELETE", **REFUSED)
    assert "could not delete the Agent Ingress a.acme.com" in at_a.up(fails=True).sentence
    assert domains(emulator) == ["a.acme.com", "b.acme.com"]
    assert sorted(in_state(at_a)) == [("a.acme.com", True), ("b.acme.com", False)]
    # Back meets the old one, as the engine creates before it deletes. Nothing is lost by trying, however often.
    at_a.program(domain("a"))
    old, _ = emulator.ingresses()
    for _ in range(2):
        refused = at_a.up(fails=True).sentence
        assert "ERR_NGROK_6706" in refused
        assert f"The one that has it is {old['id']}" in refused
        assert 'set domain to "b.acme.com" again and run `pulumi up`' in refused
        assert "pulumi-agin import" not in refused
        assert domains(emulator) == ["a.acme.com", "b.acme.com"]
        assert in_state(at_a) == [("b.acme.com", False), ("a.acme.com", True)]
    # On: it deletes the old one, and does nothing else.
    at_a.program(domain("b"))
    emulator.clear_requests()
    at_a.up()
    assert emulator.counts() == {"DELETE /agent_ingresses/{id}": 1}
    assert domains(emulator) == ["b.acme.com"]
    assert in_state(at_a) == [("b.acme.com", False)]
    assert UNCHANGED in at_a.up()
    # And now back.
    at_a.program(domain("a"))
    assert "1 replaced" in at_a.up()
    assert domains(emulator) == ["a.acme.com"]
    assert in_state(at_a) == [("a.acme.com", False)]


def test_where_nobody_knows_whether_the_new_one_was_made_both_ways_keep_the_old_one(
    at_a: Project, emulator: Emulator
) -> None:
    at_a.program(domain("b"))
    nobody_knows_of_the_next_create(emulator)
    failed = at_a.up(fails=True)
    assert failed.sentence.startswith("it is unknown whether the Agent Ingress b.acme.com was made")
    # What finds out; not what takes over, as the resource has an ingress.
    assert "pulumi-agin import --filter 'obj.domain == \"b.acme.com\"'" in failed
    emulator.clear_faults()
    # On: it was made, and is not adopted. Which one it is, and what to do, is said.
    _, new = emulator.ingresses()
    refused = at_a.up(fails=True).sentence
    assert "ERR_NGROK_6706" in refused
    assert f"delete it at ngrok, such as with `ngrok api agent-ingresses delete {new['id']}`" in refused
    # Back: nothing to do.
    at_a.program(domain("a"))
    assert UNCHANGED in at_a.up()
    assert domains(emulator) == ["a.acme.com", "b.acme.com"]
    assert in_state(at_a) == [("a.acme.com", False)]
    # On again, as was said.
    AgentIngressClient(Secret(API_KEY), emulator.url).delete(new["id"])
    at_a.program(domain("b"))
    assert "1 replaced" in at_a.up()
    assert domains(emulator) == ["b.acme.com"]
    assert in_state(at_a) == [("b.acme.com", False)]


def test_where_a_stranger_has_the_new_domain_nothing_of_theirs_is_to_be_touched(
    at_a: Project, emulator: Emulator
) -> None:
    theirs = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": "b.acme.com"})
    at_a.program(domain("b"))
    refused = at_a.up(fails=True).sentence
    assert f"The one that has it is {theirs.id}, created at {theirs.created_at}" in refused
    assert "Only if an interrupted run of this stack created it" in refused
    assert refused.endswith("otherwise it is in use: choose another domain")
    assert in_state(at_a) == [("a.acme.com", False)]


def test_where_the_old_one_was_deleted_first_and_nobody_knows_of_the_new_one(at_a: Project, emulator: Emulator) -> None:
    [old] = emulator.ingresses()
    at_a.program(
        'agin.AgentIngress("a", domain="a.acme.com", opts=pulumi.ResourceOptions('
        'delete_before_replace=True, replacement_trigger="new"))'
    )
    nobody_knows_of_the_next_create(emulator)
    replaced = at_a.up("--replace", at_a.resources()[0]["urn"], fails=True)
    assert replaced.sentence.startswith("it is unknown whether the Agent Ingress a.acme.com was made")
    emulator.clear_faults()
    [new] = emulator.ingresses()
    assert new["id"] != old["id"]
    refused = at_a.up(fails=True).sentence
    assert f"The one that has it is {new['id']}" in refused
    assert "which is the one to be replaced" not in refused
    assert f"delete it at ngrok, such as with `ngrok api agent-ingresses delete {new['id']}`" in refused
    AgentIngressClient(Secret(API_KEY), emulator.url).delete(new["id"])
    at_a.up()
    assert_agree(at_a, emulator)
    assert UNCHANGED in at_a.up()


@pytest.mark.parametrize(
    ("by", "says"),
    [
        # Of which the engine tells the provider nothing.
        ("--replace", "if it is this resource's own, `--replace` needs"),
        ("replacement_trigger", "which is the one to be replaced"),
    ],
)
def test_a_replacement_by_one_of_the_same_domain_says_how_it_can_be_done(
    by: str, says: str, at_a: Project, emulator: Emulator
) -> None:
    def options(value: str) -> str:
        return f'replacement_trigger="{value}"' if by == "replacement_trigger" else ""

    program = 'agin.AgentIngress("a", domain="a.acme.com", opts=pulumi.ResourceOptions({}))'
    at_a.program(program.format(options("one")))
    at_a.up()
    [before] = at_a.resources()
    command = (by, before["urn"]) if by == "--replace" else ()
    at_a.program(program.format(options("two")))
    refused = at_a.up(*command, fails=True).sentence
    assert f"The one that has it is {before['id']}" in refused
    assert says in refused
    assert "ResourceOptions(delete_before_replace=True)" in refused
    assert at_a.resources()[0]["id"] == before["id"]
    assert domains(emulator) == ["a.acme.com"]

    at_a.program(program.format(f"delete_before_replace=True, {options('two')}"))
    assert "1 replaced" in at_a.up(*command)
    [ingress] = emulator.ingresses()
    assert ingress["id"] != before["id"]
    assert_agree(at_a, emulator)
