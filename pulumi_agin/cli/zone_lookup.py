"""DNS lookups of `doctor`: the NS records of a domain in the zone above it, and the CAA records that apply to it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.values import canonical_ns_targets
from pulumi_agin.lifecycle.operation import FailedError

# The time limit of one query, with its retries at all servers.
QUERY_SECONDS = 5.0


class ZoneLookup:
    """Looks up records in public DNS, or at one server. `doctor` creates one ZoneLookup for all of its domains.

    Public DNS means this machine's resolver. For NS records, the resolver only finds the servers of the zone, and the
    lookup queries these servers directly, because a cache has old records until their TTL ends. A lookup without a
    usable response raises FailedError.
    """

    def __init__(self, server: str | None) -> None:
        """`server` is the address of the server that has the zones, as HOST:PORT; None for public DNS."""
        self._server = _address(server) if server else None

    def ns_targets(self, domain: str) -> list[str]:
        """Returns the values of a domain's NS records in the parent zone, in canonical form; empty without records.

        The servers of the zone are queried one after another, until one responds.
        """
        try:
            name = dns.name.from_text(domain)
            response = self._query_zone_above(name)
        except dns.exception.DNSException as error:
            raise FailedError(f"its NS records could not be read: {one_line(str(error))}") from None
        # A delegation is in the authority section, or in the answer if the server has the delegated zone, too.
        for records in (*response.answer, *response.authority):
            if records.name == name and records.rdtype == dns.rdatatype.NS:
                return canonical_ns_targets(str(record.target) for record in records)
        if not response.flags & dns.flags.AA:
            raise FailedError("its NS records could not be read: the server does not have the zone above it")
        return []

    def _query_zone_above(self, name: dns.name.Name) -> dns.message.Message:
        """Queries the NS records of a name at a server of the parent zone."""
        servers = self._new_resolver()
        if self._server is None:
            servers.nameservers = _addresses_above(name, servers)
        # Without recursion, a server responds with the records of its own zone.
        servers.flags = 0
        try:
            return servers.resolve(name, "NS", raise_on_no_answer=False).response
        except dns.resolver.NXDOMAIN as error:
            return error.response(name)  # type: ignore[no-untyped-call,no-any-return]

    def forbidding_name(self, domain: str, authority: str) -> str | None:
        """Returns the name whose CAA records forbid a certificate authority for a domain; None without such a name.

        The nearest name above the domain with CAA records decides. The domain itself is not queried, because it is
        delegated to ngrok. A top-level domain is not queried, because it is assumed to have no CAA records.
        """
        for labels in range(1, domain.count(".")):
            name = domain.split(".", labels)[labels]
            try:
                records = self._new_resolver().resolve(f"{name}.", "CAA", raise_on_no_answer=False).rrset
            except dns.resolver.NXDOMAIN:
                continue
            except dns.exception.DNSException as error:
                raise FailedError(f"the CAA records of {name} could not be read: {one_line(str(error))}") from None
            if records:
                return name if _forbid(records, authority) else None
        return None

    def _new_resolver(self) -> dns.resolver.Resolver:
        """Returns a resolver that queries public DNS or the server."""
        resolver = dns.resolver.Resolver(configure=self._server is None)
        resolver.lifetime = QUERY_SECONDS
        if self._server:
            resolver.nameservers, resolver.port = [self._server[0]], self._server[1]
        return resolver


def _addresses_above(name: dns.name.Name, resolver: dns.resolver.Resolver) -> list[str]:
    """Returns the addresses of the servers of the parent zone of a name."""
    zone = dns.resolver.zone_for_name(name.parent(), resolver=resolver)
    addresses: list[str] = []
    for record in resolver.resolve(zone, "NS"):
        # A server without an address is skipped.
        with suppress(dns.exception.DNSException):
            addresses += resolver.resolve_name(record.target).addresses()
    return addresses


def _forbid(records: Iterable[Any], authority: str) -> bool:
    """Returns whether CAA records forbid an authority. Records without the tag `issue` forbid no authority."""
    # Parameters may follow the authority.
    issue = [each.value.partition(b";")[0].strip().lower() for each in records if each.tag.lower() == b"issue"]
    return bool(issue) and authority.encode() not in issue


def _address(server: str) -> tuple[str, int]:
    """Returns the IP address and the port of HOST:PORT, or of HOST with the default port of DNS."""
    try:
        parts = urlsplit(f"//{server}")
        port = parts.port or 53
        return str(socket.getaddrinfo(parts.hostname or "", port, type=socket.SOCK_DGRAM)[0][4][0]), port
    except (ValueError, OSError):
        raise FailedError("--dns must be the address of a DNS server, such as 127.0.0.1:5353") from None
