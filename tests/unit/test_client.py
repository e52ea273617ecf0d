"""AgentIngressClient against the emulator: what is sent, what is repeated, and what an answer means."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme

from pulumi_agin.api import errors
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import Clock as SystemClock
from pulumi_agin.api.exchange import Answer, Exchanges, NoAnswer
from pulumi_agin.api.progress import Wait
from pulumi_agin.api.retry import Deadline
from pulumi_agin.api.transport import make_exchanges
from pulumi_agin.emulator import Emulator, FaultKind
from tests.support.clock import Clock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ports import free_port
from tests.support.wire import Held

DOMAIN = "connect.acme.com"


@pytest.fixture
def clock() -> Clock:
    """Of the client: its waits take no time."""
    return Clock()


@pytest.fixture
def client(emulator: Emulator, clock: Clock) -> AgentIngressClient:
    return AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=clock)


EMPTY = b'{"ingresses": []}'


class Slow(Exchanges):
    """A network in which each answer takes some of the clock's time. Gives these outcomes one after another."""

    def __init__(self, clock: Clock, *outcomes: tuple[float, Answer | NoAnswer]) -> None:
        self._clock = clock
        self._outcomes = list(outcomes)

    def exchange(self, *_: Any, **__: Any) -> Answer | NoAnswer:
        seconds, outcome = self._outcomes.pop(0)
        self._clock.sleep(seconds)
        return outcome


CALLS: dict[str, Callable[[AgentIngressClient, str], Any]] = {
    "POST": lambda client, id_: client.create({"domain": "new.acme.com"}),
    "GET": lambda client, id_: client.get(id_, domain=DOMAIN),
    "PATCH": lambda client, id_: client.update(id_, {"description": "changed"}, domain=DOMAIN),
    "DELETE": lambda client, id_: delete(client, id_),
    "LIST": lambda client, id_: client.list(),
}
METHODS = {"LIST": "GET"}


def delete(client: AgentIngressClient, id_: str) -> None:
    # After a lost answer it is the caller who knows whether "not found" may be believed.
    with contextlib.suppress(errors.NotFoundError):
        client.delete(id_, domain=DOMAIN)


def test_what_is_sent(client: AgentIngressClient, emulator: Emulator) -> None:
    ingress = client.create({"domain": " Connect.ACME.com. ", "description": "acme devices"})
    client.get(ingress.id)
    client.update(ingress.id, {"description": ""})
    client.list('obj.domain == "connect.acme.com"')
    client.delete(ingress.id)
    seen = emulator.requests()
    assert [(r["method"], r["path"], r["body"], r["status"]) for r in seen] == [
        ("POST", "/agent_ingresses", {"domain": DOMAIN, "description": "acme devices"}, 201),
        ("GET", f"/agent_ingresses/{ingress.id}", None, 200),
        ("PATCH", f"/agent_ingresses/{ingress.id}", {"description": ""}, 200),
        ("GET", "/agent_ingresses", None, 200),
        ("DELETE", f"/agent_ingresses/{ingress.id}", None, 204),
    ]
    assert {r["headers"]["ngrok-version"] for r in seen} == {"2"}
    assert all(r["headers"]["user-agent"].startswith("pulumi-agin/0") for r in seen)
    assert [r["headers"].get("content-type") for r in seen].count("application/json") == 2
    assert emulator.connections() == 1


def test_a_list_is_followed_over_every_page_at_our_own_host(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.configure(limit=0, base_url="https://somewhere.else.example")
    for number in range(205):
        client.create({"domain": f"d{number}.acme.com"})
    emulator.clear_requests()
    assert [ingress.domain for ingress in client.list()] == [f"d{number}.acme.com" for number in reversed(range(205))]
    assert emulator.counts() == {"GET /agent_ingresses": 3}


def test_a_list_that_goes_round_in_a_circle_ends(client: AgentIngressClient, emulator: Emulator) -> None:
    page = {"ingresses": [], "next_page_uri": "https://x.example/agent_ingresses?before_id=a", "uri": ""}
    emulator.add_fault("GET", "answer", status=200, json_body=page, times=None)
    with pytest.raises(errors.BadAnswerError, match="form a loop"):
        client.list()


def test_threads_share_the_connections_that_are_kept(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    ingress = client.create({"domain": DOMAIN})
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: client.get(ingress.id), range(200)))
    assert emulator.connections() <= 4


def test_a_netrc_changes_nothing(client: AgentIngressClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.create({"domain": DOMAIN}).domain == DOMAIN


# -- what is transient ------------------------------------------------------------------------------------

TRANSIENT: list[dict[str, Any]] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "cut_short"},
    {"kind": "answer", "status": 500, "body": "oops"},
    {"kind": "answer", "status": 502, "body": "<html>bad gateway</html>"},
    {"kind": "answer", "status": 503, "json_body": {"status_code": 503, "error_code": "ERR_NGROK_1500", "msg": "m"}},
    {"kind": "answer", "status": 429, "json_body": {"status_code": 429, "error_code": "ERR_NGROK_226", "msg": "m"}},
    {"kind": "answer", "status": 429, "headers": {"Retry-After": "0"}},
    {"kind": "answer_after", "status": 502, "body": "<html>bad gateway</html>"},
]


@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda fault: "-".join(str(v) for v in list(fault.values())[:2]))
@pytest.mark.parametrize("call", CALLS)
def test_what_is_transient_is_survived_and_leaves_one_ingress_for_each_wanted(
    call: str, fault: dict[str, Any], client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.add_fault(METHODS.get(call, call), **fault)
    CALLS[call](client, existing.id)
    wanted = {"POST": [DOMAIN, "new.acme.com"], "DELETE": []}.get(call, [DOMAIN])
    assert [ingress["domain"] for ingress in emulator.ingresses()] == wanted
    assert emulator.faults() == []


def test_a_server_that_asks_to_wait_is_not_asked_sooner(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("GET", "answer", status=429, headers={"Retry-After": "60"})
    # Longer than the call may take: so it fails at once.
    with pytest.raises(errors.RateLimitedError):
        client.list()
    assert len(emulator.requests()) == 1


def test_the_limit_is_waited_out(clock: Clock) -> None:
    with Emulator(API_KEY, limit=2, clock=clock.utc_now) as emulator:
        client = AgentIngressClient(Secret(API_KEY), emulator.url, 300, clock=clock)
        for number in range(5):
            client.create({"domain": f"d{number}.acme.com"})
        assert len(emulator.ingresses()) == 5


# -- a create whose answer was lost -----------------------------------------------------------------------


def test_a_lost_answer_is_settled_by_a_look_and_nothing_is_made_twice(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    emulator.add_fault("POST", "reset_after")
    ingress = client.create({"domain": DOMAIN, "description": "ours"})
    assert [i["id"] for i in emulator.ingresses()] == [ingress.id]
    assert emulator.counts() == {"POST /agent_ingresses": 2, "GET /agent_ingresses": 1}


def test_an_answer_that_makes_no_sense_is_settled_by_a_look_too(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("POST", "answer_after", status=201, body="<html>hello</html>")
    assert client.create({"domain": DOMAIN}).id == emulator.ingresses()[0]["id"]


def test_an_answer_about_another_domain_is_settled_by_a_look_too(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    emulator.add_fault("POST", "answer_after", status=201, json_body=ANOTHER)
    ingress = client.create({"domain": DOMAIN})
    assert (ingress.id, ingress.domain) == (emulator.ingresses()[0]["id"], DOMAIN)


class Unanswered(Exchanges):
    """The way to the emulator, by a clock: no POST is answered in all of its time, and other answers take a second."""

    def __init__(self, emulator: Emulator, clock: Clock, *, arrives: bool) -> None:
        self._way = make_exchanges(Secret(API_KEY), emulator.url, "a test", str)
        self._clock = clock
        self._arrives = arrives

    def exchange(self, method: str, *where: Any, **how: Any) -> Answer | NoAnswer:
        if method != "POST" and how["seconds"] >= 1:
            self._clock.sleep(1)
            return self._way.exchange(method, *where, **how)
        if self._arrives:
            self._way.exchange(method, *where, **how)
        self._clock.sleep(how["read_seconds"])
        return NoAnswer("it did not answer", may_have_arrived=True, is_transient=True)


def unanswered(emulator: Emulator, clock: Clock, *, arrives: bool) -> AgentIngressClient:
    network = Unanswered(emulator, clock, arrives=arrives)
    return AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=clock, exchanges=network)


def test_time_is_kept_to_settle_a_create_that_was_never_answered(clock: Clock, emulator: Emulator) -> None:
    # A quarter of the time is kept.
    ingress = unanswered(emulator, clock, arrives=True).create({"domain": DOMAIN})
    assert emulator.counts() == {"POST /agent_ingresses": 1, "GET /agent_ingresses": 1}
    assert [i["id"] for i in emulator.ingresses()] == [ingress.id]


def test_a_create_that_is_carried_out_while_it_is_looked_for_is_ours(clock: Clock) -> None:
    unanswered = NoAnswer("it did not answer", may_have_arrived=True, is_transient=True)
    made = {"ingresses": [{**ANOTHER, "created_at": "2024-08-02T07:20:00Z"}]}
    network = Slow(
        clock,
        *[(30, unanswered)] * 7,
        (0, Answer(200, {}, EMPTY)),
        (0, Answer(200, {"Date": "Fri, 02 Aug 2024 07:20:10 GMT"}, json.dumps(made).encode())),
    )
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=300, clock=clock, exchanges=network)
    assert client.create({"domain": ANOTHER["domain"]}).id == ANOTHER["id"]


def test_a_create_that_may_still_be_carried_out_is_not_said_to_have_failed(clock: Clock, emulator: Emulator) -> None:
    with pytest.raises(errors.CreateUnsettledError, match="it is not there, but may still appear"):
        # A quarter of the time is kept for the look.
        unanswered(emulator, clock, arrives=False).create({"domain": DOMAIN})


def test_a_create_that_a_stranger_made_in_between_is_not_adopted(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    client.create({"domain": DOMAIN, "description": "a stranger's"})
    emulator.add_fault("POST", "reset_before")
    with pytest.raises(errors.CreateUnsettledError, match="not what was asked for, so it is left alone"):
        client.create({"domain": DOMAIN, "description": "ours"})
    emulator.add_fault("POST", "reset_before")
    policy = {"authority": "letsencrypt"}
    with pytest.raises(errors.CreateUnsettledError, match="left alone"):
        client.create({"domain": DOMAIN, "description": "a stranger's", "certificate_management_policy": policy})
    assert len(emulator.ingresses()) == 1


def test_an_older_ingress_is_not_adopted_though_it_is_just_what_was_asked_for() -> None:
    now = datetime(2024, 8, 2, 7, 15, 39, tzinfo=timezone.utc)
    with Emulator(api_key=API_KEY, clock=lambda: now) as emulator:
        client = AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=Clock())
        client.create({"domain": DOMAIN})
        now += timedelta(seconds=3)
        emulator.add_fault("POST", "reset_before")
        with pytest.raises(errors.CreateUnsettledError, match="left alone"):
            client.create({"domain": DOMAIN})


def test_what_another_create_of_this_run_made_is_not_taken_for_ours(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    first = client.create({"domain": DOMAIN})
    emulator.add_fault("POST", "reset_before")
    with pytest.raises(errors.CreateUnsettledError, match="left alone") as refused:
        client.create({"domain": DOMAIN})
    assert refused.value.existing_id == first.id


def test_two_creates_of_one_domain_at_once_make_one(clock: Clock, emulator: Emulator) -> None:
    network = Held(emulator, "POST", after=False)
    client = AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=clock, exchanges=network)
    with ThreadPoolExecutor(1) as thread:
        creating = thread.submit(client.create, {"domain": DOMAIN})
        assert network.is_held.wait(20)
        with pytest.raises(errors.InvalidInputsError, match=r"connect\.acme\.com: two resources of this run"):
            client.create({"domain": DOMAIN})
        network.may_go_on.set()
        assert creating.result().domain == DOMAIN
    assert emulator.counts() == {"POST /agent_ingresses": 1}


def test_one_that_was_made_and_cant_be_read_is_not_lost(client: AgentIngressClient, emulator: Emulator) -> None:
    made: dict[str, Any] = {"id": "agin_1", "domain": f"{DOMAIN}.", "ns_targets": "none"}
    emulator.add_fault("POST", "answer", status=201, json_body=made)
    emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [made]})
    with pytest.raises(errors.CreatedUnreadError, match=r"connect\.acme\.com \(agin_1\) was made, but") as unread:
        client.create({"domain": DOMAIN})
    assert unread.value.id == "agin_1"
    # What is about another domain is not ours.
    emulator.add_fault("POST", "answer", status=201, json_body={**made, "domain": "another.acme.com"})
    emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [made]})
    with pytest.raises(errors.CreateUnsettledError):
        client.create({"domain": DOMAIN})


def test_one_that_the_list_does_not_have_yet_is_looked_for_again(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    emulator.add_fault("POST", "reset_after")
    emulator.add_fault("GET", "answer", times=2, status=200, json_body={"ingresses": []})
    assert client.create({"domain": DOMAIN}).id == emulator.ingresses()[0]["id"]
    emulator.reset()
    emulator.add_fault("POST", "reset_after")
    emulator.add_fault("GET", "answer", times=None, status=200, json_body={"ingresses": []})
    with pytest.raises(errors.CreateUnsettledError, match="so another account has it, or it may still appear"):
        client.create({"domain": DOMAIN}, 4)


def test_one_is_found_on_a_later_page_too(client: AgentIngressClient, emulator: Emulator) -> None:
    ingress = client.create({"domain": DOMAIN})
    uri = f"{emulator.url}/agent_ingresses?before_id=agin_1&filter=true"
    emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [], "next_page_uri": uri})
    page = {"ingresses": [{**ingress.outputs(), "id": ingress.id}]}
    emulator.add_fault("GET", "answer", status=200, json_body=page)
    assert client.find(DOMAIN) == ingress


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.acme.com"])
def test_a_host_that_is_none_is_said(host: str) -> None:
    with pytest.raises(errors.UnreachableError, match="could not list the Agent Ingresses: no answer from"):
        AgentIngressClient(Secret(API_KEY), f"https://{host}", 5).list()


def test_a_key_in_the_place_of_an_id_or_a_date_is_not_shown(client: AgentIngressClient, emulator: Emulator) -> None:
    for id_ in (API_KEY, f"agin_{API_KEY[5:15]}"):
        with pytest.raises(errors.InvalidInputsError, match="was given as the id") as refused:
            client.get(id_)
        assert API_KEY[5:13] not in str(refused.value)
    assert emulator.requests() == []
    ingress = client.create({"domain": DOMAIN, "description": "another"})
    echoed = {**ingress.outputs(), "id": ingress.id, "created_at": API_KEY}
    emulator.add_fault("POST", "reset_before")
    emulator.add_fault("GET", "answer", status=200, json_body={"ingresses": [echoed]})
    with pytest.raises(errors.CreateUnsettledError, match=r"created at \[key\]"):
        client.create({"domain": DOMAIN})


def test_a_look_that_fails_too_says_what_is_unknown(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_after")
    emulator.add_fault("GET", "answer", status=400, json_body={"status_code": 400, "msg": "no"}, times=None)
    with pytest.raises(
        errors.CreateUnsettledError, match=r"it is unknown whether the Agent Ingress connect\.acme\.com was made"
    ):
        client.create({"domain": DOMAIN})


def test_a_domain_that_exists_is_an_error_and_nothing_is_adopted(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    client.create({"domain": DOMAIN})
    emulator.clear_requests()
    with pytest.raises(errors.DomainExistsError, match=r"ERR_NGROK_6706.*already exists.*\(operation op_"):
        client.create({"domain": DOMAIN})
    assert emulator.counts() == {"POST /agent_ingresses": 1}


# -- what is not transient --------------------------------------------------------------------------------


def failure(call: str, client: AgentIngressClient, id_: str) -> str:
    with pytest.raises(errors.NgrokError) as caught:
        CALLS[call](client, id_)
    message = str(caught.value)
    assert message.startswith("could not ")
    assert "\n" not in message
    assert API_KEY[:8] not in repr(caught.value)
    assert caught.value.__cause__ is None
    return message


ANOTHER = {
    "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS",
    "domain": "another.acme.com",
    "ns_targets": ["a.x"],
    "created_at": "2024-08-02T07:15:39Z",
}


@pytest.mark.parametrize(
    ("kind", "fault", "says"),
    [
        ("answer", {"status": 200, "body": "<html>hello</html>"}, 'not JSON); it begins "<html>hello</html>"'),
        ("answer", {"status": 200, "body": ""}, "it is empty"),
        ("answer", {"status": 200, "json_body": ["a"]}, "makes no sense"),
        ("answer", {"status": 200, "body": "[" * 20_000}, "not JSON"),
        ("answer", {"status": 200, "json_body": {**ANOTHER, "ns_targets": 5}}, "ns_targets"),
        ("answer", {"status": 200, "json_body": ANOTHER}, "about another Agent Ingress"),
        ("answer", {"status": 404, "body": "<html>no</html>"}, "the base URL came from the argument base_url"),
        ("answer", {"status": 404, "json_body": {"message": "no Route matched"}}, "the base URL came from"),
        (
            "answer",
            {"status": 404, "json_body": {"status_code": 404, "msg": "Not Found", "details": {"path": "/x"}}},
            "does not know the path /agent_ingresses",
        ),
        ("answer", {"status": 307, "headers": {"Location": "https://evil.example/x"}}, "redirects to evil.example"),
        ("answer", {"status": 301, "headers": {"Location": "/elsewhere"}}, "redirects to another path"),
        (
            "answer",
            {"status": 301, "headers": {"Location": "https://[::1"}},
            "redirects to something that is not a URL",
        ),
        (
            "answer",
            {"status": 403, "json_body": {"status_code": 403, "error_code": "ERR_NGROK_202", "msg": "'{api_key}'"}},
            "403 ERR_NGROK_202: '[key]'. The API key came from the argument api_key",
        ),
        (
            "answer",
            {"status": 400, "json_body": {"status_code": 400, "msg": "a\nforged: line\x1b[31m"}},
            "ngrok answered 400: a forged: line [31m",
        ),
    ],
)
@pytest.mark.parametrize("call", ["GET", "PATCH"])
def test_what_is_not_transient_is_said_once_in_one_sentence(
    call: str, kind: FaultKind, fault: dict[str, Any], says: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.clear_requests()
    emulator.add_fault(call, kind, times=None, **fault)
    message = failure(call, client, existing.id)
    assert says in message
    assert f"{DOMAIN} ({existing.id})" in message
    # What may have been carried out all the same is looked at.
    looked = call == "PATCH" and fault["status"] == 200
    assert len(emulator.requests()) == 1 + looked
    assert len(emulator.ingresses()) == 1


def test_a_delete_is_believed_only_where_ngrok_says_so(client: AgentIngressClient, emulator: Emulator) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.add_fault("DELETE", "answer", status=200, body="<html>sign in</html>")
    assert "makes no sense" in failure("DELETE", client, existing.id)


def test_an_id_never_becomes_another_path(client: AgentIngressClient, emulator: Emulator) -> None:
    for id_ in ("", "..", "../agent_ingresses", "a/b", "a?b", "a%2fb", "a#b", "a b", 'a"b', "a\nb", "x" * 200):
        with pytest.raises(errors.InvalidInputsError, match="is not the id of an Agent Ingress"):
            client.get(id_)
    assert emulator.requests() == []


def test_an_unknown_id_is_not_found_and_a_malformed_one_is_not_gone(client: AgentIngressClient) -> None:
    with pytest.raises(errors.NotFoundError, match="404: Resource not found"):
        client.get("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
    for malformed in ("agin_1", "nope"):
        with pytest.raises(errors.ApiError) as caught:
            client.get(malformed)
        assert not isinstance(caught.value, errors.NotFoundError)


def test_the_time_of_a_call_is_kept(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("GET", "hang", times=None)
    with pytest.raises(errors.UnreachableError, match=r"did not answer within 0\.2 seconds"):
        client.list(timeout_seconds=0.2)


class Silence(Exchanges):
    """A network in which nothing is ever answered. What it was asked for are the longest times that it may take."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: list[tuple[float, float, float]] = []

    def exchange(self, *_: Any, seconds: float, connect_seconds: float, read_seconds: float, **__: Any) -> NoAnswer:
        self.seconds.append((seconds, connect_seconds, read_seconds))
        self._clock.sleep(read_seconds)
        return NoAnswer(f"it did not answer within {read_seconds:.0f} seconds", True, True)


def test_an_answer_may_take_so_long_and_no_longer(clock: Clock) -> None:
    silence = Silence(clock)
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=45, clock=clock, exchanges=silence)
    with pytest.raises(
        errors.UnreachableError, match=r"after 2 tries in 45 seconds \(45 seconds at most\): .* within 14 seconds"
    ):
        client.list()
    assert silence.seconds == [(45, 10, 30), (14, 10, 14)]


def test_an_answer_that_cant_be_decoded_is_not_asked_for_again(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("GET", "answer", status=200, headers={"Content-Encoding": "gzip"}, body="no gzip")
    with pytest.raises(errors.UnreachableError, match="can't be decoded"):
        client.list()
    assert len(emulator.requests()) == 1


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would see the key in clear.
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert AgentIngressClient(Secret(API_KEY), f"{emulator.url}/", 2).list() == []


def test_a_key_that_is_none_is_refused_without_showing_it() -> None:
    for wrong in (f"{API_KEY}\nx", f"{API_KEY}é", ""):
        with pytest.raises(errors.InvalidInputsError, match="the API key from the argument api_key") as caught:
            AgentIngressClient(Secret(wrong))
        assert API_KEY[:8] not in str(caught.value)


def test_what_was_never_sent_is_not_looked_for() -> None:
    for base_url, says in (("http://127.0.0.1:1", "Connection refused"), ("https://ngrok.invalid", "ngrok.invalid")):
        with pytest.raises(errors.UnreachableError, match=says):
            AgentIngressClient(Secret(API_KEY), base_url, 0.9, clock=Clock()).create({"domain": DOMAIN})


def test_many_reads_find_together_that_nothing_listens() -> None:
    clock = Clock()
    client = AgentIngressClient(Secret(API_KEY), f"http://127.0.0.1:{free_port()}", clock=clock)
    for _ in range(10):
        with pytest.raises(errors.NotConnectedError):
            client.get_one_of_many("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
    assert sum(clock.slept) == 5


def test_a_certificate_that_is_not_to_be_trusted_is_not_asked_again() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True):
                pass

        server = threading.Thread(target=serve)
        server.start()
        client = AgentIngressClient(Secret(API_KEY), f"https://127.0.0.1:{listener.getsockname()[1]}", 20)
        with pytest.raises(errors.UnreachableError, match="certificate verify failed") as caught:
            client.list()
        server.join()
    assert "tries" not in str(caught.value)


def test_inputs_are_validated_before_anything_is_sent(client: AgentIngressClient, emulator: Emulator) -> None:
    with pytest.raises(errors.InvalidInputsError, match="domain has a port"):
        client.create({"domain": "connect.acme.com:443"})
    assert emulator.requests() == []


def test_another_accounts_key_sees_nothing(client: AgentIngressClient, emulator: Emulator) -> None:
    existing = client.create({"domain": DOMAIN})
    other = AgentIngressClient(Secret(OTHER_ACCOUNTS_KEY), emulator.url)
    with pytest.raises(errors.NotFoundError):
        other.get(existing.id)
    assert other.list() == []


def test_no_thread_stays_behind(client: AgentIngressClient) -> None:
    before = threading.active_count()
    client.list()
    assert threading.active_count() == before


# -- what is said while it waits --------------------------------------------------------------------------


@pytest.fixture
def lines() -> list[str]:
    return []


def slow_client(
    clock: Clock, lines: list[str], *outcomes: tuple[float, Answer | NoAnswer], seconds: float = 300
) -> AgentIngressClient:
    """A client whose lines are the clock's time, and what was said then."""
    return AgentIngressClient(
        Secret(API_KEY),
        timeout_seconds=seconds,
        show_progress=lambda line, _: lines.append(f"{clock.now - 1000:.1f}: {line}"),
        clock=clock,
        exchanges=Slow(clock, *outcomes),
    )


def test_a_hang_is_said_after_three_seconds_and_then_every_twenty(clock: Clock, lines: list[str]) -> None:
    assert slow_client(clock, lines, (50, Answer(200, {}, EMPTY))).list() == []
    assert lines == [
        "3.0: still waiting to list the Agent Ingresses, for 3 seconds (5 minutes at most): no answer yet",
        "23.0: still waiting to list the Agent Ingresses, for 23 seconds (5 minutes at most): no answer yet",
        "43.0: still waiting to list the Agent Ingresses, for 43 seconds (5 minutes at most): no answer yet",
        # It ends with the call.
        "50.0: ",
    ]


def test_a_call_that_is_quick_says_nothing(clock: Clock, lines: list[str]) -> None:
    slow_client(clock, lines, (2.9, Answer(200, {}, EMPTY))).list()
    # What watched it has ended with it.
    clock.sleep(100)
    assert lines == []


def test_a_refused_connection_is_said(clock: Clock, lines: list[str]) -> None:
    refused = NoAnswer("Connection refused", may_have_arrived=False, is_transient=True)
    slow_client(clock, lines, (0.5, refused), (0.5, refused), (0, Answer(200, {}, EMPTY))).list()
    # In the second pause, which is from the second to the fourth second.
    assert lines == [
        "3.0: still waiting to list the Agent Ingresses, for 3 seconds (30 seconds at most): no connection to "
        "https://api.ngrok.com: Connection refused; it goes on in 1 second",
        "4.0: ",
    ]


def test_the_limit_is_said_by_who_was_refused_and_by_who_was_not(clock: Clock, lines: list[str]) -> None:
    too_many = Answer(429, {"Retry-After": "9"}, b"")
    client = slow_client(clock, lines, (0, too_many), (0, Answer(200, {}, EMPTY)), (0, Answer(200, {}, EMPTY)))

    def at_work(call: Callable[[], object]) -> None:
        with clock.at_work():
            call()

    with ThreadPoolExecutor(2) as threads:
        with clock.at_work():
            refused = threads.submit(at_work, client.list)
            clock.wait_until_asleep(1)
            other = threads.submit(at_work, lambda: client.find(DOMAIN))
            clock.wait_until_asleep(2)
        refused.result(20)
        other.result(20)
    for doing in ("list the Agent Ingresses", f"find the Agent Ingress {DOMAIN}"):
        [line] = [line for line in lines if doing in line]
        assert line.startswith("3.0: ")
        assert line.endswith(": ngrok accepts 120 requests a minute from the whole account; it goes on in 6 seconds")


def test_looking_for_a_create_whose_answer_was_lost_is_said(clock: Clock, lines: list[str]) -> None:
    client = slow_client(clock, lines, (0, Answer(201, {}, b"<html>")), *[(0.9, Answer(200, {}, EMPTY))] * 9)
    with pytest.raises(errors.CreateUnsettledError):
        client.create({"domain": DOMAIN})
    assert lines[0] == (
        f"3.0: still waiting to find out whether the Agent Ingress {DOMAIN} was made, for 3 seconds (30 seconds at "
        "most): it is not there, but may still appear; it goes on in 2 seconds"
    )


def test_many_that_wait_at_once_fill_no_screen(clock: Clock, lines: list[str]) -> None:
    client = slow_client(clock, lines, *[(10, Answer(200, {}, EMPTY))] * 12)

    def list_at_work() -> object:
        with clock.at_work():
            return client.list()

    with ThreadPoolExecutor(12) as threads, clock.at_work():
        listing = [threads.submit(list_at_work) for _ in range(12)]
        clock.wait_until_asleep(12)
    assert [each.result() for each in listing] == [[]] * 12
    said = [line for line in lines if "still waiting to list the Agent Ingresses" in line]
    assert len(said) == 4
    assert lines[4:] == ["3.0: still waiting for 8 more", *["10.0: "] * 4]


def test_of_a_moment_that_passed_nothing_is_promised(clock: Clock) -> None:
    wait = Wait("list", Deadline(300, clock), says_next=0)
    wait.waits_for("the limit", 7)
    assert wait.line().endswith("the limit; it goes on in 7 seconds")
    clock.now += 8
    assert wait.line().endswith("the limit")


# -- the system's clock -----------------------------------------------------------------------------------


def test_what_is_repeated_ends_with_its_thread() -> None:
    calls: list[threading.Thread] = []

    def step() -> bool:
        calls.append(threading.current_thread())
        return len(calls) < 3

    SystemClock().repeat(0.01, step)
    while len(calls) < 3:
        time.sleep(0.001)
    calls[0].join(20)
    assert len(calls) == 3
    assert calls[0].daemon
    assert not calls[0].is_alive()


# -- who asks ---------------------------------------------------------------------------------------------


def test_for_a_caller_who_has_left_nothing_is_sent(client: AgentIngressClient, emulator: Emulator) -> None:
    leaver = client.for_caller(lambda: False, lambda: False)
    for call in (leaver.list, lambda: leaver.create({"domain": DOMAIN})):
        with pytest.raises(errors.UnreachableError, match=r"^could not .*: it was interrupted$"):
            call()
    assert emulator.requests() == []
    assert client.list() == []


def test_for_a_caller_who_leaves_nothing_is_repeated(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_before", times=None)
    waits = iter([True, True])
    with pytest.raises(errors.CreateUnsettledError, match="it was interrupted"):
        client.for_caller(lambda: next(waits, False), lambda: False).create({"domain": DOMAIN})
    assert emulator.counts() == {"POST /agent_ingresses": 2}


def test_for_a_caller_who_waits_no_longer_one_look_tells_what_became_of_a_write(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    def interrupted() -> AgentIngressClient:
        waits = iter([True])
        return client.for_caller(lambda: next(waits, False), lambda: True)

    emulator.add_fault("POST", "reset_after")
    made = interrupted().create({"domain": DOMAIN})
    assert [made.id] == [each["id"] for each in emulator.ingresses()]
    emulator.add_fault("PATCH", "reset_after")
    assert interrupted().update(made.id, {"description": "new"}).description == "new"
    # It is one look, and no second one after it.
    emulator.add_fault("PATCH", "reset_before")
    emulator.add_fault("GET", "answer", status=503, json_body={}, times=None)
    emulator.clear_requests()
    with pytest.raises(errors.UpdateUnsettledError, match="could not be read afterwards"):
        interrupted().update(made.id, {"description": "newer"})
    assert [request["method"] for request in emulator.requests()] == ["PATCH", "GET"]
