"""Asks DNS about a delegation: which NS records the servers of the parent zone have for a domain.

This needs dnspython, which the extra `doctor` installs. It is loaded only when DNS is asked.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from .api.text import one_line
from .limits import DNS_PORT

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.resolver

# How long one try takes at most, so that a server that is down leaves time for the others.
TRY_SECONDS = 2.0

_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


@dataclass(frozen=True)
class Server:
    """A DNS server: an IP address or a name, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_server(text: str) -> Server:
    """Parses the address of a DNS server.

    Args:
        text: HOST:PORT, or HOST alone for port 53. An IPv6 address with a port is in brackets.

    Returns:
        The server.

    Raises:
        ValueError: The text is not such an address. The message is a sentence.
    """
    match = re.fullmatch(r"\[(?P<v6>[^\[\]]*)\](?::(?P<port>.*))?", text)
    if match:
        host, port = match["v6"], match["port"]
        is_right = is_ip(host) and ":" in host
    elif is_ip(text):
        host, port, is_right = text, None, True
    else:
        host, colon, after = text.partition(":")
        port = after if colon else None
        is_right = _HOST_NAME.fullmatch(host) is not None
    number = DNS_PORT if port is None else int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 0
    if not is_right or not 1 <= number <= 65535:
        raise ValueError(
            f"{one_line(text, 80) or 'an empty text'} is not the address of a DNS server; give HOST:PORT, such as "
            "127.0.0.1:53 or [::1]:53"
        )
    return Server(host, number)


@dataclass(frozen=True)
class Delegation:
    """What DNS answered: names, no names, or why no server could be asked."""

    names: tuple[str, ...] = ()
    """The values of the NS records: lower case, one trailing dot, sorted, no duplicates."""
    problem: str = ""
    """Why no server could be asked, without a period at the end; "" if there was an answer."""

    def clause(self, who: str) -> str:
        """Returns a clause for messages.

        Args:
            who: Who was asked, such as "public DNS".
        """
        if self.problem:
            return f"{who} could not be asked ({self.problem})"
        if not self.names:
            return f"{who} has no NS records for it"
        return f"{who} answers now with {', '.join(self.names)}"


def describe_public(domain: str, timeout_seconds: float) -> str:
    """Asks public DNS for the delegation of a domain.

    Args:
        domain: The domain.
        timeout_seconds: How long to ask at most, in seconds.

    Returns:
        What DNS answered, in a clause for messages.

    Raises:
        ImportError: dnspython is missing. Nothing else is raised.
    """
    return one_line(find_delegation(domain, timeout_seconds).clause("public DNS"))


def find_delegation(domain: str, timeout_seconds: float, server: Server | None = None) -> Delegation:
    """Asks for the NS records of a domain.

    Args:
        domain: The domain.
        timeout_seconds: How long to ask at most, in seconds. If `server` has a name, the system's lookup of that name
            can take longer.
        server: The server to ask: a server of the zone above the domain, or a resolver. None asks the servers of the
            zone above, which are found with this machine's resolver.

    Returns:
        What DNS answered, or why no server could be asked.

    Raises:
        ImportError: dnspython is missing. Nothing else is raised.
    """
    try:
        import dns.exception
        import dns.name
    except ImportError as error:
        raise ImportError("asking DNS needs dnspython: pip install 'pulumi-agin[doctor]'", name=error.name) from None

    until = time.monotonic() + timeout_seconds
    try:
        owner = dns.name.from_text(domain.rstrip(".") + ".")
        if server is not None:
            return _ask_server(owner, server, until)
        return _ask_parent_zone(owner, until)
    except _NotAskedError as error:
        return Delegation(problem=str(error))
    except (dns.exception.DNSException, OSError, EOFError, UnicodeError) as error:
        return Delegation(problem=_reason(error))


class _NotAskedError(Exception):
    """There is no answer. The text is a clause that says why."""


# -- one server -------------------------------------------------------------------------------------------


def _ask_server(owner: dns.name.Name, server: Server, until: float) -> Delegation:
    import socket

    address = str(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0][4][0])
    try:
        return _ask(owner, address, server.port, until, recursion=False)
    except _NotAskedError:
        # A resolver may refuse a query without recursion, or answer it from its cache alone. Other servers answer
        # both queries in the same way.
        return _ask(owner, address, server.port, until, recursion=True)


def _ask(owner: dns.name.Name, address: str, port: int, until: float, *, recursion: bool) -> Delegation:
    """Returns the server's answer. Raises _NotAskedError if there is none, or if it does not know the domain's zone."""
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype

    query = dns.message.make_query(owner, dns.rdatatype.NS)
    if not recursion:
        query.flags &= ~dns.flags.RD
    response = _exchange(query, address, port, until)
    # The records of a delegation are in the authority section, and in the answer if a server has both zones.
    for section in (response.answer, response.authority):
        records = response.get_rrset(section, owner, dns.rdataclass.IN, dns.rdatatype.NS)
        if records is not None:
            return Delegation(tuple(sorted({str(record.target).lower().rstrip(".") + "." for record in records})))
    rcode = response.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _NotAskedError(f"{Server(address, port)} answered {dns.rcode.to_text(rcode)}")
    is_resolver = recursion and response.flags & dns.flags.RA
    if not is_resolver and not response.flags & dns.flags.AA:
        raise _NotAskedError(f"{Server(address, port)} neither has the zone above it nor asks others for it")
    return Delegation()


def _exchange(query: dns.message.Message, address: str, port: int, until: float) -> dns.message.Message:
    """Returns the answer, by UDP, or by TCP if the answer is cut short, lost or filtered."""
    import dns.exception
    import dns.query

    # Half of the time is kept for TCP.
    udp_seconds = min(TRY_SECONDS, _seconds_left(until) / 2)
    try:
        try:
            response, _ = dns.query.udp_with_fallback(query, address, timeout=udp_seconds, port=port)
        except dns.exception.Timeout:
            response = dns.query.tcp(query, address, timeout=min(TRY_SECONDS, _seconds_left(until)), port=port)
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise _NotAskedError(f"{Server(address, port)}: {_reason(error)}") from None
    return response


# -- the servers of the zone above ------------------------------------------------------------------------


def _ask_parent_zone(owner: dns.name.Name, until: float) -> Delegation:
    import dns.resolver

    resolver = dns.resolver.Resolver()
    failure = _NotAskedError("no server of the zone above it has an address")
    for address in _addresses_above(resolver, owner, until):
        try:
            return _ask(owner, address, DNS_PORT, until, recursion=False)
        except _NotAskedError as error:
            failure = error
    raise failure


def _addresses_above(resolver: dns.resolver.Resolver, owner: dns.name.Name, until: float) -> Iterator[str]:
    """Yields the addresses of the servers of the nearest zone above. Each is looked up when it is needed."""
    import dns.exception
    import dns.name
    import dns.resolver

    zone = owner
    while zone != dns.name.root:
        zone = zone.parent()
        try:
            servers = resolver.resolve(zone, "NS", lifetime=_seconds_left(until))
            break
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
    else:
        raise _NotAskedError("this machine's resolver knows no zone above it")
    for record in servers:
        for kind in ("A", "AAAA"):
            try:
                found = resolver.resolve(record.target, kind, lifetime=min(TRY_SECONDS, _seconds_left(until)))
            except dns.exception.DNSException:
                continue
            yield from (each.address for each in found)


# -- in words ---------------------------------------------------------------------------------------------


def _seconds_left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise _NotAskedError("no answer in time")
    return left


def _reason(error: BaseException) -> str:
    import dns.exception
    import dns.resolver

    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "this machine's resolver got no usable answer"
    if isinstance(error, dns.resolver.NoResolverConfiguration):
        return "this machine has no DNS resolver configured"
    if isinstance(error, UnicodeError):
        return "its name is not a valid DNS name"
    if isinstance(error, EOFError):
        return "the connection ended before the answer"
    strerror = error.strerror if isinstance(error, OSError) else None
    return one_line(strerror or str(error) or type(error).__name__, 100).rstrip(".")


def is_ip(host: str) -> bool:
    """Returns whether a host is an IP address, of version 4 or 6.

    Args:
        host: The host, without brackets.
    """
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
