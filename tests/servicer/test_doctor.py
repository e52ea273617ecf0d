"""`pulumi-agin doctor` against the emulator and a real BIND: what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import dns.rcode
import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import SYSTEM_CLOCK
from pulumi_agin.cli.doctor_checks import DNS_AT_ONCE, DNS_SECONDS, Examiner
from pulumi_agin.cli.doctor_watch import Screen, watch
from pulumi_agin.emulator import Emulator
from pulumi_agin.nameservers import Delegation, Server, find_delegation, parse_server
from pulumi_agin.settings import Settings
from tests.support import clock as unit_clock
from tests.support.command import Command
from tests.support.dns_server import UDP_SECONDS, dns_server, resolver
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.records import DOMAIN, KEY, delegate
from tests.support.stub_cli import StubCli
from tests.support.terminal import on_terminal
from tools.bind import Bind, Key

ROOT = Path(__file__).parents[2]
POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}

Make = Callable[..., dict[str, Any]]


class Clock(unit_clock.Clock):
    """That of the emulator and of the command."""

    def __init__(self) -> None:
        super().__init__()
        self.during_sleep: dict[int, Callable[[], object]] = {}
        """What happens during a sleep, by its number."""

    def utc_now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc) + timedelta(seconds=self.now - 1000)

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.during_sleep.get(len(self.slept), lambda: None)()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(bind: Bind, clock: Clock) -> Iterator[Emulator]:
    """It looks at that BIND, and makes the same ids each time."""
    with Emulator(
        API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], dns=bind.address, clock=clock.utc_now, random=Random(7)
    ) as emulator:
        yield emulator


pytestmark = pytest.mark.usefixtures("settings_of_emulator")


@pytest.fixture
def make(emulator: Emulator) -> Make:
    """Makes an ingress of the domain, and gives it as the service holds it, with canonical targets."""

    def made(key: str = API_KEY, policy: dict[str, str] | None = POLICY) -> dict[str, Any]:
        AgentIngressClient(Secret(key), emulator.url).create(
            {"domain": DOMAIN, "certificate_management_policy": policy}
        )
        [ingress] = emulator.ingresses()
        return {**ingress, "ns_targets": sorted(f"{name}." for name in ingress["ns_targets"])}

    return made


MakeMore = Callable[..., str]


@pytest.fixture
def make_more(emulator: Emulator) -> MakeMore:
    """Makes an ingress of another domain, whose certificate is in a state, and gives its id."""

    def made(domain: str, state: Any = None, *, policy: dict[str, str] | None = POLICY, **told: str) -> str:
        inputs = {"domain": domain, "certificate_management_policy": policy}
        id_ = AgentIngressClient(Secret(API_KEY), emulator.url).create(inputs).id
        emulator.set_certificate(id_, state, **told)
        emulator.clear_requests()
        return id_

    return made


@pytest.fixture
def command(pulumi_agin: Command, clock: Clock) -> Command:
    """`pulumi-agin doctor`: its status, stdout and stderr."""
    return partial(pulumi_agin, "doctor", clock=clock)


@pytest.fixture
def examined(command: Command, bind: Bind) -> Callable[[], dict[str, Any]]:
    """The checks that `--json` prints. What they come to is the exit status."""

    def run() -> dict[str, Any]:
        status, out, err = command(DOMAIN, "--json", "--dns", bind.address)
        report = json.loads(out)
        checks: dict[str, Any] = report["checks"]
        is_ok = all(check["state"] == "ok" for check in checks.values())
        assert (report["domain"], report["ok"], status, err) == (DOMAIN, is_ok, 0 if is_ok else 1, "")
        for check in checks.values():
            assert "\n" not in check["says"]
        return checks

    return run


Examined = Callable[[], dict[str, Any]]


def states(checks: dict[str, Any]) -> list[str]:
    return [checks[name]["state"] for name in ("api_key", "agent_ingress", "delegation", "certificate")]


# -- what is printed --------------------------------------------------------------------------------------


def test_from_no_records_to_all_is_well(
    make: Make, command: Command, bind: Bind, clock: Clock, examined: Examined, emulator: Emulator
) -> None:
    ingress = make()
    clock.advance(2)
    one, two, three, four = ingress["ns_targets"]
    delegate(bind, DOMAIN, [one, two, "ns1.old.net."])
    status, out, err = command(DOMAIN, "--dns", bind.address)
    assert (status, err) == (1, "")
    lines = out.splitlines()
    certificate = lines.pop(6)
    assert lines == [
        DOMAIN,
        "",
        "API key        ok       ngrok accepts the one from the environment variable NGROK_API_KEY",
        f"base URL                {emulator.url}, from the environment variable NGROK_API_BASE_URL",
        f"Agent Ingress  ok       {ingress['id']}, created at 2026-03-01T12:00:00Z",
        f"delegation     wrong    {bind.address} answers with other name servers than ngrok wants: "
        f"missing: {three}, {four}; extra: ns1.old.net.",
        "",
        "delegation: create these records in the zone above the domain:",
        f"  connect.acme.com. NS {three}",
        f"  connect.acme.com. NS {four}",
        "",
        "delegation: delete these records, which point elsewhere:",
        "  connect.acme.com. NS ns1.old.net.",
        "",
        "delegation: if a Pulumi program creates the records, run:",
        "  pulumi up --refresh",
        "",
        "certificate: repair the delegation first; ngrok tries again at 2026-03-02 12:00 UTC, in 24 hours",
    ]
    begin = "certificate    wrong    held up by the DNS of the domain (DNS_ERROR): "
    assert certificate.startswith(f'{begin}ngrok says "The NS records for the domain `{DOMAIN}` "`')

    delegate(bind, DOMAIN, ingress["ns_targets"])
    status, out, err = command(DOMAIN, "--dns", bind.address)
    assert (status, err) == (1, "")
    assert out.splitlines()[5:] == [
        f"delegation     ok       {bind.address} answers with the 4 name servers that ngrok wants",
        'certificate    wait     being issued: ngrok says "Managed certificate provisioning in progress."',
        "",
        "certificate: wait, as Let's Encrypt takes seconds to minutes, and run this again:",
        f"  pulumi-agin doctor connect.acme.com --dns {bind.address}",
    ]
    clock.advance(20)
    status, out, err = command("Connect.ACME.com.", "--dns", bind.address)
    assert (status, err) == (0, "")
    assert out.splitlines()[5:] == [
        f"delegation     ok       {bind.address} answers with the 4 name servers that ngrok wants",
        "certificate    ok       issued, renews 2026-04-30 12:00 UTC, in 60 days",
    ]
    assert states(examined()) == ["ok"] * 4


def test_the_json(make: Make, command: Command, bind: Bind, clock: Clock, emulator: Emulator) -> None:
    ingress = make()
    clock.advance(2)
    status, out, err = command(DOMAIN, "--json", "--dns", bind.address)
    assert (status, err) == (1, "")
    targets = ingress["ns_targets"]
    msg = f"No DNS records were returned when querying for an NS record for the domain `{DOMAIN}`."
    assert json.loads(out) == {
        "domain": DOMAIN,
        "ok": False,
        "checks": {
            "api_key": {
                "state": "ok",
                "says": "ngrok accepts the one from the environment variable NGROK_API_KEY",
                "remedies": [],
                "source": "the environment variable NGROK_API_KEY",
                "base_url": emulator.url,
            },
            "agent_ingress": {
                "state": "ok",
                "says": f"{ingress['id']}, created at 2026-03-01T12:00:00Z",
                "remedies": [],
                "id": ingress["id"],
                "in_stack": None,
            },
            "delegation": {
                "state": "wrong",
                "says": f"{bind.address} has no NS records for it",
                "remedies": [
                    {
                        "do": "create these records in the zone above the domain",
                        "lines": [f"connect.acme.com. NS {target}" for target in targets],
                    },
                    {
                        "do": "if a Pulumi program creates the records, run",
                        "lines": ["pulumi up --refresh"],
                    },
                ],
                "asked": bind.address,
                "found": [],
                "expected": targets,
                "missing": targets,
                "extra": [],
            },
            "certificate": {
                "state": "wrong",
                "says": f'held up by the DNS of the domain (DNS_ERROR): ngrok says "{msg}"',
                "remedies": [
                    {
                        "do": "repair the delegation first; ngrok tries again at 2026-03-02 12:00 UTC, in 24 hours",
                        "lines": [],
                    }
                ],
                "error_code": "DNS_ERROR",
                "retries_at": "2026-03-02T12:00:02Z",
                "renews_at": None,
            },
        },
    }


# -- what can be wrong ------------------------------------------------------------------------------------


def test_no_ingress_with_the_domain(make: Make, examined: Examined, bind: Bind) -> None:
    make(key=OTHER_ACCOUNTS_KEY)
    delegate(bind, DOMAIN, ["ns1.old.net."])
    checks = examined()
    assert states(checks) == ["ok", "wrong", "unknown", "unknown"]
    assert checks["agent_ingress"]["says"] == (
        "the account of the API key from the environment variable NGROK_API_KEY has none with this domain"
    )
    assert [remedy["lines"] for remedy in checks["agent_ingress"]["remedies"]] == [
        ['agin.AgentIngress("connect", domain="connect.acme.com")'],
        [f"pulumi-agin doctor connect.acme.com --stack STACK --dns {bind.address}"],
    ]
    assert checks["delegation"]["says"] == (
        f"{bind.address} answers now with ns1.old.net.; what ngrok wants is not known"
    )
    assert (checks["delegation"]["found"], checks["delegation"]["expected"]) == (["ns1.old.net."], None)


def test_a_key_that_ngrok_refuses(
    make: Make, examined: Examined, emulator: Emulator, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    emulator.remove_key(API_KEY)
    checks = examined()
    assert states(checks) == ["wrong", "unknown", "unknown", "unknown"]
    assert "ERR_NGROK_202" in checks["api_key"]["says"]
    assert "[key]" in checks["api_key"]["says"]
    assert checks["api_key"]["says"].endswith(
        "The API key came from the environment variable NGROK_API_KEY; check that it is a valid key of your account"
    )
    [remedy] = checks["api_key"]["remedies"]
    assert remedy["lines"] == [f"pulumi-agin doctor connect.acme.com --stack STACK --dns {bind.address}"]


def test_ngrok_can_not_be_asked(
    make: Make, examined: Examined, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, bind: Bind
) -> None:
    make()
    emulator.add_fault("GET", "answer", status=404, body="<h1>Not Found</h1>")
    checks = examined()
    assert states(checks) == ["unknown"] * 4
    assert checks["certificate"]["says"] == "ngrok could not be asked for it"
    assert "the base URL came from the environment variable NGROK_API_BASE_URL" in checks["api_key"]["says"]
    assert checks["api_key"]["remedies"][0]["lines"] == [f"pulumi-agin doctor connect.acme.com --dns {bind.address}"]

    # Less than the first pause, so that a refused connection is not tried again.
    monkeypatch.setenv("NGROK_API_TIMEOUT_SECONDS", "0.2")
    emulator.pause()
    assert "Connection refused" in examined()["api_key"]["says"]
    emulator.resume()


def test_dns_can_not_be_asked(make: Make, tmp_path: Path) -> None:
    make(policy=None)
    stopped = Bind(tmp_path / "stopped", [KEY])
    stopped.start()
    stopped.stop()
    find = partial(find_delegation, udp_seconds=UDP_SECONDS)
    settings = Settings.load(lambda key: None)
    examiner = Examiner(settings, settings.client(), SYSTEM_CLOCK, parse_server(stopped.address), find_delegation=find)
    report = examiner.examine(DOMAIN)
    checks = json.loads(report.json())["checks"]
    assert (report.is_ok, states(checks)) == (False, ["ok", "ok", "unknown", "ok"])
    assert checks["delegation"]["says"] == (
        f"{stopped.address} could not be asked ({stopped.address}: Connection refused)"
    )
    assert checks["delegation"]["remedies"] == [
        {
            "do": "ask a DNS server that can be reached from here",
            "lines": ["pulumi-agin doctor connect.acme.com --dns HOST:PORT"],
        }
    ]
    assert [checks["delegation"][name] for name in ("found", "missing", "extra")] == [None, None, None]
    assert len(checks["delegation"]["expected"]) == 4


def test_a_delegation_that_is_not_known_is_not_said_to_be_wrong(
    make: Make, command: Command, emulator: Emulator
) -> None:
    ingress = make()

    def certificate() -> Any:
        with dns_server(resolver([], dns.rcode.SERVFAIL)) as server:
            checks = json.loads(command(DOMAIN, "--json", "--dns", str(server))[1])["checks"]
        assert checks["delegation"]["state"] == "unknown"
        return checks["certificate"]

    emulator.set_certificate(ingress["id"], "in_progress")
    assert certificate()["remedies"][0]["do"] == "wait, as Let's Encrypt takes seconds to minutes, and run this again"
    emulator.set_certificate(ingress["id"], "dns_error")
    wrong = certificate()
    assert wrong["state"] == "wrong"
    assert wrong["remedies"][0]["do"].startswith("check that the delegation is right; ngrok tries again at")


def test_one_name_server_too_many_is_wrong(make: Make, examined: Examined, bind: Bind) -> None:
    ingress = make(policy=None)
    delegate(bind, DOMAIN, [*ingress["ns_targets"], "ns1.old.net."])
    checks = examined()
    assert states(checks) == ["ok", "ok", "wrong", "ok"]
    assert (checks["delegation"]["missing"], checks["delegation"]["extra"]) == ([], ["ns1.old.net."])
    assert checks["delegation"]["remedies"][0]["lines"] == ["connect.acme.com. NS ns1.old.net."]


@pytest.mark.parametrize(
    ("held", "is_delegated", "state", "words", "remedy"),
    [
        ("pending", True, "wait", "not being issued yet", "wait, as Let's Encrypt takes seconds to minutes"),
        ("pending", False, "wait", "not being issued yet", "repair the delegation first; ngrok tries again"),
        ("issued", True, "ok", "issued", None),
        ("renewing", False, "ok", "issued, and being renewed", None),
        ("dns_error", True, "wait", "(DNS_ERROR)", "the delegation is right by now; ngrok tries again at 2026-03-02 1"),
        (
            "internal_error",
            True,
            "wait",
            "(INTERNAL_ERROR)",
            "ngrok tries again at 2026-03-02 12:00 UTC, in 24 hours: run this again then",
        ),
        (
            "error",
            True,
            "unknown",
            "(CAA_ERROR)",
            "ngrok tries again at 2026-03-02 12:00 UTC, in 24 hours; if it stays so, ask",
        ),
        ("no_job", False, "unknown", "neither issued nor being issued", "if it stays so, ask ngrok's support"),
    ],
)
def test_the_certificate_in_words(
    make: Make,
    examined: Examined,
    emulator: Emulator,
    bind: Bind,
    held: Any,
    is_delegated: bool,
    state: str,
    words: str,
    remedy: str | None,
) -> None:
    ingress = make()
    delegate(bind, DOMAIN, ingress["ns_targets"] if is_delegated else [])
    emulator.set_certificate(ingress["id"], held, error_code="CAA_ERROR" if held == "error" else None)
    certificate = examined()["certificate"]
    assert certificate["state"] == state
    assert words in certificate["says"]
    assert [remedy in each["do"] for each in certificate["remedies"] if remedy] == ([True] if remedy else [])


def test_what_ngrok_says_is_one_line_without_the_key(make: Make, examined: Examined, emulator: Emulator) -> None:
    ingress = make()
    emulator.set_certificate(ingress["id"], "error", error_code="\x1b[31mE\nE", msg=f"the key\n{API_KEY}\x1b[0m is bad")
    certificate = examined()["certificate"]
    assert 'ngrok says "the key [key] [0m is bad"' in certificate["says"]
    assert certificate["error_code"] == "[31mE E"


def test_the_command_changes_nothing(make: Make, emulator: Emulator, bind: Bind) -> None:
    make()
    emulator.clear_requests()
    before = emulator.ingresses(), bind.referral(DOMAIN)
    script = [sys.executable, "-m", "pulumi_agin.cli", "doctor", DOMAIN, "--dns", bind.address]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{DOMAIN}\n\nAPI key ")
    assert (emulator.ingresses(), bind.referral(DOMAIN)) == before
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_a_renewal_that_fails_is_not_well(make: Make, examined: Examined, emulator: Emulator, bind: Bind) -> None:
    """The certificate works for another 30 days."""
    ingress = make()
    delegate(bind, DOMAIN, [])
    emulator.set_certificate(ingress["id"], "renewing", error_code="DNS_ERROR", msg="no NS records")
    certificate = examined()["certificate"]
    assert certificate["state"] == "wrong"
    assert certificate["says"] == 'issued, and being renewed (DNS_ERROR): ngrok says "no NS records"'


def test_a_domain_near_to_one_that_exists(make: Make, make_more: MakeMore, command: Command, bind: Bind) -> None:
    make()
    make_more("connect.acme.org")
    status, out, err = command("conect.acme.com", "--dns", bind.address)
    assert (status, err) == (1, "")
    assert "has none with this domain; did you mean connect.acme.com?\n" in out
    line = f"  pulumi-agin doctor connect.acme.com --dns {bind.address}\n"
    assert f"Agent Ingress: if you mean connect.acme.com, run:\n{line}" in out
    assert "did you mean" not in command("x.acme.com", "--dns", bind.address)[1]


def test_the_key_of_a_stack(make: Make, command: Command, bind: Bind, emulator: Emulator, stack: StubCli) -> None:
    make()
    stack.stack(secrets={"ngrok:apiKey": OTHER_ACCOUNTS_KEY})
    out = command(DOMAIN, "--dns", bind.address)[1]
    assert "API key        ok       ngrok accepts the one from the config of the stack dev (ngrok:apiKey)\n" in out
    assert (
        "wrong    the account of the API key from the config of the stack dev (ngrok:apiKey) has none with this" in out
    )
    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    out = command(DOMAIN, "--dns", bind.address, "--stack", "prod")[1]
    assert "API key: set a key that ngrok accepts:\n  pulumi config set --secret ngrok:apiKey --stack prod\n" in out


# -- compared with the stack ------------------------------------------------------------------------------

DYNAMIC = "pulumi-python:dynamic/agin:AgentIngress"
NATIVE = "agin:index:AgentIngress"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubCli:
    """A `pulumi` in the folder of the test."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return StubCli(tmp_path)


def in_state(
    ingress: dict[str, Any], type_: str = DYNAMIC, key: str = API_KEY, provider: str = "default", **values: Any
) -> dict[str, Any]:
    """The resource of an ingress, as the state of a stack has it."""
    name = ingress["domain"].partition(".")[0]
    id_, targets = ingress["id"], [f"{target.rstrip('.')}." for target in ingress["ns_targets"]]
    return {
        "urn": f"urn:pulumi:dev::test::{type_}::{name}",
        "id": id_,
        "type": type_,
        "outputs": {
            "domain": ingress["domain"],
            "nsTargets" if type_ == NATIVE else "ns_targets": targets,
            "_key_fingerprint": AgentIngressClient(Secret(key)).fingerprint(id_),
        },
        "provider": f"urn:pulumi:dev::test::pulumi:providers:pulumi-python::{provider}::1-2",
        **values,
    }


@pytest.mark.parametrize("type_", [DYNAMIC, NATIVE])
def test_an_ingress_that_only_the_stack_has_is_wrong_and_so_is_its_delegation(
    type_: str, make: Make, examined: Examined, bind: Bind, emulator: Emulator, stack: StubCli
) -> None:
    ingress = make()
    stack.stack([in_state(ingress, type_)], secrets={"ngrok:apiKey": API_KEY})
    first = ingress["ns_targets"][0]
    delegate(bind, DOMAIN, [first, "ns1.old.net."])
    urn = f"urn:pulumi:dev::test::{type_}::connect"
    in_stack = {"id": ingress["id"], "urn": urn}
    assert examined()["agent_ingress"]["in_stack"] == in_stack

    emulator.delete_ingress(ingress["id"])
    checks = examined()
    assert states(checks) == ["ok", "wrong", "wrong", "unknown"]
    gone = checks["agent_ingress"]
    assert gone["says"] == f"the stack dev has {ingress['id']} as {urn}, but ngrok no longer has it"
    assert (gone["id"], gone["in_stack"]) == (None, in_stack)
    assert gone["remedies"][0]["lines"] == ["pulumi up --refresh"]
    delegation = checks["delegation"]
    assert delegation["says"] == (
        f"{bind.address} still has {first}, which ngrok has released: whoever gets them controls the domain"
    )
    assert [each["lines"] for each in delegation["remedies"]] == [[f"connect.acme.com. NS {first}"]]
    assert [delegation[name] for name in ("expected", "missing", "extra")] == [[], [], [first]]

    # These are not those of the ingress.
    delegate(bind, DOMAIN, ["ns1.old.net."])
    assert examined()["delegation"]["state"] == "unknown"


def test_all_lists_first_what_only_the_stack_has(
    make: Make, make_more: MakeMore, command: Command, bind: Bind, emulator: Emulator, stack: StubCli
) -> None:
    delegate(bind, DOMAIN, make(policy=None)["ns_targets"])
    for domain in ("a.acme.com", "x.acme.com", "y.acme.com", "z.acme.com"):
        make_more(domain, policy=None)
    ingresses = {ingress["domain"].partition(".")[0]: ingress for ingress in emulator.ingresses()}
    stack.stack(
        [
            {"urn": "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev", "type": "pulumi:pulumi:Stack"},
            *(in_state(ingresses[name]) for name in ("connect", "x")),
            # Neither of these is this stack's in this account.
            in_state(ingresses["y"], external=True),
            in_state(ingresses["y"], delete=True),
            in_state(ingresses["y"], key=OTHER_ACCOUNTS_KEY, provider="acct2"),
            # The key was changed since.
            in_state(ingresses["z"], key=OTHER_ACCOUNTS_KEY),
        ],
        secrets={"ngrok:apiKey": API_KEY},
    )
    for name in ("x", "y", "z"):
        emulator.delete_ingress(ingresses[name]["id"])
    emulator.clear_requests()
    status, out, err = command("--all", "--stack", "dev", "--dns", bind.address)
    assert (status, err) == (1, "")
    assert out.splitlines()[3:] == [
        "4 Agent Ingresses: 3 wrong, 1 ok",
        "",
        "domain            delegation        certificate",
        "x.acme.com        unknown           unknown      ngrok no longer has it: pulumi up --refresh creates it again",
        "z.acme.com        unknown           unknown      this key does not see it",
        "a.acme.com        wrong: 4 missing  ok           ready",
        "connect.acme.com  ok                ok           ready",
        "",
        "what to do about the first one:",
        f"  pulumi-agin doctor x.acme.com --stack dev --dns {bind.address}",
    ]
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    assert "x.acme.com" not in command("--filter", "true", "--dns", bind.address)[1]
    assert "\n  pulumi up --refresh --stack dev\n" in command("x.acme.com", "--stack", "dev", "--dns", bind.address)[1]
    lines = command("z.acme.com", "--dns", bind.address)[1].splitlines()
    assert lines[4].endswith(
        " as urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::z, but another key saw "
        "it last, so it may be in another account"
    )
    assert lines[-1] == f"  pulumi state delete --yes --force urn:pulumi:dev::test::{DYNAMIC}::z"
    # That of an explicit provider may well exist.
    out = command("y.acme.com", "--dns", bind.address)[1]
    assert "::y, with an explicit provider, whose key was not used here" in out
    assert "state delete" not in out


def test_an_ingress_that_was_made_anew_by_hand_is_not_that_of_the_stack(
    make: Make, examined: Examined, emulator: Emulator, stack: StubCli
) -> None:
    deleted = make(policy=None)
    stack.stack([in_state(deleted)], secrets={"ngrok:apiKey": API_KEY})
    emulator.delete_ingress(deleted["id"])
    ingress = make(policy=None)
    check = examined()["agent_ingress"]
    assert check["state"] == "wrong"
    assert check["says"] == (
        f"{ingress['id']}, created at 2026-03-01T12:00:00Z; but the stack dev has {deleted['id']} as "
        f"urn:pulumi:dev::test::{DYNAMIC}::connect, which ngrok no longer has"
    )
    assert check["remedies"][0]["lines"] == ["pulumi refresh"]


def test_without_a_state_that_can_be_read_nothing_is_compared(
    make: Make, command: Command, bind: Bind, stack: StubCli
) -> None:
    delegate(bind, DOMAIN, make(policy=None)["ns_targets"])
    alone = command("--all", "--dns", bind.address)
    stack.stack(config={"ngrok:apiKey": API_KEY})
    (stack.folder / "state.json").write_text('{"version": 3, "deployment": null}')
    assert command("--all", "--dns", bind.address)[0] == alone[0] == 0
    (stack.folder / "state.json").unlink()
    assert command("--all", "--dns", bind.address)[0] == 0
    assert command("--all", "--stack", "dev")[2].startswith("pulumi-agin: the state could not be read: ")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("conect.acme.com", "connect.acme.com"),
        ("connnect.acme.com", "connect.acme.com"),
        ("comnect.acme.com", "connect.acme.com"),
        ("conenct.acme.com", "connect.acme.com"),
        ("connect.amce.com", "connect.acme.com"),
        ("connect.acme.con", "connect.acme.com"),
        ("site-12.acme.com", None),
        ("site-1.acme.com", None),
        ("eu.acme.com", None),
        ("gateway-west.acme.com", None),
        ("connected.acme.com", None),
        ("connect.acme.org", None),
    ],
)
def test_only_a_slip_is_taken_for_another_domain(
    given: str, meant: str | None, make_more: MakeMore, command: Command, bind: Bind
) -> None:
    for domain in ("connect.acme.com", "site-11.acme.com", "us.acme.com", "ev.acme.com", "gateway-east.acme.com"):
        make_more(domain)
    out = command(given, "--dns", bind.address)[1]
    suggested = [line for line in out.splitlines() if "did you mean" in line]
    assert [line.endswith(f"; did you mean {meant}?") for line in suggested] == ([True] if meant else [])


# -- on a terminal ----------------------------------------------------------------------------------------

COLORED = {"ok": "\x1b[32mok", "wait": "\x1b[33mwait", "unknown": "\x1b[35munknown", "wrong": "\x1b[31mwrong"}


def without_colors(printed: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", printed)


def script(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pulumi_agin.cli", "doctor", *arguments]


def piped(command: list[str], **environment: str) -> str:
    run = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stderr == ""
    return run.stdout


@pytest.mark.parametrize(("what", "columns"), [(DOMAIN, 64), ("--all", 100)])
def test_a_terminal_shows_colors_and_whole_words(
    what: str, columns: int, make: Make, make_more: MakeMore, bind: Bind, clock: Clock
) -> None:
    targets = make()["ns_targets"]
    make_more("devices.acme.com", "dns_error")
    clock.advance(2)
    delegate(bind, DOMAIN, [*targets[:2], "ns1.old.net."])
    command = script(what, "--dns", bind.address)
    in_a_pipe = piped(command)
    assert "\x1b" not in in_a_pipe
    assert max(map(len, in_a_pipe.splitlines())) > columns
    status, shown = on_terminal(command, columns)
    assert status == 1
    assert {state for state, colored in COLORED.items() if colored in shown} == {"ok", "wrong"}
    lines = without_colors(shown).splitlines()
    assert " ".join(lines).split() == in_a_pipe.split()
    # The terminal breaks lines to paste, and so pastes them whole.
    to_paste = [line for line in in_a_pipe.splitlines() if line.startswith("  ")]
    assert to_paste
    narrow = without_colors(on_terminal(command, 30)[1]).splitlines()
    assert [line for line in narrow if line in to_paste] == to_paste
    assert max(len(line) for line in lines if line not in to_paste) <= columns
    if what == DOMAIN:
        # What goes on is below where it began.
        beginning = next(number for number, line in enumerate(lines) if line.startswith("delegation     wrong    "))
        assert lines[beginning + 1].startswith(" " * 24)
        assert lines[beginning + 1][24] != " "


def test_colors_are_not_for_everybody(make: Make, bind: Bind) -> None:
    make(policy=None)
    command = script(DOMAIN, "--dns", bind.address)
    colored = on_terminal(command, 64)[1]
    assert on_terminal(command, 64, environment={"NO_COLOR": ""})[1] == colored
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}):
        shown = on_terminal(command, 64, environment=environment)[1]
        assert shown == without_colors(colored) != colored
    in_a_pipe = piped(command)
    forced = piped(command, FORCE_COLOR="1")
    assert without_colors(forced) == in_a_pipe != forced
    assert piped(command, FORCE_COLOR="1", NO_COLOR="1") == in_a_pipe
    # A program may read what a terminal shows.
    assert on_terminal([*command, "--json"], environment={"FORCE_COLOR": "1"}) == (1, piped([*command, "--json"]))


def test_each_state_has_a_color(make: Make, bind: Bind, emulator: Emulator) -> None:
    ingress = make()
    delegate(bind, DOMAIN, ingress["ns_targets"])
    emulator.set_certificate(ingress["id"], "in_progress")
    assert COLORED["wait"] in on_terminal(script(DOMAIN, "--dns", bind.address))[1]
    with dns_server(resolver([], dns.rcode.SERVFAIL)) as server:
        assert COLORED["unknown"] in on_terminal(script("--all", "--dns", str(server)))[1]


def test_a_domain_is_not_taken_for_a_state(make_more: MakeMore, bind: Bind) -> None:
    make_more("wrong.acme.com", policy=None)
    shown = on_terminal(script("--all", "--dns", bind.address))[1]
    assert "\nwrong.acme.com" in shown


# -- all of an account ------------------------------------------------------------------------------------


def test_all_of_the_account_the_worst_first(
    make: Make, make_more: MakeMore, command: Command, bind: Bind, clock: Clock, emulator: Emulator
) -> None:
    delegate(bind, DOMAIN, make(policy=None)["ns_targets"])
    make_more("y.acme.com", "dns_error")
    make_more("x.acme.com", "issued")
    make_more("z.acme.com", "renewing", error_code="INTERNAL_ERROR")
    status, out, err = command("--all", "--dns", bind.address)
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "API key        ok       ngrok accepts the one from the environment variable NGROK_API_KEY",
        f"base URL                {emulator.url}, from the environment variable NGROK_API_BASE_URL",
        "",
        "4 Agent Ingresses: 3 wrong, 1 ok",
        "",
        "domain            delegation        certificate",
        "x.acme.com        wrong: 4 missing  ok           renews 2026-04-30 12:00 UTC, in 60 days",
        "y.acme.com        wrong: 4 missing  wrong        fails (DNS_ERROR), tries again 2026-03-02 12:00 UTC, in 24 "
        "hours",
        "z.acme.com        wrong: 4 missing  wait         renewal fails (INTERNAL_ERROR)",
        "connect.acme.com  ok                ok           ready",
        "",
        "what to do about the first one:",
        f"  pulumi-agin doctor x.acme.com --dns {bind.address}",
    ]
    assert emulator.counts() == {"GET /agent_ingresses": 1}

    status, out, err = command("--all", "--dns", bind.address, "--json")
    report = json.loads(out)
    assert (status, err, report["ok"]) == (1, "", False)
    assert report["checks"]["api_key"]["state"] == "ok"
    domains = ["x.acme.com", "y.acme.com", "z.acme.com", DOMAIN]
    assert [each["domain"] for each in report["agent_ingresses"]] == domains
    for each in report["agent_ingresses"]:
        alone = command(each["domain"], "--dns", bind.address, "--json")[1]
        assert each == json.loads(alone)


def test_the_table_on_the_page_of_certificates(
    make_more: MakeMore, command: Command, emulator: Emulator, stack: StubCli, tmp_path: Path
) -> None:
    stack.stack(secrets={"ngrok:apiKey": API_KEY})
    make_more("devices.acme.com", "dns_error")
    made = {make_more("new.acme.com", "in_progress"), make_more(DOMAIN, "issued")}
    key = Key("agin", [DOMAIN, "new.acme.com"])
    with Bind(tmp_path / "bind", [key]) as server:
        for ingress in emulator.ingresses():
            if ingress["id"] in made:
                delegate(server, ingress["domain"], ingress["ns_targets"], key)
        _, out, _ = command("--all", "--dns", server.address)
    # The page's reader has neither an emulator nor a name server of their own.
    printed = re.sub(r"^base URL .*\n", "", out, flags=re.M).replace(f" --dns {server.address}", "")
    assert f"```\n{printed}```\n" in (ROOT / "docs" / "guides" / "certificates.md").read_text()


def test_all_of_it_is_well(make: Make, make_more: MakeMore, command: Command, bind: Bind) -> None:
    targets = make(policy=None)["ns_targets"]
    delegate(bind, DOMAIN, targets)
    filtered = ("--filter", f'obj.domain == "{DOMAIN}"', "--dns", bind.address)
    for arguments in (filtered, ("--all", "--dns", bind.address)):
        status, out, err = command(*arguments)
        assert (status, err) == (0, "")
        assert out.splitlines()[3:] == [
            "1 Agent Ingress: 1 ok",
            "",
            "domain            delegation  certificate",
            "connect.acme.com  ok          ok           ready",
        ]
    make_more("b.acme.com")
    assert command(*filtered)[0] == 0
    delegate(bind, DOMAIN, [*targets[1:], "ns1.old.net."])
    assert "\nconnect.acme.com  wrong: 1 missing, 1 too many  ok " in command(*filtered)[1]
    assert command("--all", "--dns", bind.address)[0] == 1


def test_many_are_asked_about_side_by_side(make_more: MakeMore, emulator: Emulator, clock: Clock) -> None:
    for number in range(DNS_AT_ONCE):
        make_more(f"d{number}.acme.com", policy=None)
    # Each waits for all others.
    together = threading.Barrier(DNS_AT_ONCE)

    def find(domain: str, seconds: float, server: Server | None) -> Delegation:
        assert seconds == DNS_SECONDS
        together.wait(20)
        return Delegation()

    settings = Settings.load(lambda key: None)
    report = Examiner(settings, settings.client(), clock, find_delegation=find).examine_all(None)
    assert len(report.reports) == DNS_AT_ONCE


def test_the_account_can_not_be_asked(make: Make, command: Command, emulator: Emulator, clock: Clock) -> None:
    make()
    emulator.add_fault("GET", "answer", times=2, status=404, body="<h1>Not Found</h1>")
    status, out, err = command("--all")
    assert (status, err) == (1, "")
    assert out.startswith("API key        unknown  could not list the Agent Ingresses: ")
    assert out.endswith("API key: when that is over or fixed, run this again:\n  pulumi-agin doctor --all\n")
    report = json.loads(command("--all", "--json")[1])
    assert (report["ok"], report["agent_ingresses"]) == (False, [])
    emulator.remove_key(API_KEY)
    status, out, err = command("--filter", "true", "--watch")
    assert (status, err) == (1, "")
    assert out.endswith(":\n  pulumi-agin doctor --filter true --stack STACK\n")
    # Another look would find nothing else.
    assert clock.slept == []


# -- until all is well ------------------------------------------------------------------------------------


def test_watching_until_all_is_well(make: Make, command: Command, bind: Bind, clock: Clock) -> None:
    ingress = make()
    clock.during_sleep[2] = lambda: delegate(bind, DOMAIN, ingress["ns_targets"])
    status, out, err = command(DOMAIN, "--dns", bind.address, "--watch")
    assert (status, err) == (0, "")
    looks = out.split(f"{DOMAIN}\n\n")[1:]
    assert [look.count("\ncertificate    ok ") for look in looks] == [0] * (len(looks) - 1) + [1]
    assert "looking again in 10 seconds, for 45 minutes at most; Ctrl-C ends it\n\n" in looks[0]
    assert "looking again" not in looks[-1]
    assert set(clock.slept) == {10}
    assert "\x1b" not in out


def test_watching_until_the_time_is_over(make: Make, command: Command, bind: Bind, clock: Clock) -> None:
    make()
    arguments = (DOMAIN, "--dns", bind.address, "--watch", "--timeout", "70", "--interval", "30")
    status, out, err = command(*arguments)
    assert (status, err) == (1, "")
    assert clock.slept == [30, 30, 10]
    assert out.count(f"{DOMAIN}\n\n") == 4
    # For a machine, one report is enough.
    status, out, err = command(*arguments, "--json")
    assert (status, err, json.loads(out)["ok"]) == (1, "", False)


def test_watching_on_a_terminal(
    make: Make, command: Command, bind: Bind, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingress = make(policy=None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "9")
    monkeypatch.setenv("COLUMNS", "80")
    clock.during_sleep[1] = lambda: delegate(bind, DOMAIN, ingress["ns_targets"])
    status, out, err = command(DOMAIN, "--dns", bind.address, "--watch")
    assert (status, err) == (0, "")
    nothing, first, last = out.split("\x1b[2J\x1b[H")
    assert nothing == ""
    # It fits on the screen, and the last one is whole.
    assert len(first.splitlines()) == 8
    assert first.splitlines()[-3:] == [
        "… 15 more lines",
        "",
        "looking again in 10 seconds, for 45 minutes at most; Ctrl-C ends it",
    ]
    assert last.startswith(f"{DOMAIN}\n\nAPI key ")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in command(DOMAIN, "--dns", bind.address, "--watch")[1]


def test_watching_all_of_a_large_account_leaves_requests_to_others(
    make_more: MakeMore, emulator: Emulator, clock: Clock
) -> None:
    emulator.configure(limit=0)
    for number in range(301):
        make_more(f"d{number}.acme.com", policy=None)
    settings = Settings.load(lambda key: None)
    examiner = Examiner(settings, settings.client(), clock, find_delegation=lambda *_: Delegation())
    report = watch(partial(examiner.examine_all, None), Screen(is_silent=True), 10, 60, clock)
    assert not report.is_ok
    assert clock.slept == [20, 20, 20]
    assert emulator.counts() == {"GET /agent_ingresses": 16}


def test_ctrl_c_ends_it(make: Make, command: Command, bind: Bind, clock: Clock) -> None:
    make()

    def interrupt() -> None:
        raise KeyboardInterrupt

    clock.during_sleep[1] = interrupt
    status, out, err = command(DOMAIN, "--dns", bind.address, "--watch")
    assert (status, err) == (1, "pulumi-agin: interrupted\n")
    assert out.count(f"{DOMAIN}\n\n") == 1
