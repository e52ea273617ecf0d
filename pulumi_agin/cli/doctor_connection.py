"""TLS connections to domains, as agents make them: the certificate, or the reason that there is no connection.

Python's `ssl` shows the content of a certificate only if it trusts it. So each read of a certificate that it does not
trust is two connections: the first one accepts any certificate, and the second one trusts only that certificate.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal

from pulumi_agin.base.budget import Budget, format_duration
from pulumi_agin.base.clock import format_time
from pulumi_agin.base.redaction import one_line
from pulumi_agin.dnsclient.address_lookup import Addresses, find_addresses, find_addresses_here
from pulumi_agin.dnsclient.ns_lookup import reason_of
from pulumi_agin.dnsclient.values import Server

from .server_options import TLS_PORT

# The limit of concurrent connections, which mostly wait for the network.
AT_ONCE = 64

# Servers behind one address may have different certificates.
_ATTEMPTS = 3

Problem = Literal[
    "no address",
    "no connection",
    "wrong name",
    "expired",
    "not yet valid",
    "untrusted issuer",
    "invalid certificate",
    "resolves elsewhere",
]

# By OpenSSL's numbers (X509_V_ERR_…). Every other one is an invalid certificate.
_PROBLEMS: Mapping[int, Problem] = {
    9: "not yet valid",
    10: "expired",
    18: "untrusted issuer",
    19: "untrusted issuer",
    20: "untrusted issuer",
    21: "untrusted issuer",
    62: "wrong name",
}

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)


@dataclass(frozen=True)
class Destination:
    """A domain to connect to."""

    domain: str
    name_servers: Sequence[str]
    """Those that its delegation names."""
    needs_authority: bool
    """Whether an authority that this machine trusts must have issued its certificate. If not, any issuer is right."""


@dataclass(frozen=True)
class Certificate:
    """A server's certificate. The times are in RFC 3339."""

    names: tuple[str, ...]
    issuer: str
    starts_at: str
    expires_at: str


@dataclass(frozen=True)
class Connection:
    """The result of a connection."""

    problem: Problem | None = None
    """The obstacle for an agent; None if an agent can connect."""
    reason: str = ""
    """The network's or OpenSSL's error, without a final period."""
    server: Server | None = None
    """The server that was connected to, or that could not be; None if there is no address."""
    certificate: Certificate | None = None
    resolved: Sequence[str] = ()
    """The addresses of the domain at its own name servers."""
    resolved_here: Sequence[str] = ()
    """The addresses of the domain with this machine's resolver."""


def connect_all(destinations: Sequence[Destination], server: Server | None, budget: Budget) -> Mapping[str, Connection]:
    """Connects to all destinations within the budget, side by side, and returns the result for each domain.

    If there is a server, it is connected to instead, and no domain is resolved. The names that are sent and checked
    stay the domains.
    """
    # Shared, because it reads the certificates of all authorities.
    authorities = _without_common_name(ssl.create_default_context())
    # A connection that times out still returns its reason.
    own_budget = budget.reserve(budget.seconds / 10)
    waiting: queue.SimpleQueue[Destination] = queue.SimpleQueue()
    for destination in destinations:
        waiting.put(destination)
    results: dict[str, Connection] = {}

    def connect() -> None:
        while own_budget.left > 0:
            try:
                destination = waiting.get_nowait()
            except queue.Empty:
                return
            results[destination.domain] = _connect(destination, server, authorities, own_budget)

    # Not an executor, which would wait for a thread in a lookup by the system, which has no limit.
    threads = [threading.Thread(target=connect, daemon=True) for _ in destinations[:AT_ONCE]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(budget.left, 0))
    late = Connection("no connection", f"no result within {format_duration(budget.seconds)} for all domains together")
    return {each.domain: results.get(each.domain, late) for each in destinations}


def _connect(
    destination: Destination, server: Server | None, authorities: ssl.SSLContext, budget: Budget
) -> Connection:
    """Resolves a domain, and connects to its addresses until one of them responds."""
    issuers = authorities if destination.needs_authority else None
    if server is not None:
        addresses = find_addresses_here(server.host)
        if addresses.problem:
            return Connection("no connection", addresses.problem, server)
        return _connect_to(destination.domain, addresses, server.port, issuers, budget)
    addresses = find_addresses(destination.domain, destination.name_servers, budget)
    connection = _connect_to(destination.domain, addresses, TLS_PORT, issuers, budget.part(budget.left / 2))
    here = find_addresses_here(destination.domain)
    if connection.problem is None and not set(here.found) & set(addresses.found):
        # A resolver may get other addresses than this machine. If they are ngrok's, their certificate is right, too.
        as_agents_here = _connect_to(destination.domain, here, TLS_PORT, issuers, budget)
        if as_agents_here.problem is not None:
            connection = replace(connection, problem="resolves elsewhere")
    return replace(connection, resolved=addresses.found, resolved_here=here.found)


def _connect_to(
    domain: str, addresses: Addresses, port: int, authorities: ssl.SSLContext | None, budget: Budget
) -> Connection:
    """Connects to the addresses until one of them responds. If none does, returns the result of the first one."""
    first = None
    for number, address in enumerate(addresses.found):
        # The others must have their share of the time.
        share = budget.part(budget.left / (len(addresses.found) - number))
        connection = _examine(_Peer(domain, Server(address, port), share), authorities)
        if connection.problem != "no connection":
            return connection
        first = first or connection
    return first or Connection("no address", addresses.problem)


@dataclass(frozen=True)
class _Peer:
    """A server with a certificate for a domain, and the time for all connections to it."""

    domain: str
    server: Server
    budget: Budget

    def certificate(self, context: ssl.SSLContext) -> Certificate:
        """Connects, and returns the certificate, which the context trusts."""
        with self._connection(context) as tls:
            return _parse(tls.getpeercert() or {})

    def any_certificate(self) -> bytes:
        """Connects without a check, and returns the certificate. It is only read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with self._connection(context) as tls:
            return tls.getpeercert(binary_form=True) or b""

    @contextmanager
    def _connection(self, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        with socket.create_connection((self.server.host, self.server.port), self._seconds_left) as tcp:
            tcp.settimeout(self._seconds_left)
            with context.wrap_socket(tcp, server_hostname=self.domain) as tls:
                yield tls

    @property
    def _seconds_left(self) -> float:
        # 0 is not a timeout.
        return max(self.budget.left, 0.001)


def _examine(peer: _Peer, authorities: ssl.SSLContext | None) -> Connection:
    """Connects to one server, and checks its certificate. Without authorities, every issuer is right."""
    for _ in range(_ATTEMPTS):
        try:
            certificate = peer.certificate(authorities or _trusting(peer.any_certificate()))
            return Connection(server=peer.server, certificate=certificate)
        except ssl.SSLCertVerificationError as error:
            problem = _PROBLEMS.get(error.verify_code, "invalid certificate")
            # Without authorities, this is another certificate than the one that was just read.
            if authorities is not None or problem != "untrusted issuer":
                return Connection(problem, one_line(error.verify_message), peer.server, _read_unverified(peer))
        except (OSError, ValueError) as error:
            return Connection("no connection", _reason(error), peer.server)
    return Connection("invalid certificate", "the server has another one for each connection", peer.server)


def _read_unverified(peer: _Peer) -> Certificate | None:
    """Returns the certificate of a server, which may have any name and any period of validity."""
    try:
        context = _trusting(peer.any_certificate())
        context.check_hostname = False
        context.verify_flags |= _NO_CHECK_TIME
        return peer.certificate(context)
    except (OSError, ValueError):
        return None


def _trusting(certificate: bytes) -> ssl.SSLContext:
    """Returns a context that trusts only one certificate, and checks its name and its period of validity."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return _without_common_name(context)


def _without_common_name(context: ssl.SSLContext) -> ssl.SSLContext:
    """Ignores the common name of certificates, as agents do: names count only in the extension for them."""
    context.hostname_checks_common_name = False
    return context


def _parse(certificate: Mapping[str, Any]) -> Certificate:
    issuer = [value for part in certificate["issuer"] for name, value in part if name != "countryName"]
    return Certificate(
        # Agents match no other kinds. Python has a tuple for some of those.
        names=tuple(name for kind, name in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address")),
        issuer=one_line(", ".join(issuer)) or "an issuer without a name",
        starts_at=_time(certificate["notBefore"]),
        expires_at=_time(certificate["notAfter"]),
    )


def _time(in_certificate: str) -> str:
    return format_time(datetime.fromtimestamp(ssl.cert_time_to_seconds(in_certificate), timezone.utc))


def _reason(error: BaseException) -> str:
    """Returns the reason that there is no connection."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, (ssl.SSLEOFError, ConnectionResetError)):
        return "the server closed the connection during the TLS handshake"
    if isinstance(error, ssl.SSLError):
        return f"the TLS handshake failed ({one_line(error.reason or str(error), 100).lower().replace('_', ' ')})"
    return reason_of(error)
