"""`pulumi-agin doctor` against the emulator and a real BIND: its output and its exit status."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from pulumi_agin.base.facts import PUBLIC_API
from pulumi_agin.base.names import Server
from pulumi_agin.base.redaction import Secret
from pulumi_agin.base.version import VERSION
from pulumi_agin.cli.doctor_ns import LOOKUPS_AT_ONCE, DnsResult
from pulumi_agin.cli.doctor_reads import Reader
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.outputs import fingerprint
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import Settings
from tests.support import clock as test_clock
from tests.support.bind import Bind
from tests.support.command import Command
from tests.support.dns_server import Respond, dns_server, resolver
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.records import DOMAIN, delegate, without
from tests.support.stub_cli import StubCli

DOCS = Path(__file__).parents[3] / "docs"
RUNBOOKS_PAGE = DOCS / "operate" / "runbooks.md"
COMMAND_LINE_PAGE = DOCS / "reference" / "command-line.md"

DYNAMIC = "pulumi-python:dynamic/agin:AgentIngress"
NATIVE = "agin:index:AgentIngress"
URN = f"urn:pulumi:dev::test::{DYNAMIC}"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
# Its name begins like those of the engine's default providers.
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:pulumi-python::default_eu"
EXPLICIT = {"urn": PROVIDER, "id": "1-2", "type": "pulumi:providers:pulumi-python", "parent": STACK}

pytestmark = pytest.mark.usefixtures("settings_of_emulator")


class Clock(test_clock.Clock):
    """The clock of the emulator and of the command."""

    def utc_now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=timezone.utc) + timedelta(seconds=self.now - 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(bind: Bind, clock: Clock) -> Iterator[Emulator]:
    """ngrok's API, which reads the delegations from BIND."""
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], dns=bind.address, clock=clock.utc_now) as running:
        yield running


@pytest.fixture
def doctor(pulumi_agin: Command, clock: Clock) -> Command:
    return partial(pulumi_agin, "doctor", clock=clock)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubCli:
    """A `pulumi` in the folder of the test."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return StubCli(tmp_path)


def make(emulator: Emulator, domain: str = DOMAIN, certificate: Any = "none", **details: str) -> dict[str, Any]:
    """Creates an ingress whose certificate is in a state: "none" without a policy, None for that of the clock."""
    has_policy = certificate != "none"
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"} if has_policy else None
    id_ = create(emulator, domain, certificate_management_policy=policy)
    if has_policy:
        emulator.set_certificate(id_, certificate, **details)
    [ingress] = [each for each in emulator.ingresses() if each["id"] == id_]
    emulator.clear_requests()
    return {**ingress, "ns_targets": sorted(f"{name}." for name in ingress["ns_targets"])}


def checks_of(doctor: Command, server: object) -> dict[str, Any]:
    status, out, err = doctor(DOMAIN, "--json", "--dns", str(server))
    report = json.loads(out)
    checks: dict[str, Any] = report["checks"]
    found = {check["state"] for check in checks.values()}
    expected = 1 if "wrong" in found else 3 if found - {"ok"} else 0
    assert (status, report["ok"], err) == (expected, expected == 0, "")
    return checks


def states(checks: dict[str, Any]) -> list[str]:
    return [checks[name]["state"] for name in ("api_key", "agent_ingress", "delegation", "certificate")]


def in_a_line(check: dict[str, Any]) -> str:
    """Returns the state of a check, the reason, and each remedy with the lines to paste in brackets."""
    remedies = [f"{remedy['do']} [{'; '.join(remedy['lines'])}]" for remedy in check["remedies"]]
    return " -> ".join([f"{check['state']}: {check['reason']}", *remedies])


def test_report_ends_with_the_records_to_create_and_delete(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    ingress = make(emulator, certificate="dns_error", msg="no NS records")
    one, two, three, four = ingress["ns_targets"]
    delegate(bind, DOMAIN, [one, two, "ns1.old.net."])
    status, out, err = doctor("Connect.ACME.com.", "--dns", bind.address)
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        DOMAIN,
        "",
        "API key        ok       ngrok accepts the key from the environment variable NGROK_API_KEY; "
        f"the base URL is {emulator.url}, from the environment variable NGROK_API_BASE_URL",
        f"Agent Ingress  ok       {ingress['id']}, created at 2026-03-01T12:00:00Z",
        f"delegation     wrong    {bind.address} returns different name servers from those that ngrok expects: "
        f"missing: {three}, {four}; extra: ns1.old.net.",
        'certificate    wrong    blocked by a DNS error (DNS_ERROR): ngrok reports "no NS records"',
        "",
        "delegation: create these records in the parent zone:",
        f"  connect.acme.com. NS {three}",
        f"  connect.acme.com. NS {four}",
        "",
        "delegation: delete these records, which point elsewhere:",
        "  connect.acme.com. NS ns1.old.net.",
        "",
        "delegation: if a Pulumi program creates the records, run:",
        "  pulumi up --refresh",
        "",
        "certificate: fix the delegation first; ngrok retries at 2026-03-02T12:00:02Z; run this again after that:",
        f"  pulumi-agin doctor connect.acme.com --dns {bind.address}",
    ]


def test_json_has_every_check_with_its_remedies(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    ingress = make(emulator, certificate="dns_error")
    targets = ingress["ns_targets"]
    report = json.loads(doctor(DOMAIN, "--json", "--dns", bind.address)[1])
    assert (report["domain"], report["ok"], states(report["checks"])) == (DOMAIN, False, ["ok", "ok", "wrong", "wrong"])
    assert report["checks"]["delegation"]["reason"] == f"{bind.address} has no NS records for it"
    assert report["checks"]["delegation"]["remedies"] == [
        {
            "do": "create these records in the parent zone",
            "lines": [f"connect.acme.com. NS {target}" for target in targets],
        },
        {"do": "if a Pulumi program creates the records, run", "lines": ["pulumi up --refresh"]},
    ]
    details = {name: without(check, "state", "reason", "remedies") for name, check in report["checks"].items()}
    assert details == {
        "api_key": {"source": "the environment variable NGROK_API_KEY", "base_url": emulator.url},
        "agent_ingress": {"id": ingress["id"], "in_stack": None},
        "delegation": {
            "dns_server": bind.address,
            "found": [],
            "expected": targets,
            "missing": targets,
            "extra": [],
        },
        "certificate": {
            "error_code": "DNS_ERROR",
            "retries_at": "2026-03-02T12:00:02Z",
            "renews_at": None,
            "forbidden_by_caa_of": None,
        },
    }


def test_account_without_the_domain(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    create(emulator, DOMAIN, OTHER_ACCOUNTS_KEY)
    delegate(bind, DOMAIN, ["ns1.old.net."])
    checks = checks_of(doctor, bind.address)
    assert states(checks) == ["ok", "wrong", "unknown", "unknown"]
    assert in_a_line(checks["agent_ingress"]) == (
        "wrong: the account of the API key from the environment variable NGROK_API_KEY has no Agent Ingress with this "
        'domain -> if you have not created it yet, add it to the program and run `pulumi up` [agin.AgentIngress("connec'
        't", domain="connect.acme.com")] -> if another account has it, use the key of that account, for example from '
        f"another stack [pulumi-agin doctor connect.acme.com --stack STACK --dns {bind.address}]"
    )
    assert in_a_line(checks["delegation"]) == (
        f"unknown: {bind.address} now returns ns1.old.net.; the expected ones are unknown"
    )
    assert (checks["delegation"]["found"], checks["delegation"]["expected"]) == (["ns1.old.net."], None)


def test_rejected_key(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    emulator.remove_key(API_KEY)
    checks = checks_of(doctor, bind.address)
    assert states(checks) == ["wrong", "unknown", "unknown", "unknown"]
    assert re.search(r"ERR_NGROK_202.*\[key\]", in_a_line(checks["api_key"]))
    assert in_a_line(checks["api_key"]).endswith(
        "The API key came from the environment variable NGROK_API_KEY; check that it is a valid API key of your "
        "account, not an authtoken; "
        f"the base URL is {emulator.url}, from the environment variable NGROK_API_BASE_URL "
        "-> use a key that ngrok accepts, for example from the config of a stack "
        f"[pulumi-agin doctor connect.acme.com --stack STACK --dns {bind.address}]"
    )


def test_failed_request_to_ngrok(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    emulator.add_fault("GET", "respond", status=404, body="<h1>Not Found</h1>")
    checks = checks_of(doctor, bind.address)
    assert states(checks) == ["unknown"] * 4
    assert checks["certificate"]["reason"] == "ngrok could not be queried"
    key = in_a_line(checks["api_key"])
    assert "the base URL came from the environment variable NGROK_API_BASE_URL" in key
    assert key.endswith(f"run this again [pulumi-agin doctor connect.acme.com --dns {bind.address}]")


def test_failed_request_to_dns(emulator: Emulator, doctor: Command) -> None:
    ingress = make(emulator, certificate="in_progress")
    with dns_server(resolver([], dns.rcode.SERVFAIL)) as server:
        checks = checks_of(doctor, server)
        emulator.set_certificate(ingress["id"], "dns_error")
        with_dns_error = checks_of(doctor, server)
    # The delegation does not count as wrong.
    assert states(checks) == ["ok", "ok", "unknown", "wait"]
    assert states(with_dns_error) == ["ok", "ok", "unknown", "wrong"]
    assert "check that the delegation is correct; ngrok retries" in in_a_line(with_dns_error["certificate"])
    assert in_a_line(checks["delegation"]) == (
        f"unknown: {server} could not be queried ({server} returned SERVFAIL) -> use a DNS server that can be reached "
        "from here [pulumi-agin doctor connect.acme.com --dns HOST:PORT]"
    )
    assert [checks["delegation"][name] for name in ("found", "missing", "extra")] == [None, None, None]


def test_ngrok_message_is_one_line_without_the_key(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    make(emulator, certificate="error", error_code="\x1b[31mE\nE", msg=f"the key\n{API_KEY}\x1b[0m is bad")
    certificate = checks_of(doctor, bind.address)["certificate"]
    assert 'ngrok reports "the key [key] [0m is bad"' in certificate["reason"]
    assert certificate["error_code"] == "[31mE E"


RETRY = "ngrok retries at 2026-03-02T12:00:02Z"


@pytest.mark.parametrize(
    ("certificate", "is_delegated", "line"),
    [
        ("pending", True, "wait: not being issued yet -> wait (Let's Encrypt takes seconds to minutes), and run"),
        ("pending", False, "wait: not being issued yet -> fix the delegation first; ngrok retries"),
        ("issued", True, "ok: issued, renews 2026-04-30T12:00:20Z"),
        ("renewing", False, 'ok: issued, and being renewed: ngrok reports "msg"'),
        (
            "dns_error",
            True,
            'wait: blocked by a DNS error (DNS_ERROR): ngrok reports "msg" -> '
            "the delegation is now correct; "
            f"{RETRY}; run this again after that [",
        ),
        ("internal_error", True, f'(INTERNAL_ERROR): ngrok reports "msg" -> {RETRY}; run this again after that'),
        (
            "no_job",
            False,
            "unknown: neither issued nor being issued -> ngrok retries; if this persists, contact ngrok",
        ),
    ],
)
def test_certificate(
    certificate: Any, is_delegated: bool, line: str, emulator: Emulator, doctor: Command, bind: Bind
) -> None:
    ingress = make(emulator, certificate=certificate, msg="msg")
    delegate(bind, DOMAIN, ingress["ns_targets"] if is_delegated else [])
    found = in_a_line(checks_of(doctor, bind.address)["certificate"])
    assert line in found


def public_dns(records: Mapping[str, Sequence[str]], queries: Counter[str] | None = None) -> Respond:
    """Responds as a resolver with records such as "acme.com CAA". Without NS records, a name does not exist."""

    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        [question] = query.question
        name, kind = str(question.name).rstrip("."), dns.rdatatype.to_text(question.rdtype)
        if queries is not None:
            queries[f"{name} {kind}"] += 1
        response.flags |= dns.flags.RA
        for found in (kind, "CNAME"):
            if values := records.get(f"{name} {found}"):
                response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", found, *values))
                return
        if f"{name} NS" not in records:
            response.set_rcode(dns.rcode.NXDOMAIN)

    return respond


DIGICERT = ['0 issue "digicert.com"']
LETS_ENCRYPT = 'acme.com. CAA 0 issue "letsencrypt.org"'


def test_caa_records_that_forbid_lets_encrypt(emulator: Emulator, doctor: Command) -> None:
    targets = make(emulator, certificate="in_progress", msg="msg")["ns_targets"]
    other = make(emulator, "other.acme.com")
    records = {f"{DOMAIN} NS": targets, "other.acme.com NS": other["ns_targets"], "acme.com CAA": DIGICERT}
    with dns_server(public_dns(records)) as server:
        checks = checks_of(doctor, server)
        assert states(checks) == ["ok", "ok", "ok", "wrong"]
        assert in_a_line(checks["certificate"]) == (
            'wrong: being issued: ngrok reports "msg"; the CAA records of acme.com do not allow Let\'s Encrypt: '
            '0 issue "digicert.com" -> add this record at acme.com, not at connect.acme.com, where the delegation '
            f"would hide it [{LETS_ENCRYPT}] -> wait (Let's Encrypt takes seconds to minutes), and run this again "
            f"[pulumi-agin doctor connect.acme.com --dns {server}]"
        )
        assert checks["certificate"]["forbidden_by_caa_of"] == "acme.com"
        fleet = doctor("--all", "--dns", str(server))[1]
        # ngrok's own CA does not heed CAA records.
        assert fleet.splitlines()[4:7] == [
            "domain            delegation  certificate",
            "connect.acme.com  ok          wrong        forbidden by the CAA records of acme.com",
            "other.acme.com    ok          ok           ready",
        ]
    # Records beside wrong NS records have no effect once these are correct.
    records |= {f"{DOMAIN} NS": ["ns1.old.net."], f"{DOMAIN} CAA": ['0 issue "letsencrypt.org"']}
    with dns_server(public_dns(records)) as server:
        checks = checks_of(doctor, server)
    assert states(checks) == ["ok", "ok", "wrong", "wrong"]
    assert f"[{LETS_ENCRYPT}] -> fix the delegation first; " in in_a_line(checks["certificate"])


def test_all_queries_the_caa_records_of_a_parent_once_and_only_for_lets_encrypt(
    emulator: Emulator, doctor: Command
) -> None:
    records: dict[str, Sequence[str]] = {}
    for number in range(5):
        domain = f"d{number}.acme.com"
        records[f"{domain} NS"] = make(emulator, domain, "issued")["ns_targets"]
    records["own.acme.org NS"] = make(emulator, "own.acme.org")["ns_targets"]
    queries: Counter[str] = Counter()
    with dns_server(public_dns(records, queries)) as server:
        assert doctor("--all", "--dns", str(server))[0] == 0
    of_caa = {query: count for query, count in queries.items() if query.endswith(" CAA")}
    assert of_caa == {"acme.com CAA": 1, "com CAA": 1, **{f"d{number}.acme.com CAA": 1 for number in range(5)}}


def test_server_of_the_parent_zone_shows_caa_records_only_before_the_delegation(
    emulator: Emulator, doctor: Command, bind: Bind
) -> None:
    # BIND has no CAA records, and rejects queries for other zones.
    targets = make(emulator, certificate="in_progress")["ns_targets"]
    before = checks_of(doctor, bind.address)
    delegate(bind, DOMAIN, targets)
    after = checks_of(doctor, bind.address)
    assert [states(checks)[2:] for checks in (before, after)] == [["wrong", "wait"], ["ok", "wait"]]


def test_cname_record_at_the_domain(emulator: Emulator, doctor: Command) -> None:
    first = make(emulator)["ns_targets"][0]
    with dns_server(public_dns({f"{DOMAIN} CNAME": ["lb.example.net."]})) as server:
        delegation = checks_of(doctor, server)["delegation"]
    assert in_a_line(delegation).startswith(
        f"wrong: {server} returns no NS records for it, but a CNAME record to lb.example.net. -> delete this record "
        "first, unless it is from a wildcard: no NS records can exist beside it [connect.acme.com. CNAME "
        f"lb.example.net.] -> create these records in the parent zone [connect.acme.com. NS {first}; "
    )
    assert (delegation["found"], len(delegation["missing"])) == ([], 4)


def test_renewal_that_is_due(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    ingresses: list[dict[str, Any]] = []
    renewals = {
        DOMAIN: "2026-03-01T11:00:00Z",
        "new.acme.com": "2026-02-01T12:00:00Z",
        "old.acme.com": "2026-03-01T13:00:00Z",
    }
    for domain, renews_at in renewals.items():
        ingress = make(emulator, domain, "issued")
        delegate(bind, domain, ingress["ns_targets"])
        ingresses.append({**ingress, "certificate_management_status": {"renews_at": renews_at}})
    emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": ingresses})
    status, out, _ = doctor("--all", "--dns", bind.address)
    assert status == 1
    assert out.splitlines()[2:8] == [
        "3 domains: 1 wrong, 1 wait, 1 ok",
        "",
        "domain            delegation  certificate",
        "new.acme.com      ok          wrong        renewal due since 2026-02-01T12:00:00Z",
        "connect.acme.com  ok          wait         renewal due since 2026-03-01T11:00:00Z",
        "old.acme.com      ok          ok           renews 2026-03-01T13:00:00Z",
    ]


def in_state(
    ingress: dict[str, Any],
    type_: str = DYNAMIC,
    key: str = API_KEY,
    base_url: str = "",
    provider: str = "default",
    **values: Any,
) -> dict[str, Any]:
    """Returns the resource of an ingress, as the state of a stack has it. It was last read with the key.

    base_url: where it was last read; "" for the emulator of the command.
    """
    mark = fingerprint(Secret(key), base_url or os.environ["NGROK_API_BASE_URL"], ingress["id"])
    return {
        "urn": f"urn:pulumi:dev::test::{type_}::{ingress['domain'].partition('.')[0]}",
        "id": ingress["id"],
        "type": type_,
        "outputs": {
            "domain": ingress["domain"],
            "nsTargets" if type_ == NATIVE else "ns_targets": ingress["ns_targets"],
            "_key_fingerprint": mark,
        },
        "provider": f"urn:pulumi:dev::test::pulumi:providers:pulumi-python::{provider}::1-2",
        **values,
    }


@pytest.mark.parametrize("type_", [DYNAMIC, NATIVE])
def test_ingress_that_only_the_stack_has(
    type_: str, emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    ingress = make(emulator)
    urn, first = f"urn:pulumi:dev::test::{type_}::connect", ingress["ns_targets"][0]
    stack.stack([in_state(ingress, type_)], secrets={"agin:apiKey": API_KEY})
    delegate(bind, DOMAIN, [first, "ns1.old.net."])
    in_stack = {"id": ingress["id"], "urn": urn, "was_read_with_these_settings": True}
    assert checks_of(doctor, bind.address)["agent_ingress"]["in_stack"] == in_stack

    emulator.delete_ingress(ingress["id"])
    checks = checks_of(doctor, bind.address)
    assert states(checks) == ["ok", "wrong", "wrong", "unknown"]
    assert in_a_line(checks["agent_ingress"]) == (
        f"wrong: the stack dev has {ingress['id']} as {urn}, but ngrok no longer has it -> create it again, with NS "
        "records that match; if it was deleted on purpose, first remove it and its delegation from the program "
        "[pulumi up --refresh]"
    )
    assert (checks["agent_ingress"]["id"], checks["agent_ingress"]["in_stack"]) == (None, in_stack)
    assert in_a_line(checks["delegation"]) == (
        f"wrong: {bind.address} still has {first}, which ngrok released: whoever gets them controls the domain -> "
        f"delete these records, or correct them with `pulumi up --refresh` [connect.acme.com. NS {first}]"
    )
    assert [checks["delegation"][name] for name in ("expected", "missing", "extra")] == [[], [], [first]]

    # These name servers are not those of the ingress.
    delegate(bind, DOMAIN, ["ns1.old.net."])
    assert checks_of(doctor, bind.address)["delegation"]["state"] == "unknown"


def delegation_in_state(domain: str, targets: list[str], **record: Any) -> list[dict[str, Any]]:
    """Returns a delegation with an Rfc2136Delegation, as the state has them after the ingress was removed from it."""
    name, outputs = domain.partition(".")[0], {"domain": domain, "ns_targets": targets}
    urn = f"urn:pulumi:dev::test::agin:index:AgentIngressDelegation::{name}"
    type_ = "pulumi-python:dynamic/agin:Rfc2136Delegation"
    child = {"urn": f"urn:pulumi:dev::test::{type_}::{name}", "type": type_, "custom": True, "outputs": outputs}
    component = {"urn": urn, "type": "agin:index:AgentIngressDelegation", "custom": False, "outputs": outputs}
    return [component, {**child, "parent": urn, **record}]


def test_records_of_the_stack_that_outlive_their_ingress(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    connect, targets = make(emulator, "new.acme.com"), ["ns1.old.net.", "ns2.old.net."]
    delegate(bind, "new.acme.com", connect["ns_targets"])
    delegate(bind, DOMAIN, ["ns1.old.net.", "ns.other.net."])
    stack.stack([in_state(connect), *delegation_in_state(DOMAIN, targets)], secrets={"agin:apiKey": API_KEY})
    checks = checks_of(doctor, bind.address)
    assert states(checks) == ["ok", "wrong", "wrong", "unknown"]
    assert in_a_line(checks["agent_ingress"]) == (
        "wrong: the account of the API key from the config of the stack dev (agin:apiKey) has no Agent Ingress with "
        "this domain -> if another account has it, use the key of that account, for example from another stack "
        f"[pulumi-agin doctor connect.acme.com --stack STACK --dns {bind.address}]"
    )
    has = (
        "wrong: the stack dev has NS records for it as urn:pulumi:dev::test::agin:index:AgentIngressDelegation::connect"
        ", but the stack no longer has its Agent Ingress: "
    )
    correct = (
        "let Pulumi correct or delete them; if the Agent Ingress was deleted on purpose, first remove it and its "
        "delegation from the program [pulumi up]"
    )
    otherwise = (
        "if these records remain after that, and no other account has the domain, delete them at the DNS provider"
    )
    assert in_a_line(checks["delegation"]) == (
        f"{has}if no other account has the domain, whoever gets these name servers controls it -> {correct} -> "
        f"{otherwise} "
        "[connect.acme.com. NS ns1.old.net.]"
    )
    details = [checks["delegation"][name] for name in ("found", "expected", "missing", "extra")]
    assert details == [["ns.other.net.", "ns1.old.net."], [], [], ["ns1.old.net."]]
    fleet = doctor("--all", "--dns", bind.address)
    assert fleet[0] == 1
    assert "\n2 domains: 1 wrong, 1 ok\n" in fleet[1]
    row = r"^connect\.acme\.com +wrong: 1 too many +unknown +the stack still has its NS records$"
    assert re.search(row, fleet[1], re.MULTILINE)
    assert DOMAIN not in doctor("--filter", "true", "--dns", bind.address)[1]

    delegate(bind, DOMAIN, ["ns.other.net."])
    checks = checks_of(doctor, bind.address)
    assert in_a_line(checks["delegation"]) == f"{has}{bind.address} does not have them -> {correct}"
    assert checks["delegation"]["extra"] == []
    with dns_server(resolver([], dns.rcode.SERVFAIL)) as server:
        checks = checks_of(doctor, server)
    assert in_a_line(checks["delegation"]).endswith(
        f" -> {correct} -> {otherwise} [connect.acme.com. NS ns1.old.net.; connect.acme.com. NS ns2.old.net.]"
    )
    assert [checks["delegation"][name] for name in ("found", "extra")] == [None, targets]

    # The stack only reads the ingress, so that `pulumi up` fails.
    read = in_state({**connect, "domain": DOMAIN}, external=True)
    stack.stack([read, *delegation_in_state(DOMAIN, targets)], secrets={"agin:apiKey": API_KEY})
    checks = checks_of(doctor, bind.address)
    assert f"but ngrok no longer has {connect['id']}, which this stack only reads: " in checks["delegation"]["reason"]
    [remedy] = checks["delegation"]["remedies"]
    assert remedy == {
        "do": "remove its AgentIngress.get and the delegation from the program, and run",
        "lines": ["pulumi up"],
    }

    # The account has an ingress, whose records decide.
    ingress = make(emulator)
    delegate(bind, DOMAIN, ingress["ns_targets"])
    assert states(checks_of(doctor, bind.address)) == ["ok"] * 4


def test_records_that_pulumi_would_leave_behind(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    ingress = make(emulator)
    targets = ingress["ns_targets"]
    delegate(bind, DOMAIN, targets)
    records = delegation_in_state(DOMAIN, targets, deletedWith=f"{URN}::connect")
    stack.stack([in_state(ingress), *records], secrets={"agin:apiKey": API_KEY})
    checks = checks_of(doctor, bind.address)
    assert states(checks) == ["ok", "ok", "wrong", "ok"]
    assert in_a_line(checks["delegation"]) == (
        f"wrong: {bind.address} returns the 4 name servers that ngrok expects; their option deleted_with names "
        f"{URN}::connect, so Pulumi leaves them at the DNS provider when it deletes that -> remove the option from the "
        "records, a parent of theirs or a transform, and run [pulumi up]"
    )


def test_all_lists_ingresses_of_the_stack_first(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    connect = make(emulator)
    delegate(bind, DOMAIN, connect["ns_targets"])
    make(emulator, "a.acme.com", "renewing", error_code="INTERNAL_ERROR")
    x, y, z = (make(emulator, domain) for domain in ("x.acme.com", "y.acme.com", "z.acme.com"))
    stack.stack(
        [
            {"urn": STACK, "type": "pulumi:pulumi:Stack"},
            EXPLICIT,
            in_state(connect),
            in_state(x),
            # None of these is this stack's in this account.
            in_state(y, external=True),
            in_state(y, delete=True),
            in_state(y, key=OTHER_ACCOUNTS_KEY, provider="default_eu"),
            # The key was changed since.
            in_state(z, key=OTHER_ACCOUNTS_KEY),
        ],
        secrets={"agin:apiKey": API_KEY},
    )
    for ingress in (x, y, z):
        emulator.delete_ingress(ingress["id"])
    status, out, err = doctor("--all", "--stack", "dev", "--dns", bind.address)
    assert (status, err) == (
        1,
        "pulumi-agin: the key of the stack's explicit providers was not used; to check their Agent Ingresses, run\n"
        f"pulumi-agin doctor --all --provider {PROVIDER} --stack dev --dns {bind.address}\n",
    )
    up = "pulumi up --refresh --stack dev"
    assert out.splitlines()[2:] == [
        "4 domains: 3 wrong, 1 ok",
        "",
        "domain            delegation        certificate",
        f"x.acme.com        unknown           unknown      ngrok no longer has it: {up} creates it again",
        "z.acme.com        unknown           unknown      not visible to this key",
        "a.acme.com        wrong: 4 missing  wait         renewal fails (INTERNAL_ERROR)",
        "connect.acme.com  ok                ok           ready",
        "",
        "to see how to fix the first one:",
        f"  pulumi-agin doctor x.acme.com --stack dev --dns {bind.address}",
    ]
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    # A cron job would mail the note.
    status, out, err = doctor("--all", "--dns", bind.address, "--json")
    assert (json.loads(out)["other_providers"], err) == ([PROVIDER], "")
    assert "x.acme.com" not in doctor("--filter", "true", "--dns", bind.address)[1]
    assert "\n  pulumi up --refresh --stack dev\n" in doctor("x.acme.com", "--stack", "dev", "--dns", bind.address)[1]
    out = doctor("z.acme.com", "--dns", bind.address)[1]
    assert f" as {URN}::z, but it was last read with another key, so it may be in another account\n" in out
    checks = json.loads(doctor("z.acme.com", "--dns", bind.address, "--json")[1])["checks"]
    assert checks["agent_ingress"]["in_stack"]["was_read_with_these_settings"] is False
    assert out.endswith(
        "if this key belongs to its account, the Agent Ingress was deleted: remove it from the state with `pulumi "
        "state delete`\n"
    )
    edited = in_state(z)
    del edited["outputs"]["_key_fingerprint"]
    stack.stack([edited], secrets={"agin:apiKey": API_KEY})
    out = doctor("z.acme.com", "--dns", bind.address)[1]
    assert f" as {URN}::z, but the state does not show which key last read it, so it may be in another account\n" in out
    assert "state delete -" not in out


def test_provider_option_selects_the_account_of_its_key(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    domains = ("connect.acme.com", "second.acme.com", "gone.acme.com", "third.acme.com")
    keys = (API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ACCOUNTS_KEY, "key of the third")
    emulator.add_key(keys[3])
    for domain, key in zip(domains, keys, strict=True):
        create(emulator, domain, key)
    ours, second, gone, third = emulator.ingresses()
    emulator.delete_ingress(gone["id"])
    of_provider = partial(in_state, key=OTHER_ACCOUNTS_KEY, provider="default_eu")
    explicit = {**EXPLICIT, "inputs": {"agin:apiKey": {"plaintext": json.dumps(OTHER_ACCOUNTS_KEY)}}}
    resources = [in_state(ours), of_provider(second), of_provider(gone), in_state(third, key=keys[3], provider="acct3")]
    stack.stack([explicit, *resources], secrets={"agin:apiKey": API_KEY})

    options = ("--provider", PROVIDER, "--dns", bind.address)
    status, out, err = doctor("--all", *options)
    assert (status, err) == (1, "")
    # The key and the resources are of one read.
    assert len(stack.calls) == 1
    source = 'API key        ok       ngrok accepts the key from api_key of the Provider "default_eu"; the base URL is '
    assert out.startswith(source)
    assert out.splitlines()[4:] == [
        "domain           delegation        certificate",
        "gone.acme.com    unknown           unknown      ngrok no longer has it: pulumi up --refresh creates it again",
        "second.acme.com  wrong: 4 missing  ok           ready",
        "",
        "to see how to fix the first one:",
        f"  pulumi-agin doctor gone.acme.com {' '.join(options)}",
    ]

    # Without the option, and with the other provider's. Each may have its ingress.
    not_used = "the key of its provider was not used here"
    for shown, which, line in (
        (
            doctor("gone.acme.com", "--dns", bind.address),
            f"the provider {PROVIDER}",
            f"gone.acme.com {' '.join(options)}",
        ),
        (doctor("connect.acme.com", *options), "the default provider", f"connect.acme.com --dns {bind.address}"),
    ):
        assert f", with {which}, whose key was not used here\n" in shown[1]
        assert f"certificate    unknown  {not_used}\n" in shown[1]
        assert shown[1].endswith(f"\n\nAgent Ingress: use the key of its provider:\n  pulumi-agin doctor {line}\n")

    emulator.delete_ingress(ours["id"])
    stack.stack([explicit, of_provider(second)], secrets={"agin:apiKey": API_KEY})
    assert doctor("--all", "--dns", bind.address) == (
        2,
        "",
        "pulumi-agin: the account of the API key from the config of the stack dev (agin:apiKey) has no Agent Ingress; "
        f"those of the stack have other providers, so use --provider: {PROVIDER}\n",
    )

    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    out = doctor("--all", *options)[1]
    assert out.endswith('\nAPI key: change api_key of the Provider "default_eu", and run:\n  pulumi up\n')
    stack.stack([in_state(ours)], secrets={"agin:apiKey": API_KEY})
    status, out, err = doctor("--all", *options)
    assert (status, out) == (2, "")
    assert err == (
        f"pulumi-agin: the stack has no provider {PROVIDER} with an API key: first add it to the program, and run\n"
        "pulumi up\n"
    )


def test_all_skips_an_odd_ingress_and_does_not_call_it_gone(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    connect, odd, gone = make(emulator), make(emulator, "odd.acme.com"), make(emulator, "gone.acme.com")
    delegate(bind, DOMAIN, connect["ns_targets"])
    stack.stack([in_state(each) for each in (connect, odd, gone)], secrets={"agin:apiKey": API_KEY})
    emulator.set_ingress(odd["id"], {"ns_targets": [""]})
    emulator.delete_ingress(gone["id"])
    problem = f"could not read the Agent Ingress odd.acme.com ({odd['id']}): ngrok's response is invalid: ns_targets: "
    _, out, err = doctor("--all", "--dns", bind.address)
    assert "2 domains: 1 wrong, 1 ok" in out
    assert re.search(r"^gone\.acme\.com .* ngrok no longer has it", out, re.MULTILINE)
    assert "odd.acme.com" not in out
    assert err.startswith(f"pulumi-agin: skipped: {problem}")
    assert err.count("\n") == 1
    # A cron job would mail the note.
    _, out, err = doctor("--all", "--dns", bind.address, "--json")
    assert ([reason.startswith(problem) for reason in json.loads(out)["skipped"]], err) == ([True], "")
    # Another domain can be checked without it.
    assert "has no Agent Ingress with this domain" in doctor("free.acme.com", "--dns", bind.address)[1]
    assert problem in doctor("odd.acme.com", "--dns", bind.address)[1]
    emulator.delete_ingress(connect["id"])
    stack.stack(secrets={"agin:apiKey": API_KEY})
    status, out, err = doctor("--all", "--dns", bind.address)
    assert (status, out.count("\n"), err.startswith(f"pulumi-agin: skipped: {problem}")) == (3, 1, True)


def test_output_of_all_stays_short_whatever_the_names_are(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    ingress = make(emulator)
    names = ["x" * 1_000_000, "y" * 253, *(f"d{number}.acme.com" for number in range(300))]
    certificate = {
        "certificate_management_policy": {"authority": "letsencrypt"},
        "certificate_management_status": {"renews_at": "z" * 1000},
    }
    ingresses = [
        {**ingress, **certificate, "id": f"agin_{number}", "domain": name} for number, name in enumerate(names)
    ]
    odd = [{"id": f"agin_odd{number}"} for number in range(321)]
    listed = {"ingresses": [*ingresses, *odd]}
    emulator.add_fault("GET", "respond", times=2, status=200, json_body=listed)
    _, out, err = doctor("--all", "--dns", bind.address)
    assert len(out) < 302 * 200
    assert f"\n{'y' * 100}…  unknown" in out
    assert f" renews {'z' * 40}…\n" in out
    assert err.count("pulumi-agin: skipped: could not read the Agent Ingress agin_") == 10
    assert err.endswith(
        "pulumi-agin: skipped: 312 more Agent Ingresses, which `pulumi-agin doctor --all --json` lists\n"
    )
    # The whole domain is in the JSON, and in the command to paste.
    report = json.loads(doctor("--all", "--dns", bind.address, "--json")[1])
    assert "y" * 253 in [each["domain"] for each in report["agent_ingresses"]]
    assert len(report["skipped"]) == 322
    emulator.add_fault("GET", "respond", status=200, json_body={"ingresses": ingresses[1:2]})
    assert f"\n  pulumi-agin doctor {'y' * 253} --dns" in doctor("--all", "--dns", bind.address)[1]


def test_ingress_that_was_created_again_by_hand(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    deleted = make(emulator)
    stack.stack([in_state(deleted)], secrets={"agin:apiKey": API_KEY})
    emulator.delete_ingress(deleted["id"])
    ingress = make(emulator)
    assert in_a_line(checks_of(doctor, bind.address)["agent_ingress"]).startswith(
        f"wrong: {ingress['id']}, created at 2026-03-01T12:00:00Z; but the stack dev has {deleted['id']} as "
        f"{URN}::connect, which ngrok no longer has -> remove the deleted one from the state; "
    )
    # The key was changed since, so a refresh fails.
    stack.stack([in_state(deleted, key=OTHER_ACCOUNTS_KEY)], secrets={"agin:apiKey": API_KEY})
    assert in_a_line(checks_of(doctor, bind.address)["agent_ingress"]).endswith(
        " -> remove the deleted one from the state with `pulumi state delete`; the next preview shows how to import "
        "the one at ngrok []"
    )


def test_ingress_of_the_stack_that_was_read_at_another_base_url(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    at_ngrok = {**make(emulator), "id": "agin_at_ngrok"}
    stack.stack([in_state(at_ngrok, base_url=PUBLIC_API)], secrets={"agin:apiKey": API_KEY})
    variable = "the environment variable NGROK_API_BASE_URL"
    expected = (
        f"; the stack dev has agin_at_ngrok as {URN}::connect, which was last read at {PUBLIC_API}, but the "
        f"base URL is now {emulator.url}, from {variable} -> to use the old one again, unset {variable} []"
    )
    # The emulator has one with the same domain.
    found = checks_of(doctor, bind.address)["agent_ingress"]
    assert in_a_line(found) == f"wrong: {found['id']}, created at 2026-03-01T12:00:00Z{expected}"
    emulator.delete_ingress(found["id"])
    assert in_a_line(checks_of(doctor, bind.address)["agent_ingress"]) == (
        f"wrong: the account of the API key from the config of the stack dev (agin:apiKey) has no Agent Ingress with "
        f"this domain{expected}"
    )


def test_unreadable_state_is_ignored_unless_the_stack_is_named(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    make(emulator)
    stack.stack(config={"agin:apiKey": API_KEY})
    (stack.folder / "state.json").unlink()
    assert "\n1 domain: 1 wrong\n" in doctor("--all", "--dns", bind.address)[1]
    assert doctor("--all", "--stack", "dev")[2].startswith("pulumi-agin: the state could not be read: ")


def test_all_shows_the_worst_first(emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli) -> None:
    stack.stack(secrets={"agin:apiKey": API_KEY})
    make(emulator, "devices.acme.com", "dns_error")
    for domain, certificate in (("new.acme.com", "in_progress"), (DOMAIN, "issued")):
        delegate(bind, domain, make(emulator, domain, certificate)["ns_targets"])
    arguments = ("--dns", bind.address)
    status, out, err = doctor("--all", *arguments)
    report = json.loads(doctor("--all", *arguments, "--json")[1])
    domains = [each["domain"] for each in report["agent_ingresses"]]
    alone = [json.loads(doctor(domain, *arguments, "--json")[1]) for domain in domains]
    assert (status, err) == (1, "")
    assert emulator.counts()["GET /agent_ingresses"] == 2 + len(domains)
    shown = re.sub(r"; the base URL is .*", "", out).replace(f" {' '.join(arguments)}", "")
    assert shown == dedent(
        """\
        API key        ok       ngrok accepts the key from the config of the stack dev (agin:apiKey)

        3 domains: 1 wrong, 1 wait, 1 ok

        domain            delegation        certificate
        devices.acme.com  wrong: 4 missing  wrong        fails (DNS_ERROR), retries at 2026-03-02T12:00:02Z
        new.acme.com      ok                wait         being issued
        connect.acme.com  ok                ok           renews 2026-04-30T12:00:20Z

        to see how to fix the first one:
          pulumi-agin doctor devices.acme.com
        """
    )

    assert (report["ok"], report["checks"]["api_key"]["state"]) == (False, "ok")
    assert domains == ["devices.acme.com", "new.acme.com", DOMAIN]
    assert report["agent_ingresses"] == [without(each, "version") for each in alone]


def test_deleted_records_as_on_the_page_of_runbooks(
    emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli
) -> None:
    stack.stack(secrets={"agin:apiKey": API_KEY})
    ingress = make(emulator, certificate="issued")
    status, out, err = doctor(DOMAIN, "--dns", bind.address)
    assert (status, err) == (1, "")
    # The page shows neither an emulator nor another DNS server, and the beginning alone.
    shown = re.sub(r"; the base URL is .*", "", out).replace(f"{bind.address} has", "public DNS has")
    shown = shown.replace(ingress["id"], "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
    beginning, _, remedy = shown.partition("\n\ndelegation: ")
    assert f"```text\n{beginning}\n```\n" in RUNBOOKS_PAGE.read_text(encoding="utf-8")
    assert all(f"{DOMAIN}. NS {target}" in remedy for target in ingress["ns_targets"])
    assert remedy.endswith("\n\ndelegation: if a Pulumi program creates the records, run:\n  pulumi up --refresh\n")


def fields_in(value: Any, path: str = "") -> set[str]:
    """Returns the paths of all values in JSON, such as "checks.delegation.found"."""
    if isinstance(value, dict):
        found = [fields_in(each, f"{path}.{name}" if path else name) for name, each in value.items()]
    elif isinstance(value, list):
        found = [fields_in(each, f"{path}[]" if isinstance(each, dict) else path) for each in value]
    else:
        return {path}
    return set().union(*found)


def documented_fields(column: str) -> list[str]:
    """Returns the fields in a table with this first column. Those that begin with a dot are in the same object."""
    table = COMMAND_LINE_PAGE.read_text(encoding="utf-8").split(f"\n| {column} |")[1].split("\n\n")[0]
    fields: list[str] = []
    for field in re.findall("`([^`]+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:])):
        fields.append(fields[-1].rpartition(".")[0] + field if field.startswith(".") else field)
    return fields


def test_json_has_the_documented_fields(emulator: Emulator, doctor: Command, bind: Bind, stack: StubCli) -> None:
    ingress, odd = make(emulator, certificate="dns_error", msg="msg"), make(emulator, "odd.acme.com")
    others = {**ingress, "id": "agin_of_another_account", "domain": "second.acme.com"}
    resources = [EXPLICIT, in_state(ingress), in_state(others, key=OTHER_ACCOUNTS_KEY, provider="default_eu")]
    stack.stack(resources, secrets={"agin:apiKey": API_KEY})
    emulator.set_ingress(odd["id"], {"ns_targets": [""]})
    one_missing = [*ingress["ns_targets"][1:], "ns1.old.net."]
    delegate(bind, DOMAIN, one_missing)

    arguments = ("--json", "--dns", bind.address)
    alone = json.loads(doctor(DOMAIN, *arguments)[1])
    assert alone["version"] == VERSION
    common = [field for field in documented_fields("field") if field.startswith("checks.*.")]
    # Only what is wrong has remedies.
    of_each = {
        field.replace("*", name)
        for field in common
        for name, check in alone["checks"].items()
        if check["remedies"] or "remedies" not in field
    }
    expected = {*documented_fields("field")} - {*common} | of_each
    assert fields_in(alone) == expected

    every = json.loads(doctor("--all", *arguments)[1])
    api_key = {field for field in expected if field.startswith("checks.api_key.")}
    of_ingresses = {f"agent_ingresses[].{field}" for field in expected - {"version"}}
    of_fleet = {field.removesuffix("[]") for field in documented_fields("field with `--all` or `--filter`")}
    assert fields_in(every) == of_fleet - {"checks.api_key", "agent_ingresses"} | api_key | of_ingresses


def test_filter_checks_only_matching_ingresses(emulator: Emulator, doctor: Command, bind: Bind) -> None:
    targets = make(emulator)["ns_targets"]
    make(emulator, "b.acme.com")
    delegate(bind, DOMAIN, targets)
    arguments = ("--filter", f'obj.domain == "{DOMAIN}"', "--dns", bind.address)
    status, out, err = doctor(*arguments)
    assert (status, err) == (0, "")
    assert out.endswith("\nconnect.acme.com  ok          ok           ready\n")
    # An unneeded name server is wrong too.
    delegate(bind, DOMAIN, [*targets, "ns1.old.net."])
    status, out, err = doctor(*arguments)
    assert (status, err) == (1, "")
    assert "\nconnect.acme.com  wrong: 1 too many  ok " in out


def test_all_queries_dns_in_parallel(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each query waits for all others.
    together = threading.Barrier(LOOKUPS_AT_ONCE)

    def find(domain: str, seconds: float, server: Server | None) -> DnsResult:
        together.wait(20)
        return DnsResult()

    for number in range(LOOKUPS_AT_ONCE):
        create(emulator, f"d{number}.acme.com")
    monkeypatch.setattr("pulumi_agin.cli.doctor_ns.find_delegation", find)
    facts = Reader(Account(Settings.load(lambda key: None))).read_account(None)
    assert len(facts.domains) == LOOKUPS_AT_ONCE


def test_all_if_ngrok_rejects_the_list(emulator: Emulator, doctor: Command) -> None:
    emulator.add_fault("GET", "respond", times=2, status=404, body="<h1>Not Found</h1>")
    status, out, err = doctor("--all")
    assert (status, err) == (3, "")
    assert out.startswith("API key        unknown  could not list the Agent Ingresses: ")
    assert out.endswith("API key: once that is resolved, run this again:\n  pulumi-agin doctor --all\n")
    report = json.loads(doctor("--all", "--json")[1])
    assert (report["ok"], report["agent_ingresses"]) == (False, [])
    emulator.remove_key(API_KEY)
    status, out, err = doctor("--filter", "true")
    assert (status, err) == (1, "")
    assert out.endswith(":\n  pulumi-agin doctor --filter true --stack STACK\n")
