"""TLS connections of `pulumi-agin doctor` to servers on loopback, with real certificates."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trustme

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import SYSTEM_CLOCK
from pulumi_agin.cli import doctor_connection
from pulumi_agin.cli.doctor_connection import Certificate, Connection, Destination, Problem, connect_all
from pulumi_agin.dnsclient import address_lookup, ns_lookup
from pulumi_agin.dnsclient.address_lookup import Addresses
from pulumi_agin.dnsclient.values import Server, parse_server
from tests.support.clock import Clock
from tests.support.dns_server import UDP_SECONDS, Respond, dns_server
from tests.support.tls_server import AUTHORITY, DAY, NOW, issue, new_authority, new_trusted_authority, tls_server
from tests.support.wire import serve

DOMAIN = "connect.acme.com"
NAME_SERVERS = ["ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."]

# Much longer than a handshake on a busy machine.
SECONDS = 20.0


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    return new_trusted_authority(tmp_path, monkeypatch)


def connect(place: str, domain: str = DOMAIN, *, needs_authority: bool = True) -> Connection:
    destination = Destination(domain, (), needs_authority)
    return connect_all([destination], parse_server(place), Budget(SECONDS, SYSTEM_CLOCK))[domain]


def in_rfc_3339(days: int) -> str:
    return f"{NOW + days * DAY:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("needs_authority", [True, False])
@pytest.mark.parametrize("name", [DOMAIN, "*.acme.com"])
def test_valid_certificate_has_no_problem(name: str, needs_authority: bool, authority: trustme.CA) -> None:
    issuer = authority if needs_authority else new_authority()
    with tls_server({DOMAIN: issue(issuer, name)}) as place:
        connection = connect(place, needs_authority=needs_authority)
    certificate = Certificate((name,), f"{AUTHORITY}, 1", in_rfc_3339(-1), in_rfc_3339(9))
    assert connection == Connection(server=parse_server(place), certificate=certificate)


@pytest.mark.parametrize("needs_authority", [True, False])
def test_wrong_name_expired_and_early_certificates_are_reported(needs_authority: bool, authority: trustme.CA) -> None:
    certificates = {
        "wrong.acme.com": issue(authority, "other.acme.com"),
        "expired.acme.com": issue(authority, "expired.acme.com", end=-DAY / 2),
        "early.acme.com": issue(authority, "early.acme.com", begin=DAY),
    }
    destinations = [Destination(domain, (), needs_authority) for domain in certificates]
    with tls_server(certificates) as place:
        connections = connect_all(destinations, parse_server(place), Budget(SECONDS, SYSTEM_CLOCK))
    assert [each.problem for each in connections.values()] == ["wrong name", "expired", "not yet valid"]
    # It is read nevertheless.
    found = [each.certificate for each in connections.values()]
    assert all(found)
    assert [each.names for each in found if each] == [("other.acme.com",), ("expired.acme.com",), ("early.acme.com",)]
    assert [each.starts_at for each in found if each][2] == in_rfc_3339(1)


@pytest.mark.parametrize(
    ("needs_authority", "problem"),
    [
        (False, "wrong name"),
        # From Python 3.13 on, the check of an authority's certificate is stricter, and comes first.
        (True, "invalid certificate" if sys.version_info >= (3, 13) else "wrong name"),
    ],
)
def test_certificate_without_san_is_rejected(needs_authority: bool, problem: Problem, authority: trustme.CA) -> None:
    certificate = authority.issue_cert(common_name=DOMAIN)
    with tls_server({DOMAIN: certificate}) as place:
        connection = connect(place, needs_authority=needs_authority)
    assert connection.problem == problem


def test_untrusted_issuer(authority: trustme.CA) -> None:
    with tls_server({DOMAIN: issue(new_authority(), DOMAIN)}) as place:
        connection = connect(place)
    assert (connection.problem, connection.reason) == ("untrusted issuer", "unable to get local issuer certificate")
    assert connection.certificate
    assert connection.certificate.issuer == f"{AUTHORITY}, 1"


def test_servers_behind_one_address_may_have_different_certificates() -> None:
    first, second = (issue(new_authority(), DOMAIN) for _ in range(2))
    with tls_server({}, first, second, second, second) as place:
        assert connect(place, needs_authority=False).problem is None
    with tls_server({}, first, second) as place:
        connection = connect(place, needs_authority=False)
    assert (connection.problem, connection.reason) == (
        "invalid certificate",
        "the server has another one for each connection",
    )


def test_failed_connection_shows_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: str, *_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown")

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = connect(f"127.0.0.1:{taken.getsockname()[1]}")
    with serve(lambda connection: connection.close()) as place:
        closed = connect(place)
    with serve(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as place:
        no_tls = connect(place)
    with tls_server({}) as place:
        unknown_name = connect(place)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", fail)
        unresolved = connect("nowhere.invalid:443")
    connections = [refused, closed, no_tls, unknown_name, unresolved]
    assert {(each.problem, each.certificate) for each in connections} == {("no connection", None)}
    assert refused.reason == "Connection refused"
    assert closed.reason == "the server closed the connection during the TLS handshake"
    # The rest is OpenSSL's.
    for each in (no_tls, unknown_name):
        assert each.reason.startswith("the TLS handshake failed (")
    assert unresolved.server == Server("nowhere.invalid", 443)
    assert unresolved.reason == "nowhere.invalid is unknown"


def test_hanging_server_times_out() -> None:
    is_connected, end = threading.Event(), threading.Event()

    def handle(connection: socket.socket) -> None:
        is_connected.set()
        end.wait(SECONDS)

    with serve(handle) as place:
        server = parse_server(place)
        # Only the handshake takes time.
        budget = Budget(0.1, Clock())
        connection = doctor_connection._connect_to(DOMAIN, Addresses((server.host,)), server.port, None, budget)
        assert is_connected.wait(SECONDS)
        end.set()
    assert connection == Connection("no connection", "timed out", server)


def test_time_limit_is_for_all_domains_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, in a lookup that does not end: nothing waits for it, and the second domain has no time left."""
    monkeypatch.setattr(doctor_connection, "AT_ONCE", 1)
    clock = Clock()
    has_begun, end = threading.Event(), threading.Event()

    def find(host: str) -> Addresses:
        clock.now += 1
        has_begun.set()
        end.wait(SECONDS)
        return Addresses()

    monkeypatch.setattr(doctor_connection, "find_addresses_here", find)
    destinations = [Destination(domain, (), needs_authority=True) for domain in (DOMAIN, "devices.acme.com")]
    connections = connect_all(destinations, Server("127.0.0.1", 443), Budget(0.1, clock))
    assert has_begun.wait(SECONDS)
    end.set()
    late = Connection("no connection", "no result within 0.1 seconds for all domains together")
    assert connections == {DOMAIN: late, "devices.acme.com": late}


def test_connections_end_before_the_time_limit_so_that_their_reasons_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[float] = []

    def connect(destination: Destination, server: object, authorities: object, budget: Budget) -> Connection:
        left.append(budget.left)
        return Connection()

    monkeypatch.setattr(doctor_connection, "_connect", connect)
    connect_all([Destination(DOMAIN, (), needs_authority=True)], None, Budget(10, Clock()))
    assert left == [9]


def test_domains_are_connected_to_side_by_side(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_connection, "AT_ONCE", 8)
    together = threading.Barrier(8)

    def wait_for_others(connection: socket.socket) -> None:
        together.wait(SECONDS)

    destinations = [Destination(f"d{number}.acme.com", (), needs_authority=True) for number in range(8)]
    with serve(wait_for_others) as place:
        connect_all(destinations, parse_server(place), Budget(SECONDS, SYSTEM_CLOCK))
    assert not together.broken


# -- through the delegated name servers -----------------------------------------------------------------


def addresses(*found: str) -> Respond:
    """Responds as a name server of the domain, which has these addresses."""

    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        assert not query.flags & dns.flags.RD
        response.flags |= dns.flags.AA
        kind = query.question[0].rdtype
        values = [address for address in found if (":" in address) == (kind == dns.rdatatype.AAAA)]
        if values:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, *values))

    return respond


def failing(rcode: dns.rcode.Rcode, flags: dns.flags.Flag = dns.flags.AA) -> Respond:
    def respond(query: dns.message.Message, response: dns.message.Message) -> None:
        response.flags |= flags
        response.set_rcode(rcode)

    return respond


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses that this machine's resolver returns: of both name servers 127.0.0.1, and none of the domain."""
    found = {name: ["127.0.0.1"] for name in NAME_SERVERS}

    def find(host: str) -> Addresses:
        return Addresses(tuple(found.get(host, ())))

    for module in (address_lookup, doctor_connection):
        monkeypatch.setattr(module, "find_addresses_here", find)
    return found


def resolve(server: Server, name_servers: Sequence[str] = NAME_SERVERS) -> Addresses:
    return address_lookup.find_addresses(DOMAIN, name_servers, Budget(SECONDS, SYSTEM_CLOCK), server.port)


def test_addresses_come_from_the_name_servers_of_the_domain(here: dict[str, list[str]]) -> None:
    with dns_server(addresses("2001:db8::7", "198.51.100.7", "198.51.100.8")) as server:
        found = resolve(server)
    # The server has no order.
    assert (sorted(found.found), found.found[2]) == (["198.51.100.7", "198.51.100.8", "2001:db8::7"], "2001:db8::7")
    with dns_server(addresses()) as server:
        assert resolve(server) == Addresses()
    with dns_server(failing(dns.rcode.NXDOMAIN)) as server:
        assert resolve(server) == Addresses()


def test_next_name_server_is_queried_after_a_failure(
    here: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with dns_server(failing(dns.rcode.REFUSED)) as server:
        assert resolve(server).problem == f"{server} returned REFUSED"
    with dns_server(failing(dns.rcode.NOERROR, dns.flags.RA)) as server:
        assert resolve(server).problem == f"{server} is not a name server of the domain"
    with monkeypatch.context() as patch:
        # A server that is down does not respond by UDP.
        patch.setattr(ns_lookup, "UDP_SECONDS", UDP_SECONDS)
        assert resolve(server).problem == f"{server}: Connection refused"
    assert resolve(server, ["ns.nowhere."]).problem == "this machine's resolver found no address of the name servers"

    def response_to(query: dns.message.Message, server: Server, budget: Budget) -> dns.message.Message:
        if server.host != "127.0.0.1":
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return ns_lookup.response_to(query, server, budget)

    # Another one responds.
    monkeypatch.setattr(address_lookup, "response_to", response_to)
    here[NAME_SERVERS[0]] = ["127.0.0.2", "100::1"]
    with dns_server(addresses("198.51.100.7")) as server:
        assert resolve(server) == Addresses(("198.51.100.7",))


ConnectAsAgent = Callable[[Respond, str], Connection]


@pytest.fixture
def connect_as_agent(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> ConnectAsAgent:
    """Connects to a TLS server whose address a name server has. Both are on free ports."""

    def run(respond: Respond, place: str) -> Connection:
        with dns_server(respond) as server:
            find = partial(address_lookup.find_addresses, port=server.port)
            monkeypatch.setattr(doctor_connection, "find_addresses", find)
            monkeypatch.setattr(doctor_connection, "TLS_PORT", parse_server(place).port)
            destinations = [Destination(DOMAIN, NAME_SERVERS, needs_authority=True)]
            return connect_all(destinations, None, Budget(SECONDS, SYSTEM_CLOCK))[DOMAIN]

    return run


def test_any_address_of_the_domain_is_enough(
    authority: trustme.CA,
    here: dict[str, list[str]],
    connect_as_agent: ConnectAsAgent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_connection = socket.create_connection

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == "100::1":
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return create_connection(address, timeout)

    monkeypatch.setattr(socket, "create_connection", connect)
    here[DOMAIN] = ["127.0.0.1"]
    # 100::1 has no route, and nothing listens at 127.0.0.2 and 127.0.0.3.
    with tls_server({DOMAIN: issue(authority, DOMAIN)}) as place:
        found = connect_as_agent(addresses("100::1", "127.0.0.2", "127.0.0.3", "127.0.0.1"), place)
        lost = connect_as_agent(addresses("100::1", "127.0.0.2"), place)
    assert (found.problem, found.server) == (None, parse_server(place))
    assert (lost.problem, lost.reason) == ("no connection", "Connection refused")
    assert lost.server == Server("127.0.0.2", parse_server(place).port)


def test_address_that_hangs_leaves_time_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def examine(peer: doctor_connection._Peer, authorities: object) -> Connection:
        clock.sleep(peer.budget.left)
        return Connection("no connection", f"timed out after {peer.budget.elapsed} seconds", peer.server)

    monkeypatch.setattr(doctor_connection, "_examine", examine)
    found = Addresses(("192.0.2.1", "192.0.2.2", "2001:db8::1"))
    connection = doctor_connection._connect_to(DOMAIN, found, 443, None, Budget(9, clock))
    assert connection == Connection("no connection", "timed out after 3.0 seconds", Server("192.0.2.1", 443))
    assert clock.slept == [3, 3, 3]


def test_different_local_address_is_reported(
    authority: trustme.CA, here: dict[str, list[str]], connect_as_agent: ConnectAsAgent
) -> None:
    with tls_server({DOMAIN: issue(authority, DOMAIN)}) as place:
        # Nothing listens at the second one.
        for found_here in ([], ["127.0.0.2"]):
            here[DOMAIN] = found_here
            connection = connect_as_agent(addresses("127.0.0.1"), place)
            assert (connection.problem, connection.resolved) == ("resolves elsewhere", ("127.0.0.1",))
            assert list(connection.resolved_here) == found_here
        # A resolver may get another address of the same service.
        here[DOMAIN] = ["127.1"]
        assert connect_as_agent(addresses("127.0.0.1"), place).problem is None


def test_only_names_that_agents_match_are_shown() -> None:
    alternatives = (("DNS", DOMAIN), ("DirName", ((("commonName", "x"),),)), ("IP Address", "192.0.2.1"))
    times = {"notBefore": "Nov 29 00:00:00 2026 GMT", "notAfter": "Nov 30 12:00:00 2026 GMT"}
    certificate = doctor_connection._parse({"issuer": (), "subjectAltName": alternatives, **times})
    expected = Certificate(
        (DOMAIN, "192.0.2.1"), "an issuer without a name", "2026-11-29T00:00:00Z", "2026-11-30T12:00:00Z"
    )
    assert certificate == expected


def test_domain_without_an_address(here: dict[str, list[str]], connect_as_agent: ConnectAsAgent) -> None:
    connection = connect_as_agent(addresses(), "127.0.0.1:443")
    assert (connection.problem, connection.reason, connection.server) == ("no address", "", None)
    connection = connect_as_agent(failing(dns.rcode.SERVFAIL), "127.0.0.1:443")
    assert connection.problem == "no address"
    assert connection.reason.endswith(" returned SERVFAIL")
