"""Lookups of NS records, if the emulator has a DNS server.

The queries go over TCP, which every server supports, and a server that is down rejects at once.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection

from dns import exception, flags, message, name, query, rcode, rdatatype

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
        except (OSError, ValueError, EOFError, exception.DNSException) as error:
            reason = getattr(error, "strerror", None) or str(error) or "the connection was closed"
            return f"{self._name} could not be queried: {reason.rstrip('.')}."
        if response.rcode() not in (rcode.NOERROR, rcode.NXDOMAIN):
            code = rcode.to_text(response.rcode())
            return f"{self._name}, queried for the NS records of `{domain}`, returned {code}."
        # A delegation is in the authority section.
        sets = [each for each in (*response.answer, *response.authority) if each.rdtype == rdatatype.NS]
        records = [record for each in sets if each.name == name.from_text(domain) for record in each]
        found = sorted({_canonical(str(record.target)) for record in records})
        if not found:
            return no_records(domain)
        if found == sorted(map(_canonical, targets)):
            return None
        return (
            f'The NS records for the domain `{domain}` "`{", ".join(found)}`" do not match the expected targets '
            f'"`{", ".join(targets)}`".'
        )

    def _query(self, domain: str) -> message.Message:
        question = message.make_query(domain, "NS")
        # Without RD, the response is the delegation itself, not the records of its name servers.
        question.flags &= ~flags.RD
        with socket.create_connection(self._place, LOOKUP_SECONDS) as connection:
            # dnspython has its own time limit.
            connection.setblocking(False)
            return query.tcp(question, self._place[0], LOOKUP_SECONDS, sock=connection)


def _canonical(target: str) -> str:
    return target.lower().rstrip(".")


def no_records(domain: str) -> str:
    """Returns the message of ERR_NGROK_6702: a domain has no NS records."""
    return f"No DNS records were returned when querying for an NS record for the domain `{domain}`."
