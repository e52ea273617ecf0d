"""Lookup of the IP addresses of a domain: at its own name servers, and with this machine's resolver."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.installation import missing_extra

from .ns_lookup import reason_of, response_to
from .values import DNS_PORT, Server

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype
except ImportError as error:
    raise ImportError(missing_extra("a DNS lookup", "doctor"), name=error.name) from None


@dataclass(frozen=True)
class Addresses:
    """The IP addresses of a name, or the reason that they could not be read."""

    found: tuple[str, ...] = ()
    """IPv4 first, because a machine may have an IPv6 address without a route; empty if the name has none."""
    problem: str = ""
    """The reason that there was no response, without a final period; "" if there was one."""


def find_addresses(domain: str, name_servers: Sequence[str], budget: Budget, port: int = DNS_PORT) -> Addresses:
    """Queries the name servers of a domain for its addresses, until one of them responds. Raises nothing.

    This machine's resolver finds the addresses of the name servers. That can take longer than the budget.
    """
    problem = ""
    for name in name_servers:
        for address in find_addresses_here(name).found:
            if budget.left <= 0:
                return Addresses(problem=problem or "timed out")
            addresses = _query(domain, Server(address, port), budget)
            if not addresses.problem:
                return addresses
            problem = problem or addresses.problem
    return Addresses(problem=problem or "this machine's resolver found no address of the name servers")


def find_addresses_here(host: str) -> Addresses:
    """Returns the addresses that programs on this machine use, also from its hosts file. Raises nothing."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Addresses(problem=reason_of(error))
    return Addresses(_ipv4_first(str(address[0]) for *_, address in found))


def _query(domain: str, server: Server, budget: Budget) -> Addresses:
    """Queries one server. Only a name server of the domain is trusted."""
    found: list[str] = []
    problem = ""
    try:
        owner = dns.name.from_text(domain.rstrip(".") + ".")
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            response = response_to(dns.message.make_query(owner, kind, flags=0), server, budget)
            if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                problem = f"{server} returned {dns.rcode.to_text(response.rcode())}"
            elif not response.flags & dns.flags.AA:
                problem = f"{server} is not a name server of the domain"
            else:
                records = response.get_rrset(response.answer, owner, dns.rdataclass.IN, kind)
                found += [record.address for record in records or ()]
    except (dns.exception.DNSException, OSError, EOFError, UnicodeError) as error:
        problem = f"{server}: {reason_of(error)}"
    return Addresses(_ipv4_first(found), "" if found else problem)


def _ipv4_first(addresses: Iterable[str]) -> tuple[str, ...]:
    """Returns addresses, each once, otherwise in the same order."""
    return tuple(sorted(dict.fromkeys(addresses), key=lambda address: ":" in address))
