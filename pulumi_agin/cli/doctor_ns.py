"""Lookups of delegations: the NS records of domains at the servers of the parent zones."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.base.names import DNS_PORT, Server, canonical_ns_targets, is_ip
from pulumi_agin.base.redaction import listed, one_line

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype
    import dns.resolver
except ImportError as error:
    raise ImportError(missing_extra("a DNS lookup", "doctor"), name=error.name) from None

# The limit of one attempt, so that an unreachable server leaves time for the others.
ATTEMPT_SECONDS = 2.0
UDP_SECONDS = 2.0

# The time limits of lookups in a command: of one domain, and of all domains of an account.
LOOKUP_SECONDS = 10.0
ACCOUNT_SECONDS = 60.0

# The limit of concurrent lookups, which mostly wait for the network.
LOOKUPS_AT_ONCE = 16

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")


@dataclass(frozen=True)
class NsDifferences:
    """How NS records differ from the expected ones. It is false if they are the same."""

    missing: Sequence[str]
    extra: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    def __str__(self) -> str:
        both = {"missing": self.missing, "extra": self.extra}
        return "; ".join(f"{word}: {listed(names)}" for word, names in both.items() if names)


@dataclass(frozen=True)
class DnsResult:
    """The NS records of a name at a server, or the reason that no server could be queried."""

    names: tuple[str, ...] = ()
    """The values of the records in canonical form; empty if there are no records."""
    problem: str = ""
    """The reason that no server could be queried, without a final period; "" if there was a response."""
    cname: str = ""
    """The target of a CNAME record, in canonical form, which was returned instead of NS records; "" without one."""

    def differences(self, expected: Sequence[str]) -> NsDifferences:
        """Compares the values with the expected ones, in canonical form."""
        missing = [name for name in expected if name not in self.names]
        return NsDifferences(missing, [name for name in self.names if name not in expected])

    def describe(self, server: str) -> str:
        """Returns a clause for messages. `server` is a name such as "public DNS"."""
        if self.problem:
            return f"{server} could not be queried ({self.problem})"
        if self.cname:
            return f"{server} returns no NS records for it, but a CNAME record to {one_line(self.cname)}"
        if not self.names:
            return f"{server} has no NS records for it"
        return f"{server} now returns {listed(self.names)}"


def parse_server(string: str) -> Server:
    """Parses HOST:PORT, or HOST alone for port 53. Raises ValueError with a sentence if it is neither.

    An IPv6 address with a port is in brackets.
    """
    if is_ip(string):
        return Server(string, DNS_PORT)
    with suppress(ValueError):
        parts = urlsplit(f"//{string}")
        server = Server(parts.hostname or "", DNS_PORT if parts.port is None else parts.port)
        is_host = is_ip(server.host) or _HOST_NAME.fullmatch(server.host)
        # Nothing else may be in the string.
        if is_host and server.port and string.lower() in (str(server), str(server).removesuffix(f":{DNS_PORT}")):
            return server
    example = Server("::1", DNS_PORT)
    raise ValueError(f'"{one_line(string, 80)}" is not the address of a DNS server; use HOST:PORT, such as {example}')


def find_delegation(
    domain: str, timeout_seconds: float, server: Server | None = None, clock: Clock = SYSTEM_CLOCK
) -> DnsResult:
    """Queries a server for the NS records of a domain. Raises nothing.

    The server is one of the parent zone, or a resolver. Without one, this machine's resolver finds the servers of the
    parent zone, which are queried until one responds. The system's lookup of the server's name can take longer than the
    timeout.
    """
    budget = Budget(timeout_seconds, clock)
    result = DnsResult(problem="found no address for any name server of the parent zone")
    try:
        owner = dns.name.from_text(domain.rstrip(".") + ".")
        queries = _queries_of_parent_servers(owner, budget) if server is None else _queries_of_server(server)
        for address, recursion in queries:
            if budget.left <= 0:
                raise dns.exception.Timeout
            result = _query(owner, address, budget, recursion=recursion)
            if not result.problem:
                break
    except (dns.exception.DNSException, OSError, UnicodeError) as error:
        return DnsResult(problem=reason_of(error))
    return result


def find_delegations(domains: Sequence[str], budget: Budget, server: Server | None) -> dict[str, DnsResult]:
    """Looks up domains side by side, and returns the results. Each may be a problem, such as a timeout."""

    def find(domain: str) -> DnsResult:
        return find_delegation(domain, min(LOOKUP_SECONDS, budget.left), server)

    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as threads:
        return dict(zip(domains, threads.map(find, domains), strict=True))


def _queries_of_server(server: Server) -> Iterable[tuple[Server, bool]]:
    """Returns the server's address, first for a query without recursion, then for one with it.

    A resolver may reject a query without recursion, or use only its cache for it. Other servers ignore the flag.
    """
    address = address_of(server)
    return [(Server(address, server.port), recursion) for recursion in (False, True)]


def address_of(server: Server) -> str:
    """Returns the IP address of a server. Raises OSError if its name does not resolve."""
    return str(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0][4][0])


def _queries_of_parent_servers(owner: dns.name.Name, budget: Budget) -> Iterable[tuple[Server, bool]]:
    """Yields the addresses of the servers of the parent zone, each for a query without recursion.

    Resolves each name when it is needed, and leaves out those that it can't resolve.
    """
    resolver = dns.resolver.Resolver()
    zone = dns.resolver.zone_for_name(owner.parent(), resolver=resolver, lifetime=budget.left)
    for record in resolver.resolve(zone, "NS", lifetime=budget.left):
        for kind in ("A", "AAAA"):
            with suppress(dns.exception.DNSException):
                for found in resolver.resolve(record.target, kind, lifetime=min(ATTEMPT_SECONDS, budget.left)):
                    # The port is 53, except in tests.
                    yield Server(found.address, resolver.port), False


def _query(owner: dns.name.Name, server: Server, budget: Budget, *, recursion: bool) -> DnsResult:
    """Queries one server for the NS records of a name. Only an authoritative server or a resolver is trusted."""
    query = dns.message.make_query(owner, "NS", flags=dns.flags.RD if recursion else 0)
    try:
        response = _response_to(query, server, budget)
    except (dns.exception.DNSException, OSError, EOFError) as error:
        return DnsResult(problem=f"{server}: {reason_of(error)}")
    # The records of a delegation are in the authority section, or in the answer if a server has both zones.
    for section in (response.answer, response.authority):
        records = response.get_rrset(section, owner, dns.rdataclass.IN, dns.rdatatype.NS)
        if records is not None:
            return DnsResult(tuple(canonical_ns_targets(str(record.target) for record in records)))
    # It may be from a wildcard. A resolver that can't follow it returns it, too.
    cname = response.get_rrset(response.answer, owner, dns.rdataclass.IN, dns.rdatatype.CNAME)
    if cname is not None:
        return DnsResult(cname=canonical_ns_targets(str(record.target) for record in cname)[0])
    rcode = response.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return DnsResult(problem=f"{server} returned {dns.rcode.to_text(rcode)}")
    if response.flags & dns.flags.AA or (recursion and response.flags & dns.flags.RA):
        return DnsResult()
    return DnsResult(problem=f"{server} is neither a name server of the parent zone nor a resolver")


def _response_to(query: dns.message.Message, server: Server, budget: Budget) -> dns.message.Message:
    """Sends a query by UDP, and by TCP if there is no response in time or it is too long for UDP."""
    # Half of the time is reserved for TCP, in case UDP is lost or filtered.
    udp_seconds = min(UDP_SECONDS, budget.left / 2)
    try:
        response, _ = dns.query.udp_with_fallback(query, server.host, udp_seconds, server.port)
    except dns.exception.Timeout:
        response = dns.query.tcp(query, server.host, min(ATTEMPT_SECONDS, budget.left), server.port)
    return response


_REASONS = {
    dns.exception.Timeout: "timed out",
    dns.resolver.NoNameservers: "this machine's resolver got no usable response",
    dns.resolver.NoRootSOA: "this machine's resolver found no zone",
    dns.resolver.NoResolverConfiguration: "this machine has no DNS resolver configured",
    UnicodeError: "its name is not a valid DNS name",
    EOFError: "the connection ended before the response",
}


def reason_of(error: BaseException) -> str:
    """Returns the reason of a failed lookup for messages, without a final period."""
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__, 100).rstrip(".")
