"""Inputs of an Rfc2136Delegation, which are also its outputs, declared once, without dnspython."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, Field, ValidationInfo, WrapValidator

from pulumi_agin.api.values import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle.inputs import Declaration, Limit, Marker
from pulumi_agin.lifecycle.limits import DOMAIN_MAX_BYTES, LONGEST_TTL_SECONDS

DNS_PORT = 53

TsigAlgorithm: TypeAlias = Literal["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
DEFAULT_TSIG_ALGORITHM: TsigAlgorithm = "hmac-sha256"

_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"


class NsSet(NamedTuple):
    """The NS records of one name: the values in canonical form, and the TTL. Without records, `targets` is empty."""

    targets: tuple[str, ...]
    ttl: int

    def __str__(self) -> str:
        return f"{', '.join(self.targets)} (TTL {self.ttl})" if self.targets else "none"


def _dns_name(value: str) -> str:
    name = canonical_domain(value)
    if not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name) or len(name) > DOMAIN_MAX_BYTES:
        raise ValueError("must be a valid DNS name")
    if name.rpartition(".")[2].isdigit():
        raise ValueError("must be a DNS name, not an IP address")
    return name


def _pass_unknown(value: Any, check: Callable[[Any], Any], info: ValidationInfo) -> Any:
    """Skips the check of one list item if the item is unknown, as `Declaration` does for a whole field."""
    return value if info.context and info.context(value) else check(value)


def _ns_targets(values: list[Any]) -> list[Any]:
    # The values can be sorted only when all values are known.
    return canonical_ns_targets(values) if all(isinstance(value, str) for value in values) else values


def _server(value: str) -> str:
    server = canonical_domain(value)
    if not re.fullmatch("[a-z0-9_.:-]+", server):
        raise ValueError("must be a host name or an IP address, without brackets or port, such as ns1.acme.com")
    return server


def _base64(value: str) -> str:
    try:
        base64.b64decode(value.strip(), validate=True)
    except ValueError:
        raise ValueError("must be base64, like the `secret` in the key file") from None
    return value.strip()


_DnsName = Annotated[str, AfterValidator(_dns_name)]
_NsTarget = Annotated[_DnsName, WrapValidator(_pass_unknown)]


class NsRecordsInputs(Declaration):
    """The NS records that delegate one domain, at a name server that accepts DNS updates, such as BIND or PowerDNS.

    With a key, the updates are signed with TSIG. Without one they are unsigned, and anyone who can send from an address
    that the server allows can change the records.
    """

    # The outputs have the same fields. A refresh sets `ns_targets` and `ttl` to the server's values. Records of another
    # name or zone are other records. A change of `server` is an update, because a server that moved still has the same
    # zone. A change of the key is an update, because a refresh and a destroy use the key in the state.

    domain: Annotated[_DnsName, Limit("below the apex of `zone`"), Marker.REPLACES] = Field(
        description="the domain to delegate"
    )
    zone: Annotated[_DnsName, Marker.REPLACES] = Field(description="the name of the zone, such as acme.com")
    ns_targets: Annotated[list[_NsTarget], Field(min_length=1), AfterValidator(_ns_targets), Limit("one or more")] = (
        Field(description="the values of the records")
    )
    # The engine has no integers, so it passes a float, which strict mode rejects.
    ttl: int = Field(
        ge=0,
        le=LONGEST_TTL_SECONDS,
        strict=False,
        description="how long resolvers may cache the records, in seconds",
    )
    server: Annotated[str, AfterValidator(_server), Limit("a host name or an IP address")] = Field(
        description="the primary server of the zone"
    )
    port: int = Field(DNS_PORT, ge=1, le=65535, strict=False, description="the TCP port of the server")
    tsig_key_name: _DnsName | None = Field(
        None, description="the name of the TSIG key that signs all messages. Without one, they are unsigned"
    )
    tsig_secret: Annotated[str | None, AfterValidator(_base64), Limit("base64"), Marker.SECRET] = Field(
        None, description="the secret of the TSIG key"
    )
    tsig_algorithm: TsigAlgorithm = Field(DEFAULT_TSIG_ALGORITHM, description="the algorithm of the TSIG key")
