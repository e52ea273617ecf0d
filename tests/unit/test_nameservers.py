"""What DNS says of a delegation, asked of servers that only a test can have."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import dns.rrset
import dns.tsigkeyring
import dns.update
import pytest

from pulumi_agin.nameservers import Delegation, Server, describe_public, find_delegation, parse_server
from tests.support.clock import Clock

DOMAIN = "connect.acme.com"
SECONDS = 10.0

# Real, and short: only time shows that nothing answers by UDP.
UDP_SECONDS = 0.05


# -- a server that was named ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("127.0.0.1:5353", Server("127.0.0.1", 5353)),
        ("127.0.0.1", Server("127.0.0.1", 53)),
        ("ns1.acme.com:53", Server("ns1.acme.com", 53)),
        ("dns", Server("dns", 53)),
        ("[::1]:5353", Server("::1", 5353)),
        ("[::1]", Server("::1", 53)),
        ("2001:db8::1", Server("2001:db8::1", 53)),
    ],
)
def test_the_address_of_a_server(text: str, server: Server) -> None:
    assert parse_server(text) == server
    assert parse_server(str(server)) == server


@pytest.mark.parametrize(
    "text",
    ["", ":53", "a b", "127.0.0.1:", "127.0.0.1:dns", "a:0", "a:65536", "a:-1", "a:1:2", "a:٥٣", "-x"],
)
@pytest.mark.parametrize("form", ["{}", "[{}", "https://{}"])
def test_what_is_no_address_of_a_server(text: str, form: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not the address of a DNS server; give HOST:PORT, such as 127\.0\.0\.1:53"
    ):
        parse_server(form.format(text))


def test_a_server_that_is_down_or_has_no_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = Server("127.0.0.1", taken.getsockname()[1])
        assert find_delegation(DOMAIN, SECONDS, server, udp_seconds=UDP_SECONDS).problem == (
            f"{server}: Connection refused"
        )
    assert find_delegation(DOMAIN, SECONDS, Server("nowhere.invalid", 53)).problem


# -- servers that only a test can have --------------------------------------------------------------------

Answers = Callable[[dns.message.Message, dns.message.Message], None]


@contextmanager
def answering(answers: Answers, kind: socket.SocketKind = socket.SOCK_DGRAM) -> Iterator[Server]:
    """A server on UDP or TCP alone. `answers` fills in the response to a query."""

    def response(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        made = dns.message.make_response(query)
        answers(query, made)
        return made.to_wire()

    def serve(server: socket.socket) -> None:
        while True:
            if kind == socket.SOCK_DGRAM:
                wire, client = server.recvfrom(2000)
                if not wire:
                    return
                server.sendto(response(wire), client)
                continue
            connection, _ = server.accept()
            with connection:
                size = connection.recv(2)
                if not size:
                    return
                sent = response(connection.recv(2000))
                connection.sendall(len(sent).to_bytes(2, "big") + sent)

    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        try:
            yield Server(*server.getsockname())
        finally:
            with socket.socket(socket.AF_INET, kind) as end:
                end.connect(server.getsockname())
                if kind == socket.SOCK_DGRAM:
                    end.send(b"")
            thread.join(SECONDS)


def resolver(names: Iterable[str], rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Answers:
    """Answers what it is asked with recursion, and nothing else."""

    def answers(query: dns.message.Message, response: dns.message.Message) -> None:
        response.flags |= dns.flags.RA
        if not query.flags & dns.flags.RD:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.set_rcode(rcode)
        if names:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "NS", *names))

    return answers


def refer(query: dns.message.Message, response: dns.message.Message) -> None:
    """Has the zone above, and asks others too where it is asked to: those that it delegates to are not there yet."""
    response.flags |= dns.flags.RA
    if query.flags & dns.flags.RD:
        response.set_rcode(dns.rcode.SERVFAIL)
        return
    response.authority.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "NS", "ns1.awsdns.org."))


def test_a_resolver_is_asked_as_one() -> None:
    with answering(resolver(["ns1.awsdns.org."])) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == Delegation(("ns1.awsdns.org.",))
    with answering(resolver([])) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == Delegation()
    with answering(resolver([], dns.rcode.NXDOMAIN)) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == Delegation()
    with answering(resolver([], dns.rcode.SERVFAIL)) as server:
        assert find_delegation(DOMAIN, SECONDS, server).problem == f"{server} answered SERVFAIL"


def test_tcp_is_tried_where_udp_stays_silent() -> None:
    with answering(refer, socket.SOCK_STREAM) as server:
        assert find_delegation(DOMAIN, SECONDS, server, udp_seconds=UDP_SECONDS) == Delegation(("ns1.awsdns.org.",))


def test_all_queries_of_a_lookup_share_its_time() -> None:
    clock = Clock()

    def refuse_late(query: dns.message.Message, response: dns.message.Message) -> None:
        clock.now += SECONDS
        response.set_rcode(dns.rcode.REFUSED)

    with answering(refuse_late) as server:
        assert find_delegation(DOMAIN, SECONDS, server, clock=clock) == Delegation(problem="no answer in time")


def test_a_server_of_the_zone_above_is_asked_for_the_delegation_alone() -> None:
    with answering(refer) as server:
        assert find_delegation(DOMAIN, SECONDS, server) == Delegation(("ns1.awsdns.org.",))


def test_a_referral_elsewhere_is_no_answer() -> None:
    def upwards(query: dns.message.Message, response: dns.message.Message) -> None:
        response.authority.append(dns.rrset.from_text(".", 60, "IN", "NS", "a.root-servers.net."))

    with answering(upwards) as server:
        assert find_delegation(DOMAIN, SECONDS, server).problem == (
            f"{server} neither has the zone above it nor asks others for it"
        )


def test_a_machine_without_a_resolver(tmp_path: Path) -> None:
    make_resolver = partial(dns.resolver.Resolver, str(tmp_path / "resolv.conf"))
    assert describe_public(DOMAIN, SECONDS, partial(find_delegation, make_resolver=make_resolver)) == (
        "public DNS could not be asked (this machine has no DNS resolver configured)"
    )


def test_without_dnspython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    with pytest.raises(ImportError, match=r"pip install 'pulumi-agin\[doctor\]'"):
        describe_public(DOMAIN, SECONDS)
