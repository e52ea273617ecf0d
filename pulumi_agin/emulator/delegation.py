"""The look at DNS, where the emulator has a server to ask: what a domain's NS records are.

By DNS over TCP, which every server has: on one connection for all the domains of a look, and refused at once where
nobody listens. Uses dnspython for the messages; it is loaded with the first server.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dns.message

LOOK_SECONDS = 2.0
"""The most that one look takes, for however many domains."""


@dataclass(frozen=True)
class Found:
    """What the server said of a domain."""

    names: frozenset[str] = frozenset()
    """Lower case, without a dot at the end."""
    problem: str = ""
    """Why there is no answer, a sentence; "" where there is one."""


class DnsServer:
    """A server that has the domains' parent zone.

    `address`: HOST:PORT, an IPv6 host in brackets. Raises ValueError for another text, and ModuleNotFoundError with a
    sentence where dnspython is missing.
    """

    def __init__(self, address: str) -> None:
        try:
            import dns.message  # noqa: F401 - only whether it is there
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "To look at DNS the emulator needs the whole of its extra: pip install 'pulumi-agin[emulator]'.",
                name=error.name,
            ) from None
        match = re.fullmatch(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9_.-]+)):(?P<port>[0-9]{1,5})", address)
        if not match or not 1 <= int(match["port"]) <= 65535 or (match["v6"] and not is_ip(match["v6"])):
            raise ValueError(
                f"{address!r} is not the address of a DNS server: give HOST:PORT, such as 127.0.0.1:53 or [::1]:53."
            )
        self.address = address
        self._host: str = match["v6"] or match["host"]
        self._port = int(match["port"])

    async def look(self, domains: Collection[str]) -> dict[str, Found]:
        """Asks for each of the domains, within LOOK_SECONDS in all. Raises nothing."""
        found: dict[str, Found] = {}
        try:
            await asyncio.wait_for(self._ask(domains, found), LOOK_SECONDS)
            reason = "it ended the connection"
        except asyncio.TimeoutError:
            reason = f"it did not answer within {LOOK_SECONDS:g} seconds"
        except OSError as error:
            # asyncio puts words and an address of its own into strerror.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        except UnicodeError:
            reason = "its host is no name that DNS knows"
        unasked = Found(problem=f"The DNS server {self.address} could not be asked: {reason}.")
        return {domain: found.get(domain, unasked) for domain in domains}

    async def _ask(self, domains: Collection[str], found: dict[str, Found]) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            for domain in domains:
                found[domain] = await self._asked(domain, reader, writer)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def _asked(self, domain: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Found:
        import dns.exception
        import dns.flags
        import dns.message
        import dns.name

        try:
            query = dns.message.make_query(f"{domain}.", "NS")
        except (dns.exception.DNSException, UnicodeError):
            return Found(problem=f"The domain `{domain}` is no name that DNS knows.")
        # The delegation itself is wanted, not what the name servers in it say.
        query.flags &= ~dns.flags.RD
        writer.write(query.to_wire(prepend_length=True))
        size = int.from_bytes(await reader.readexactly(2), "big")
        wire = await reader.readexactly(size)
        try:
            response = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            response = None
        if response is None or not query.is_response(response):
            return Found(problem=f"The DNS server {self.address} answered something else than was asked.")
        return self._understood(domain, query, response)

    def _understood(self, domain: str, query: dns.message.Message, response: dns.message.Message) -> Found:
        import dns.flags
        import dns.rcode

        owner = query.question[0].name
        for section in (response.answer, response.authority):
            records = response.get_rrset(section, owner, query.question[0].rdclass, query.question[0].rdtype)
            if records is not None:
                return Found(frozenset(str(record.target).lower().rstrip(".") for record in records))
        is_negative = response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        if is_negative and response.flags & dns.flags.AA:
            return Found()
        said = "that it does not have the zone" if is_negative else dns.rcode.to_text(response.rcode())
        return Found(problem=f"The DNS server {self.address}, asked for the NS records of `{domain}`, answered {said}.")


def problem(domain: str, found: Found, targets: Collection[str]) -> str | None:
    """What is wrong with the records, in the documented words of ERR_NGROK_6702 and 6703; None where nothing is."""
    if found.problem:
        return found.problem
    if not found.names:
        return no_records(domain)
    if found.names == {target.lower().rstrip(".") for target in targets}:
        return None
    return (
        f'The NS records for the domain `{domain}` "`{", ".join(sorted(found.names))}`" do not match the expected '
        f'targets "`{", ".join(targets)}`".'
    )


def no_records(domain: str) -> str:
    """ERR_NGROK_6702."""
    return f"No DNS records were returned when querying for an NS record for the domain `{domain}`."


def is_ip(host: str) -> bool:
    """Whether it is an IP address, of version 4 or 6."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
