"""`make acceptance` without Pulumi's engine, with emulators in place of ngrok."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from pulumi_agin.api.access import PUBLIC_API, Secret
from pulumi_agin.api.text import one_line
from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.log import RequestSeen
from pulumi_agin.settings import Settings
from tests.support.clock import Clock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.waiting import until
from tools.acceptance import __main__ as acceptance
from tools.acceptance import life
from tools.acceptance.comparison import PAGE, Baseline, Results, Unasked, Verdict, ask_all, ask_emulator, guesses
from tools.acceptance.ingresses import DELETE_SECONDS, Ingresses, Left, Names, how_to_delete, names_below
from tools.acceptance.life import LONGEST_FAILURE, new_project
from tools.acceptance.probes import NOT_ASKED, PROBES
from tools.acceptance.probes.probe import Probe
from tools.acceptance.report import report
from tools.acceptance.service import PACE, Request, Service
from tools.acceptance.session import Seen, Session
from tools.acceptance.wording import LONGEST_TEXT, Wording
from tools.steps import ROOT, StepError

DOMAIN = "test.acme.com"
NAMES = names_below(DOMAIN)
HEADERS = {"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"}
REFUSED = {"error_code": "ERR_NGROK_1219", "status_code": 403, "msg": "This key may not do that.", "details": {}}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """What an emulator with its defaults answers."""
    return ask_emulator(NAMES, DOMAIN)


@pytest.fixture(scope="module")
def asked() -> list[RequestSeen]:
    """The requests that ask all questions."""
    clock = Clock()
    with Emulator(API_KEY, clock=clock.utc_now) as emulator:
        ask(emulator, clock)
        return emulator.requests()


@pytest.fixture(scope="module")
def creates_before_second(asked: list[RequestSeen]) -> int:
    """How many creates come before that of the second ingress."""
    creates = [str(each["body"]) for each in asked if each["method"] == "POST"]
    return next(number for number, body in enumerate(creates) if NAMES.second in body.lower())


@pytest.fixture(scope="module")
def deletes_of_questions(asked: list[RequestSeen]) -> int:
    """How many deletes the questions need. Those of the clean-up come after that."""
    return sum(each["method"] == "DELETE" for each in asked)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ngrok(clock: Clock) -> Iterator[Emulator]:
    """What stands in for ngrok. Its time is that of the run, and so nothing waits."""
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], clock=clock.utc_now) as emulator:
        yield emulator


@pytest.fixture
def env(ngrok: Emulator) -> dict[str, str]:
    """The environment of a run that asks all questions."""
    return {
        "NGROK_API_KEY": API_KEY,
        "NGROK_API_BASE_URL": ngrok.url,
        "DOMAIN": DOMAIN,
        "CONFIRM": "yes",
        "PART": "questions",
    }


def ask(ngrok: Emulator, clock: Clock) -> Results:
    results = Results()
    service = Service(ngrok.url, Secret(API_KEY), clock)
    ask_all(service, NAMES, Wording(DOMAIN, Secret(API_KEY), ngrok.url), results, lambda _: None)
    service.close()
    return results


def of_verdict(verdict: Verdict, results: Results, baseline: Baseline) -> dict[str, str]:
    """The questions with this verdict: the guess of each."""
    return {probe.asks: probe.guess for probe in PROBES if results.verdict(probe, baseline.results) is verdict}


def create(ngrok: Emulator, domain: str, key: str = API_KEY) -> str:
    answer = requests.post(
        f"{ngrok.url}/agent_ingresses",
        json={"domain": domain},
        headers={**HEADERS, "Authorization": f"Bearer {key}"},
        timeout=10,
    )
    return str(answer.json()["id"])


# -- the guesses ------------------------------------------------------------------------------------------


def test_every_guess_on_the_page_is_asked_or_said_to_be_not() -> None:
    on_page = set(guesses(PAGE.read_text()))
    asked = {probe.guess for probe in PROBES}
    assert asked | set(NOT_ASKED) == on_page
    assert not asked & set(NOT_ASKED)
    assert all(NOT_ASKED.values())


@pytest.mark.parametrize(
    "line",
    [
        "- A guess without a name.",
        "- `Name`: A guess.",
        "- `key-type`: A name that there is already.",
        "- `new`:",
        "- **bold**: A guess.\n  with a second line",
        "* `star`: A guess.",
        "A paragraph that guesses.",
    ],
)
def test_a_guess_that_could_be_forgotten_is_noticed(line: str) -> None:
    page = PAGE.read_text()
    assert "\n- `key-type`" in page
    with pytest.raises(ValueError, match="Each item under"):
        guesses(page.replace("\n- `key-type`", f"\n{line}\n- `key-type`"))


def test_no_two_questions_are_the_same() -> None:
    assert len({probe.asks for probe in PROBES}) == len(PROBES)


# -- the questions ----------------------------------------------------------------------------------------


def test_an_emulator_is_the_same_as_the_emulator(ngrok: Emulator, clock: Clock, baseline: Baseline) -> None:
    results = ask(ngrok, clock)
    assert {probe.asks: results.verdict(probe, baseline.results) for probe in PROBES} == {
        probe.asks: Verdict.SAME for probe in PROBES
    }
    assert (len(ngrok.requests()), baseline.ingresses) == (baseline.requests, 3)


@pytest.mark.parametrize(
    ("settings", "guess"),
    [
        ({"null_policy": "removes"}, "null-policy"),
        ({"default_private_key_type": "ecdsa"}, "key-type"),
        ({"trailing_dots": True}, "trailing-dots"),
        ({"empty_keys": "null"}, "empty-keys"),
        ({"empty_keys": "empty"}, "empty-keys"),
        ({"order": "reversed"}, "order"),
        ({"order": "sorted"}, "order"),
        ({"order": "shuffled"}, "order"),
        ({"upper_case": True}, "spelling"),
        ({"unknown_keys": True}, "unknown-keys"),
        ({"base_url": "https://api.ngrok.example"}, "list-uris"),
        ({"limit": 30}, "limit"),
        ({"limit": 60, "window_seconds": 100}, "limit"),
    ],
    ids=str,
)
def test_what_differs_on_purpose_is_found(
    ngrok: Emulator, clock: Clock, baseline: Baseline, settings: dict[str, Any], guess: str
) -> None:
    ngrok.configure(**settings)
    results = ask(ngrok, clock)
    [(asks, found)] = of_verdict(Verdict.DIFFERS, results, baseline).items()
    assert found == guess
    assert len(of_verdict(Verdict.SAME, results, baseline)) == len(PROBES) - 1
    written = report(Settings.load(lambda _: None, {}), results, baseline.results, guesses(PAGE.read_text()), None, 0)
    assert f"| `{guess}` | **differs from the emulator** |" in written
    [row] = re.findall(rf"^\| `{guess}` \| {re.escape(asks)} \| `(.*)` \| `(.*)` \|$", written, re.M)
    here, there = baseline.results.seen[asks], results.seen[asks]
    assert isinstance(here, Seen)
    assert isinstance(there, Seen)
    assert row == (here.found, there.found)


def test_different_wording_is_no_difference(ngrok: Emulator, clock: Clock, baseline: Baseline) -> None:
    refused = {"status_code": 405, "msg": "PUT | `PUT` isn't\nallowed", "details": {}}
    ngrok.add_fault("PUT", "answer", status=405, json_body=refused, times=None)
    results = ask(ngrok, clock)
    assert set(of_verdict(Verdict.OTHER_WORDING, results, baseline)) == {
        "PUT on the list",
        "a wrong method, without a key",
    }
    written = report(Settings.load(lambda _: None, {}), results, baseline.results, guesses(PAGE.read_text()), None, 0)
    assert (
        "| `wrong-method` | PUT on the list | `405 without an error code: Method Not Allowed` "
        "| `` 405 without an error code: PUT \\| `PUT` isn't allowed `` |"
    ) in written


def test_only_names_below_the_domain_and_two_ingresses_at_a_time(ngrok: Emulator, clock: Clock) -> None:
    ask(ngrok, clock)
    there = most = 0
    for request in ngrok.requests():
        if request["method"] == "POST":
            body = request["body"]
            domain = body.get("domain") if isinstance(body, dict) else None
            assert domain is None or domain.lower().rstrip(".").endswith(f".{DOMAIN}")
        there += (request["status"] == 201) - (request["status"] == 204)
        most = max(most, there)
    assert most == 2
    assert [each["domain"] for each in ngrok.ingresses()] == [NAMES.first]


def test_the_limit_of_the_account_is_kept(ngrok: Emulator, clock: Clock, baseline: Baseline) -> None:
    ngrok.configure(limit=PACE)
    service = Service(ngrok.url, Secret(API_KEY), clock)
    began = clock.now
    for _ in range(2 * PACE + 1):
        assert service.ask(Request()).status == 200
    assert (service.over_limit, service.sent, clock.now - began) == ([], 2 * PACE + 1, 120)
    # Others of the account can still exceed it. Then the run waits, and asks again.
    ngrok.configure(limit=20)
    results = ask(ngrok, clock)
    assert of_verdict(Verdict.UNASKED, results, baseline) == {}
    seen = results.seen["requests that were refused because of the limit"]
    assert isinstance(seen, Seen)
    assert "429 ERR_NGROK_226 (Your account is rate limited to 20 API requests per minute.)" in seen.found


def test_no_other_credentials_are_sent(
    ngrok: Emulator, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    service = Service(ngrok.url, Secret(API_KEY), clock)
    assert service.ask(Request()).status == 200
    assert service.ask(Request(authorization=None)).error_code == "ERR_NGROK_200"
    service.close()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_what_is_on_this_machine_is_not_asked_through_a_proxy(
    ngrok: Emulator, clock: Clock, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    # Whatever went there would fail.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv(variable, f"http://user:password@127.0.0.1:{closed.getsockname()[1]}")
        acceptance.run(env, clock)
    assert "POST" in {request["method"] for request in ngrok.requests()}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_which_base_urls_are_on_this_machine(clock: Clock, host: str) -> None:
    assert not Service(f"http://{host}:1", Secret(API_KEY), clock).uses_proxies
    assert Service(PUBLIC_API, Secret(API_KEY), clock).uses_proxies


@pytest.mark.parametrize("location", ["http://[", "https://elsewhere.example/", "\xff"])
def test_a_redirect_is_an_answer_that_is_not_followed(ngrok: Emulator, clock: Clock, location: str) -> None:
    ngrok.add_fault("GET", "answer", status=302, headers={"Location": location})
    service = Service(ngrok.url, Secret(API_KEY), clock)
    assert service.ask(Request()).status == 302
    service.close()


@pytest.mark.parametrize("base_url", ["", PUBLIC_API, f"{PUBLIC_API}/", "https://API.ngrok.com"])
def test_the_report_says_whether_it_is_about_ngrok(baseline: Baseline, base_url: str) -> None:
    for url, is_ngrok in ((base_url, True), (f"{PUBLIC_API}.example", False)):
        settings = Settings.load(lambda _: None, {"NGROK_API_BASE_URL": url})
        written = report(settings, Results(), baseline.results, guesses(PAGE.read_text()), None, 0)
        assert ("which is not ngrok" in written) is not is_ngrok


# -- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "answer", "status": 503}, "503"),
        ({"kind": "reset_before"}, "no answer (ConnectionError)"),
        ({"kind": "cut_short"}, "no answer (ChunkedEncodingError)"),
    ],
    ids=str,
)
def test_a_question_without_an_answer_ends_nothing(
    ngrok: Emulator, clock: Clock, baseline: Baseline, fault: dict[str, Any], why: str
) -> None:
    # Of the creates that are to be refused.
    ngrok.add_fault("POST", skip=3, **fault)
    # Reads are repeated.
    ngrok.add_fault("GET", skip=20, times=3, **fault)
    results = ask(ngrok, clock)
    [(asks, guess)] = of_verdict(Verdict.UNASKED, results, baseline).items()
    assert guess == "refused-input"
    assert results.seen[asks] == Unasked(why)
    assert len(of_verdict(Verdict.SAME, results, baseline)) == len(PROBES) - 1
    assert [each["domain"] for each in ngrok.ingresses()] == [NAMES.first]


@pytest.mark.parametrize(
    "body",
    ["<h1>maintenance</h1>", "[1]", '{"ingresses": [1]}', '{"ingresses": 1}', "null", "", "[" * 100_000],
    ids=lambda body: body[:20],
)
def test_an_answer_of_another_shape_ends_nothing(ngrok: Emulator, clock: Clock, baseline: Baseline, body: str) -> None:
    ngrok.add_fault("GET", "answer", status=200, body=body, times=None)
    results = ask(ngrok, clock)
    assert len(results.seen) == len(PROBES)
    assert not results.stopped
    assert of_verdict(Verdict.SAME, results, baseline)
    assert of_verdict(Verdict.DIFFERS, results, baseline)
    assert of_verdict(Verdict.UNASKED, results, baseline)


@pytest.mark.parametrize(
    "value", [1, "text", [1], [[]], {"a": {}}, {"provisioning_job": {"started_at": 1}}, None], ids=str
)
def test_values_of_other_types_end_nothing(ngrok: Emulator, clock: Clock, baseline: Baseline, value: object) -> None:
    names = (
        *("uri", "description", "metadata", "domain", "ns_targets", "region_domains", "created_at", "next_page_uri"),
        *("certificate_management_policy", "certificate_management_status", "error_code", "msg", "details"),
    )
    shown = {"id": "agin_" + "1" * 27, **dict.fromkeys(names, value)}
    ngrok.add_fault(None, "answer", status=200, json_body={**shown, "ingresses": [shown]}, times=None)
    results = ask(ngrok, clock)
    assert len(results.seen) == len(PROBES)
    assert of_verdict(Verdict.DIFFERS, results, baseline)


def test_a_bug_is_not_taken_for_an_answer_and_what_was_created_is_deleted(
    ngrok: Emulator,
    clock: Clock,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def ask_with_a_bug(
        service: Service, names: Names, wording: Wording, results: Results, show: Callable[[str], None]
    ) -> None:
        def bug(session: Session) -> Seen:
            assert session.first.id
            raise KeyError("a bug")

        ask_all(service, names, wording, results, show, [PROBES[0], Probe("order", "with a bug", bug), PROBES[1]])

    monkeypatch.setattr(acceptance, "ask_all", ask_with_a_bug)
    with pytest.raises(KeyError, match="a bug"):
        acceptance.run(env, clock)
    assert "POST" in {request["method"] for request in ngrok.requests()}
    assert ngrok.ingresses() == []
    out, err = capfd.readouterr()
    assert "Nothing is left" in err
    assert f"## Could not be asked: {len(PROBES) - 1} of {len(PROBES)} questions" in out


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (6704, "ngrok does not accept first.test.acme.com as a domain: name another DOMAIN"),
        (6705, "ngrok counts first.test.acme.com as its own domain: name a DOMAIN that you own"),
        (6706, "another ngrok account has an Agent Ingress for first.test.acme.com: name another DOMAIN"),
        (6707, "this ngrok account can't have Agent Ingresses: use an API key of an account that can"),
    ],
)
def test_what_ngrok_refuses_altogether_stops_the_run(
    ngrok: Emulator, clock: Clock, env: dict[str, str], capfd: pytest.CaptureFixture[str], code: int, sentence: str
) -> None:
    refused = {**REFUSED, "error_code": f"ERR_NGROK_{code}", "msg": "Refused."}
    ngrok.add_fault("POST", "answer", status=400, json_body=refused, times=None)
    with pytest.raises(StepError) as error:
        acceptance.run(env, clock)
    assert str(error.value) == f"{sentence} (400 ERR_NGROK_{code})."
    out, err = capfd.readouterr()
    assert "Nothing is left" in err
    assert len(re.findall("not asked: the run stopped earlier", out)) > 30
    assert "| `page-size` | same as the emulator |" in out


def test_a_second_ingress_that_is_refused(
    ngrok: Emulator, clock: Clock, baseline: Baseline, creates_before_second: int
) -> None:
    ngrok.add_fault("POST", "answer", status=403, json_body=REFUSED, skip=creates_before_second, times=None)
    results = ask(ngrok, clock)
    unasked = of_verdict(Verdict.UNASKED, results, baseline)
    assert set(unasked.values()) == {
        *("spelling", "key-type", "null-policy", "policy-restart", "at-once", "unknown-id", "before-id")
    }
    assert results.seen["PATCH with a null policy"] == Unasked(
        "it needs a second ingress: ngrok did not create an Agent Ingress for second.domain.example: This key may not "
        "do that. (403 ERR_NGROK_1219)."
    )


# -- the whole run ----------------------------------------------------------------------------------------


def refusal(env: dict[str, str], clock: Clock) -> str:
    with pytest.raises(StepError) as error:
        acceptance.run(env, clock)
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DOMAIN": ""}, "DOMAIN is missing: name a domain that you own"),
        ({"DOMAIN": "acme"}, "DOMAIN must be a domain with a dot and without a wildcard"),
        ({"DOMAIN": "*.acme.com"}, "DOMAIN must be a domain with a dot and without a wildcard"),
        ({"DOMAIN": "https://acme.com"}, "DOMAIN is a URL; give the domain alone"),
        ({"DOMAIN": "a" * 64 + ".com"}, "DOMAIN has a label of 64 bytes"),
        ({"DOMAIN": ".".join(["a" * 49] * 5)}, "DOMAIN has 255 bytes; DNS allows 253 at most"),
        ({"DOMAIN": "test.ngrok.app"}, "Nothing was changed: ngrok counts first.test.ngrok.app as its own domain"),
        ({"NGROK_API_KEY": ""}, "NGROK_API_KEY is missing"),
        ({"NGROK_API_KEY": "two words"}, "the API key from the environment variable NGROK_API_KEY contains white"),
        ({"NGROK_API_KEY": OTHER_ACCOUNTS_KEY[::-1]}, "ngrok can't be asked: could not list the Agent Ingresses"),
        ({"NGROK_API_BASE_URL": "http://api.ngrok.com"}, "the base URL from the environment variable"),
        ({"PART": "all"}, 'PART must be "questions" or "life"'),
        ({"CONFIRM": ""}, "Nothing was changed: confirm with CONFIRM=yes"),
        ({"CONFIRM": "no"}, "Nothing was changed: confirm with CONFIRM=yes"),
    ],
    ids=str,
)
def test_what_is_refused_before_anything_is_changed(
    ngrok: Emulator, clock: Clock, env: dict[str, str], changes: dict[str, str], sentence: str
) -> None:
    said = refusal({**env, **changes}, clock)
    assert said.startswith(sentence)
    assert OTHER_ACCOUNTS_KEY[::-1][:8] not in said
    assert {request["method"] for request in ngrok.requests()} <= {"GET"}
    assert ngrok.ingresses() == []


@pytest.mark.parametrize("domain", [NAMES.first, NAMES.second, NAMES.wildcard, NAMES.life, NAMES.refused])
def test_an_ingress_that_is_there_already_is_left_alone(
    ngrok: Emulator, clock: Clock, env: dict[str, str], domain: str
) -> None:
    create(ngrok, domain)
    assert refusal(env, clock).startswith(f"The account already has an Agent Ingress for {domain}, which this run")
    assert [each["domain"] for each in ngrok.ingresses()] == [domain]


class Terminal(io.StringIO):
    """What a user types, and what happens before that."""

    def __init__(self, typed: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(typed)
        self._meanwhile = meanwhile

    def isatty(self) -> bool:
        self._meanwhile()
        return True


@pytest.mark.parametrize("domain", [NAMES.first, NAMES.life])
def test_an_ingress_that_somebody_creates_during_the_question_is_left_alone(
    ngrok: Emulator, clock: Clock, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, domain: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n", lambda: create(ngrok, domain)))
    said = refusal({**env, "CONFIRM": ""}, clock)
    assert said.startswith(f"The account already has an Agent Ingress for {domain}, which this run")
    assert [each["domain"] for each in ngrok.ingresses()] == [domain]


def test_an_older_ingress_that_no_list_had_is_left_alone(
    ngrok: Emulator, clock: Clock, env: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    older = create(ngrok, NAMES.life)
    clock.sleep(1)
    # The two looks at the names, and the request for the time between them.
    empty: dict[str, object] = {"ingresses": [], "uri": "/agent_ingresses", "next_page_uri": None}
    ngrok.add_fault("GET", "answer", status=200, json_body=empty, times=3)
    assert refusal(env, clock).startswith("The run is complete, but ")
    assert [each["id"] for each in ngrok.ingresses()] == [older]
    out, err = capfd.readouterr()
    assert_fit_for_an_issue(out)
    assert (
        f"LEFT ALONE: the Agent Ingress {NAMES.life} ({older}): this run may not have created it (created_at: 2" in err
    )
    assert "Nothing is left" not in err


def test_without_the_time_of_the_server_nothing_is_deleted_by_its_name(
    ngrok: Emulator, clock: Clock, env: dict[str, str]
) -> None:
    began = clock.utc_now()
    id_ = create(ngrok, NAMES.first)
    ingresses = Ingresses(Settings.load(lambda _: None, env).client(clock), NAMES, clock)
    service = Service(ngrok.url, Secret(API_KEY), clock)
    service.expect(NAMES.first)
    [left], problem = ingresses.clean_up(service, None, lambda _: None)
    assert (left.id, left.is_of_run, problem) == (id_, False, "")
    assert ingresses.clean_up(service, began, lambda _: None) == ([], "")
    assert ngrok.ingresses() == []


def test_what_was_there_before_is_not_taken_for_what_the_run_created(ngrok: Emulator, clock: Clock) -> None:
    service = Service(ngrok.url, Secret(API_KEY), clock)
    service.protect(frozenset(["agin_before"]))
    service.remember("agin_before", NAMES.life)
    service.remember("agin_of_run", NAMES.life)
    assert service.created == {"agin_of_run": NAMES.life}
    service.forget("agin_of_run")
    service.forget("agin_of_run")
    assert (service.created, service.ingresses) == ({}, 1)


@pytest.mark.parametrize("typed", ["no\n", "\n", "", "y\n"])
def test_what_is_not_confirmed_on_the_terminal_is_not_run(
    ngrok: Emulator, clock: Clock, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert refusal({**env, "CONFIRM": ""}, clock) == "Nothing was changed."
    assert {request["method"] for request in ngrok.requests()} == {"GET"}


@pytest.mark.parametrize(
    ("part", "says", "says_not"),
    [
        ("questions", ["creates 3 ", NAMES.first, "requests, at most 100 a minute. The limit"], [NAMES.life, "Pulumi"]),
        (
            "life",
            ["creates 1 ", f"The domains are {NAMES.life}. ", "Pulumi sends some requests."],
            ["about", NAMES.first],
        ),
        ("", ["creates 4 ", NAMES.first, NAMES.life, "at most 100 a minute. Pulumi sends some more."], []),
    ],
)
def test_what_is_said_before_it_begins_is_about_the_parts_that_run(
    clock: Clock,
    env: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    part: str,
    says: list[str],
    says_not: list[str],
) -> None:
    refusal({**env, "PART": part, "CONFIRM": ""}, clock)
    said = capfd.readouterr().err
    assert [text for text in says if text not in said] == []
    assert [text for text in says_not if text in said] == []


def test_what_is_confirmed_on_the_terminal_is_run(
    ngrok: Emulator,
    clock: Clock,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    acceptance.run({**env, "CONFIRM": ""}, clock)
    assert 'Type "yes" to begin: ' in capfd.readouterr().err
    assert "POST" in {request["method"] for request in ngrok.requests()}


def test_the_whole_run(
    ngrok: Emulator, clock: Clock, env: dict[str, str], capfd: pytest.CaptureFixture[str], baseline: Baseline
) -> None:
    others = [create(ngrok, DOMAIN), create(ngrok, f"a.{DOMAIN}"), create(ngrok, "b.acme.com", OTHER_ACCOUNTS_KEY)]
    acceptance.run(env, clock)
    assert [each["id"] for each in ngrok.ingresses()] == others
    out, err = capfd.readouterr()
    assert "This run creates 3 Agent Ingresses at http://127.0.0.1:" in err
    assert f"It sends about {baseline.requests} requests, at most 100 a minute." in err
    assert "$250 a month" in err
    assert "Nothing is left: all Agent Ingresses that this run created are deleted." in err
    assert f"## Same as the emulator: {len(PROBES)} of {len(PROBES)} questions" in out
    assert "**which is not ngrok**" in out
    assert "seen\n\n- `None: Managed certificate provisioning in progress.`\n" in out
    assert_fit_for_an_issue(out)


def assert_fit_for_an_issue(text: str) -> None:
    for start in range(len(API_KEY) - 7):
        assert API_KEY[start : start + 8] not in text
    assert not re.search(r"agin_[0-9A-Za-z]{27}|op_[0-9a-f]{32}|acme|\d{4}-\d\d-\d\dT", text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1, table


def test_answers_that_say_too_much_are_cleaned(
    ngrok: Emulator, clock: Clock, env: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    said = {
        "error_code": "ERR_NGROK_1219",
        "msg": f"Key {{api_key}} ({API_KEY[5:20]}…) of ops@acme.com in ac_2k5okIo7afS6bKA3xNDLRZ9rjqk at 203.0.113.7 "
        f"may not have agin_2k5okIo7afS6bKA3xNDLRZ9rjqk for TEST.ACME.COM, Test.Acme.Com and {DOMAIN} until "
        "2026-11-27T03:00:00Z.",
        "details": {"operation_id": "op_" + "0" * 32},
    }
    ngrok.add_fault("PATCH", "answer", status=403, json_body=said, times=None)
    acceptance.run(env, clock)
    out, err = capfd.readouterr()
    assert_fit_for_an_issue(out)
    assert (
        "403 ERR_NGROK_1219: Key [key] ([key]…) of EMAIL in ac_… at IP may not have agin_… for DOMAIN.EXAMPLE, "
        "Domain.Example and domain.example until TIME."
    ) in out
    assert API_KEY[5:13] not in err


@pytest.mark.parametrize(
    "told",
    [
        DOMAIN,
        f"https://{DOMAIN}:443",
        "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
        "op_0123456789abcdef0123456789abcdef",
        "ops@customer.example",
        "203.0.113.77",
        "2001:db8:aaaa:bbbb::77",
        "2026-11-27T03:00:00Z",
        API_KEY,
    ],
)
def test_a_text_is_cleaned_before_it_is_cut(told: str) -> None:
    wording = Wording(DOMAIN, Secret(API_KEY), PUBLIC_API)
    other_words = "so it is " * LONGEST_FAILURE
    for limit, clean in (
        (LONGEST_TEXT, wording.for_anybody),
        (LONGEST_FAILURE, lambda text: wording.end_for_anybody(text, LONGEST_FAILURE)),
        # Pulumi prints the messages of the package, which have been cut before.
        (LONGEST_TEXT, lambda text: wording.for_anybody(one_line(text), LONGEST_FAILURE)),
        (LONGEST_TEXT, lambda text: wording.end_for_anybody(one_line(text), LONGEST_FAILURE)),
    ):
        for before in range(limit - len(told) - 2, limit + 2):
            cleaned = clean(f"{other_words[:before]} {told} {other_words}")
            assert not re.search("acme|2k5ok|0123|ops|cust|203|2001|db8|2026|-11-", cleaned)
            assert not any(API_KEY[start : start + 8] in cleaned for start in range(len(API_KEY) - 7))


def test_the_end_of_what_was_printed_has_whole_lines() -> None:
    wording = Wording(DOMAIN, Secret(API_KEY), PUBLIC_API)
    told = f"agin_2k5okIo7afS6bKA3xNDLRZ9rjqk of {DOMAIN}"
    for length in range(len(told) + 20):
        assert wording.end_for_anybody(f"{told}\n{'a' * length}\nfailed", 60) in (
            f"agin_… of domain.example {'a' * length} failed".replace("  ", " "),
            f"… {'a' * length} failed",
            "… failed",
        )


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("2001:db8::1", "IP"),
        ("from [2001:db8::1]:443.", "from [IP]:443."),
        ("at fe80::1%eth0: no", "at IP: no"),
        ("by ::ffff:203.0.113.7.", "by IP."),
        ("1:2:3:4:5:6:7:8 and ::1", "IP and IP"),
        ("urn:pulumi:a::b::pulumi-python:dynamic/agin:AgentIngress::c", None),
        ("at 12:30:45, std::vector, a :: b, limit: 1", None),
    ],
)
def test_addresses_are_replaced(text: str, cleaned: str | None) -> None:
    assert Wording(DOMAIN, Secret(API_KEY), PUBLIC_API).for_anybody(text) == (cleaned or text)


def test_credentials_of_a_proxy_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://somebody:long-password@proxy.example:1")
    cleaned = Wording(DOMAIN, Secret(API_KEY), PUBLIC_API).for_anybody("proxy: somebody:long-password")
    assert "somebody" not in cleaned
    assert "password" not in cleaned


# -- the project of the whole life ------------------------------------------------------------------------


def test_all_that_pulumi_writes_is_in_the_build_folder_and_each_run_has_its_own(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "BUILD", tmp_path)
    monkeypatch.setattr(life, "LOGS", tmp_path / "logs")
    service = Service(PUBLIC_API, Secret(API_KEY), clock)
    programs = [tmp_path / "bin"]
    with new_project(service, NAMES.life, programs) as one, new_project(service, NAMES.life, programs) as other:
        for project in (one, other):
            assert project.folder.parent == tmp_path
            assert Path(project.env["PULUMI_HOME"]).parent == project.folder
            assert project.env["PULUMI_BACKEND_URL"] == (project.folder / "state").as_uri()
        one.run("echo", "of this run")
        assert one.log.read_text() == "$ echo of this run\nof this run\n"
        assert other.log.read_text() == ""
    assert set(tmp_path.iterdir()) == {tmp_path / "logs"}
    assert {one.log, other.log} == set((tmp_path / "logs").iterdir())


# -- the clean-up -----------------------------------------------------------------------------------------


def test_clean_up_repeats_what_fails(
    ngrok: Emulator,
    clock: Clock,
    env: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    deletes_of_questions: int,
) -> None:
    for kind in ("reset_before", "cut_short", "answer"):
        ngrok.add_fault("DELETE", kind, status=502, skip=deletes_of_questions, times=2)
    acceptance.run(env, clock)
    assert ngrok.ingresses() == []
    assert "Nothing is left" in capfd.readouterr().err


def test_an_ingress_whose_creation_was_never_answered_is_deleted_too(
    ngrok: Emulator,
    clock: Clock,
    env: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    creates_before_second: int,
) -> None:
    ngrok.add_fault("POST", "reset_after", skip=creates_before_second)
    acceptance.run(env, clock)
    assert ngrok.ingresses() == []
    out, err = capfd.readouterr()
    assert "`it needs a second ingress: no answer (ConnectionError)`" in out
    assert "Nothing is left" in err

    ngrok.add_fault("POST", "reset_after")
    with pytest.raises(StepError, match=r"whether an Agent Ingress for .* was created is unknown"):
        acceptance.run(env, clock)
    assert ngrok.ingresses() == []
    assert "Nothing is left" in capfd.readouterr().err


def test_an_answer_with_the_id_of_another_ingress_deletes_nothing(
    ngrok: Emulator, clock: Clock, env: dict[str, str]
) -> None:
    kept = create(ngrok, f"kept.{DOMAIN}")
    # In place of a refusal.
    made = {"id": kept, "domain": f"kept.{DOMAIN}"}
    ngrok.add_fault("POST", "answer", status=201, json_body=made, skip=1, times=3)
    acceptance.run(env, clock)
    assert [each["id"] for each in ngrok.ingresses()] == [kept]


def test_what_is_left_is_named_with_the_command_that_deletes_it(
    ngrok: Emulator,
    clock: Clock,
    env: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    deletes_of_questions: int,
) -> None:
    ngrok.add_fault("DELETE", "answer", status=403, json_body=REFUSED, skip=deletes_of_questions, times=None)
    with pytest.raises(StepError, match="maybe not everything that it created is deleted"):
        acceptance.run(env, clock)
    [left] = ngrok.ingresses()
    out, err = capfd.readouterr()
    assert_fit_for_an_issue(out)
    assert "Nothing is left" not in err
    assert f"NOT DELETED: the Agent Ingress {NAMES.first} ({left['id']}): could not delete" in err
    assert "This key may not do that." in err
    ngrok.clear_faults()
    [command] = re.findall("^curl .*$", err, re.M)
    assert send_as_curl(command) == 204
    assert ngrok.ingresses() == []


def send_as_curl(command: str) -> int:
    """Sends what a command with curl would send, with our key in the environment. Returns the status."""
    curl, x, method, *options, url = shlex.split(command)
    assert (curl, x, options[::2]) == ("curl", "-X", ["-H"] * (len(options) // 2))
    headers = dict(option.replace("$NGROK_API_KEY", API_KEY).split(": ", 1) for option in options[1::2])
    return requests.request(method, url, headers=headers, timeout=10).status_code


def test_an_ingress_that_somebody_creates_during_the_run_is_left_alone(
    ngrok: Emulator, clock: Clock, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_meanwhile(*args: Any) -> None:
        ask_all(*args)
        clock.sleep(5)
        create(ngrok, NAMES.life)
        create(ngrok, NAMES.second)

    monkeypatch.setattr(acceptance, "ask_all", ask_meanwhile)
    assert "maybe not everything" in refusal(env, clock)
    assert [each["domain"] for each in ngrok.ingresses()] == [NAMES.life, NAMES.second]


def test_an_ingress_whose_domain_the_service_made_up_is_deleted_too(
    ngrok: Emulator, clock: Clock, env: dict[str, str], asked: list[RequestSeen], monkeypatch: pytest.MonkeyPatch
) -> None:
    creates = [each["body"] for each in asked if each["method"] == "POST"]
    without_domain = [number for number, body in enumerate(creates) if isinstance(body, dict) and "domain" not in body]
    ngrok.add_fault("POST", "reset_before", skip=without_domain[-1])

    def ask_and_make_up(service: Service, *args: Any) -> None:
        ask_all(service, *args)
        for description in (service.description, "of somebody else"):
            body = {"domain": f"made-up-{len(description)}.acme.com", "description": description}
            requests.post(f"{ngrok.url}/agent_ingresses", json=body, headers=HEADERS, timeout=10)

    monkeypatch.setattr(acceptance, "ask_all", ask_and_make_up)
    acceptance.run(env, clock)
    assert [each["description"] for each in ngrok.ingresses()] == ["of somebody else"]


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", {"status": 404, "body": "<h1>not found</h1>"}),
        (None, {"status": 404, "json_body": {"error_code": "ERR_PROXY", "status_code": 404, "msg": "", "details": {}}}),
        ("DELETE", {"status": 404, "json_body": {"error_code": "ERR_NGROK_1", "status_code": 404, "msg": "No."}}),
    ],
    ids=["lists", "all", "deletes"],
)
def test_what_may_be_left_is_never_called_deleted(
    ngrok: Emulator,
    clock: Clock,
    env: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    method: str | None,
    answer: dict[str, Any],
) -> None:
    def ask_and_fail(service: Service, *args: Any) -> None:
        ngrok.add_fault("POST", "reset_after")
        ask_all(service, *args)
        ngrok.add_fault(method, "answer", times=None, **answer)

    def ask_first_and_fail(service: Service, *args: Any) -> None:
        ask_all(service, *args)
        ngrok.add_fault(method, "answer", times=None, **answer)

    for ask_and in (ask_and_fail, ask_first_and_fail):
        monkeypatch.setattr(acceptance, "ask_all", ask_and)
        with pytest.raises(StepError):
            acceptance.run(env, clock)
        said = capfd.readouterr().err
        assert "Nothing is left" not in said
        assert ("NOT DELETED" in said or "could not be listed" in said) is True
        ngrok.clear_faults()
        for each in ngrok.ingresses():
            ngrok.delete_ingress(each["id"])


def test_an_outage_ends_the_run_at_once(ngrok: Emulator, clock: Clock, env: dict[str, str]) -> None:
    began = clock.now
    ngrok.add_fault("GET", "answer", status=503, skip=10, times=None)
    assert refusal(env, clock) == "The run stopped, because ngrok did not answer: 503, for 5 minutes."
    assert clock.now - began < 1200


def test_clean_up_without_a_network_looks_once(ngrok: Emulator, clock: Clock, env: dict[str, str]) -> None:
    service = Service(ngrok.url, Secret(API_KEY), clock)
    service.remember(create(ngrok, NAMES.first), NAMES.first)
    ngrok.add_fault(None, "reset_before", times=None)
    began = clock.now
    [left], problem = Ingresses(Settings.load(lambda _: None, env).client(clock), NAMES, clock).clean_up(
        service, None, lambda _: None
    )
    assert (left.domain, left.is_of_run) == (NAMES.first, True)
    assert problem.startswith("could not list the Agent Ingresses")
    assert clock.now - began < 2 * DELETE_SECONDS + 1


def test_a_report_that_can_not_be_printed_is_kept(emulator: Emulator) -> None:
    env = {"NGROK_API_KEY": API_KEY, "NGROK_API_BASE_URL": emulator.url, "DOMAIN": DOMAIN, "CONFIRM": "yes"}
    emulator.add_fault("POST", "answer", status=403, json_body=REFUSED, times=None)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tools.acceptance"],
            cwd=ROOT,
            env={**os.environ, **env, "PART": "questions"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    [path] = re.findall(r"The report can't be printed \(.*\)\. It is in (.*)$", done.stderr, re.M)
    assert Path(path).read_text().startswith("# `make acceptance`\n")
    Path(path).unlink()


def test_what_others_wrote_is_shown_as_it_is(baseline: Baseline) -> None:
    life_ = life.Life(failed="a step", why="no ``code`` | <b>")
    written = report(Settings.load(lambda _: None, {}), None, baseline.results, {}, life_, 0)
    assert "- **failed**: a step: ``` no ``code`` | <b> ```\n" in written


def test_a_strange_id_is_not_made_a_part_of_a_command() -> None:
    said = how_to_delete(Left("agin_$(rm -rf ~)", NAMES.first, "why", is_of_run=True), PUBLIC_API)
    assert "rm -rf" not in said
    assert said.endswith("https://api.ngrok.com/agent_ingresses/ID")


def test_a_list_that_fails_leaves_a_hint(
    ngrok: Emulator, clock: Clock, env: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    number = len(_gets(ngrok, clock, env))
    capfd.readouterr()
    ngrok.add_fault("GET", "answer", status=403, json_body=REFUSED, skip=number - 3, times=None)
    assert "maybe not everything" in refusal(env, clock)
    assert ngrok.ingresses() == [], "what is known is deleted all the same"
    assert "could not be listed" in capfd.readouterr().err


def _gets(ngrok: Emulator, clock: Clock, env: dict[str, str]) -> list[object]:
    acceptance.run(env, clock)
    return [request for request in ngrok.requests() if request["method"] == "GET"]


# -- signals ----------------------------------------------------------------------------------------------


@contextmanager
def started(emulator: Emulator, creates_before_second: int) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, which hangs after the create of the second ingress, whose answer never comes."""
    env = {
        "NGROK_API_KEY": API_KEY,
        "NGROK_API_BASE_URL": emulator.url,
        "DOMAIN": DOMAIN,
        "CONFIRM": "yes",
        "PART": "questions",
    }
    emulator.add_fault("POST", "hang", skip=creates_before_second, after=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.acceptance"],
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            until("the create", lambda: number_of("POST", emulator) > creates_before_second)
            yield process
        finally:
            process.kill()


def number_of(method: str, emulator: Emulator) -> int:
    return sum(each["method"] == method for each in emulator.requests())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=str)
def test_a_run_that_is_interrupted_twice_cleans_up(
    emulator: Emulator, creates_before_second: int, number: int, status: int
) -> None:
    kept = create(emulator, f"kept.{DOMAIN}")
    # Only the creates of the run are counted.
    emulator.clear_requests()
    with started(emulator, creates_before_second) as process:
        emulator.add_fault("DELETE", "hang", times=1)
        deletes = number_of("DELETE", emulator)
        process.send_signal(number)
        until("the clean-up", lambda: number_of("DELETE", emulator) > deletes)
        process.send_signal(number)
        assert process.stderr is not None
        assert any("The clean-up goes on" in line for line in iter(process.stderr.readline, ""))
        # Ends the connection that hangs.
        emulator.pause(0)
        out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert [each["id"] for each in emulator.ingresses()] == [kept]
    assert "Nothing is left" in err
    assert "Traceback" not in err
    assert "| `null-policy` | could not be asked |" in out
    assert_fit_for_an_issue(out)


def test_a_run_whose_terminal_is_closed_cleans_up(emulator: Emulator, creates_before_second: int) -> None:
    with started(emulator, creates_before_second) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) != 0
    assert emulator.ingresses() == []


def test_make_runs_it() -> None:
    make = ["make", "--dry-run", "--no-print-directory", "acceptance", "DOMAIN=test.acme.com", "PYTHON=python3"]
    env = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    done = subprocess.run(make, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "python3 -m tools.environment dev >/dev/null",
        ".build/venv/bin/python -m tools.acceptance",
    ]
