"""Lookups of a delegation at a real BIND."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

import dns.resolver

from pulumi_agin.dnsclient.lookup import Delegation, describe_public, find_delegation, parse_server
from tests.support.dns_server import UDP_SECONDS
from tests.support.records import DOMAIN, SECONDS, delegate
from tools.bind import Bind


def find(bind: Bind, domain: str = DOMAIN) -> Delegation:
    return find_delegation(domain, SECONDS, parse_server(bind.address))


def test_delegation_is_read_from_the_parent_zone(bind: Bind) -> None:
    assert find(bind) == Delegation()
    assert find(bind).clause("BIND") == "BIND has no NS records for it"
    delegate(bind, DOMAIN, ["NS-2.awsdns.net", "ns-1.awsdns.org"])
    assert find(bind) == find(bind, "Connect.ACME.com.") == Delegation(("ns-1.awsdns.org.", "ns-2.awsdns.net."))
    assert find(bind).clause("BIND") == "BIND answers now with ns-1.awsdns.org., ns-2.awsdns.net."
    # These need more than UDP has room for.
    long_names = [f"{'n' * 60}{number:02}.{'a' * 60}{number:02}.net." for number in range(12)]
    delegate(bind, DOMAIN, long_names)
    assert find(bind) == Delegation(tuple(long_names))


def test_domain_that_the_server_does_not_know(bind: Bind) -> None:
    delegate(bind, DOMAIN, ["ns1.awsdns.org"])
    for domain, reason in (
        ("connect.other.com", "answered REFUSED"),
        ("below.connect.acme.com", "neither has the zone above it nor asks others for it"),
        ("a" * 64 + ".acme.com", "A DNS label is > 63 octets long"),
    ):
        delegation = find(bind, domain)
        assert reason in delegation.problem
        assert delegation.clause("BIND") == f"BIND could not be asked ({delegation.problem})"


def public_dns(bind: Bind, port: int) -> Callable[[str, float], str]:
    """Returns `describe_public`, with that BIND as the resolver. All other servers are at the port."""

    def make_resolver() -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        resolver.nameserver_ports = {"127.0.0.1": bind.port}
        return resolver

    find = partial(find_delegation, udp_seconds=UDP_SECONDS, make_resolver=make_resolver)
    return partial(describe_public, find_delegation=find)


def test_public_dns_is_the_servers_of_the_zone_above(bind: Bind) -> None:
    describe = public_dns(bind, bind.port)
    assert describe(DOMAIN, SECONDS) == "public DNS has no NS records for it"
    # There is no zone in between, so the servers are found further up.
    assert describe("deep.below.acme.com", SECONDS) == "public DNS has no NS records for it"
    delegate(bind, DOMAIN, ["ns-2.awsdns.net", "ns-1.awsdns.org"])
    assert describe(DOMAIN, SECONDS) == "public DNS answers now with ns-1.awsdns.org., ns-2.awsdns.net."


def test_public_dns_that_does_not_respond(bind: Bind) -> None:
    describe = public_dns(bind, bind.port)
    assert "(this machine's resolver got no usable answer)" in describe("connect.other.com", SECONDS)
    assert describe(DOMAIN, 0) == "public DNS could not be asked (no answer in time)"
    # The zone above is known, but its servers are down.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert f"(127.0.0.1:{port}: Connection refused)" in public_dns(bind, port)(DOMAIN, SECONDS)
