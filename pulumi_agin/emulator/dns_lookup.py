"""Lookups of NS records, if the emulator has a DNS server.

The queries go over TCP, which every server supports, and a server that is down rejects at once.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

LOOKUP_SECONDS = 2.0
"""The time limit of a query."""

_PLACE = re.compile(r"(\[[0-9A-Fa-f:]+\]|[\w-]+(?:\.[\w-]+)*):([0-9]{1,5})")


class DnsServer:
    """A DNS server that has the parent zone of the domains."""

    def __init__(self, address: str) -> None:
        """Raises ValueError if the address is not HOST:PORT. It sends nothing."""
        place = _PLACE.fullmatch(address)
        if place is None:
            raise ValueError(
                f"{address!r} is not the address of a DNS server: use HOST:PORT, such as 127.0.0.1:53 or [::1]:53."
            )
        self._place = (place[1].strip("[]"), int(place[2]))
        self._name = f"The DNS server {address}"

    def problem(self, domain: str, targets: Collection[str]) -> str | None:
        """Compares the NS records of a domain with its targets.

        Returns the problem, in ngrok's phrasing; None if there is none. It raises nothing.
        """
        try:
            response = self._query(domain)
        # A ValueError: the host is no name. An EOFError: the server closes the connection.
        except (OSError, ValueError, EOFError, dns.exception.DNSException) as error:
            reason = getattr(error, "strerror", None) or str(error) or "the connection was closed"
            return f"{self._name} could not be queried: {reason.rstrip('.')}."
        rcode = response.rcode()
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return f"{self._name}, queried for the NS records of `{domain}`, returned {dns.rcode.to_text(rcode)}."
        # A delegation is in the authority section.
        sets = [each for each in (*response.answer, *response.authority) if each.rdtype == dns.rdatatype.NS]
        records = [record for each in sets if each.name == dns.name.from_text(domain) for record in each]
        found = sorted({_canonical(str(record.target)) for record in records})
        if not found:
            return no_records(domain)
        if found == sorted(map(_canonical, targets)):
            return None
        return (
            f'The NS records for the domain `{domain}` "`{", ".join(found)}`" do not match the expected targets '
            f'"`{", ".join(targets)}`".'
        )

    def _query(self, domain: str) -> dns.message.Message:
        query = dns.message.make_query(f"{domain}.", "NS")
        # Without RD, the response is the delegation itself, not the records of its name servers.
        query.flags &= ~dns.flags.RD
        with socket.create_connection(self._place, LOOKUP_SECONDS) as connection:
            # dns.query has its own time limit.
            connection.setblocking(False)
            return dns.query.tcp(query, self._place[0], LOOKUP_SECONDS, sock=connection)


def _canonical(name: str) -> str:
    return name.lower().rstrip(".")


def no_records(domain: str) -> str:
    """Returns the message of ERR_NGROK_6702: a domain has no NS records."""
    return f"No DNS records were returned when querying for an NS record for the domain `{domain}`."
