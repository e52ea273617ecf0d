"""Lookups of NS records, if the emulator has a DNS server.

The queries go over TCP, which every server supports: all domains share one connection, and a server that is down
rejects it at once.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Collection
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

LOOKUP_SECONDS = 2.0
"""The time limit of a lookup, for all its domains together."""

LookupResult: TypeAlias = "frozenset[str] | str"
"""The targets of a domain's NS records, in lowercase and without a trailing dot, or the reason that there are none."""


class DnsServer:
    """A DNS server that has the parent zone of the domains."""

    def __init__(self, address: str) -> None:
        """Raises ValueError if the address is not HOST:PORT. It sends nothing."""
        try:
            parts = urlsplit(f"//{address}")
            host, port = (parts.hostname, parts.port) if parts.netloc == address else (None, None)
            # The system's lookup does the same, and fails for names such as a..b.
            (host or "").encode("idna")
        except ValueError:
            host = port = None
        if not host or not port:
            raise ValueError(
                f"{address!r} is not the address of a DNS server: use HOST:PORT, such as 127.0.0.1:53 or [::1]:53."
            )
        self.address = address
        self._host = host
        self._port = port

    def lookup(self, domains: Collection[str]) -> dict[str, LookupResult]:
        """Looks up the NS records of domains. It raises nothing: after a failure, the result is the reason."""
        found: dict[str, LookupResult] = {}
        end = time.monotonic() + LOOKUP_SECONDS
        reason = ""
        try:
            with socket.create_connection((self._host, self._port), LOOKUP_SECONDS) as connection:
                # dns.query has its own time limit.
                connection.setblocking(False)
                for domain in domains:
                    query = dns.message.make_query(f"{domain}.", "NS")
                    # Without RD, the response is the delegation itself, not the records of its name servers.
                    query.flags &= ~dns.flags.RD
                    response = dns.query.tcp(query, self._host, end - time.monotonic(), sock=connection)
                    found[domain] = self._interpret(domain, query.question[0], response)
        except (TimeoutError, dns.exception.Timeout):
            reason = f"timed out after {LOOKUP_SECONDS:g} seconds"
        except EOFError:
            reason = "it closed the connection"
        except dns.exception.DNSException:
            reason = "its response is malformed"
        except OSError as error:
            reason = error.strerror or str(error)
        failed = f"The DNS server {self.address} could not be queried: {reason}."
        return {domain: found.get(domain, failed) for domain in domains}

    def _interpret(self, domain: str, question: dns.rrset.RRset, response: dns.message.Message) -> LookupResult:
        """Returns the result of a response, which has the NS records of a delegation in its authority section."""
        for section in (response.answer, response.authority):
            records = response.get_rrset(section, question.name, question.rdclass, question.rdtype)
            if records is not None:
                return frozenset(str(record.target).lower().rstrip(".") for record in records)
        is_negative = response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        if is_negative and response.flags & dns.flags.AA:
            return frozenset()
        clause = "does not have the zone" if is_negative else f"returned {dns.rcode.to_text(response.rcode())}"
        return f"The DNS server {self.address}, queried for the NS records of `{domain}`, {clause}."


def problem(domain: str, found: LookupResult, targets: Collection[str]) -> str | None:
    """Returns the problem with the NS records of a domain, in ngrok's phrasing; None if there is none."""
    if isinstance(found, str):
        return found
    if not found:
        return no_records(domain)
    if found == {target.lower().rstrip(".") for target in targets}:
        return None
    return (
        f'The NS records for the domain `{domain}` "`{", ".join(sorted(found))}`" do not match the expected '
        f'targets "`{", ".join(targets)}`".'
    )


def no_records(domain: str) -> str:
    """Returns the message of ERR_NGROK_6702: a domain has no NS records."""
    return f"No DNS records were returned when querying for an NS record for the domain `{domain}`."


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
