"""AgentIngressClient against the emulator: its requests, its errors, and how a lost response is settled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.http import HttpClient
from pulumi_agin.api.messages import NoResponse, Request, Response
from pulumi_agin.base.redaction import Secret
from pulumi_agin.base.version import VERSION
from pulumi_agin.emulator import Emulator
from tests.support.client import CALLS, DOMAIN, UNKNOWN_ID, method_of
from tests.support.clock import Clock
from tests.support.emulator import EmulatorClock
from tests.support.keys import API_KEY, assert_without_key
from tests.support.wire import Slow

ANOTHER = {
    "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS",
    "domain": "another.acme.com",
    "ns_targets": ["a.x"],
    "created_at": "2024-08-02T07:15:39Z",
}
NO_RESPONSE = NoResponse("it did not respond", may_have_arrived=True, is_transient=True)


def ngrok_error(status: int, **fields: Any) -> dict[str, Any]:
    """Returns the response of a fault, as an ngrok error."""
    return {"status": status, "json_body": {"status_code": status, **fields}}


@pytest.fixture
def emulator(emulator_clock: EmulatorClock) -> Iterator[Emulator]:
    """Its clock stands still like that of the client, so that an ingress is never older than the request for it."""
    with Emulator(API_KEY, clock=emulator_clock) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator, clock: Clock) -> AgentIngressClient:
    return AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=clock)


def failure(call: str, client: AgentIngressClient, id_: str) -> str:
    with pytest.raises(errors.NgrokError) as caught:
        CALLS[call](client, id_)
    message = str(caught.value)
    assert message.startswith(("could not ", "it is unknown whether "))
    assert "\n" not in message
    assert API_KEY[:8] not in repr(caught.value)
    assert caught.value.__cause__ is None
    return message


def test_requests(client: AgentIngressClient, emulator: Emulator) -> None:
    ingress = client.create({"domain": DOMAIN, "description": "acme devices"})
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
    assert all(r["headers"]["user-agent"].startswith(f"pulumi-agin/{VERSION}") for r in seen)
    assert [r["headers"].get("content-type") for r in seen].count("application/json") == 2
    assert emulator.connections() == 1


def test_list_reads_every_page_from_the_base_url(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.configure(limit=0, base_url="https://somewhere.else.example")
    for number in range(105):
        client.create({"domain": f"d{number}.acme.com"})
    emulator.clear_requests()
    assert [ingress.domain for ingress in client.list()] == [f"d{number}.acme.com" for number in reversed(range(105))]
    assert emulator.counts() == {"GET /agent_ingresses": 2}


def test_netrc_does_not_replace_the_key(
    client: AgentIngressClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.create({"domain": DOMAIN}).domain == DOMAIN


def test_no_proxy_gets_the_key_of_a_loopback_url(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert AgentIngressClient(Secret(API_KEY), f"{emulator.url}/", 2).list() == []


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("POST", {"kind": "reset_before"}),
        ("POST", {"kind": "reset_after"}),
        ("PATCH", {"kind": "cut_short"}),
        ("GET", {"kind": "respond", "status": 502, "body": "<html>bad gateway</html>"}),
        ("DELETE", {"kind": "reset_after"}),
        ("LIST", {"kind": "respond", **ngrok_error(429, msg="m")}),
    ],
)
def test_transient_failure_is_retried_without_a_duplicate(
    call: str, fault: dict[str, Any], client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.add_fault(method_of(call), **fault)
    # The repeated DELETE finds nothing, which `CALLS` ignores.
    CALLS[call](client, existing.id)
    domains = {"POST": [DOMAIN, "new.acme.com"], "DELETE": []}.get(call, [DOMAIN])
    assert [ingress["domain"] for ingress in emulator.ingresses()] == domains
    assert emulator.faults() == []


class Silence(HttpClient):
    """A network without any response. `seconds` has the time limits of the requests."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: list[tuple[float, float]] = []

    def send(self, request: Request, base_url: str, seconds: float, *, connect_seconds: float) -> NoResponse:
        self.seconds.append((seconds, connect_seconds))
        self._clock.sleep(min(30, seconds))
        return NO_RESPONSE


def test_each_request_gets_the_remaining_time(clock: Clock) -> None:
    silence = Silence(clock)
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=45, clock=clock, http_client=silence)
    with pytest.raises(errors.UnreachableError, match=r"after 2 attempts in 45 seconds \(limit: 45 seconds\): "):
        client.list()
    assert silence.seconds == [(45, 10), (14, 10)]


def test_call_without_time_sends_one_short_request(clock: Clock) -> None:
    silence = Silence(clock)
    client = AgentIngressClient(Secret(API_KEY), clock=clock, http_client=silence)
    for seconds in (3, 0, -5):
        with pytest.raises(errors.UnreachableError):
            client.list(None, client.budget(seconds))
    assert silence.seconds == [(3, 3), (0.1, 0.1), (0.1, 0.1)]


@pytest.mark.parametrize(
    "response", [{"body": "<html>hello</html>"}, {"json_body": ANOTHER}], ids=["HTML", "another domain"]
)
def test_create_with_an_unusable_response_finds_its_ingress(
    response: dict[str, Any], client: AgentIngressClient, emulator: Emulator
) -> None:
    emulator.add_fault("POST", "respond_after", status=201, **response)
    ingress = client.create({"domain": DOMAIN})
    assert (ingress.id, ingress.domain) == (emulator.ingresses()[0]["id"], DOMAIN)


def test_create_that_is_carried_out_during_the_search_is_ours(clock: Clock) -> None:
    made = {"ingresses": [{**ANOTHER, "created_at": "2024-08-02T07:20:00Z"}]}
    # As many as fit into the time of a write.
    lost_posts = [(30, NO_RESPONSE)] * 7
    searches = [
        (0, Response(200, {}, b'{"ingresses": []}')),
        (0, Response(200, {"Date": "Fri, 02 Aug 2024 07:20:10 GMT"}, json.dumps(made).encode())),
    ]
    network = Slow(clock, *lost_posts, *searches)
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=300, clock=clock, http_client=network)
    assert client.create({"domain": ANOTHER["domain"]}).id == ANOTHER["id"]
    assert network.methods == ["POST"] * 7 + ["GET"] * 2


def test_ingress_with_other_values_is_not_adopted(client: AgentIngressClient, emulator: Emulator) -> None:
    client.create({"domain": DOMAIN, "description": "another user's"})
    policy = {"certificate_management_policy": {"authority": "letsencrypt"}}
    for inputs in ({}, {"description": "ours"}, {"description": "another user's", **policy}):
        emulator.add_fault("POST", "reset_before")
        with pytest.raises(errors.CreateUnsettledError, match="may be another's"):
            client.create({"domain": DOMAIN, **inputs})
    assert len(emulator.ingresses()) == 1


def test_older_ingress_is_not_adopted() -> None:
    now = datetime(2024, 8, 2, 7, 15, 39, tzinfo=timezone.utc)
    with Emulator(api_key=API_KEY, clock=lambda: now) as emulator:
        client = AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=Clock())
        client.create({"domain": DOMAIN})
        now += timedelta(seconds=4)
        emulator.add_fault("POST", "reset_before")
        with pytest.raises(errors.CreateUnsettledError, match="may be another's"):
            client.create({"domain": DOMAIN})


def test_created_ingress_that_can_not_be_read_has_its_id(client: AgentIngressClient, emulator: Emulator) -> None:
    made: dict[str, Any] = {"id": "agin_1", "domain": f"{DOMAIN}.", "ns_targets": "none"}
    emulator.add_fault("POST", "respond", status=201, json_body=made)
    emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": [made]})
    with pytest.raises(errors.CreatedUnreadError, match=r"connect\.acme\.com \(agin_1\) was created, but") as unread:
        client.create({"domain": DOMAIN})
    assert unread.value.id == "agin_1"
    # A response about another domain does not show that ours was made. The key would reach the state as an ID.
    for changes in ({"domain": "another.acme.com"}, {"id": API_KEY}):
        emulator.add_fault("POST", "respond", status=201, json_body={**made, **changes})
        emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": [made]})
        with pytest.raises(errors.CreateUnsettledError) as unsettled:
            client.create({"domain": DOMAIN})
        assert_without_key(str(unsettled.value))


def test_search_is_repeated_while_the_list_lacks_the_ingress(client: AgentIngressClient, emulator: Emulator) -> None:
    empty: dict[str, Any] = {"status": 200, "json_body": {"ingresses": []}}
    emulator.add_fault("POST", "reset_after")
    emulator.add_fault("GET", "respond", times=2, **empty)
    assert client.create({"domain": DOMAIN}).id == emulator.ingresses()[0]["id"]
    emulator.reset()
    emulator.add_fault("POST", "reset_after")
    emulator.add_fault("GET", "respond", times=None, **empty)
    with pytest.raises(errors.CreateUnsettledError, match="so it belongs to another account or may still appear"):
        client.create({"domain": DOMAIN}, client.budget(4))


def test_taken_domain_is_an_error_without_a_search(client: AgentIngressClient, emulator: Emulator) -> None:
    client.create({"domain": DOMAIN})
    emulator.clear_requests()
    with pytest.raises(errors.DomainExistsError, match=r"ERR_NGROK_6706.*already exists.*\(operation op_"):
        client.create({"domain": DOMAIN})
    assert emulator.counts() == {"POST /agent_ingresses": 1}


def test_key_in_place_of_an_id_or_date_is_not_shown(client: AgentIngressClient, emulator: Emulator) -> None:
    for id_ in (API_KEY, f"agin_{API_KEY[5:15]}"):
        with pytest.raises(errors.InvalidInputsError, match=r'"(agin_)?\[key\]" is not the ID of') as caught:
            client.get(id_)
        assert API_KEY[5:13] not in str(caught.value)
    assert emulator.requests() == []
    ingress = client.create({"domain": DOMAIN, "description": "another"})
    echoed = {**ingress.plain(), "created_at": API_KEY}
    emulator.add_fault("POST", "reset_before")
    emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": [echoed]})
    with pytest.raises(errors.CreateUnsettledError) as unsettled:
        client.create({"domain": DOMAIN})
    assert_without_key(str(unsettled.value))
    assert unsettled.value.existing is not None
    assert client.describe(unsettled.value.existing).endswith("created at [key]")


ODD: dict[str, tuple[object, str]] = {
    "null": ({**ANOTHER, "ns_targets": None}, "another.acme.com (agin_0ujsszwN8NRY24YaXiTIE2VWDTS)"),
    "no domain": ({**ANOTHER, "domain": 5}, "agin_0ujsszwN8NRY24YaXiTIE2VWDTS"),
    "no id": ({**ANOTHER, "id": "../x"}, "another.acme.com"),
    "forged": ({**ANOTHER, "id": "x\nforged", "domain": "x\n\x1b[31m"}, "x [31m"),
    "no object": (["x"], "without a readable ID or domain"),
    "long domain": ({**ANOTHER, "domain": "x" * 100_000}, "agin_0ujsszwN8NRY24YaXiTIE2VWDTS"),
    "long name server": (
        {**ANOTHER, "ns_targets": ["x" * 254]},
        "another.acme.com (agin_0ujsszwN8NRY24YaXiTIE2VWDTS)",
    ),
    "long regional domain": (
        {**ANOTHER, "region_domains": ["x" * 507]},
        "another.acme.com (agin_0ujsszwN8NRY24YaXiTIE2VWDTS)",
    ),
}


@pytest.mark.parametrize(("element", "name"), ODD.values(), ids=ODD)
def test_odd_ingress_is_left_out_only_of_lists_that_report_it(
    element: object, name: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    good = {**ANOTHER, "id": "agin_1", "domain": DOMAIN}
    emulator.add_fault("GET", "respond", times=None, status=200, json_body={"ingresses": [element, good, element]})
    listing = client.list_readable()
    assert [ingress.id for ingress in listing.ingresses] == ["agin_1"]
    for odd in listing.unreadable:
        assert str(odd).startswith(f"could not read the Agent Ingress {name}: ngrok's response is invalid: ")
        assert str(odd).isprintable()
        assert len(str(odd)) < 250
    assert len(listing.unreadable) == 2
    # A program deletes what a list lacks, and a create looks for its ingress.
    for call in (client.list, lambda: client.find(DOMAIN)):
        with pytest.raises(errors.UnreadableIngressError, match=r"^could not read the Agent Ingress "):
            call()


def test_names_as_long_as_dns_allows_are_read(client: AgentIngressClient, emulator: Emulator) -> None:
    longest = "x" * 253
    # Those of regions are longer than their domain.
    of_region = f"tunnel.us-cal-1.{longest}"
    names = {"domain": f"{longest}.", "ns_targets": [f"{longest}."], "region_domains": [of_region]}
    emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": [{**ANOTHER, **names}]})
    [ingress] = client.list()
    assert (ingress.domain, ingress.ns_targets, ingress.region_domains) == (longest, [f"{longest}."], [of_region])


@pytest.mark.parametrize(
    "page",
    [{"body": "<html>"}, {"json_body": {"ingresses": None}}, {"json_body": {}}, {"json_body": [ANOTHER]}],
    ids=["HTML", "null", "no list", "no object"],
)
def test_odd_page_fails_everywhere(page: dict[str, Any], client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("GET", "respond", times=None, status=200, **page)
    for call in (client.list, client.list_readable, lambda: client.find(DOMAIN)):
        with pytest.raises(
            errors.BadResponseError, match=r"^could not .*: unexpected response to GET /agent_ingresses"
        ):
            call()


@pytest.mark.parametrize(
    ("call", "response", "message"),
    [
        ("GET", {"status": 200, "body": "<html>hello</html>"}, 'not JSON (body begins "<html>hello</html>")'),
        ("PATCH", {"status": 200, "body": ""}, "not JSON (empty body)"),
        ("GET", {"status": 200, "json_body": ["a"]}, "unexpected response to "),
        ("PATCH", {"status": 200, "body": "[" * 20_000}, "not JSON"),
        ("GET", {"status": 200, "json_body": {**ANOTHER, "ns_targets": 5}}, "ns_targets"),
        ("PATCH", {"status": 200, "json_body": ANOTHER}, "it describes another Agent Ingress"),
        ("GET", {"status": 404, "body": "<html>no</html>"}, "the base URL came from the argument base_url"),
        ("PATCH", {"status": 404, "json_body": {"message": "no Route matched"}}, "the base URL came from"),
        ("GET", ngrok_error(404, msg="Not Found", details={"path": "/x"}), "has no path /agent_ingresses"),
        (
            "PATCH",
            {"status": 307, "headers": {"Location": "https://evil.example/x"}},
            "redirects to evil.example, and",
        ),
        ("GET", {"status": 301, "headers": {"Location": "/elsewhere"}}, "redirects to another path, and"),
        ("PATCH", {"status": 301, "headers": {"Location": "https://[::1"}}, "redirects to [::1, and"),
        ("GET", ngrok_error(403, msg="'{api_key}'"), "403: '[key]'. The API key came from the argument api_key"),
        ("GET", ngrok_error(400, msg="no", details=["x"]), "ngrok responded 400: no"),
        ("PATCH", ngrok_error(400, msg="a\nforged: line\x1b[31m"), "ngrok responded 400: a forged: line [31m"),
    ],
)
def test_permanent_failure_is_one_sentence_after_one_request(
    call: str, response: dict[str, Any], message: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.clear_requests()
    emulator.add_fault(call, "respond", times=None, **response)
    found = failure(call, client, existing.id)
    assert message in found
    assert f"{DOMAIN} ({existing.id})" in found
    # An update that may have been carried out is followed by a read.
    reads = ["GET"] if call == "PATCH" and response["status"] == 200 else []
    assert [request["method"] for request in emulator.requests()] == [call, *reads]


def test_unknown_id_is_not_found_and_a_malformed_one_is_an_error(client: AgentIngressClient) -> None:
    with pytest.raises(errors.NotFoundError, match="404: Resource not found"):
        client.get(UNKNOWN_ID)
    for malformed in ("agin_1", "nope"):
        with pytest.raises(errors.ApiError) as caught:
            client.get(malformed)
        assert not isinstance(caught.value, errors.NotFoundError)


@pytest.mark.parametrize("code", ["ERR_NGROK_222", "ERR_NGROK_227"])
def test_404_for_a_malformed_id_does_not_mean_gone(code: str, client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("GET", "respond", **ngrok_error(404, msg="The ID is invalid.", error_code=code))
    with pytest.raises(errors.ApiError, match=f"ngrok responded 404 {code}: The ID is invalid") as caught:
        client.get(UNKNOWN_ID)
    assert not isinstance(caught.value, errors.NotFoundError)


def test_cancelled_call_sends_nothing(client: AgentIngressClient, emulator: Emulator) -> None:
    cancelled = client.budget(is_cancelled=lambda: True)
    for call in (lambda: client.list(None, cancelled), lambda: client.create({"domain": DOMAIN}, cancelled)):
        with pytest.raises(errors.UnreachableError, match=r"^could not .*: it was interrupted$"):
            call()
    assert emulator.requests() == []
    assert client.list() == []


def test_cancelled_call_does_not_settle_a_lost_write(client: AgentIngressClient, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_after")
    budget = client.budget(is_cancelled=lambda: bool(emulator.requests()))
    with pytest.raises(errors.CreateUnsettledError, match=r"it is unknown whether .* was created"):
        client.create({"domain": DOMAIN}, budget)
    assert emulator.counts() == {"POST /agent_ingresses": 1}
