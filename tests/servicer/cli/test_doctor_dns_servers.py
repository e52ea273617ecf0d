"""Lookups of a delegation, and of CAA records, at a real BIND."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import dns.query
import dns.rcode
import dns.resolver
import dns.update
import pytest

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import SYSTEM_CLOCK
from pulumi_agin.cli import doctor_ns
from pulumi_agin.cli.doctor_caa import CaaRecord, CaaSet, find_caa
from pulumi_agin.cli.doctor_ns import DnsResult, find_delegation, parse_server
from tests.support.bind import Bind
from tests.support.dns_server import UDP_SECONDS
from tests.support.records import DOMAIN, SECONDS, delegate
from tools.bind import Programs


def find(bind: Bind, domain: str = DOMAIN) -> DnsResult:
    return find_delegation(domain, SECONDS, parse_server(bind.address))


def describe(domain: str = DOMAIN, seconds: float = SECONDS) -> str:
    return find_delegation(domain, seconds).describe("public DNS")


def test_delegation_is_read_from_the_parent_zone(bind: Bind) -> None:
    assert find(bind) == DnsResult()
    assert find(bind).describe("BIND") == "BIND has no NS records for it"
    delegate(bind, DOMAIN, ["NS-2.awsdns.net", "ns-1.awsdns.org"])
    assert find(bind) == find(bind, "Connect.ACME.com.") == DnsResult(("ns-1.awsdns.org.", "ns-2.awsdns.net."))
    assert find(bind).describe("BIND") == "BIND now returns ns-1.awsdns.org., ns-2.awsdns.net."
    # These are too long for UDP.
    long_names = [f"{'n' * 60}{number:02}.{'a' * 60}{number:02}.net." for number in range(12)]
    delegate(bind, DOMAIN, long_names)
    assert find(bind) == DnsResult(tuple(long_names))


def test_failed_query_is_described(bind: Bind) -> None:
    delegate(bind, DOMAIN, ["ns1.awsdns.org"])
    for domain, reason in (
        ("connect.other.com", "returned REFUSED"),
        ("below.connect.acme.com", "is neither a name server of the parent zone nor a resolver"),
        ("a" * 64 + ".acme.com", "A DNS label is > 63 octets long"),
    ):
        delegation = find(bind, domain)
        assert reason in delegation.problem
        assert delegation.describe("BIND") == f"BIND could not be queried ({delegation.problem})"


def test_cname_and_caa_records_are_read_from_the_parent_zone(bind_programs: Programs, tmp_path: Path) -> None:
    caa = CaaSet("acme.com", (CaaRecord(0, "issue", "digicert.com"),))
    with Bind(bind_programs, tmp_path, [], unsigned=True) as bind:
        update = dns.update.UpdateMessage(bind.zone)
        for name, kind, value in (
            ("acme.com.", "CAA", '0 issue "digicert.com"'),
            ("*.wild.acme.com.", "CNAME", "lb.example.net."),
            (f"{DOMAIN}.", "NS", "ns1.awsdns.org."),
            # The delegation hides it.
            (f"{DOMAIN}.", "CAA", '0 issue "letsencrypt.org"'),
        ):
            update.add(name, 300, kind, value)
        assert dns.query.tcp(update, "127.0.0.1", SECONDS, bind.port).rcode() == dns.rcode.NOERROR
        assert find(bind, "a.wild.acme.com") == DnsResult(cname="lb.example.net.")
        found = find_caa(
            ["new.acme.com", "acme.com", DOMAIN], Budget(SECONDS, SYSTEM_CLOCK), parse_server(bind.address)
        )
    assert found == {"new.acme.com": caa, "acme.com": caa, DOMAIN: None}


@pytest.fixture
def use_resolver(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes BIND the resolver of this machine. All other servers are at the port."""

    def use(port: int) -> None:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        resolver.nameserver_ports = {"127.0.0.1": bind.port}
        monkeypatch.setattr(dns.resolver, "Resolver", lambda: resolver)

    monkeypatch.setattr(doctor_ns, "UDP_SECONDS", UDP_SECONDS)
    return use


def test_public_dns_lookup_queries_the_parent_zone(bind: Bind, use_resolver: Callable[[int], None]) -> None:
    use_resolver(bind.port)
    assert describe() == "public DNS has no NS records for it"
    # There is no zone in between, so the servers of a zone further up are used.
    assert describe("deep.below.acme.com") == "public DNS has no NS records for it"
    delegate(bind, DOMAIN, ["ns-2.awsdns.net", "ns-1.awsdns.org"])
    assert describe() == ("public DNS now returns ns-1.awsdns.org., ns-2.awsdns.net.")


def test_public_dns_without_a_response(bind: Bind, use_resolver: Callable[[int], None]) -> None:
    use_resolver(bind.port)
    no_response = "(this machine's resolver got no usable response)"
    assert no_response in describe("connect.other.com")
    assert describe(seconds=0) == "public DNS could not be queried (timed out)"


def test_servers_of_the_parent_zone_are_down(use_resolver: Callable[[int], None]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        use_resolver(port)
        assert f"(127.0.0.1:{port}: Connection refused)" in describe()
