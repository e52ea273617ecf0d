"""Values and errors of DNS updates, without dnspython."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pulumi_agin.base.redaction import Secret, listed
from pulumi_agin.lifecycle.operation import Failed

# dnspython's algorithms, without those that truncate the signature. dnspython has a longer name for the first one.
TsigAlgorithmLiteral: TypeAlias = Literal[
    "hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"
]
DEFAULT_TSIG_ALGORITHM: TsigAlgorithmLiteral = "hmac-sha256"


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


class DnsUpdateError(Failed):
    """A failed DNS read or update."""


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
