"""DNS lookups for the checks: the NS records of a domain in the zone above it, and CAA records."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.values import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle.operation import FailedError

# The time limits of one query to a zone's server, and of one query to the resolver.
ATTEMPT_SECONDS = 3.0
RESOLVER_SECONDS = 5.0


class LookupFailedError(Exception):
    """DNS gave no usable response. The message is a clause."""


_FAILURES = (dns.exception.DNSException, LookupFailedError, OSError, EOFError)


class ZoneLookup:
    """Looks records up in public DNS, or at one server. `doctor` makes one for all of its domains.

    Public DNS is this machine's resolver. It finds the servers of a zone, which are then queried themselves for NS
    records, because a cache has the old ones until their TTL ends.
    """

    def __init__(self, server: str | None) -> None:
        """`server` is the address of the server with the zones, as HOST:PORT; None for public DNS."""
        self._server = _address(server) if server else None
        try:
            self._resolver = dns.resolver.Resolver(configure=self._server is None)
        except dns.resolver.NoResolverConfiguration:
            raise FailedError("this machine has no DNS resolver configured; use --dns") from None
        self._resolver.lifetime = RESOLVER_SECONDS
        if self._server:
            self._resolver.nameservers = [self._server[0]]
            self._resolver.port = self._server[1]

    def ns_targets(self, domain: str) -> list[str]:
        """Returns the values of a domain's NS records in the zone above it, in canonical form; empty without records.

        The servers of the zone are queried one after another, until one gives a usable response.
        """
        problem = "no server of its parent zone has an address"
        try:
            name = dns.name.from_text(f"{domain}.")
            query = dns.message.make_query(name, "NS", flags=0)
            for host, port in self._servers_above(name):
                try:
                    response, _ = dns.query.udp_with_fallback(query, host, ATTEMPT_SECONDS, port)
                    return _delegation(name, response)
                except _FAILURES as error:
                    problem = f"{host} {_reason(error)}"
        except _FAILURES as error:
            problem = f"its parent zone was not found: {_reason(error)}"
        raise LookupFailedError(problem)

    def issuers(self, domain: str) -> tuple[str, list[str]]:
        """Returns the nearest name above a domain with CAA records, which apply to it, and the authorities they allow.

        An authority is "" if a record allows none. Without an `issue` record, which allows all, the list is empty, and
        without CAA records, the name is. The domain itself is delegated to ngrok, and a top-level domain has none.
        """
        names = [domain.split(".", labels)[labels] for labels in range(1, domain.count("."))]
        for name in names:
            try:
                owner, issuers = self._issuers_of(name)
            except _FAILURES as error:
                # The server of `--dns` rejects names above its zones.
                if self._server and name != names[0] and isinstance(error, dns.resolver.NoNameservers):
                    break
                raise LookupFailedError(f"for {name}, the resolver {_reason(error)}") from None
            if owner:
                return owner, issuers
        return "", []

    def _servers_above(self, name: dns.name.Name) -> Iterator[tuple[str, int]]:
        """Yields the addresses and ports of the servers of the zone above a name."""
        if self._server:
            yield self._server
            return
        zone = dns.resolver.zone_for_name(name.parent(), resolver=self._resolver)
        for record in self._resolver.resolve(zone, "NS"):
            addresses: list[str] = []
            with suppress(dns.exception.DNSException):
                addresses = [*self._resolver.resolve_name(record.target).addresses()]
            for address in addresses:
                # The port is 53, except in tests.
                yield address, self._resolver.port

    def _issuers_of(self, name: str) -> tuple[str, list[str]]:
        try:
            answer = self._resolver.resolve(f"{name}.", "CAA", raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return "", []
        if answer.rrset is None:
            if not answer.response.flags & (dns.flags.AA | dns.flags.RA):
                raise LookupFailedError("is neither a server of its zone nor a resolver")
            return "", []
        issue = [each.value.decode("utf-8", "replace") for each in answer.rrset if each.tag.lower() == b"issue"]
        # Parameters may follow the authority.
        return canonical_domain(str(answer.rrset.name)), [value.partition(";")[0].strip().lower() for value in issue]


def _delegation(name: dns.name.Name, response: dns.message.Message) -> list[str]:
    """Returns the values of the NS records in the response of a server."""
    # A delegation is in the authority section, or in the answer if the server has the zone below it, too.
    for records in (*response.answer, *response.authority):
        if records.name == name and records.rdtype == dns.rdatatype.NS:
            return canonical_ns_targets(str(record.target) for record in records)
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise LookupFailedError(f"responded {dns.rcode.to_text(response.rcode())}")
    if not response.flags & dns.flags.AA:
        raise LookupFailedError("is not a server of its parent zone")
    return []


def _address(server: str) -> tuple[str, int]:
    """Returns the IP address and the port of HOST:PORT, or of HOST with DNS's port."""
    try:
        parts = urlsplit(f"//{server}")
        host, port = parts.hostname, parts.port or 53
        if host:
            return str(socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4][0]), port
    except (ValueError, OSError):
        pass
    raise FailedError("--dns must be the address of a DNS server as HOST:PORT, such as 127.0.0.1:5353")


def _reason(error: Exception) -> str:
    """Returns why a lookup failed, as a predicate for the server."""
    if isinstance(error, LookupFailedError):
        return str(error)
    if isinstance(error, dns.exception.Timeout | TimeoutError):
        return "timed out"
    return f"failed ({one_line(getattr(error, 'strerror', None) or str(error) or type(error).__name__, 100)})"
