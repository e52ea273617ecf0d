"""`pulumi-agin doctor` against the emulator and a real BIND: what it prints, and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import dns.rcode
import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.cli import doctor
from pulumi_agin.emulator import Emulator
from pulumi_agin.nameservers import find_delegation, parse_server
from tests.conftest import Command
from tests.dns.bind import DOMAIN, KEY, delegate
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.unit.test_emulator import Clock
from tests.unit.test_nameservers import UDP_SECONDS, answering, resolver
from tools.bind import Bind

POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
STACK_KEY = 'NGROK_API_KEY="$(pulumi config get ngrok:apiKey)"'

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(bind: Bind, clock: Clock) -> Iterator[Emulator]:
    """It looks at that BIND, and makes the same ids each time."""
    with Emulator(
        API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], dns=bind.address, clock=clock, random=Random(7)
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


@pytest.fixture
def command(pulumi_agin: Command) -> Command:
    """`pulumi-agin doctor`: its status, stdout and stderr."""
    return partial(pulumi_agin, "doctor")


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
    make: Make, command: Command, bind: Bind, clock: Clock, examined: Examined
) -> None:
    ingress = make()
    clock.advance(2)
    one, two, three, four = ingress["ns_targets"]
    delegate(bind, DOMAIN, [one, two, "ns1.old.net."])
    status, out, err = command(DOMAIN, "--dns", bind.address)
    assert (status, err) == (1, "")
    lines = out.splitlines()
    certificate = lines.pop(5)
    assert lines == [
        DOMAIN,
        "",
        "API key        ok       ngrok accepts the one from the environment variable NGROK_API_KEY",
        f"Agent Ingress  ok       {ingress['id']}, created at 2026-03-01T12:00:00Z",
        f"delegation     wrong    {bind.address} answers with other name servers than ngrok wants: "
        f"missing: {three}, {four}; too many: ns1.old.net.",
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
        "certificate: repair the delegation first; ngrok tries again at 2026-03-02T12:00:02Z",
    ]
    begin = "certificate    wrong    held up by the DNS of the domain (DNS_ERROR): "
    assert certificate.startswith(f'{begin}ngrok says "The NS records for the domain `{DOMAIN}` "`')

    delegate(bind, DOMAIN, ingress["ns_targets"])
    status, out, err = command(DOMAIN, "--dns", bind.address)
    assert (status, err) == (1, "")
    assert out.splitlines()[4:] == [
        f"delegation     ok       {bind.address} answers with the 4 name servers that ngrok wants",
        'certificate    wait     in progress: ngrok says "Managed certificate provisioning in progress."',
        "",
        "certificate: wait, as Let's Encrypt takes seconds to minutes, and run this again:",
        f"  pulumi-agin doctor connect.acme.com --dns {bind.address}",
    ]
    clock.advance(20)
    status, out, err = command("Connect.ACME.com.", "--dns", bind.address)
    assert (status, err) == (0, "")
    assert out.splitlines()[4:] == [
        f"delegation     ok       {bind.address} answers with the 4 name servers that ngrok wants",
        "certificate    ok       issued",
    ]
    assert states(examined()) == ["ok"] * 4


def test_the_json(make: Make, command: Command, bind: Bind, clock: Clock) -> None:
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
            },
            "agent_ingress": {
                "state": "ok",
                "says": f"{ingress['id']}, created at 2026-03-01T12:00:00Z",
                "remedies": [],
                "id": ingress["id"],
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
                    {"do": "repair the delegation first; ngrok tries again at 2026-03-02T12:00:02Z", "lines": []}
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
        "the account of the key from the environment variable NGROK_API_KEY has none with this domain"
    )
    assert [remedy["lines"] for remedy in checks["agent_ingress"]["remedies"]] == [
        ['agin.AgentIngress("connect", domain="connect.acme.com")'],
        [f"{STACK_KEY} pulumi-agin doctor connect.acme.com --dns {bind.address}"],
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
    assert remedy["lines"] == [f"{STACK_KEY} pulumi-agin doctor connect.acme.com --dns {bind.address}"]


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
    report = doctor.examine(DOMAIN, parse_server(stopped.address), find)
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
        with answering(resolver([], dns.rcode.SERVFAIL)) as server:
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
        ("pending", True, "wait", "not begun yet", "wait, as Let's Encrypt takes seconds to minutes"),
        ("pending", False, "wait", "not begun yet", "repair the delegation first; ngrok tries again"),
        ("issued", True, "ok", "issued", None),
        ("renewing", False, "ok", "issued, and being renewed", None),
        ("dns_error", True, "wait", "(DNS_ERROR)", "the delegation is right by now; ngrok tries again at 2026-03-02T"),
        (
            "internal_error",
            True,
            "wait",
            "(INTERNAL_ERROR)",
            "ngrok tries again at 2026-03-02T12:00:02Z: run this again then",
        ),
        ("error", True, "unknown", "(CAA_ERROR)", "ngrok tries again at 2026-03-02T12:00:02Z; if it stays so, ask"),
        ("no_job", False, "unknown", "neither issued nor in progress", "if it stays so, ask ngrok's support"),
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
