"""Lookups of a delegation at simulated servers. The tests with a real BIND are in test_doctor_dns_servers."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from pulumi_agin.base.names import Server
from pulumi_agin.cli import doctor_ns
from pulumi_agin.cli.doctor_ns import DnsResult, find_delegation, parse_server
from tests.support.clock import Clock
from tests.support.dns_server import UDP_SECONDS, dns_server, referral, resolver

DOMAIN = "connect.acme.com"
TARGET = "ns1.awsdns.org."
SECONDS = 10.0


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1:5353", Server("127.0.0.1", 5353)),
        ("ns1.acme.com:53", Server("ns1.acme.com", 53)),
        ("dns", Server("dns", 53)),
        ("[::1]:5353", Server("::1", 5353)),
        ("2001:db8::1", Server("2001:db8::1", 53)),
    ],
)
def test_address_of_a_server_is_parsed(text: str, server: Server) -> None:
    assert parse_server(text) == server
    assert parse_server(str(server)) == server


@pytest.mark.parametrize(
    "text",
    ["", ":53", "a b", "a:", "a:0", "a:65536", "a:1:2", "a:٥٣", "-x", "[::1", "[10.0.0.1]", "u@a", "a/b", "a?b", "a#b"],
)
def test_invalid_address_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a DNS server; use HOST:PORT"):
        parse_server(text)


def test_server_that_is_down_or_has_no_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = Server("127.0.0.1", taken.getsockname()[1])
        down = find_delegation(DOMAIN, SECONDS, server)
        assert down.problem == f"{server}: Connection refused"
    assert find_delegation(DOMAIN, SECONDS, Server("nowhere.invalid", 53)).problem


def test_resolver_is_queried_with_recursion() -> None:
    with dns_server(resolver([TARGET])) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == DnsResult((TARGET,))
    for rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        with dns_server(resolver([], rcode)) as server:
            assert find_delegation(DOMAIN, SECONDS, server) == DnsResult()
    with dns_server(resolver([], dns.rcode.SERVFAIL)) as server:
        assert find_delegation(DOMAIN, SECONDS, server).problem == f"{server} returned SERVFAIL"


def test_resolver_without_the_records_in_its_cache_is_queried_again_with_recursion() -> None:
    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        # Without recursion, a resolver responds only from its cache. So an empty response proves nothing.
        response.flags |= dns.flags.RA
        if query.flags & dns.flags.RD:
            resolver([TARGET])(query, response)

    with dns_server(respond) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == DnsResult((TARGET,))


def test_records_are_found_at_a_server_that_has_the_zone_of_the_domain() -> None:
    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        response.flags |= dns.flags.AA
        response.answer.append(dns.rrset.from_text(f"{DOMAIN}.", 60, "IN", "NS", TARGET))

    with dns_server(respond) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == DnsResult((TARGET,))


@pytest.mark.parametrize("rcode", [dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL])
def test_cname_record_is_found_whatever_it_points_to(rcode: dns.rcode.Rcode) -> None:
    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        resolver([], rcode)(query, response)
        response.answer.append(dns.rrset.from_text(f"{DOMAIN}.", 60, "IN", "CNAME", "LB.example.net."))
        if rcode == dns.rcode.NOERROR:
            # A resolver follows it, but these are not the records of the domain.
            response.answer.append(dns.rrset.from_text("lb.example.net.", 60, "IN", "NS", TARGET))

    with dns_server(respond) as server:
        found = find_delegation(DOMAIN, SECONDS, server)
    assert found == DnsResult(cname="lb.example.net.")
    assert found.describe("it") == "it returns no NS records for it, but a CNAME record to lb.example.net."


def test_tcp_is_tried_if_udp_does_not_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_ns, "UDP_SECONDS", UDP_SECONDS)
    with dns_server(referral, tcp=True) as server:
        assert find_delegation(DOMAIN, SECONDS, server).names == (TARGET,)


def test_queries_of_a_lookup_share_one_time_limit() -> None:
    clock = Clock()

    def respond_late(query: dns.message.Message, response: dns.message.Message) -> None:
        clock.now += SECONDS
        response.set_rcode(dns.rcode.REFUSED)

    with dns_server(respond_late) as server:
        assert find_delegation(DOMAIN, SECONDS, server, clock=clock) == DnsResult(problem="timed out")


def test_machine_without_a_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.resolver, "Resolver", partial(dns.resolver.Resolver, str(tmp_path / "resolv.conf")))
    assert find_delegation(DOMAIN, SECONDS).describe("public DNS") == (
        "public DNS could not be queried (this machine has no DNS resolver configured)"
    )


def test_resolver_of_the_machine_without_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = dns.resolver.Resolver(configure=False)
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: machine)
    with dns_server(resolver([], dns.rcode.NXDOMAIN)) as server:
        machine.nameservers, machine.port = [server.host], server.port
        assert find_delegation(DOMAIN, SECONDS).problem == "this machine's resolver found no zone"
