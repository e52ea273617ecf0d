"""Values and errors of DNS queries and updates, without dnspython."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from pulumi_agin.base.redaction import Secret, listed, one_line

# RFC 2181, 8.
LONGEST_TTL_SECONDS = 2**31 - 1

DNS_PORT = 53

# dnspython's algorithms, without those that truncate the signature. dnspython has a longer name for the first one.
TsigAlgorithmLiteral: TypeAlias = Literal[
    "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"
]
DEFAULT_TSIG_ALGORITHM: TsigAlgorithmLiteral = "hmac-sha256"

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")


@dataclass(frozen=True)
class Server:
    """A DNS server: an IP address or a name, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_server(string: str) -> Server:
    """Parses HOST:PORT, or HOST alone for port 53. Raises ValueError with a sentence if it is neither.

    An IPv6 address with a port is in brackets.
    """
    if is_ip(string):
        return Server(string, DNS_PORT)
    with suppress(ValueError):
        parts = urlsplit(f"//{string}")
        server = Server(parts.hostname or "", DNS_PORT if parts.port is None else parts.port)
        is_host = is_ip(server.host) or _HOST_NAME.fullmatch(server.host)
        # Nothing else may be in the string.
        if is_host and server.port and string.lower() in (str(server), str(server).removesuffix(f":{DNS_PORT}")):
            return server
    example = Server("::1", DNS_PORT)
    raise ValueError(f'"{one_line(string, 80)}" is not the address of a DNS server; use HOST:PORT, such as {example}')


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class NsDifferences:
    """How NS records differ from the expected ones. It is false if they are the same."""

    missing: Sequence[str]
    extra: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    def __str__(self) -> str:
        both = {"missing": self.missing, "extra": self.extra}
        return "; ".join(f"{word}: {listed(names)}" for word, names in both.items() if names)


@dataclass(frozen=True)
class DnsResult:
    """The NS records of a name at a server, or the reason that no server could be queried."""

    names: tuple[str, ...] = ()
    """The values of the records in canonical form; empty if there are no records."""
    problem: str = ""
    """The reason that no server could be queried, without a final period; "" if there was a response."""
    cname: str = ""
    """The target of a CNAME record, in canonical form, which was returned instead of NS records; "" without one."""

    def differences(self, expected: Sequence[str]) -> NsDifferences:
        """Compares the values with the expected ones, in canonical form."""
        missing = [name for name in expected if name not in self.names]
        return NsDifferences(missing, [name for name in self.names if name not in expected])

    def describe(self, server: str) -> str:
        """Returns a clause for messages. `server` is a name such as "public DNS"."""
        if self.problem:
            return f"{server} could not be queried ({self.problem})"
        if self.cname:
            return f"{server} returns no NS records for it, but a CNAME record to {one_line(self.cname)}"
        if not self.names:
            return f"{server} has no NS records for it"
        return f"{server} now returns {listed(self.names)}"


@dataclass(frozen=True)
class TsigKey:
    """The key that signs messages: its name at the server, its secret in base64, and its `TsigAlgorithmLiteral`."""

    name: str
    secret: Secret
    algorithm: str

    def __str__(self) -> str:
        return f'the key "{self.name}"'


@dataclass(frozen=True)
class NsSet:
    """The NS records of one name: their values in canonical form, and their TTL in seconds."""

    targets: tuple[str, ...]
    ttl: int

    def __str__(self) -> str:
        return f"{listed(self.targets)} (TTL {self.ttl})"


class DnsUpdateError(Exception):
    """A failed call. The message is one sentence for the user."""


class UnreadableZoneError(DnsUpdateError):
    """A failed read whose reason is the same for all names of the zone: no response, or a rejected key or zone."""


class OtherRecordsError(DnsUpdateError):
    """A write that changed nothing, because the name has records that are not this resource's.

    Attributes:
        existing: These records.
    """

    def __init__(self, existing: NsSet) -> None:
        super().__init__(f"the name already has NS records, which are left unchanged: {existing}")
        self.existing = existing


class UnsettledError(DnsUpdateError):
    """An update with an unknown outcome, although the records were read back.

    Attributes:
        existing: The records that were read back; None if there are none, or reading failed.
    """

    def __init__(self, message: str, existing: NsSet | None) -> None:
        super().__init__(message)
        self.existing = existing


def zone_problem(domain: str, zone: str) -> str:
    """Returns the reason that a zone can't delegate a domain; "" if it can. Both names are canonical."""
    if domain == zone:
        return (
            f"the domain {domain} is the apex of the zone {zone}, whose NS records are the zone's own: only a "
            f"name below it can be delegated, such as connect.{zone}"
        )
    if not domain.endswith(f".{zone}"):
        return f"the domain {domain} is not in the zone {zone or '(empty)'}: use the zone that contains {domain}"
    return ""
