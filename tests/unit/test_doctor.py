"""`pulumi-agin doctor` with invalid arguments and settings, and its commands that test connections."""

from __future__ import annotations

import sys

import pytest

from pulumi_agin.api.constants import PUBLIC_API
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.cli.doctor_checks import Checks
from pulumi_agin.cli.doctor_examiner import Examiner
from pulumi_agin.cli.doctor_report import Check, FleetReport, Remedy, Report, State
from pulumi_agin.cli.output import Style
from pulumi_agin.dnsclient.values import DnsResult, NsDifferences
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
    for module in ("dnsclient.ns_lookup", "cli.doctor_examiner", "cli.doctor"):
        monkeypatch.delitem(sys.modules, f"pulumi_agin.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    sentence = missing_extra("a DNS lookup", "doctor")
    assert pulumi_agin("doctor", DOMAIN) == (2, "", f"pulumi-agin: {sentence}\n")


def test_ctrl_c_exits_1(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(examiner: Examiner, domain: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Examiner, "examine", interrupt)
    assert pulumi_agin("doctor", DOMAIN) == (1, "", "pulumi-agin: interrupted\n")


# -- the commands that test connections -------------------------------------------------------------------

POLICY = {"authority": "letsencrypt"}
ISSUED = {"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": None}

OPENSSL = (
    "openssl s_client -brief -connect connect.acme.com:443 -servername connect.acme.com "
    "-verify_hostname connect.acme.com </dev/null"
)
DIAGNOSE = Remedy("to test an agent's connection, run this on its device", ["ngrok diagnose"])


def check_certificate(
    policy: object = POLICY,
    status: object = ISSUED,
    *,
    domain: str = DOMAIN,
    delegation: State = "ok",
    base_url: str = PUBLIC_API,
) -> Check:
    ingress = {
        "id": "agin_1",
        "domain": domain,
        "ns_targets": ["ns1.awsdns.org."],
        "created_at": "2026-03-01T12:00:00Z",
        "certificate_management_policy": policy,
        "certificate_management_status": status,
    }
    settings = Settings.load({"ngrok:apiKey": API_KEY, "ngrok:apiBaseUrl": base_url}.get, {})
    return Checks(Account(settings)).certificate(domain, IngressModel.model_validate(ingress), delegation)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (POLICY, '"Verification: OK"'),
        (None, 'an error about the issuer (only agents know ngrok\'s CA), but no "hostname mismatch" in any line'),
    ],
)
def test_issued_certificate_is_ok_and_has_commands_that_test_connections(policy: object, expected: str) -> None:
    check = check_certificate(policy)
    assert check.state == "ok"
    assert check.remedies == [
        Remedy(f"to test a TLS connection, run this and expect {expected}", [OPENSSL]),
        DIAGNOSE,
    ]


def test_domain_in_a_command_that_tests_a_connection_is_quoted() -> None:
    openssl, _ = check_certificate(domain="a&b.acme.com").remedies
    assert openssl.lines == [OPENSSL.replace(DOMAIN, "'a&b.acme.com'")]


def test_connections_are_not_tested_before_the_domain_resolves_and_the_certificate_is_issued() -> None:
    for delegation in ("wrong", "unknown"):
        assert check_certificate(delegation=delegation).remedies == ()
    assert DIAGNOSE not in check_certificate(status=None).remedies


def test_connections_are_not_tested_at_another_base_url() -> None:
    assert check_certificate(base_url="http://127.0.0.1:1").remedies == ()


def test_reasons_list_only_some_of_many_name_servers() -> None:
    names = tuple(f"ns-{number}.example.net." for number in range(100, 422))
    settings = Settings.load({"ngrok:apiKey": API_KEY}.get, {})
    released = Checks(Account(settings)).delegation(DOMAIN, None, DnsResult(names), names)
    assert " and 312 more, which ngrok released" in released.reason
    # The records to delete are complete.
    assert len(released.remedies[0].lines) == len(released.details["extra"]) == 322
    assert str(NsDifferences(names, names)).count(" and 312 more") == 2


def test_table_of_all_omits_the_commands_that_test_connections() -> None:
    ok = Check("ok", "")
    checks = {"api_key": ok, "agent_ingress": ok, "delegation": ok, "certificate": check_certificate()}
    report = Report(DOMAIN, checks, "renews later")
    assert f"\n  {OPENSSL}\n" in report.table(Style())
    assert (
        FleetReport(ok, [report])
        .table(Style())
        .endswith(
            "domain            delegation  certificate\nconnect.acme.com  ok          ok           renews later\n"
        )
    )
