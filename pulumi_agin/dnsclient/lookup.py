"""Lookup of a delegation: the NS records that the servers of the parent zone have for a domain."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from pulumi_agin.api.canonical import canonical_ns_targets
from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.retry import Deadline

from .values import DnsAnswer, Server

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
    raise ImportError("DNS lookups need dnspython: pip install 'pulumi-agin[doctor]'", name=error.name) from None

# The limit of one try, so that a server that is down leaves time for the others.
TRY_SECONDS = 2.0
UDP_SECONDS = 2.0


def find_delegation(
    domain: str, timeout_seconds: float, server: Server | None = None, clock: Clock = SYSTEM_CLOCK
) -> DnsAnswer:
    """Queries a server for the NS records of a domain. Raises nothing.

    The server is one of the zone above the domain, or a resolver. Without one, the servers of the zone above are found
    by this machine's resolver. The system's lookup of the server's name can take longer than the timeout.
    """
    deadline = Deadline(timeout_seconds, clock)
    try:
        lookup = _Queries(dns.name.from_text(domain.rstrip(".") + "."), deadline)
        return lookup.query_parent_zone(dns.resolver.Resolver()) if server is None else lookup.query_server(server)
    except _NoAnswerError as error:
        return DnsAnswer(problem=str(error))
    except (dns.exception.DNSException, OSError, EOFError, UnicodeError) as error:
        return DnsAnswer(problem=_reason(error))


def describe_public_delegation(domain: str, timeout_seconds: float) -> str:
    """Returns a clause for messages about the delegation of a domain in public DNS. Raises nothing."""
    return one_line(find_delegation(domain, timeout_seconds).describe("public DNS"))


class _NoAnswerError(Exception):
    """There is no answer. The message is a clause with the reason."""


@dataclass(frozen=True)
class _Queries:
    """A lookup of one name's NS records, with all of its queries."""

    owner: dns.name.Name
    deadline: Deadline

    def query_server(self, server: Server) -> DnsAnswer:
        address = str(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0][4][0])
        try:
            return self._query(address, server.port, recursion=False)
        except _NoAnswerError:
            # A resolver may reject a query without recursion, or answer it from its cache alone. Other servers answer
            # this query as they did the first.
            return self._query(address, server.port, recursion=True)

    def query_parent_zone(self, resolver: dns.resolver.Resolver) -> DnsAnswer:
        failure = _NoAnswerError("no server of the zone above it has an address")
        for address in self._parent_addresses(resolver):
            try:
                return self._query(address, resolver.port, recursion=False)
            except _NoAnswerError as error:
                failure = error
        raise failure

    def _parent_addresses(self, resolver: dns.resolver.Resolver) -> Iterator[str]:
        """Yields the addresses of the servers of the zone above. Each is looked up when it is needed."""
        zone = dns.resolver.zone_for_name(self.owner.parent(), resolver=resolver, lifetime=self._seconds_left())
        for record in resolver.resolve(zone, "NS", lifetime=self._seconds_left()):
            for kind in ("A", "AAAA"):
                try:
                    found = resolver.resolve(record.target, kind, lifetime=min(TRY_SECONDS, self._seconds_left()))
                except dns.exception.DNSException:
                    continue
                yield from (each.address for each in found)

    def _query(self, address: str, port: int, *, recursion: bool) -> DnsAnswer:
        query = dns.message.make_query(self.owner, "NS", flags=dns.flags.RD if recursion else 0)
        response = self._exchange(query, address, port)
        # The records of a delegation are in the authority section, and in the answer if a server has both zones.
        for section in (response.answer, response.authority):
            records = response.get_rrset(section, self.owner, dns.rdataclass.IN, dns.rdatatype.NS)
            if records is not None:
                return DnsAnswer(tuple(canonical_ns_targets(str(record.target) for record in records)))
        rcode = response.rcode()
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise _NoAnswerError(f"{Server(address, port)} answered {dns.rcode.to_text(rcode)}")
        is_resolver = recursion and response.flags & dns.flags.RA
        if not is_resolver and not response.flags & dns.flags.AA:
            raise _NoAnswerError(f"{Server(address, port)} is neither a server of the zone above it nor a resolver")
        return DnsAnswer()

    def _exchange(self, query: dns.message.Message, address: str, port: int) -> dns.message.Message:
        """Returns the answer by UDP, or by TCP if the answer is truncated, lost or filtered."""
        # Half of the time is kept for TCP.
        udp_seconds = min(UDP_SECONDS, self._seconds_left() / 2)
        try:
            try:
                return dns.query.udp_with_fallback(query, address, timeout=udp_seconds, port=port)[0]
            except dns.exception.Timeout:
                return dns.query.tcp(query, address, timeout=min(TRY_SECONDS, self._seconds_left()), port=port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise _NoAnswerError(f"{Server(address, port)}: {_reason(error)}") from None

    def _seconds_left(self) -> float:
        left = self.deadline.left
        if left <= 0:
            raise _NoAnswerError("no answer in time")
        return left


_REASONS = {
    dns.exception.Timeout: "no answer in time",
    dns.resolver.NoNameservers: "this machine's resolver got no usable answer",
    dns.resolver.NoRootSOA: "this machine's resolver knows no zone above it",
    dns.resolver.NoResolverConfiguration: "this machine has no DNS resolver configured",
    UnicodeError: "its name is not a valid DNS name",
    EOFError: "the connection ended before the answer",
}


def _reason(error: BaseException) -> str:
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    strerror = error.strerror if isinstance(error, OSError) else None
    return one_line(strerror or str(error) or type(error).__name__, 100).rstrip(".")
