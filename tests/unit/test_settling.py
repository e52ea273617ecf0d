"""Writes whose response was lost, by the table in `settling`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_agin.api import errors, settling
from pulumi_agin.api.budget import Budget
from pulumi_agin.api.client import Client
from pulumi_agin.api.redaction import Secret
from pulumi_agin.emulator import Emulator, FaultKind
from tests.support.clock import Clock
from tests.support.emulator import EmulatorClock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY

WANTED = {"domain": "connect.acme.com", "description": "ours"}
REJECTION: dict[str, Any] = {
    "status": 400,
    "body": {"status_code": 400, "error_code": "ERR_NGROK_6707", "msg": "not in your plan"},
}
ANOTHER = {"id": "agin_1", "domain": "another.acme.com", "ns_targets": ["a.net."], "created_at": "2026-03-01T12:00:00Z"}
Call = Callable[[], Any]


@pytest.fixture
def client(emulator: Emulator, clock: Clock) -> Client:
    emulator.configure(limit=0)
    return Client(Secret(API_KEY), emulator.url, clock=clock)


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(300, clock=clock)


FAULTS: list[list[tuple[FaultKind, dict[str, Any]]]] = [
    [("reset_before", {})],
    [("reset_after", {})],
    [("respond", {"status": 503})],
    [("respond_after", {"status": 502, "body": "<html>"})],
    # Not a rejection of ngrok's.
    [("respond_after", {"status": 400, "body": "<html>"})],
    [("cut_short", {})],
    [("respond_after", {"status": 200, "body": "{}"})],
    [("respond_after", {"status": 201, "body": ANOTHER})],
    [("reset_after", {}), ("respond", {"status": 503})],
    [("reset_before", {}), ("reset_after", {})],
]


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_one_write_is_done_once(
    client: Client, budget: Budget, emulator: Emulator, verb: str, faults: list[tuple[FaultKind, dict[str, Any]]]
) -> None:
    method = {"create": "POST", "update": "PATCH", "delete": "DELETE"}[verb]
    id_ = "" if verb == "create" else settling.create(client, WANTED, budget).id
    for kind, options in faults:
        emulator.add_fault(method, kind, **options)
    if verb == "create":
        created = settling.create(client, WANTED, budget)
        assert [each["id"] for each in emulator.ingresses()] == [created.id]
    elif verb == "update":
        assert settling.update(client, id_, {"description": "new"}, budget).description == "new"
    else:
        # A 404 after a lost response is for the caller to judge.
        with contextlib.suppress(errors.NotFoundError):
            settling.delete(client, id_, budget)
        assert emulator.ingresses() == []
    assert emulator.unused_faults() == []


def test_taken_domain_at_the_first_attempt_is_never_ours(client: Client, budget: Budget, emulator: Emulator) -> None:
    settling.create(client, WANTED, budget)
    with pytest.raises(errors.DomainExistsError):
        settling.create(client, WANTED, budget)
    assert len(emulator.ingresses()) == 1


@pytest.mark.parametrize("status", [302, 404, 429])
def test_attempt_that_can_not_have_arrived_leaves_no_doubt(
    client: Client, budget: Budget, emulator: Emulator, status: int
) -> None:
    """Another stack creates the same at this moment."""
    settling.create(client, WANTED, budget)
    emulator.add_fault("POST", "respond", status=status, body="<html>")
    with pytest.raises((errors.DomainExistsError, errors.BadResponseError)):
        settling.create(client, WANTED, budget)


def test_create_that_appears_late_is_found(client: Client, clock: Clock, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_before", times=None)

    def show(line: str) -> None:
        if "ngrok does not list it yet" in line:
            emulator.clear_faults()
            settling.create(Client(Secret(API_KEY), emulator.url), WANTED, Budget(30))

    created = settling.create(client, WANTED, Budget(300, clock=clock, show=show))
    assert [each["id"] for each in emulator.ingresses()] == [created.id]
    assert clock.now - 1000 < 300


def test_search_for_a_create_has_30_seconds_of_its_time(client: Client, clock: Clock, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_before", times=None)
    lines: list[str] = []
    with pytest.raises(errors.UnsettledError, match="it may still appear"):
        settling.create(client, WANTED, Budget(300, clock=clock, show=lines.append))
    assert [line.rpartition(": ")[2] for line in lines[-2:]] == ["ngrok does not list it yet"] * 2
    searches = [request for request in emulator.requests() if request["method"] == "GET"]
    # One every two seconds.
    assert len(searches) >= 15
    assert clock.now - 1000 <= 300
    emulator.clear_faults()


def test_delete_is_believed_only_with_its_own_status(client: Client, budget: Budget, emulator: Emulator) -> None:
    id_ = settling.create(client, WANTED, budget).id
    emulator.add_fault("DELETE", "respond", status=200, body="<html>")
    with pytest.raises(errors.UnsettledError, match="was still there after its delete"):
        settling.delete(client, id_, budget)
    emulator.add_fault("DELETE", "respond", status=200, body="<html>")
    emulator.add_fault("GET", "respond", status=400, body="<html>")
    with pytest.raises(errors.UnsettledError, match="it is unknown whether ngrok deleted"):
        settling.delete(client, id_, budget)


@pytest.mark.parametrize("difference", ["values", "account"])
def test_ingress_of_somebody_else_is_not_ours_after_a_lost_response(
    client: Client, budget: Budget, emulator: Emulator, clock: Clock, difference: str
) -> None:
    key = OTHER_ACCOUNTS_KEY if difference == "account" else API_KEY
    theirs = {"domain": WANTED["domain"], "description": "theirs" if difference == "values" else "ours"}
    existing = settling.create(Client(Secret(key), emulator.url), theirs, Budget(30))
    emulator.add_fault("POST", "reset_before")
    with pytest.raises(errors.UnsettledError) as caught:
        settling.create(client, WANTED, budget)
    assert "it is unknown whether the Agent Ingress connect.acme.com was created" in str(caught.value)
    expected = "it may still appear" if difference == "account" else existing.id
    assert expected in str(caught.value)
    assert len(emulator.ingresses()) == 1


def test_ingress_that_is_older_than_the_lost_request_is_not_ours(emulator_clock: EmulatorClock, clock: Clock) -> None:
    """Both times are the server's."""
    with Emulator(API_KEY, clock=emulator_clock) as emulator:
        client = Client(Secret(API_KEY), emulator.url, clock=clock)
        settling.create(client, WANTED, Budget(300, clock=clock))
        emulator_clock.advance(10)
        emulator.add_fault("POST", "reset_before")
        with pytest.raises(errors.UnsettledError):
            settling.create(client, WANTED, Budget(300, clock=clock))


def test_create_is_ours_if_it_is_newer_than_its_first_attempt(emulator_clock: EmulatorClock) -> None:
    class TwoClocks(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            emulator_clock.advance(seconds)

    clock = TwoClocks()
    with Emulator(API_KEY, clock=emulator_clock) as emulator:
        client = Client(Secret(API_KEY), emulator.url, clock=clock)
        emulator.add_fault("POST", "reset_after")
        emulator.add_fault("POST", "respond", status=503, times=4)
        created = settling.create(client, WANTED, Budget(300, clock=clock))
        assert [each["id"] for each in emulator.ingresses()] == [created.id]


def test_rejection_after_a_lost_response_needs_one_search(client: Client, budget: Budget, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_before")
    emulator.add_fault("POST", "respond", times=None, **REJECTION)
    with pytest.raises(errors.UnsettledError, match=r"ERR_NGROK_6707.*this account does not have it$"):
        settling.create(client, WANTED, budget)
    assert [request["method"] for request in emulator.requests()] == ["POST", "POST", "GET"]
    assert emulator.ingresses() == []


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_outcome_that_can_not_be_read_is_unsettled(
    client: Client, budget: Budget, emulator: Emulator, verb: str
) -> None:
    existing = settling.create(client, {"domain": "other.acme.com"}, budget)
    for method in ("POST", "PATCH", "DELETE"):
        emulator.add_fault(method, "reset_after", times=None)
    emulator.add_fault("GET", "reset_before", times=None)
    calls: dict[str, Call] = {
        "create": lambda: settling.create(client, WANTED, budget),
        "update": lambda: settling.update(client, existing.id, {"description": "new"}, budget),
        "delete": lambda: settling.delete(client, existing.id, budget),
    }
    if verb == "create":
        # The second POST is answered by the fault, too, which has carried out the first.
        emulator.clear_faults()
        emulator.add_fault("POST", "reset_before", times=None)
        emulator.add_fault("GET", "reset_before", times=None)
    with pytest.raises(errors.UnsettledError, match="it is unknown whether"):
        calls[verb]()
    emulator.clear_faults()


def test_values_that_did_not_change_are_an_error(client: Client, budget: Budget, emulator: Emulator) -> None:
    id_ = settling.create(client, WANTED, budget).id
    emulator.add_fault("PATCH", "respond_after", status=200, body="{}", times=None)
    emulator.configure(null_policy="ignored")
    emulator.set_ingress(
        id_, {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "rsa"}}
    )
    with pytest.raises(errors.UnsettledError, match="did not get the new values"):
        settling.update(client, id_, {"certificate_management_policy": None}, budget)
    emulator.clear_faults()
