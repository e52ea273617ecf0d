"""Asks DNS about a delegation: which NS records the servers of the parent zone have for a domain.

This needs dnspython, which the extra `doctor` installs. It is loaded only when DNS is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.constants import DNS_PORT
from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.retry import Deadline

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


def find_delegation(
    domain: str,
    timeout_seconds: float,
    server: Server | None = None,
    *,
    udp_seconds: float = TRY_SECONDS,
    make_resolver: Callable[[], dns.resolver.Resolver] | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Delegation:
    """Asks for the NS records of a domain.

    Args:
        domain: The domain.
        timeout_seconds: How long to ask at most, in seconds. If `server` has a name, the system's lookup of that name
            can take longer.
        server: The server to ask: a server of the zone above the domain, or a resolver. None asks the servers of the
            zone above, which are found with a resolver.
        udp_seconds: How long to wait for an answer by UDP at most, in seconds, before TCP is tried.
        make_resolver: Makes the resolver that finds the servers of the zone above. They are then asked at the
            resolver's port. None makes this machine's.
        clock: The clock that measures the time between the queries.

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

    deadline = Deadline(timeout_seconds, clock)
    try:
        lookup = _Lookup(dns.name.from_text(domain.rstrip(".") + "."), deadline, udp_seconds)
        if server is not None:
            return lookup.ask_server(server)
        return lookup.ask_parent_zone(make_resolver)
    except _NotAskedError as error:
        return Delegation(problem=str(error))
    except (dns.exception.DNSException, OSError, EOFError, UnicodeError) as error:
        return Delegation(problem=_reason(error))


def describe_public(
    domain: str,
    timeout_seconds: float,
    find_delegation: Callable[[str, float], Delegation] = find_delegation,
) -> str:
    """Asks public DNS for the delegation of a domain.

    Args:
        domain: The domain.
        timeout_seconds: How long to ask at most, in seconds.
        find_delegation: Asks; see `find_delegation`.

    Returns:
        What DNS answered, in a clause for messages.

    Raises:
        ImportError: dnspython is missing. Nothing else is raised.
    """
    return one_line(find_delegation(domain, timeout_seconds).clause("public DNS"))


class _NotAskedError(Exception):
    """There is no answer. The text is a clause that says why."""


@dataclass(frozen=True)
class _Lookup:
    """A lookup of one name's NS records, with all of its queries.

    Attributes:
        owner: The name.
        deadline: How long all of the queries may take.
        udp_seconds: How long to wait for an answer by UDP.
    """

    owner: dns.name.Name
    deadline: Deadline
    udp_seconds: float

    # -- one server ---------------------------------------------------------------------------------------

    def ask_server(self, server: Server) -> Delegation:
        """Returns what a server says. Raises _NotAskedError, or what DNS or the network raised."""
        import socket

        address = str(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0][4][0])
        try:
            return self._ask(address, server.port, recursion=False)
        except _NotAskedError:
            # A resolver may refuse a query without recursion, or answer it from its cache alone. Other servers answer
            # this query as they did the first.
            return self._ask(address, server.port, recursion=True)

    def _ask(self, address: str, port: int, *, recursion: bool) -> Delegation:
        """Returns what a server says. Raises _NotAskedError if it does not answer, or does not know the zone."""
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rdataclass
        import dns.rdatatype

        query = dns.message.make_query(self.owner, dns.rdatatype.NS)
        if not recursion:
            query.flags &= ~dns.flags.RD
        response = self._exchange(query, address, port)
        # The records of a delegation are in the authority section, and in the answer if a server has both zones.
        for section in (response.answer, response.authority):
            records = response.get_rrset(section, self.owner, dns.rdataclass.IN, dns.rdatatype.NS)
            if records is not None:
                return Delegation(tuple(sorted({str(record.target).lower().rstrip(".") + "." for record in records})))
        rcode = response.rcode()
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise _NotAskedError(f"{Server(address, port)} answered {dns.rcode.to_text(rcode)}")
        is_resolver = recursion and response.flags & dns.flags.RA
        if not is_resolver and not response.flags & dns.flags.AA:
            raise _NotAskedError(f"{Server(address, port)} neither has the zone above it nor asks others for it")
        return Delegation()

    def _exchange(self, query: dns.message.Message, address: str, port: int) -> dns.message.Message:
        """Returns the answer, by UDP, or by TCP if the answer is cut short, lost or filtered."""
        import dns.exception
        import dns.query

        # Half of the time is kept for TCP.
        udp_seconds = min(self.udp_seconds, self._seconds_left() / 2)
        try:
            try:
                response, _ = dns.query.udp_with_fallback(query, address, timeout=udp_seconds, port=port)
            except dns.exception.Timeout:
                response = dns.query.tcp(query, address, timeout=min(TRY_SECONDS, self._seconds_left()), port=port)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise _NotAskedError(f"{Server(address, port)}: {_reason(error)}") from None
        return response

    # -- the servers of the zone above --------------------------------------------------------------------

    def ask_parent_zone(self, make_resolver: Callable[[], dns.resolver.Resolver] | None) -> Delegation:
        """Returns what the servers of the zone above say. Raises _NotAskedError, or what DNS or the network raised."""
        import dns.resolver

        resolver = (make_resolver or dns.resolver.Resolver)()
        failure = _NotAskedError("no server of the zone above it has an address")
        for address in self._addresses_above(resolver):
            try:
                return self._ask(address, resolver.port, recursion=False)
            except _NotAskedError as error:
                failure = error
        raise failure

    def _addresses_above(self, resolver: dns.resolver.Resolver) -> Iterator[str]:
        """Yields the addresses of the servers of the nearest zone above. Each is looked up when it is needed."""
        import dns.exception
        import dns.name
        import dns.resolver

        zone = self.owner
        while zone != dns.name.root:
            zone = zone.parent()
            try:
                servers = resolver.resolve(zone, "NS", lifetime=self._seconds_left())
                break
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                continue
        else:
            raise _NotAskedError("this machine's resolver knows no zone above it")
        for record in servers:
            for kind in ("A", "AAAA"):
                try:
                    found = resolver.resolve(record.target, kind, lifetime=min(TRY_SECONDS, self._seconds_left()))
                except dns.exception.DNSException:
                    continue
                yield from (each.address for each in found)

    def _seconds_left(self) -> float:
        left = self.deadline.left
        if left <= 0:
            raise _NotAskedError("no answer in time")
        return left


# -- in words ---------------------------------------------------------------------------------------------


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
