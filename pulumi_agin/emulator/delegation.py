"""Looks up the NS records of domains, if the emulator was given a DNS server.

The queries go over TCP, which every server supports: all domains share one connection, and a server that is down
refuses it at once. dnspython builds the messages. It is imported when the first server is given.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from .limits import DEFAULT_BOUNDS, Bounds

if TYPE_CHECKING:
    import dns.message


@dataclass(frozen=True)
class NsAnswer:
    """What the server answered about a domain."""

    names: frozenset[str] = frozenset()
    """The targets of the NS records, in lower case and without a dot at the end."""
    problem: str = ""
    """A sentence that says why there is no answer; "" if there is one."""


class DnsServer:
    """A DNS server that has the parent zone of the domains."""

    def __init__(self, address: str, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        """Asks nothing yet.

        Args:
            address: HOST:PORT, with brackets around an IPv6 address.
            bounds: How long a look takes at most.

        Raises:
            ModuleNotFoundError: dnspython is missing.
            ValueError: `address` has another form.
        """
        try:
            import dns.message  # noqa: F401 - only checks that it is installed
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "To look at DNS, the emulator needs all packages of its extra: pip install 'pulumi-agin[emulator]'.",
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
        self._seconds = bounds.look_seconds

    async def look(self, domains: Collection[str]) -> dict[str, NsAnswer]:
        """Asks for the NS records of each domain, within one limit for all.

        Args:
            domains: The domains.

        Returns:
            The answer for each domain. A failure is an answer with a `problem`.
        """
        found: dict[str, NsAnswer] = {}
        try:
            await asyncio.wait_for(self._ask_all(domains, found), self._seconds)
            reason = "it ended the connection"
        except asyncio.TimeoutError:
            reason = f"it did not answer within {self._seconds:g} seconds"
        except OSError as error:
            # asyncio adds words and an address to strerror.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        except UnicodeError:
            reason = "its host is not a valid DNS name"
        unasked = NsAnswer(problem=f"The DNS server {self.address} could not be asked: {reason}.")
        return {domain: found.get(domain, unasked) for domain in domains}

    async def _ask_all(self, domains: Collection[str], found: dict[str, NsAnswer]) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            for domain in domains:
                found[domain] = await self._ask(domain, reader, writer)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def _ask(self, domain: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> NsAnswer:
        import dns.exception
        import dns.flags
        import dns.message
        import dns.name

        try:
            query = dns.message.make_query(f"{domain}.", "NS")
        except (dns.exception.DNSException, UnicodeError):
            return NsAnswer(problem=f"The domain `{domain}` is not a valid DNS name.")
        # Asks for the delegation itself, not for what its name servers say.
        query.flags &= ~dns.flags.RD
        writer.write(query.to_wire(prepend_length=True))
        size = int.from_bytes(await reader.readexactly(2), "big")
        wire = await reader.readexactly(size)
        try:
            response = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            response = None
        if response is None or not query.is_response(response):
            return NsAnswer(problem=f"The DNS server {self.address} answered another question.")
        return self._interpret(domain, query, response)

    def _interpret(self, domain: str, query: dns.message.Message, response: dns.message.Message) -> NsAnswer:
        import dns.flags
        import dns.rcode

        owner = query.question[0].name
        for section in (response.answer, response.authority):
            records = response.get_rrset(section, owner, query.question[0].rdclass, query.question[0].rdtype)
            if records is not None:
                return NsAnswer(frozenset(str(record.target).lower().rstrip(".") for record in records))
        is_negative = response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        if is_negative and response.flags & dns.flags.AA:
            return NsAnswer()
        said = "that it does not have the zone" if is_negative else dns.rcode.to_text(response.rcode())
        return NsAnswer(
            problem=f"The DNS server {self.address}, asked for the NS records of `{domain}`, answered {said}."
        )


def problem(domain: str, found: NsAnswer, targets: Collection[str]) -> str | None:
    """Returns what is wrong with the NS records of a domain; None if nothing is.

    Args:
        domain: The domain.
        found: What DNS answered about the domain.
        targets: The values that the records should have.

    Returns:
        A sentence. If DNS answered, it has the words of ngrok's errors 6702 and 6703.
    """
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
    """Returns the message of ERR_NGROK_6702: a domain has no NS records.

    Args:
        domain: The domain.
    """
    return f"No DNS records were returned when querying for an NS record for the domain `{domain}`."


def is_ip(host: str) -> bool:
    """Returns whether a host is an IPv4 or IPv6 address.

    Args:
        host: The host, without brackets.
    """
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
