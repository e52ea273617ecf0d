"""The checks of `pulumi-agin doctor`, and the command with invalid arguments and settings."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.facts import PUBLIC_API
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.cli.doctor_caa import CaaRecord, CaaSet
from pulumi_agin.cli.doctor_checks import Checks
from pulumi_agin.cli.doctor_ns import DnsResult, NsDifferences
from pulumi_agin.cli.doctor_reads import Reader
from pulumi_agin.cli.doctor_report import AccountReport, Check, Remedy, Report, State
from pulumi_agin.cli.doctor_state import StackRecords
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import Settings
from tests.support.clock import BEGIN, Clock
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
    for module in ("doctor_caa", "doctor_ns", "doctor_reads", "doctor_checks", "doctor"):
        monkeypatch.delitem(sys.modules, f"pulumi_agin.cli.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    sentence = missing_extra("a DNS lookup", "doctor")
    assert pulumi_agin("doctor", DOMAIN) == (2, "", f"pulumi-agin: {sentence}\n")


def test_ctrl_c_exits_1(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(reader: Reader, domain: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Reader, "read_domain", interrupt)
    assert pulumi_agin("doctor", DOMAIN) == (1, "", "pulumi-agin: interrupted\n")


@pytest.mark.parametrize(
    ("language", "code", "option"),
    [
        ("python", 'agin.AgentIngress("connect", domain="*.acme.com")', "deleted_with"),
        ("yaml", 'connect: {type: agin:AgentIngress, properties: {domain: "*.acme.com"}}', "deletedWith"),
        ("nodejs", 'new agin.AgentIngress("connect", { domain: "*.acme.com" });', "deletedWith"),
        (
            "go",
            'agin.NewAgentIngress(ctx, "connect", &agin.AgentIngressArgs{Domain: pulumi.String("*.acme.com")})',
            "deletedWith",
        ),
        ("dotnet", 'new AgentIngress("connect", new() { Domain = "*.acme.com" });', "deletedWith"),
        ("java", None, "deletedWith"),
    ],
)
def test_remedies_are_in_the_language_of_the_project(language: str, code: str | None, option: str) -> None:
    checks = Checks(Account(Settings.load({"agin:apiKey": API_KEY}.get, {})), language=language)
    create = checks.agent_ingress("*.acme.com", None, None).remedies[0]
    assert create.do == "if you have not created it yet, add it to the program and run `pulumi up`"
    assert create.lines == ([code] if code else [])
    records = StackRecords(
        "urn:pulumi:dev::test::a:b:C::records", DOMAIN, ["ns1.x.net."], "", False, "urn:of-the-ingress"
    )
    deletion = checks.deletion_of_records(Check("ok", ""), [records])
    assert f"their option {option} names urn:of-the-ingress" in deletion.reason
    assert "remove the option from the records" in deletion.remedies[0].do


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
    caa: CaaSet | None = None,
) -> Check:
    ingress = {
        "id": "agin_1",
        "domain": domain,
        "ns_targets": ["ns1.awsdns.org."],
        "created_at": "2026-03-01T12:00:00Z",
        "certificate_management_policy": policy,
        "certificate_management_status": status,
    }
    settings = Settings.load({"agin:apiKey": API_KEY, "agin:apiBaseUrl": base_url}.get, {})
    checks = Checks(Account(settings), clock=Clock())
    return checks.certificate(domain, IngressModel.model_validate(ingress), delegation, caa)


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


# -- the renewal of a certificate -------------------------------------------------------------------------

SUPPORT = Remedy("contact ngrok support and include agin_1: after the certificate expires, agents can't connect")
AGAIN = ["pulumi-agin doctor connect.acme.com"]


def renewal(days: float, job: object = None) -> dict[str, object]:
    """Returns the status of a certificate whose renewal was due for these days."""
    renews_at = (BEGIN - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"renews_at": renews_at, "provisioning_job": job}


def test_renewal_that_is_due_is_wait_and_after_14_days_wrong() -> None:
    assert check_certificate(status=renewal(-0.01)).state == "ok"
    due = check_certificate(status=renewal(13.9))
    assert (due.state, due.reason) == ("wait", "issued, but its renewal has been due since 2024-07-19T09:39:39Z")
    wait = Remedy("ngrok renews the certificate by itself; run this again after that", AGAIN)
    assert due.remedies == [wait]
    late = check_certificate(status=renewal(14.1))
    assert (late.state, late.remedies) == ("wrong", [wait, SUPPORT])
    [first, second] = check_certificate(status=renewal(15), delegation="wrong").remedies
    assert first.do.startswith("fix the delegation first; ngrok renews the certificate by itself; ")
    assert second == SUPPORT


def test_renewal_that_fails_is_wrong_after_14_days() -> None:
    job = {"error_code": "INTERNAL_ERROR", "msg": "msg"}
    assert check_certificate(status=renewal(-1, job)).state == "wait"
    assert check_certificate(status=renewal(13, job)).state == "wait"
    late = check_certificate(status=renewal(15, job))
    assert (late.state, late.remedies[-1]) == ("wrong", SUPPORT)
    assert 'being renewed (INTERNAL_ERROR): ngrok reports "msg", but its renewal has been due since' in late.reason
    # A job without an error may be the renewal, or may hang.
    assert check_certificate(status=renewal(1, {})).state == "wait"
    assert check_certificate(status=renewal(15, {})).state == "wrong"


def test_renewal_at_an_invalid_time_is_never_due() -> None:
    for renews_at in ("yesterday", "2020-01-01", "2020-01-01T00:00:00", "9" * 300, "0001-01-01T00:00:00+23:59:99"):
        assert check_certificate(status={"renews_at": renews_at}).state == "ok"
    assert check_certificate(status={"renews_at": "0001-01-01T00:00:00+23:59"}).state == "wrong"


def test_status_that_is_left_from_a_removed_policy_is_ignored() -> None:
    without_status = check_certificate(policy=None, status=None)
    assert without_status.state == "ok"
    for status in (renewal(100), renewal(15, {"error_code": "DNS_ERROR", "msg": "no NS records"})):
        assert check_certificate(policy=None, status=status) == without_status


def test_status_that_is_left_from_a_removed_policy_is_not_read() -> None:
    job = {"error_code": "DNS_ERROR", "msg": "msg", "retries_at": "2026-03-02T12:00:02Z"}
    check = check_certificate(policy=None, status={"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": job})
    assert (check.state, set(check.details.values())) == ("ok", {None})


# -- CAA records ------------------------------------------------------------------------------------------


def caa_of(owner: str, *records: CaaRecord) -> CaaSet:
    return CaaSet(owner, records)


DIGICERT = CaaRecord(0, "issue", "digicert.com")
PENDING: dict[str, object] = {"provisioning_job": {}}


@pytest.mark.parametrize(("status", "reason"), [(PENDING, "being issued"), (ISSUED, "issued, renews 2026-04-30")])
def test_caa_records_that_forbid_lets_encrypt_are_wrong(status: object, reason: str) -> None:
    check = check_certificate(status=status, caa=caa_of("acme.com", DIGICERT))
    assert (check.state, check.details["forbidden_by_caa_of"]) == ("wrong", "acme.com")
    assert check.reason.startswith(reason)
    assert check.reason.endswith('; the CAA records of acme.com do not allow Let\'s Encrypt: 0 issue "digicert.com"')
    assert check.remedies[0] == Remedy(
        "add this record at acme.com, not at connect.acme.com, where the delegation would hide it",
        ['acme.com. CAA 0 issue "letsencrypt.org"'],
    )
    # There are no connections to test.
    assert [remedy.lines for remedy in check.remedies[1:]] == ([AGAIN] if status is PENDING else [])


def test_caa_records_with_an_unknown_critical_property_are_to_be_deleted() -> None:
    allowed, critical = CaaRecord(0, "issue", "letsencrypt.org"), CaaRecord(128, "tbs", "Unknown\x1b[31m")
    check = check_certificate(caa=caa_of("acme.com", allowed, critical))
    assert check.state == "wrong"
    assert "\x1b" not in check.reason
    delete = Remedy(
        "delete these records or set their flags to 0: Let's Encrypt does not know their critical property",
        ['acme.com. CAA 128 tbs "Unknown [31m"'],
    )
    assert check.remedies == [delete]
    # Another record forbids Let's Encrypt, too.
    remedies = check_certificate(caa=caa_of("acme.com", DIGICERT, critical)).remedies
    assert [remedies[0], remedies[1].lines] == [delete, ['acme.com. CAA 0 issue "letsencrypt.org"']]


def test_caa_records_of_the_delegated_domain_are_those_of_ngrok() -> None:
    check = check_certificate(caa=caa_of(DOMAIN, DIGICERT))
    do = "ngrok's name servers have these records: contact ngrok support and include agin_1"
    assert (check.state, check.remedies) == ("wrong", [Remedy(do)])


def test_caa_records_that_limit_lets_encrypt_are_a_note() -> None:
    limited = CaaRecord(0, "issue", "letsencrypt.org; validationmethods=dns-01; accounturi=https://acme.example/1")
    check = check_certificate(caa=caa_of("acme.com", limited))
    assert check.state == "ok"
    assert check.reason.endswith(
        "; the CAA records of acme.com limit Let's Encrypt by accounturi and validationmethods, which may exclude ngrok"
    )
    assert check.remedies == check_certificate().remedies


def test_caa_records_that_could_not_be_read_make_only_a_pending_certificate_unknown() -> None:
    unread = CaaSet("acme.com", problem="timed out")
    pending = check_certificate(status=PENDING, caa=unread)
    assert (pending.state, pending.reason) == (
        "unknown",
        "being issued; the CAA records of acme.com could not be read (timed out), which Let's Encrypt must do before "
        "it issues",
    )
    assert check_certificate(caa=unread) == check_certificate()
    for delegation in ("wrong", "unknown"):
        expected = check_certificate(status=PENDING, delegation=delegation)
        assert check_certificate(status=PENDING, delegation=delegation, caa=unread) == expected


# -- tables -----------------------------------------------------------------------------------------------


def test_reasons_list_only_some_of_many_name_servers() -> None:
    names = tuple(f"ns-{number}.example.net." for number in range(100, 422))
    settings = Settings.load({"agin:apiKey": API_KEY}.get, {})
    released = Checks(Account(settings)).delegation(DOMAIN, None, DnsResult(names), names)
    assert " and 312 more, which ngrok released" in released.reason
    # The records to delete are complete.
    assert len(released.remedies[0].lines) == len(released.details["extra"]) == 322
    assert str(NsDifferences(names, names)).count(" and 312 more") == 2


def test_table_of_all_omits_the_commands_that_test_connections() -> None:
    ok = Check("ok", "")
    checks = {"api_key": ok, "agent_ingress": ok, "delegation": ok, "certificate": check_certificate()}
    report = Report(DOMAIN, checks, "renews later")
    assert f"\n  {OPENSSL}\n" in report.table()
    assert (
        AccountReport(ok, [report])
        .table()
        .endswith(
            "domain            delegation  certificate\nconnect.acme.com  ok          ok           renews later\n"
        )
    )
