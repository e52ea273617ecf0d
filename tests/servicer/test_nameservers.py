"""What DNS says of a delegation, asked of a real BIND."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

import dns.resolver
import pytest

from pulumi_agin.nameservers import Delegation, describe_public, find_delegation, parse_server
from tests.support.records import DOMAIN, SECONDS, delegate
from tests.unit.test_nameservers import UDP_SECONDS
from tools.bind import Bind


def found(bind: Bind, domain: str = DOMAIN) -> Delegation:
    return find_delegation(domain, SECONDS, parse_server(bind.address))


def test_a_delegation_is_read_from_the_parent_zone(bind: Bind) -> None:
    assert found(bind) == Delegation()
    assert found(bind).clause("BIND") == "BIND has no NS records for it"
    delegate(bind, DOMAIN, ["NS-2.awsdns.net", "ns-1.awsdns.org"])
    assert found(bind) == Delegation(("ns-1.awsdns.org.", "ns-2.awsdns.net."))
    assert found(bind, "Connect.ACME.com.") == found(bind)
    assert found(bind).clause("BIND") == "BIND answers now with ns-1.awsdns.org., ns-2.awsdns.net."


def test_an_answer_that_is_too_long_for_udp(bind: Bind) -> None:
    names = [f"{'n' * 60}{number:02}.{'a' * 60}{number:02}.net." for number in range(12)]
    delegate(bind, DOMAIN, names)
    assert found(bind).names == tuple(names)


@pytest.mark.parametrize(
    ("domain", "reason"),
    [
        ("connect.other.com", "answered REFUSED"),
        ("below.connect.acme.com", "neither has the zone above it nor asks others for it"),
        ("a" * 64 + ".acme.com", "A DNS label is > 63 octets long"),
    ],
)
def test_what_a_server_can_not_tell(bind: Bind, domain: str, reason: str) -> None:
    delegate(bind, DOMAIN, ["ns1.awsdns.org"])
    there = found(bind, domain)
    assert there.names == ()
    assert reason in there.problem
    assert there.clause("BIND") == f"BIND could not be asked ({there.problem})"


def public(bind: Bind, port: int) -> Callable[[str, float], str]:
    """Public DNS: its resolver is that BIND, and all other servers have a port of their own."""

    def make_resolver() -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        resolver.nameserver_ports = {"127.0.0.1": bind.port}
        return resolver

    find = partial(find_delegation, udp_seconds=UDP_SECONDS, make_resolver=make_resolver)
    return partial(describe_public, find_delegation=find)


def test_public_dns_is_the_servers_of_the_zone_above(bind: Bind) -> None:
    describe_public = public(bind, bind.port)
    assert describe_public(DOMAIN, SECONDS) == "public DNS has no NS records for it"
    # Between the two is no zone: its servers are found further up.
    assert describe_public("deep.below.acme.com", SECONDS) == "public DNS has no NS records for it"
    delegate(bind, DOMAIN, ["ns-2.awsdns.net", "ns-1.awsdns.org"])
    assert describe_public(DOMAIN, SECONDS) == "public DNS answers now with ns-1.awsdns.org., ns-2.awsdns.net."


def test_public_dns_that_can_not_be_asked(bind: Bind) -> None:
    describe_public = public(bind, bind.port)
    assert describe_public("connect.other.com", SECONDS) == (
        "public DNS could not be asked (this machine's resolver got no usable answer)"
    )
    assert describe_public(DOMAIN, 0) == "public DNS could not be asked (no answer in time)"
    # The zone above is known, and none of its servers can be asked.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert public(bind, taken.getsockname()[1])(DOMAIN, SECONDS) == (
            f"public DNS could not be asked (127.0.0.1:{taken.getsockname()[1]}: Connection refused)"
        )
