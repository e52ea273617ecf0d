"""`pulumi-agin doctor`: the verdict of each check, where the domains come from, the output and the exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest

from pulumi_agin.api.models import IngressModel
from pulumi_agin.cli.doctor import CHECKS, check_ingress
from pulumi_agin.cli.zone_lookup import ZoneLookup
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.operation import FailedError
from tests.support.dns_server import dns_server
from tests.support.emulator import POLICY
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, ns_targets, requests
from tests.support.ports import closed_port

Command = Callable[..., tuple[int, str, str]]
Zones = dict[tuple[str, str], list[str] | str]

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "command-line.md"
DOMAIN = "connect.acme.com"
TARGETS = ["ns-1.awsdns.org.", "ns-2.awsdns.net."]


def certificate(code: str | None = None, msg: str = "", renewal_in_days: float | None = None) -> dict[str, Any]:
    """Returns the fields of an ingress whose certificate has a job, a renewal, or both."""
    job = {"error_code": code, "msg": msg} if code or msg else None
    status: dict[str, Any] = {"provisioning_job": job}
    if renewal_in_days is not None:
        status["renews_at"] = (datetime.now(timezone.utc) + timedelta(days=renewal_in_days)).isoformat()
    return {"certificate_management_policy": POLICY, "certificate_management_status": status}


# For each check: the fields of the ingress, what its lookup returns or why it fails, the verdict, and the sentence.
NO_TARGETS: dict[str, Any] = {"ns_targets": []}
ENCRYPTED: dict[str, Any] = {"certificate_management_policy": POLICY}
UNREADABLE = FailedError("it could not be read: the server is down")
CASES: dict[str, list[tuple[dict[str, Any], Any, str, str]]] = {
    "ns_records": [
        ({}, TARGETS, "ok", "its NS records are right"),
        ({}, [], "wrong", "it is not delegated; create NS records with ns-1.awsdns.org., ns-2.awsdns.net."),
        ({}, TARGETS[:1], "wrong", "its NS records are not ngrok's ns_targets; missing: ns-2.awsdns.net.; extra: none"),
        ({}, [*TARGETS, "ns.other.net."], "wrong", "missing: none; extra: ns.other.net."),
        ({}, UNREADABLE, "unknown", "it could not be read: the server is down"),
        (NO_TARGETS, [], "unknown", "ngrok returned no ns_targets for it; contact ngrok support"),
    ],
    "certificate": [
        # A status without a policy is old.
        ({"certificate_management_status": {"renews_at": "2020-01-01T00:00:00Z"}}, None, "ok", "ngrok's internal CA"),
        (ENCRYPTED, None, "unknown", "its certificate is not being issued yet"),
        (certificate(msg="Waiting."), None, "unknown", 'being issued: ngrok reports "Waiting."'),
        (certificate("INTERNAL_ERROR"), None, "unknown", "delayed by a temporary error at ngrok (INTERNAL_ERROR)"),
        (certificate("DNS_ERROR", "No NS."), None, "wrong", 'by a DNS error (DNS_ERROR): ngrok reports "No NS."'),
        (certificate("NEW_ERROR"), None, "wrong", "an error that ngrok does not document (NEW_ERROR)"),
        (certificate(renewal_in_days=1), None, "ok", "its certificate is issued; its renewal begins on 20"),
        (certificate(renewal_in_days=-13), None, "ok", "issued; its renewal is due since 20"),
        (certificate(renewal_in_days=-15), None, "wrong", "issued; its renewal is overdue since 20"),
        # The certificate is still valid, and DNS is the user's.
        (certificate("DNS_ERROR", renewal_in_days=-1), None, "wrong", "issued, and being renewed (DNS_ERROR)"),
        (certificate("INTERNAL_ERROR", renewal_in_days=-1), None, "ok", "issued, and being renewed (INTERNAL_ERROR)"),
        (certificate("INTERNAL_ERROR", renewal_in_days=-15), None, "wrong", "its renewal is overdue since 20"),
    ],
    "caa_records": [
        ({}, UNREADABLE, "ok", "it has no certificate of Let's Encrypt, which CAA records could forbid"),
        ({"certificate_management_policy": {"authority": "other"}}, UNREADABLE, "ok", "it has no certificate of Let's"),
        (ENCRYPTED, None, "ok", "no CAA record forbids Let's Encrypt"),
        (ENCRYPTED, "acme.com", "wrong", "the CAA records of acme.com forbid Let's Encrypt; add 0 issue"),
        (ENCRYPTED, UNREADABLE, "unknown", "it could not be read: the server is down"),
    ],
}


class Lookup:
    """A `ZoneLookup` whose methods all return the given value, or fail with it."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Callable[..., Any]:
        assert hasattr(ZoneLookup, name)
        return self._look_up

    def _look_up(self, *_: str) -> Any:
        if isinstance(self._found, FailedError):
            raise self._found
        return self._found


@pytest.mark.parametrize(
    ("check", "fields", "found", "verdict", "sentence"),
    [(check, *case) for check, cases in CASES.items() for case in cases],
)
def test_check(
    check: str, fields: dict[str, Any], found: Any, verdict: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"id": "agin_1", "domain": DOMAIN, "ns_targets": TARGETS, "created_at": "2026-01-01T00:00:00Z", **fields}
    monkeypatch.setattr("pulumi_agin.cli.doctor.CHECKS", {check: CHECKS[check]})
    _, finding = check_ingress(IngressModel.model_validate(values), cast("ZoneLookup", Lookup(found)))
    assert (finding.check, finding.verdict) == (check, verdict)
    assert sentence in finding.sentence


def test_page_has_a_row_for_every_check() -> None:
    assert list(verdicts_in_the_page()) == ["api_key", "agent_ingress", *CHECKS], (
        "so must docs/reference/command-line.md"
    )


@pytest.mark.parametrize("check", CHECKS)
def test_every_verdict_of_a_check_is_tested_and_in_the_page(check: str) -> None:
    tested = {verdict for _, _, verdict, _ in CASES.get(check, [])}
    assert tested == verdicts_in_the_page().get(check), "CASES and the row in docs/reference/command-line.md must agree"


def verdicts_in_the_page() -> dict[str, set[str]]:
    """Returns the verdicts of each check that the page describes."""
    table = PAGE.read_text().split("\n| check | `ok` | `wrong` | `unknown` |\n")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[1:]]
    verdicts = ("ok", "wrong", "unknown")
    return {
        name.strip("`"): {each for each, cell in zip(verdicts, cells, strict=True) if cell} for name, *cells in rows
    }


@pytest.fixture
def zones(settings_of_emulator: None) -> Zones:
    """The records at the DNS server of `doctor`. Other names are not delegated."""
    return {}


@pytest.fixture
def doctor(pulumi_agin: Command, zones: Zones) -> Iterator[Command]:
    with dns_server(zones) as port:
        yield lambda *arguments: pulumi_agin("doctor", "--dns", f"127.0.0.1:{port}", *arguments)


def test_each_check_is_a_line_or_an_object(doctor: Command, emulator: Emulator, zones: Zones) -> None:
    id_ = create(emulator, DOMAIN)
    zones[DOMAIN, "NS"] = ns_targets(emulator, DOMAIN)
    emulator.clear_requests()
    status, out, err = doctor("Connect.ACME.com.", DOMAIN)
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 2 + len(CHECKS)
    assert out.splitlines()[:4] == [
        "ok       the API key: ngrok accepts the one from the environment variable NGROK_API_KEY",
        f"ok       {DOMAIN}: it has the Agent Ingress {id_}",
        f"ok       {DOMAIN}: its NS records are right",
        f"ok       {DOMAIN}: its certificate is ready, because ngrok's internal CA signs it (there is no certificate "
        "policy)",
    ]
    assert [method for method, _ in requests(emulator)] == ["GET"]
    key, ingress, *_ = json.loads(doctor(DOMAIN, "--json")[1])
    assert (key["domain"], key["check"]) == (None, "api_key")
    sentence = f"it has the Agent Ingress {id_}"
    assert ingress == {"domain": DOMAIN, "check": "agent_ingress", "verdict": "ok", "sentence": sentence}


def test_domains_come_from_the_arguments_or_the_account(doctor: Command, emulator: Emulator) -> None:
    for name in ("a", "b", "c"):
        create(emulator, f"{name}.acme.com")
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)

    def checked(*arguments: str) -> set[str]:
        return {each["domain"] for each in json.loads(doctor("--json", *arguments)[1])} - {None}

    assert checked("b.acme.com", "a.acme.com") == {"a.acme.com", "b.acme.com"}
    assert checked("--all") == {"a.acme.com", "b.acme.com", "c.acme.com"}


def verdicts(doctor: Command, *arguments: str) -> tuple[int, dict[str, str]]:
    """Returns the exit status and the verdict of each check of one domain."""
    status, out, err = doctor("--json", *arguments)
    assert err == ""
    return status, {each["check"]: each["verdict"] for each in json.loads(out)}


def test_domain_that_the_account_lacks_is_wrong(doctor: Command, emulator: Emulator) -> None:
    create(emulator, DOMAIN, OTHER_ACCOUNTS_KEY)
    assert verdicts(doctor, DOMAIN) == (1, {"api_key": "ok", "agent_ingress": "wrong"})
    assert "NGROK_API_KEY has no Agent Ingress with this domain" in doctor(DOMAIN)[1]


def test_rejected_key_is_wrong(doctor: Command, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGROK_API_KEY", API_KEY[::-1])
    assert verdicts(doctor, "--all") == (1, {"api_key": "wrong"})


def test_ngrok_that_is_down_is_unknown(doctor: Command, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGROK_API_TIMEOUT_SECONDS", "0.1")
    emulator.stop()
    with closed_port(emulator.url):
        assert verdicts(doctor, "--all") == (3, {"api_key": "unknown"})
        assert "no connection to http://127.0.0.1" in doctor("--all")[1]


def test_key_in_place_of_a_domain_or_in_a_message_is_not_printed(doctor: Command, emulator: Emulator) -> None:
    # The fixture fails if it is.
    id_ = create(emulator, DOMAIN, certificate_management_policy=POLICY)
    emulator.set_certificate(id_, "dns_error", msg=f"\x1b[31m{API_KEY}\n" + "x" * 2000)
    status, out, _ = doctor(API_KEY, DOMAIN)
    assert status == 1
    assert "wrong    [key]: the account of the API key" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) < 1100


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--all"], "there is no Agent Ingress to check"),
        ([], "there is no Pulumi project in this folder: name the domains, or use --all"),
    ],
)
def test_nothing_to_check_is_one_sentence(doctor: Command, arguments: list[str], sentence: str) -> None:
    assert doctor(*arguments) == (1, "", f"pulumi-agin: {sentence}\n")


def test_cron_needs_no_terminal_and_only_the_key(emulator: Emulator) -> None:
    create(emulator, DOMAIN)
    program = Path(sys.executable).with_name("pulumi-agin")
    with dns_server({(DOMAIN, "NS"): ns_targets(emulator, DOMAIN)}) as port:
        ran = subprocess.run(
            [program, "doctor", "--all", "--dns", f"127.0.0.1:{port}"],
            env={"NGROK_API_KEY": API_KEY, "NGROK_API_BASE_URL": emulator.url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr, ran.stdout.count("\nok ")) == (0, "", 1 + len(CHECKS))
