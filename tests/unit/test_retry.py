"""Retries: conditions, pauses and duration, by the table of `Transport`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest
from requests.structures import CaseInsensitiveDict

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.http import HttpClient
from pulumi_agin.api.messages import NoResponse, Request, Response
from pulumi_agin.base.attempts import Attempts, Reachability, backoff_seconds
from pulumi_agin.base.budget import Budget, format_duration
from pulumi_agin.base.facts import PUBLIC_API
from pulumi_agin.base.redaction import Secret
from tests.support.client import DOMAIN
from tests.support.clock import Clock
from tests.support.keys import API_KEY


def test_pauses_double_with_jitter_up_to_20_seconds() -> None:
    for repetition, longest in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 20), (10_000, 20)]:
        waits = [backoff_seconds(repetition) for _ in range(50)]
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(set(waits)) > 1
    assert backoff_seconds(1, retry_after=7) == 7
    assert backoff_seconds(9, retry_after=400) == 400
    assert backoff_seconds(1, retry_after=0) >= 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "9" * 400}, 31_536_000),
        ({"Retry-After": f"Fri, 02 Aug {'9' * 30} 07:15:49 GMT"}, None),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:49 GMT", "Date": "Fri, 02 Aug 2024 07:15:39 GMT"}, 10),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:29 GMT", "Date": "Fri, 02 Aug 2024 07:15:39 GMT"}, 0),
        # Without the time of the server, the pause is unknown.
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:49 GMT"}, None),
    ],
)
def test_retry_after_is_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert Response(503, headers, b"").retry_after == seconds


@pytest.mark.parametrize(
    "date", ["", "yesterday", f"Fri, 02 Aug {'9' * 30} 07:15:49 GMT", f"Fri, 02 Aug 2024 07:15:49 +{'9' * 30}"]
)
def test_malformed_date_of_a_response_is_none(date: str) -> None:
    assert Response(200, {"Date": date}, b"").date is None


def test_format_duration() -> None:
    words = {0.2: "0.2 seconds", 1: "1 second", 4.94: "4.9 seconds", 119: "119 seconds", 300: "5 minutes"}
    words |= {2701: "45 minutes 1 second", 7199.9: "120 minutes", 9090: "2 hours 31 minutes"}
    assert {seconds: format_duration(seconds) for seconds in words} == words


INGRESS = {
    "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS",
    "domain": DOMAIN,
    "ns_targets": ["a.x"],
    "created_at": "2024-08-02T07:15:39Z",
}
DATE = {"Date": "Fri, 02 Aug 2024 07:15:39 GMT"}

Outcome = Response | NoResponse


def response(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Response:
    content = body if isinstance(body, str) else json.dumps(body)
    return Response(status, CaseInsensitiveDict(DATE | dict(headers or {})), content.encode())


def rejection(status: int, code: str = "ERR_NGROK_1", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return response(status, {"status_code": status, "error_code": code, "msg": "no"}, named)


# As in test_http, on a real network.
REFUSED = NoResponse("Connection refused", may_have_arrived=False, is_transient=True)
RESET = NoResponse("Connection reset by peer", may_have_arrived=True, is_transient=True)
UNTRUSTED = NoResponse("certificate verify failed", may_have_arrived=False, is_transient=False)
UNDECODABLE = NoResponse("its response can't be decoded", may_have_arrived=True, is_transient=False)

FOUND = response(200, INGRESS)
CHANGED = response(200, {**INGRESS, "description": "new"})
GONE = response(404, {"status_code": 404, "error_code": "", "msg": "Resource not found", "details": {}})
UNUSABLE = response(200, "<html>")
LISTED = response(200, {"ingresses": [INGRESS]})
DONE = {"POST": response(201, INGRESS), "PATCH": FOUND, "GET": FOUND, "DELETE": response(204)}


class Script(HttpClient):
    """A network that returns these outcomes one after another. `clock.slept` has the pauses between requests."""

    def __init__(self, base_url: str = PUBLIC_API, base_url_source: str = "") -> None:
        self.outcomes: list[Outcome] = []
        self.methods: list[str] = []
        self.clock = Clock()
        self.client = AgentIngressClient(
            Secret(API_KEY), base_url, 300, base_url_source=base_url_source, clock=self.clock, http_client=self
        )

    def send(self, request: Request, *_: object, connect_seconds: float) -> Outcome:
        self.methods.append(request.method)
        return self.outcomes.pop(0)

    def call(self, method: str) -> object:
        id_ = str(INGRESS["id"])
        calls: dict[str, Callable[[], object]] = {
            "POST": lambda: self.client.create({"domain": DOMAIN}),
            "PATCH": lambda: self.client.update(id_, {"description": "new"}),
            "DELETE": lambda: self.client.delete(id_),
            "GET": lambda: self.client.get(id_),
        }
        return calls[method]()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.mark.parametrize(
    ("method", "outcome"),
    [
        ("POST", REFUSED),
        ("PATCH", RESET),
        ("GET", response(500, "oops")),
        ("DELETE", response(502, "<html>bad gateway</html>")),
        ("POST", rejection(503, "ERR_NGROK_1500")),
        ("PATCH", response(504, "")),
        ("GET", rejection(429, "ERR_NGROK_226")),
        ("DELETE", rejection(503, Retry_After="soon")),
        ("GET", rejection(503, Retry_After="0")),
        ("PATCH", rejection(429, Retry_After="Fri, 02 Aug 2024 07:15:00 GMT")),
    ],
)
def test_transient_failure_is_repeated_after_growing_pauses(method: str, outcome: Outcome, script: Script) -> None:
    script.outcomes = [outcome, outcome, outcome, DONE[method]]
    script.call(method)
    assert script.methods == [method] * 4
    for slept, longest in zip(script.clock.slept, (1, 2, 4), strict=True):
        assert longest / 2 <= slept <= longest


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_the_pause(status: int, script: Script) -> None:
    script.outcomes = [rejection(status, Retry_After="33"), DONE["GET"]]
    script.call("GET")
    assert script.clock.slept == [33]


@pytest.mark.parametrize(
    ("method", "outcome", "error"),
    [
        ("POST", UNTRUSTED, errors.UnreachableError),
        ("GET", UNDECODABLE, errors.UnreachableError),
        ("DELETE", response(307, "", {"Location": "https://evil.example"}), errors.RedirectError),
        ("POST", rejection(400), errors.ApiError),
        ("PATCH", rejection(400, Retry_After="1"), errors.ApiError),
        ("DELETE", rejection(405), errors.ApiError),
        ("GET", rejection(408), errors.ApiError),
        ("GET", rejection(501), errors.ApiError),
        ("POST", rejection(401), errors.AuthenticationError),
        ("DELETE", rejection(403), errors.AuthenticationError),
        ("PATCH", response(404, "<html>no</html>"), errors.WrongBaseUrlError),
    ],
)
def test_permanent_failure_is_not_repeated(
    method: str, outcome: Outcome, error: type[errors.NgrokError], script: Script
) -> None:
    script.outcomes = [outcome]
    with pytest.raises(error):
        script.call(method)
    assert script.methods == [method]
    assert script.clock.slept == []


@pytest.mark.parametrize("outcome", [UNDECODABLE, rejection(501)], ids=["undecodable", "501"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_permanent_failure_after_sending_is_followed_by_reads(method: str, outcome: Outcome, script: Script) -> None:
    script.outcomes = [outcome, *[response(200, {"ingresses": []}) if method == "POST" else FOUND] * 20]
    with pytest.raises(errors.NgrokError):
        script.call(method)
    assert script.methods[0] == method
    assert set(script.methods[1:]) == {"GET"}


@pytest.mark.parametrize(
    ("method", "outcome", "may_have_arrived"),
    [
        ("POST", REFUSED, False),
        ("POST", rejection(429), False),
        ("POST", response(429, "a gateway's limit"), False),
        ("POST", RESET, True),
        ("POST", response(502, ""), True),
        ("PATCH", REFUSED, False),
        ("PATCH", rejection(429), False),
        ("PATCH", RESET, True),
        ("PATCH", response(500, ""), True),
    ],
)
def test_rejected_write_is_settled_only_if_a_request_may_have_arrived(
    method: str, outcome: Outcome, may_have_arrived: bool, script: Script
) -> None:
    read = {"POST": LISTED, "PATCH": CHANGED}[method]
    script.outcomes = [outcome, rejection(400, "ERR_NGROK_6706"), read]
    if may_have_arrived:
        assert script.call(method)
        assert script.methods == [method, method, "GET"]
    else:
        with pytest.raises(errors.DomainExistsError):
            script.call(method)
        assert script.methods == [method, method]


def test_lost_update_is_settled_by_a_read(script: Script) -> None:
    script.outcomes = [UNUSABLE, CHANGED]
    assert script.call("PATCH")
    script.outcomes = [UNUSABLE, FOUND]
    unknown = r"^it is unknown whether .* was changed \(.*not JSON.* did not have the new values afterwards$"
    with pytest.raises(errors.UpdateUnsettledError, match=unknown) as caught:
        script.call("PATCH")
    assert caught.value.existing is not None
    script.outcomes = [RESET, rejection(400), FOUND]
    with pytest.raises(errors.UpdateUnsettledError, match=r"^could not update .*responded 400 ERR_NGROK_1: no$"):
        script.call("PATCH")
    script.outcomes = [UNUSABLE, rejection(403)]
    with pytest.raises(errors.UpdateUnsettledError, match=r"^it is unknown whether .* was changed \(.*403") as caught:
        script.call("PATCH")
    assert caught.value.existing is None
    script.outcomes = [UNUSABLE, GONE]
    with pytest.raises(errors.NotFoundError):
        script.call("PATCH")


@pytest.mark.parametrize(
    ("outcomes", "error", "message"),
    [
        ([UNUSABLE, GONE], errors.NotFoundError, "^could not read .*404"),
        (
            [UNUSABLE, FOUND],
            errors.DeleteUnsettledError,
            r"^it is unknown whether .* still existed afterwards, but ngrok may delete it later\. Run the same",
        ),
        ([UNUSABLE, rejection(403)], errors.DeleteUnsettledError, "^it is unknown whether .* read afterwards .*403"),
        # The response to a repeated DELETE is enough.
        ([RESET, GONE], errors.NotFoundError, "^could not delete .*404"),
        ([RESET, rejection(400), FOUND], errors.ApiError, "^could not delete .*400"),
        ([RESET, rejection(403), rejection(403)], errors.DeleteUnsettledError, "^it is unknown .* afterwards .*403"),
    ],
    ids=["gone", "there", "unread", "repeated", "rejected", "rejected and unread"],
)
def test_lost_delete_is_settled_by_a_read(
    outcomes: list[Outcome], error: type[errors.NgrokError], message: str, script: Script
) -> None:
    script.outcomes = list(outcomes)
    with pytest.raises(error, match=message):
        script.call("DELETE")
    assert script.outcomes == []


@pytest.mark.parametrize("status", [403, 408, 413, 425, 520])
def test_write_that_a_gateway_rejects_may_be_carried_out_later(status: int, script: Script) -> None:
    blocked, nothing = response(status, "<html>blocked"), response(200, {"ingresses": []})
    script.outcomes = [blocked, nothing, LISTED]
    assert script.call("POST")
    began = script.clock.now
    script.outcomes = [blocked, *[nothing] * 100]
    with pytest.raises(errors.CreateUnsettledError, match=f"^it is unknown whether .*{status}.* may still appear$"):
        script.call("POST")
    assert 10 < script.clock.now - began <= 30
    script.outcomes = [blocked, FOUND]
    with pytest.raises(errors.UpdateUnsettledError, match=f"^it is unknown whether .* was changed .*{status}"):
        script.call("PATCH")
    script.outcomes = [blocked, FOUND]
    with pytest.raises(errors.DeleteUnsettledError, match=f"^it is unknown whether .* was deleted .*{status}"):
        script.call("DELETE")
    # After ngrok's own rejection, one read settles it.
    script.outcomes = [RESET, rejection(400), nothing]
    with pytest.raises(errors.ApiError, match=r"^could not create .*400"):
        script.call("POST")
    assert script.outcomes == []


@pytest.mark.parametrize("outcome", [REFUSED, rejection(429)], ids=["refused", "429"])
def test_ingress_made_before_a_request_could_arrive_is_not_ours(outcome: Outcome, script: Script) -> None:
    script.outcomes = [outcome] * 5 + [
        response(500, "", {"Date": "Fri, 02 Aug 2024 07:15:50 GMT"}),
        rejection(400, "ERR_NGROK_6706"),
        response(200, {"ingresses": [INGRESS]}, {"Date": "Fri, 02 Aug 2024 07:16:10 GMT"}),
    ]
    with pytest.raises(errors.CreateUnsettledError, match="may be another's"):
        script.call("POST")


def test_ingress_made_by_the_first_of_several_requests_is_ours(script: Script) -> None:
    script.outcomes = [
        RESET,
        *[rejection(503)] * 4,
        rejection(400, "ERR_NGROK_6706"),
        response(200, {"ingresses": [INGRESS]}, {"Date": "Fri, 02 Aug 2024 07:16:10 GMT"}),
    ]
    assert script.call("POST")
    assert sum(script.clock.slept) == 31


@pytest.mark.parametrize("method", DONE)
def test_no_call_is_repeated_after_its_time(method: str, script: Script) -> None:
    script.outcomes = [RESET] * 100
    with pytest.raises(errors.NgrokError, match=r"after \d+ attempts in \d+ (seconds|minutes.*) \(limit: 5 minutes\)"):
        script.call(method)
    # A write reserves time for a read, which is repeated, too. Each ends before a pause, of up to 20 seconds, that does
    # not fit.
    calls = 1 if method == "GET" else 2
    assert 300 - calls * 20 <= sum(script.clock.slept) < 300


@pytest.mark.parametrize("method", DONE)
def test_connection_is_tried_for_30_seconds(method: str, script: Script) -> None:
    script.outcomes = [REFUSED] * 100
    with pytest.raises(
        errors.NotConnectedError,
        match=r"^could not .* after 6 attempts in 30 seconds: no connection to https://api\.ngrok\.com: Connection "
        "refused; check the network, and the proxy if there is one$",
    ):
        script.call(method)
    assert sum(script.clock.slept) == 30
    # Nothing was sent, so there is nothing to search for.
    assert set(script.methods) == {method}


@pytest.mark.parametrize(
    ("base_url", "hint"),
    [
        (
            "http://127.0.0.1:24404",
            "start the emulator there with `pulumi-agin emulator --port 24404` (and its --file, if any)",
        ),
        (
            "http://localhost/",
            "start the emulator there with `pulumi-agin emulator --port 80` (and its --file, if any)",
        ),
        (
            "http://[::1]:8080",
            "start the emulator there with `pulumi-agin emulator --host ::1 --port 8080` (and its --file, if any)",
        ),
        ("http://127.0.0.1:8080/ngrok", "check that its service is running, and that the base URL is right"),
    ],
)
def test_loopback_connection_is_tried_for_5_seconds(base_url: str, hint: str) -> None:
    script = Script(base_url, "agin:apiBaseUrl in the stack config")
    script.outcomes = [REFUSED] * 100
    with pytest.raises(errors.NotConnectedError) as caught:
        script.call("POST")
    start = (
        f"could not create the Agent Ingress {DOMAIN} after 4 attempts in 5 seconds: no connection to "
        f"{base_url.rstrip('/')} (the base URL from agin:apiBaseUrl in the stack config): Connection refused; {hint}"
    )
    assert str(caught.value).startswith(start)
    assert sum(script.clock.slept) == 5


def test_all_calls_share_the_30_seconds(script: Script) -> None:
    for _ in range(2):
        script.outcomes = [REFUSED] * 6
        with pytest.raises(errors.NotConnectedError, match="after 6 attempts in 30 seconds"):
            script.call("GET")
        script.outcomes = [REFUSED]
        with pytest.raises(errors.NotConnectedError, match=f"create the Agent Ingress {DOMAIN}: no connection"):
            script.call("POST")
        # A response ends the outage.
        script.outcomes = [DONE["GET"]]
        script.call("GET")


def test_reads_of_many_share_the_30_seconds(script: Script) -> None:
    script.outcomes = [REFUSED] * 100
    for _ in range(10):
        with pytest.raises(errors.NotConnectedError):
            script.client.get_one_of_many(str(INGRESS["id"]))
    assert sum(script.clock.slept) == 30


def test_response_in_between_starts_the_30_seconds_again(script: Script) -> None:
    script.outcomes = [REFUSED] * 5 + [rejection(503)] + [REFUSED] * 100
    with pytest.raises(errors.NotConnectedError):
        script.call("GET")
    assert script.clock.slept == [1, 2, 4, 8, 15, 20, 20, 10]


def test_attempts_after_the_time_for_connecting_have_one_second() -> None:
    clock = Clock()
    reachability = Reachability(clock, is_loopback=False)

    def attempt() -> Attempts:
        attempts = Attempts(Budget(300, clock), reachability, is_write=False)
        attempts.record(REFUSED, clock.monotonic())
        return attempts

    assert attempt().seconds_to_connect(10) == 10
    assert reachability.seconds_left == 30
    # The last attempt, at the end of the 30 seconds, still has its full time. One more than a second later has not.
    clock.sleep(30)
    assert attempt().seconds_to_connect(10) == 10
    assert reachability.seconds_left == 0
    clock.sleep(2)
    assert attempt().seconds_to_connect(10) == 1
    # A failure long after the last one begins another outage.
    clock.sleep(31)
    assert attempt().seconds_to_connect(10) == 10
    assert reachability.seconds_left == 30


@pytest.mark.parametrize(("method", "outcome"), [("POST", RESET), ("PATCH", rejection(503)), ("DELETE", RESET)])
def test_write_that_may_have_arrived_is_repeated_for_all_its_time(
    method: str, outcome: Outcome, script: Script
) -> None:
    script.outcomes = [outcome] + [REFUSED] * 100
    with pytest.raises(errors.NgrokError, match=r"\(limit: 5 minutes\): no connection to") as caught:
        script.call(method)
    assert sum(script.clock.slept) >= 250
    # The hint is in the message about the read that failed, and not twice.
    assert str(caught.value).count("check the network") == 1
    # The call survives an outage of that length.
    script.outcomes = [outcome, *[REFUSED] * 10, DONE[method]]
    script.call(method)


def test_retry_after_beyond_the_time_left_ends_all_calls(script: Script) -> None:
    script.outcomes = [rejection(429, Retry_After="4000")]
    for method, message in (("GET", "Retry-After is 66 minutes 40 seconds$"), ("POST", "in 66 minutes 40 seconds$")):
        with pytest.raises(errors.RateLimitedError, match=message):
            script.call(method)
    assert script.methods == ["GET"]
    assert script.clock.slept == []
