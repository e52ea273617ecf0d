"""When a request is repeated, and how long is waited before: the table of `Transport`, row by row."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from pulumi_agin.api import errors, retry
from pulumi_agin.api.access import PUBLIC_API, Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.exchange import Answer, Exchanges, NoAnswer
from pulumi_agin.api.retry import Reachability
from tests.support.clock import Clock
from tests.support.keys import API_KEY


@pytest.mark.parametrize(
    ("status", "repeated"),
    [
        (None, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
        (301, False),
        (307, False),
        (400, False),
        (401, False),
        (403, False),
        (404, False),
        (409, False),
        (501, False),
    ],
)
def test_what_is_transient_is_repeated_and_nothing_else(status: int | None, repeated: bool) -> None:
    assert retry.is_transient(status) is repeated


def test_waits_double_with_jitter_up_to_a_longest() -> None:
    for repetition, longest in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 20), (60, 20)]:
        waits = [retry.backoff_seconds(repetition) for _ in range(50)]
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(set(waits)) > 1
    assert retry.backoff_seconds(10_000) <= 20
    assert retry.backoff_seconds(1, retry_after=7) == 7
    assert retry.backoff_seconds(9, retry_after=400) == 400
    assert retry.backoff_seconds(1, retry_after=0) >= 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "100000000"}, 31_536_000),
        ({"Retry-After": "1000000000"}, 31_536_000),
        ({"Retry-After": "9" * 400}, 31_536_000),
        ({"Retry-After": "\u0663"}, None),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:49 GMT", "Date": "yesterday"}, 10),
        ({"Retry-After": f"Fri, 02 Aug {'9' * 30} 07:15:49 GMT"}, None),
        ({"Retry-After": f"Fri, 02 Aug 2024 07:15:49 +{'9' * 30}"}, None),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:49 GMT", "Date": "Fri, 02 Aug 2024 07:15:39 GMT"}, 10),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:29 GMT", "Date": "Fri, 02 Aug 2024 07:15:39 GMT"}, 0),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:29 GMT"}, 0),
        ({"Retry-After": "Fri, 02 Aug 2024 07:16:39 GMT"}, 60),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_clock_or_else_ours(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry.retry_after_seconds(headers, Clock()) == seconds


# -- the table --------------------------------------------------------------------------------------------

DOMAIN = "connect.acme.com"
INGRESS = {
    "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS",
    "domain": DOMAIN,
    "ns_targets": ["a.x"],
    "created_at": "2024-08-02T07:15:39Z",
}
DATE = {"Date": "Fri, 02 Aug 2024 07:15:39 GMT"}

Outcome = Answer | NoAnswer


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    content = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, CaseInsensitiveDict(DATE | dict(headers or {})), content.encode())


def refusal(status: int, code: str = "ERR_NGROK_1", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(status, {"status_code": status, "error_code": code, "msg": "no"}, named)


# What test_exchange shows to come of each on a real network.
REFUSED = NoAnswer("Connection refused", may_have_arrived=False, is_transient=True)
RESET = NoAnswer("Connection reset by peer", may_have_arrived=True, is_transient=True)
UNTRUSTED = NoAnswer("certificate verify failed", may_have_arrived=False, is_transient=False)
UNDECODABLE = NoAnswer("its answer can't be decoded", may_have_arrived=True, is_transient=False)


class Script(Exchanges):
    """Stands in for the network: gives these outcomes one after another. `clock.slept` is what was waited between."""

    def __init__(self, base_url: str = PUBLIC_API, base_url_source: str = "") -> None:
        self.outcomes: list[Outcome] = []
        self.methods: list[str] = []
        self.clock = Clock()
        self.client = AgentIngressClient(
            Secret(API_KEY), base_url, 300, base_url_source=base_url_source, clock=self.clock, exchanges=self
        )

    def exchange(self, method: str, url: str, **_: Any) -> Outcome:
        self.methods.append(method)
        return self.outcomes.pop(0)

    def ask(self, method: str) -> object:
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


DONE = {"POST": answer(201, INGRESS), "PATCH": answer(200, INGRESS), "GET": answer(200, INGRESS), "DELETE": answer(204)}

TRANSIENT: dict[str, Outcome] = {
    "refused": REFUSED,
    "reset": RESET,
    "500": answer(500, "oops"),
    "502": answer(502, "<html>bad gateway</html>"),
    "503": refusal(503, "ERR_NGROK_1500"),
    "504": answer(504, ""),
    "429": refusal(429, "ERR_NGROK_226"),
    "503, garbage": refusal(503, Retry_After="soon"),
    "503, at once": refusal(503, Retry_After="0"),
    "503, past": refusal(503, Retry_After="Fri, 02 Aug 2024 07:15:00 GMT"),
    "429, garbage": refusal(429, Retry_After="soon"),
    "429, past": refusal(429, Retry_After="Fri, 02 Aug 2024 07:15:00 GMT"),
}


@pytest.mark.parametrize("method", DONE)
@pytest.mark.parametrize("outcome", TRANSIENT.values(), ids=TRANSIENT)
def test_what_is_transient_is_repeated_after_a_pause_that_doubles(
    outcome: Outcome, method: str, script: Script
) -> None:
    script.outcomes = [outcome, outcome, outcome, DONE[method]]
    script.ask(method)
    assert script.methods == [method] * 4
    for slept, longest in zip(script.clock.slept, (1, 2, 4), strict=True):
        assert longest / 2 <= slept <= longest


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("retry_after", ["33", "Fri, 02 Aug 2024 07:16:12 GMT"])
def test_a_pause_that_was_asked_for_is_kept(retry_after: str, status: int, script: Script) -> None:
    script.outcomes = [refusal(status, Retry_After=retry_after), DONE["GET"]]
    script.ask("GET")
    assert script.clock.slept == [33]


LASTING: dict[str, tuple[Outcome, type[errors.NgrokError]]] = {
    "certificate": (UNTRUSTED, errors.UnreachableError),
    "undecodable": (UNDECODABLE, errors.UnreachableError),
    **{
        f"{status}": (answer(status, "", {"Location": "https://evil.example"}), errors.RedirectError)
        for status in (300, 301, 302, 303, 307, 308)
    },
    **{f"{status}": (refusal(status), errors.ApiError) for status in (400, 405, 408, 409, 422, 425, 501, 505)},
    "401": (refusal(401), errors.AuthenticationError),
    "403": (refusal(403), errors.AuthenticationError),
    "404 of another": (answer(404, "<html>no</html>"), errors.WrongBaseUrlError),
    "400, Retry-After": (refusal(400, Retry_After="1"), errors.ApiError),
}


@pytest.mark.parametrize("method", DONE)
@pytest.mark.parametrize(("outcome", "kind"), LASTING.values(), ids=LASTING)
def test_what_is_not_transient_fails_at_once(
    outcome: Outcome, kind: type[errors.NgrokError], method: str, script: Script
) -> None:
    # What may have been carried out is looked for, but not sent again.
    looks = {"POST": [answer(200, {"ingresses": []})] * 20, "PATCH": [answer(200, INGRESS)], "DELETE": [DONE["GET"]]}
    script.outcomes = [outcome, *looks.get(method, [])]
    with pytest.raises((kind, errors.CreateUnsettledError, errors.UpdateUnsettledError)) as caught:
        script.ask(method)
    maybe = outcome is UNDECODABLE or getattr(outcome, "status_code", 0) >= 500
    assert maybe or isinstance(caught.value, kind)
    first, *rest = script.methods
    assert first == method
    assert set(rest) == ({"GET"} if maybe and method != "GET" else set())
    assert outcome is UNDECODABLE or script.clock.slept == []


CARRIED_OUT: dict[str, tuple[Outcome, bool]] = {
    "refused": (REFUSED, False),
    "429": (TRANSIENT["429"], False),
    "reset": (RESET, True),
    **{f"{status}": (answer(status, ""), True) for status in (500, 502, 503, 504)},
}


@pytest.mark.parametrize(("outcome", "maybe"), CARRIED_OUT.values(), ids=CARRIED_OUT)
def test_a_domain_that_exists_is_ours_only_where_our_own_request_may_have_made_it(
    outcome: Outcome, maybe: bool, script: Script
) -> None:
    script.outcomes = [outcome, refusal(400, "ERR_NGROK_6706"), answer(200, {"ingresses": [INGRESS]})]
    if maybe:
        assert script.ask("POST")
    else:
        with pytest.raises(errors.DomainExistsError):
            script.ask("POST")
    assert script.methods == ["POST", "POST"] + ["GET"] * maybe


@pytest.mark.parametrize("outcome", TRANSIENT.values(), ids=TRANSIENT)
def test_the_look_that_settles_a_create_is_repeated_like_any_request(outcome: Outcome, script: Script) -> None:
    script.outcomes = [answer(201, "<html>"), outcome, outcome, answer(200, {"ingresses": [INGRESS]})]
    script.ask("POST")
    assert script.methods == ["POST", "GET", "GET", "GET"]


WAS, IS_CHANGED = answer(200, INGRESS), answer(200, {**INGRESS, "description": "new"})
GONE = answer(404, {"status_code": 404, "error_code": "", "msg": "Resource not found", "details": {}})


@pytest.mark.parametrize(("outcome", "maybe"), CARRIED_OUT.values(), ids=CARRIED_OUT)
def test_an_update_that_was_refused_at_last_is_looked_at_only_where_it_may_have_been_carried_out(
    outcome: Outcome, maybe: bool, script: Script
) -> None:
    script.outcomes = [outcome, refusal(400), IS_CHANGED]
    if maybe:
        assert script.ask("PATCH")
    else:
        with pytest.raises(errors.ApiError):
            script.ask("PATCH")
    assert script.methods == ["PATCH", "PATCH"] + ["GET"] * maybe


def test_what_became_of_an_update_is_told_by_a_look(script: Script) -> None:
    script.outcomes = [answer(200, "<html>"), IS_CHANGED]
    assert script.ask("PATCH")
    script.outcomes = [answer(200, "<html>"), WAS]
    with pytest.raises(errors.UpdateUnsettledError, match=r"^could not update .*not JSON") as caught:
        script.ask("PATCH")
    assert caught.value.existing is not None
    script.outcomes = [answer(200, "<html>"), refusal(403)]
    with pytest.raises(errors.UpdateUnsettledError, match=r"^it is unknown whether .* was changed: .*403") as caught:
        script.ask("PATCH")
    assert caught.value.existing is None
    script.outcomes = [answer(200, "<html>"), GONE]
    with pytest.raises(errors.NotFoundError):
        script.ask("PATCH")


def test_what_became_of_a_delete_is_told_by_a_look(script: Script) -> None:
    for look, error in (
        (GONE, errors.NotFoundError),
        (WAS, errors.BadAnswerError),
        (refusal(403), errors.BadAnswerError),
    ):
        script.outcomes = [answer(200, "<html>"), look]
        with pytest.raises(error):
            script.ask("DELETE")
        assert script.outcomes == []
    # Where it was repeated, its own answer tells.
    script.outcomes = [RESET, GONE]
    with pytest.raises(errors.NotFoundError):
        script.ask("DELETE")


@pytest.mark.parametrize("outcome", [REFUSED, TRANSIENT["429"]], ids=["refused", "429"])
def test_an_ingress_from_before_anything_of_ours_could_arrive_is_not_ours(outcome: Outcome, script: Script) -> None:
    # Made while nothing of ours got there: by somebody else, then, though it is just as we want it.
    script.outcomes = [outcome] * 5 + [
        answer(500, "", {"Date": "Fri, 02 Aug 2024 07:15:50 GMT"}),
        refusal(400, "ERR_NGROK_6706"),
        answer(200, {"ingresses": [INGRESS]}, {"Date": "Fri, 02 Aug 2024 07:16:10 GMT"}),
    ]
    with pytest.raises(errors.CreateUnsettledError, match="left alone"):
        script.ask("POST")


@pytest.mark.parametrize("method", DONE)
def test_no_call_is_repeated_past_its_time(method: str, script: Script) -> None:
    script.outcomes = [RESET] * 100
    with pytest.raises(errors.NgrokError, match=r"after \d+ tries in \d+ (seconds|minutes.*) \(5 minutes at most\)"):
        script.ask(method)
    # Of a write's time, some is kept for a look, which is repeated as well.
    calls = 1 if method == "GET" else 2
    assert 300 - calls * 20 <= sum(script.clock.slept) < 300


# -- no connection ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", DONE)
def test_a_connection_that_cannot_be_made_is_tried_for_30_seconds(method: str, script: Script) -> None:
    script.outcomes = [REFUSED] * 100
    with pytest.raises(
        errors.NotConnectedError,
        match=r"^could not .* after 6 tries in 30 seconds: no connection to https://api\.ngrok\.com: Connection "
        "refused; check the network, and the proxy if there is one$",
    ):
        script.ask(method)
    assert sum(script.clock.slept) == 30


@pytest.mark.parametrize(
    ("base_url", "hint"),
    [
        ("http://127.0.0.1:24404", "start the emulator there with `pulumi-agin emulator --port 24404`"),
        ("http://localhost/", "start the emulator there with `pulumi-agin emulator --port 80`"),
        ("http://[::1]:8080", "start the emulator there with `pulumi-agin emulator --host ::1 --port 8080`"),
        ("https://127.0.0.1:8443", "check the base URL, and that its service is running"),
        ("http://127.0.0.1:8080/ngrok", "check the base URL, and that its service is running"),
    ],
)
def test_on_this_machine_it_is_tried_for_5_seconds(base_url: str, hint: str) -> None:
    script = Script(base_url, "ngrok:apiBaseUrl of the stack config")
    script.outcomes = [REFUSED] * 100
    with pytest.raises(errors.NotConnectedError) as caught:
        script.ask("POST")
    start = (
        f"could not create the Agent Ingress {DOMAIN} after 4 tries in 5 seconds: no connection to "
        f"{base_url.rstrip('/')} (the base URL from ngrok:apiBaseUrl of the stack config): Connection refused; {hint}"
    )
    assert str(caught.value).startswith(start)
    assert sum(script.clock.slept) == 5


def test_a_service_that_comes_up_within_that_time_is_used(script: Script) -> None:
    script.outcomes = [REFUSED] * 5 + [DONE["POST"]]
    script.ask("POST")
    assert sum(script.clock.slept) == 30


def test_all_calls_share_the_time_until_a_connection_is_made(script: Script) -> None:
    for _ in range(2):
        script.outcomes = [REFUSED] * 6
        with pytest.raises(errors.NotConnectedError, match="after 6 tries in 30 seconds"):
            script.ask("GET")
        # The others find the same, and need not wait for it.
        script.outcomes = [REFUSED]
        with pytest.raises(
            errors.NotConnectedError, match=f"could not create the Agent Ingress {DOMAIN}: no connection"
        ):
            script.ask("POST")
        script.outcomes = [DONE["GET"]]
        script.ask("GET")


def test_a_server_that_drops_packets_costs_later_calls_one_second(script: Script) -> None:
    reachability = Reachability(script.clock, is_loopback=False)
    assert reachability.seconds_for_try == math.inf
    reachability.note_try(script.clock.monotonic(), is_connected=False)
    script.clock.sleep(30)
    assert (reachability.seconds_left, reachability.seconds_for_try) == (0, math.inf)
    script.clock.sleep(2)
    assert reachability.seconds_for_try == 1
    # Long after the last failure, it is another outage.
    script.clock.sleep(31)
    reachability.note_try(script.clock.monotonic(), is_connected=False)
    assert reachability.seconds_left == 30


def test_an_answer_in_between_starts_the_time_again(script: Script) -> None:
    script.outcomes = [REFUSED] * 5 + [TRANSIENT["503"]] + [REFUSED] * 100
    with pytest.raises(errors.NotConnectedError):
        script.ask("GET")
    assert script.clock.slept == [1, 2, 4, 8, 15, 20, 20, 10]


@pytest.mark.parametrize("outcome", [RESET, TRANSIENT["503"]], ids=["reset", "503"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_that_may_have_arrived_is_repeated_for_all_of_its_time(
    outcome: Outcome, method: str, script: Script
) -> None:
    script.outcomes = [outcome] + [REFUSED] * 100
    with pytest.raises(errors.NgrokError, match=r"\(5 minutes at most\): no connection to") as caught:
        script.ask(method)
    assert sum(script.clock.slept) >= 250
    # What to check is said of the look that failed as well, and not twice.
    assert str(caught.value).count("check the network") == (0 if method == "DELETE" else 1)
    # An outage of that length is survived.
    script.outcomes = [outcome, *[REFUSED] * 10, DONE[method]]
    script.ask(method)


# -- more time than there is ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["4000", "Fri, 02 Aug 2024 08:22:19 GMT"])
def test_a_retry_after_beyond_the_time_left_is_named(status: int, retry_after: str, script: Script) -> None:
    script.outcomes = [refusal(status, Retry_After=retry_after)]
    with pytest.raises(errors.ApiError, match=f"ngrok answered {status} .*, and asked to wait 66 minutes 40 seconds$"):
        script.ask("GET")
    if status == 503:
        # A wait that is not longer than the time left is no reason.
        script.outcomes = [refusal(status, Retry_After="1")] * 100
        with pytest.raises(errors.ApiError) as caught:
            script.ask("GET")
        assert "asked to wait" not in str(caught.value)
    if status == 429:
        # Other calls have to wait as well.
        with pytest.raises(errors.RateLimitedError, match=r"accepts one more, in 66 minutes 40 seconds$"):
            script.ask("POST")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0.2 seconds"),
        (1, "1 second"),
        (4.94, "4.9 seconds"),
        (38.4, "38 seconds"),
        (119, "119 seconds"),
        (300, "5 minutes"),
        (2701, "45 minutes 1 second"),
        (7199.9, "120 minutes"),
        (7200, "2 hours"),
        (9090, "2 hours 31 minutes"),
        (31_536_000, "8760 hours"),
    ],
)
def test_a_time_is_told_in_units_that_people_read(seconds: float, words: str) -> None:
    assert retry.in_words(seconds) == words
