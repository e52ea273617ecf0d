"""`pulumi-agin doctor` against the emulator and a real BIND: its findings, its output and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import dns.query
import dns.rcode
import dns.update
import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind
from tests.support.emulator import POLICY
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, ns_targets, requests
from tests.support.ports import closed_port
from tests.support.stub_cli import StubCli
from tools.bind import Programs

Command = Callable[..., tuple[int, str, str]]

DOMAIN = "connect.acme.com"
INGRESS = "pulumi-python:dynamic/agin:AgentIngress"

pytestmark = pytest.mark.usefixtures("settings_of_emulator")


@pytest.fixture(scope="module")
def running_bind(bind_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    """A server of acme.com, which anyone may change."""
    with Bind(bind_programs, tmp_path_factory.mktemp("bind"), [], unsigned=True) as bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    set_records(running_bind, DOMAIN, "NS", [])
    set_records(running_bind, "acme.com", "CAA", [])
    return running_bind


@pytest.fixture
def doctor(pulumi_agin: Command, bind: Bind) -> Command:
    return lambda *arguments: pulumi_agin("doctor", "--dns", bind.address, *arguments)


def set_records(bind: Bind, name: str, kind: str, values: Iterable[str]) -> None:
    update = dns.update.UpdateMessage(bind.zone)
    update.delete(f"{name}.", kind)
    for value in values:
        update.add(f"{name}.", 300, kind, value)
    assert dns.query.tcp(update, "127.0.0.1", 10, bind.port).rcode() == dns.rcode.NOERROR


def verdicts(doctor: Command, *arguments: str) -> tuple[int, dict[str, str]]:
    """Returns the exit status and the verdict of each check of one domain."""
    status, out, err = doctor("--json", *arguments)
    assert err == ""
    return status, {each["check"]: each["verdict"] for each in json.loads(out)}


def test_each_problem_is_found_until_all_is_well(doctor: Command, emulator: Emulator, bind: Bind) -> None:
    id_ = create(emulator, DOMAIN, certificate_management_policy=POLICY)
    emulator.set_certificate(id_, "in_progress")
    targets = ns_targets(emulator, DOMAIN)
    set_records(bind, "acme.com", "CAA", ['0 issue "digicert.com"'])
    found = {"api_key": "ok", "agent_ingress": "ok", "ns_records": "wrong", "certificate": "unknown"}
    assert verdicts(doctor, DOMAIN) == (1, {**found, "caa_records": "wrong"})

    set_records(bind, "acme.com", "CAA", ['0 issue "digicert.com"', '0 issue "letsencrypt.org"'])
    set_records(bind, DOMAIN, "NS", [*targets[1:], "ns1.old.net."])
    status, out, _ = doctor(DOMAIN)
    assert status == 1
    assert f"missing: {targets[0]}; extra: ns1.old.net.\n" in out

    set_records(bind, DOMAIN, "NS", targets)
    found = {**found, "ns_records": "ok", "caa_records": "ok"}
    assert verdicts(doctor, DOMAIN) == (3, found)
    emulator.set_certificate(id_, "dns_error", msg="The records are wrong.")
    assert verdicts(doctor, DOMAIN) == (1, {**found, "certificate": "wrong"})
    assert 'ngrok reports "The records are wrong."' in doctor(DOMAIN)[1]
    emulator.set_certificate(id_, "issued")
    assert verdicts(doctor, DOMAIN) == (0, {**found, "certificate": "ok"})
    assert {method for method, _ in requests(emulator)} == {"POST", "GET"}


def test_output_has_a_line_for_each_check(doctor: Command, emulator: Emulator, bind: Bind) -> None:
    id_ = create(emulator, DOMAIN)
    set_records(bind, DOMAIN, "NS", ns_targets(emulator, DOMAIN))
    status, out, err = doctor("Connect.ACME.com.", DOMAIN)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "ok       the API key: ngrok accepts the one from the environment variable NGROK_API_KEY",
        f"ok       {DOMAIN}: it has the Agent Ingress {id_}",
        f"ok       {DOMAIN}: its NS records are right",
        f"ok       {DOMAIN}: its certificate is ready, because ngrok's internal CA signs it (there is no certificate "
        "policy)",
    ]
    first, second = json.loads(doctor(DOMAIN, "--json")[1])[:2]
    assert (first["domain"], first["check"]) == (None, "api_key")
    assert second == {
        "domain": DOMAIN,
        "check": "agent_ingress",
        "verdict": "ok",
        "sentence": f"it has the Agent Ingress {id_}",
    }


def test_domains_come_from_the_arguments_the_account_or_the_stack(
    doctor: Command, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        create(emulator, f"{name}.acme.com")
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)

    def checked(*arguments: str) -> set[str]:
        return {each["domain"] for each in json.loads(doctor("--json", *arguments)[1])} - {None}

    assert checked("b.acme.com", "a.acme.com") == {"a.acme.com", "b.acme.com"}
    assert checked("--all") == {"a.acme.com", "b.acme.com", "c.acme.com"}
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    StubCli(tmp_path).stack([{"type": INGRESS, "outputs": {"domain": "c.acme.com"}}])
    assert checked() == {"c.acme.com"}
    assert checked("--stack", "dev") == {"c.acme.com"}


def test_domain_that_the_account_lacks_is_wrong(doctor: Command, emulator: Emulator) -> None:
    create(emulator, DOMAIN, OTHER_ACCOUNTS_KEY)
    assert verdicts(doctor, DOMAIN) == (1, {"api_key": "ok", "agent_ingress": "wrong"})
    assert "NGROK_API_KEY has no Agent Ingress with this domain" in doctor(DOMAIN)[1]


def test_rejected_key_is_wrong(doctor: Command, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGROK_API_KEY", f"{API_KEY[::-1]}")
    assert verdicts(doctor, "--all") == (1, {"api_key": "wrong"})


def test_ngrok_that_is_down_is_unknown(doctor: Command, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGROK_API_TIMEOUT_SECONDS", "0.1")
    emulator.stop()
    with closed_port(emulator.url):
        assert verdicts(doctor, "--all") == (3, {"api_key": "unknown"})
        assert "no connection to http://127.0.0.1" in doctor("--all")[1]


def test_dns_that_rejects_the_query_is_unknown(doctor: Command, emulator: Emulator) -> None:
    create(emulator, "connect.other.com")
    status, out, _ = doctor("connect.other.com")
    assert status == 3
    assert "unknown  connect.other.com: its NS records could not be read: 127.0.0.1 responded REFUSED\n" in out


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
        (["--all"], "there is nothing to check: the account has no Agent Ingress"),
        ([], "there is no Pulumi project in this folder: name the domains, or use --all"),
        ([DOMAIN, "--all"], "name the domains, or use --all"),
    ],
)
def test_nothing_to_check_is_one_sentence(doctor: Command, arguments: list[str], sentence: str) -> None:
    assert doctor(*arguments) == (1, "", f"pulumi-agin: {sentence}\n")


def test_cron_needs_no_terminal_and_only_the_key(emulator: Emulator, bind: Bind) -> None:
    create(emulator, DOMAIN)
    set_records(bind, DOMAIN, "NS", ns_targets(emulator, DOMAIN))
    environment: dict[str, Any] = {"NGROK_API_KEY": API_KEY, "NGROK_API_BASE_URL": emulator.url}
    ran = subprocess.run(
        [sys.executable, "-m", "pulumi_agin.cli", "doctor", "--all", "--dns", bind.address],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr, ran.stdout.count("\nok ")) == (0, "", 3)
