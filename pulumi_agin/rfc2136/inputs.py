"""Declarations of NS records: the inputs of a program, and the outputs in a state.

No message repeats a value that may be a secret of the program.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WrapValidator

from pulumi_agin.base.names import (
    DNS_PORT,
    DOMAIN_MAX_BYTES,
    LONGEST_TTL_SECONDS,
    canonical_domain,
    canonical_ns_targets,
    is_ip,
    zone_problem,
)
from pulumi_agin.lifecycle.phrasing import Phrasing
from pulumi_agin.lifecycle.schema import Declaration, Limit, Marker, Problem, pass_unknown

from .values import DEFAULT_TSIG_ALGORITHM, TsigAlgorithmLiteral

# Either both are given, or neither. Without them, messages are unsigned.
KEY = ("tsig_key_name", "tsig_secret")

# A hidden output after a write of unknown outcome: values of ours that the server may have besides those of
# `ns_targets`. Users' states contain it, so its name never changes.
UNSETTLED = "_unsettled_ns_targets"

_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"


def _is_dns_name(name: str) -> bool:
    is_name = re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name) and len(name) <= DOMAIN_MAX_BYTES
    return bool(is_name) and not is_ip(name)


def _dns_name(value: str) -> str:
    name = canonical_domain(value)
    if not _is_dns_name(name):
        raise ValueError("must be a valid DNS name")
    return name


def _with_root(name: str) -> str:
    return f"{name}."


def _ns_targets(values: list[Any]) -> list[Any]:
    # Their number and order are known only once all of them are known.
    return canonical_ns_targets(values) if all(isinstance(value, str) for value in values) else values


def _server(value: str) -> str:
    host = canonical_domain(value)
    if not is_ip(host) and not _is_dns_name(host):
        raise ValueError("must be a host name or an IP address, without brackets or port, such as ns1.acme.com")
    return host


def _base64(value: str) -> str:
    secret = value.strip()
    with suppress(ValueError):
        if base64.b64decode(secret, validate=True):
            return secret
    raise ValueError("must be base64, like the `secret` in the key file")


def _whole(value: Any) -> Any:
    """Returns an int for a float without a fraction, because the engine has no integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _algorithm(value: Any) -> Any:
    return canonical_domain(value) if isinstance(value, str) else value


_DnsName = Annotated[str, AfterValidator(_dns_name)]
_NsTarget = Annotated[_DnsName, AfterValidator(_with_root), WrapValidator(pass_unknown)]
_KeptNsTargets = Annotated[list[str], AfterValidator(canonical_ns_targets)]
_Port = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=65535, description="the TCP port of the server")]
_Algorithm = Annotated[
    TsigAlgorithmLiteral, BeforeValidator(_algorithm), Field(description="the algorithm of the TSIG key")
]


class _NsRecords(Declaration):
    """The common fields of the inputs and of the outputs in the state.

    Records of another name, or in another zone, are other records. A server that moved still has the same zone. A
    change of the key is an update, because the state must have the key that is valid.
    """

    domain: Annotated[_DnsName, Limit("below the apex of `zone`"), Marker.REPLACES] = Field(
        description="the domain to delegate"
    )
    zone: Annotated[_DnsName, Marker.REPLACES] = Field(description="the name of the zone, such as acme.com")
    ns_targets: Annotated[list[_NsTarget], Field(min_length=1), AfterValidator(_ns_targets), Limit("one or more")] = (
        Field(description="the values of the records")
    )
    ttl: Annotated[int, BeforeValidator(_whole), Field(ge=0, le=LONGEST_TTL_SECONDS)] = Field(
        description="how long resolvers may cache the records, in seconds"
    )
    server: Annotated[str, AfterValidator(_server), Limit("a host name or an IP address")] = Field(
        description="the primary server of the zone"
    )
    port: _Port = DNS_PORT
    tsig_key_name: _DnsName | None = Field(
        None, description="the name of the TSIG key that signs all messages. Without one, they are unsigned"
    )
    tsig_secret: Annotated[str | None, AfterValidator(_base64), Limit("base64"), Marker.SECRET] = Field(
        None, description="the secret of the TSIG key"
    )
    tsig_algorithm: _Algorithm = DEFAULT_TSIG_ALGORITHM

    @classmethod
    def conflicts(cls, values: Mapping[str, Any], phrasing: Phrasing) -> Iterator[Problem]:
        given = [name for name in KEY if name in values]
        if len(given) == 1:
            both = " and ".join(map(phrasing.spell, KEY))
            problem = f"is only part of a key: set both {both}, or neither if the server accepts unsigned updates"
            yield Problem((phrasing.spell(given[0]),), problem)
        # In a preview, either may be unknown.
        names = [values.get(name) for name in ("domain", "zone")]
        domain, zone = [canonical_domain(name) if isinstance(name, str) else "" for name in names]
        if _is_dns_name(domain) and _is_dns_name(zone) and (mismatch := zone_problem(domain, zone)):
            yield Problem((), mismatch)


class NsRecordsInputs(_NsRecords):
    """The inputs of a dns.Rfc2136Delegation."""

    adopt: Annotated[bool, Marker.NO_CHANGE] = Field(
        False, description="whether to adopt records that already exist with exactly these values and this TTL"
    )


# Another version of this package may have written more fields.
class KeptNsRecords(_NsRecords, extra="ignore"):
    """The outputs of a dns.Rfc2136Delegation, as the state keeps them. A server may have had any values, or none."""

    ns_targets: _KeptNsTargets = Field(description="the values of the records")
    # Required, because the default may be another server's port or another key's algorithm.
    port: _Port  # pyright: ignore[reportGeneralTypeIssues]
    tsig_algorithm: _Algorithm  # pyright: ignore[reportGeneralTypeIssues]
    unsettled_ns_targets: _KeptNsTargets = Field([], alias="_unsettled_ns_targets")
