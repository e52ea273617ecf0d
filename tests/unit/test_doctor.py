"""`pulumi-agin doctor` with invalid arguments and settings, and its sentences about connections."""

from __future__ import annotations

import sys
from typing import get_args

import pytest

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.constants import PUBLIC_API
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.base.secret import Secret
from pulumi_agin.cli.doctor_checks import Checks
from pulumi_agin.cli.doctor_connection import Certificate, Connection, Problem
from pulumi_agin.cli.doctor_connection_check import judge, judge_unattempted
from pulumi_agin.cli.doctor_examiner import Examiner
from pulumi_agin.cli.doctor_report import Check, Remedy
from pulumi_agin.dnsclient.values import DnsResult, Server
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.settings import Settings
from tests.support.command import Command
from tests.support.keys import API_KEY

DOMAIN = "connect.acme.com"

pytestmark = pytest.mark.usefixtures("settings_of_emulator")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["http://connect.acme.com"], 'the domain "http://connect.acme.com" is a URL; use only the domain'),
        ([""], 'the domain "" is empty; use a domain that you own'),
        ([API_KEY], "DOMAIN has no dot; use a domain such as connect.acme.com\n"),
        ([DOMAIN, "--dns", "a:b"], '--dns: "a:b" is not the address of a DNS server; use HOST:PORT'),
        (
            [DOMAIN, "--connect", "a:b"],
            '--connect: "a:b" is not the address of a TLS server; use HOST:PORT, such as [::1]:443',
        ),
        ([], "specify exactly one of DOMAIN, --all or --filter"),
        (["--filter", ""], "--filter is empty"),
        (["--filter", " "], "--filter is empty"),
        (["--all"], "the API key from the environment variable NGROK_API_KEY has no Agent Ingress\n"),
        (["--filter", "false"], "has no Agent Ingress that matches the filter: false\n"),
        (["--filter", "obj."], "ngrok responded 400 ERR_NGROK_250"),
        (["--all", "--stack", ""], "--stack is empty; set it to a name, or omit it"),
        ([DOMAIN, "--stack", "dev"], "the config of the stack dev could not be read: there is no Pulumi project"),
    ],
)
def test_invalid_usage_exits_2(pulumi_agin: Command, arguments: list[str], sentence: str) -> None:
    status, out, err = pulumi_agin("doctor", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.startswith("pulumi-agin: ")
    assert err.count("\n") == 1


def test_missing_dnspython_exits_2(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    # They are loaded again, and fail.
    for module in (
        "dnsclient.ns_lookup",
        "dnsclient.address_lookup",
        "cli.doctor_connection",
        "cli.doctor_connection_check",
        "cli.doctor_examiner",
        "cli.doctor",
    ):
        monkeypatch.delitem(sys.modules, f"pulumi_agin.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    sentence = missing_extra("a DNS lookup", "doctor")
    assert pulumi_agin("doctor", DOMAIN) == (2, "", f"pulumi-agin: {sentence}\n")


def test_ctrl_c_exits_1(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(examiner: Examiner, domain: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Examiner, "examine", interrupt)
    assert pulumi_agin("doctor", DOMAIN) == (1, "", "pulumi-agin: interrupted\n")


def test_connection_is_left_out_at_another_base_url(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi_agin.cli.doctor_examiner.find_delegation", lambda *arguments: DnsResult())
    monkeypatch.setattr(AgentIngressClient, "find", lambda *arguments: None)

    def checks(base_url: str, connect_to: Server | None = None) -> list[str]:
        account = Account(Settings.load({"ngrok:apiKey": API_KEY, "ngrok:apiBaseUrl": base_url}.get, {}))
        return list(Examiner(Checks(account, connect_to=connect_to)).examine(DOMAIN).checks)

    without = ["api_key", "agent_ingress", "delegation", "certificate"]
    assert checks(emulator.url) == without
    assert checks(emulator.url, Server("127.0.0.1", 1)) == checks(PUBLIC_API) == [*without, "connection"]


# For each problem of a connection, the sentence and what to do before the next run.
PROBLEMS: dict[Problem, tuple[str, str]] = {
    "no address": (
        "no address for connect.acme.com from the delegated name servers (REASON)",
        "check that this machine can query these name servers (port 53)",
    ),
    "no connection": (
        "no connection to [2001:db8::7]:443: REASON",
        "check that no firewall or proxy blocks this port, which agents need, too",
    ),
    "wrong name": (
        "the certificate of [2001:db8::7]:443 is for a.acme.com, b.acme.com, not for connect.acme.com",
        "check that this is ngrok's server, and not a proxy",
    ),
    "expired": ("the certificate of [2001:db8::7]:443 expired at EXPIRY", "check this machine's clock"),
    "not yet valid": (
        "the certificate of [2001:db8::7]:443 is valid only from BEGIN on",
        "check this machine's clock",
    ),
    "untrusted issuer": (
        "the certificate of [2001:db8::7]:443 is by ISSUER, which this machine does not trust (REASON)",
        "check that no proxy inspects TLS here, and that this machine's authorities are up to date (SSL_CERT_FILE can "
        "name a file with others)",
    ),
    "invalid certificate": (
        "the certificate of [2001:db8::7]:443 is invalid (REASON)",
        "check that this is ngrok's server, and not a proxy",
    ),
    "resolves elsewhere": (
        "this machine resolves connect.acme.com to 192.0.2.1, but the delegated name servers return 2001:db8::7",
        "check the hosts file, the VPN and the DNS resolver of this machine (ngrok may also return different addresses "
        "to different resolvers), wait until cached records expire",
    ),
}


@pytest.mark.parametrize("problem", get_args(Problem))
def test_each_problem_of_a_connection_has_its_sentence_and_next_step(problem: Problem, emulator: Emulator) -> None:
    sentence, step = PROBLEMS[problem]
    ingress = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": DOMAIN})
    certificate = Certificate(("a.acme.com", "b.acme.com"), "ISSUER", "BEGIN", "EXPIRY")
    connection = Connection(problem, "REASON", Server("2001:db8::7", 443), certificate, ["2001:db8::7"], ["192.0.2.1"])
    check = judge(ingress, connection, "DOCTOR")
    # The check has not been tested with ngrok's servers.
    assert (check.state, check.reason, check.details["problem"]) == ("unknown", sentence, problem)
    assert check.remedies == [
        Remedy(f"{step}, and run this again", ["DOCTOR"]),
        Remedy(f"if this persists, contact ngrok support and include {ingress.id}"),
    ]


def test_connection_waits_for_the_delegation_that_resolves_the_domain(emulator: Emulator) -> None:
    ingress = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": DOMAIN})
    checks = {"delegation": Check("wrong", ""), "certificate": Check("ok", "")}
    first = judge_unattempted(ingress, checks)
    assert first is not None
    assert (first.state, first.reason) == ("unknown", "checked once the delegation is correct")
    assert judge_unattempted(ingress, checks, is_resolved=False) is None


def test_connection_without_a_result_is_to_the_domain(emulator: Emulator) -> None:
    ingress = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": DOMAIN})
    check = judge(ingress, Connection("no connection", "REASON"), "DOCTOR")
    assert check.reason == "no connection to connect.acme.com: REASON"


def test_domain_for_which_the_name_servers_have_no_address(emulator: Emulator) -> None:
    ingress = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": DOMAIN})
    check = judge(ingress, Connection("no address"), "DOCTOR")
    assert check.reason == "the delegated name servers have no address for connect.acme.com"
    assert check.remedies[0] == Remedy("wait a few minutes, and run this again", ["DOCTOR"])
