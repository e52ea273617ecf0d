"""What may be set on a dns.Rfc2136Delegation, and the outputs of it that the state keeps.

No message repeats a value, because it may be a secret of the program. Only a wrong algorithm is shown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, model_validator

from pulumi_agin.api.canonical import canonical_domain, canonical_ns_targets
from pulumi_agin.api.constants import (
    DEFAULT_TSIG_ALGORITHM,
    DNS_PORT,
    DOMAIN_MAX_BYTES,
    EXAMPLE_DOMAIN,
    LONGEST_TTL_SECONDS,
    TSIG_ALGORITHMS,
)
from pulumi_agin.dnsclient.values import is_ip

from .schema import (
    NO_CHANGE,
    REPLACES,
    SECRET,
    Declaration,
    InvalidBecause,
    OneOf,
    Rule,
    WholeNumber,
    YesNo,
    is_unknown,
    spell,
    text_of,
)

# Either both are given, or neither. Without them, messages are unsigned.
KEY = ("tsig_key_name", "tsig_secret")

# A hidden output after a write of unknown outcome: values of ours that the server may have besides those of
# `ns_targets`. Users' states contain it, so its name never changes.
UNSETTLED = "_unsettled_ns_targets"

_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


# -- rules ------------------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class DnsName(Rule):
    """A name that DNS allows, in lower case and without a trailing dot."""

    example: str
    limit: str = ""

    def __call__(self, value: object) -> str:
        name = canonical_domain(text_of(value))
        if not _DNS_NAME.fullmatch(name) or len(name) > DOMAIN_MAX_BYTES or is_ip(name):
            raise ValueError(f"must be a name as DNS has it, such as {self.example}")
        return name


_TARGET = DnsName("ns1.acme.com")


class NsTargets(Rule):
    """The values of NS records: one or more names. Some may be unknown."""

    limit = "one or more"

    def __call__(self, value: object, info: ValidationInfo) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise ValueError("must be a list of one name server or more")
        known = [target for target in value if not is_unknown(target, info)]
        try:
            names = canonical_ns_targets(map(_TARGET, known))
        except ValueError as error:
            raise ValueError(f"has a value that {error}") from None
        # Their number and order are known only once all of them are known.
        return names if len(known) == len(value) else value


class KeptNsTargets(Rule):
    """The values of NS records as a server had them: any names, or none."""

    def __call__(self, value: object) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(target, str) for target in value):
            raise ValueError("must be a list of names of name servers")
        return sorted({target.lower().rstrip(".") + "." for target in value})


class ServerHost(Rule):
    """The host name or the IP address of a server."""

    limit = "a host name or an IP address"

    def __call__(self, value: object) -> str:
        text = text_of(value).strip().lower()
        if is_ip(text):
            return text
        try:
            return _TARGET(text)
        except ValueError:
            raise ValueError(
                "must be the host name or IP address of the zone's primary server, without brackets or port, such as "
                "ns1.acme.com"
            ) from None


class Base64(Rule):
    """A secret in base64, as TSIG keys have it."""

    limit = "base64"

    def __call__(self, value: object) -> str:
        text = text_of(value).strip()
        try:
            is_right = bool(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            is_right = False
        if not is_right:
            raise ValueError("must be base64, as it stands after `secret` in the key's file")
        return text


def _canonical_algorithm(name: str) -> str:
    return name.strip().lower().removesuffix(".")


# -- declarations -----------------------------------------------------------------------------------------

_Port = Annotated[int, PlainValidator(WholeNumber(1, 65535)), Field(description="its TCP port")]
_Algorithm = Annotated[
    str,
    PlainValidator(OneOf(TSIG_ALGORITHMS, canonical=_canonical_algorithm)),
    Field(description="the algorithm of the key"),
]


class _NsRecords(Declaration):
    """What the inputs and the kept outputs have in common.

    Records of another name, or in another zone, are other records. A server that moved still has the same zone. A
    change of the key is an update, because the state must have the key that is valid.
    """

    domain: Annotated[str, PlainValidator(DnsName(EXAMPLE_DOMAIN, limit="below the apex of `zone`")), REPLACES] = Field(
        description="the domain that is delegated"
    )
    zone: Annotated[str, PlainValidator(DnsName("acme.com")), REPLACES] = Field(description="the name of the zone")
    ns_targets: Annotated[list[str], PlainValidator(NsTargets())] = Field(description="the values of the records")
    ttl: Annotated[int, PlainValidator(WholeNumber(0, LONGEST_TTL_SECONDS, "seconds"))] = Field(
        description="how long resolvers may cache the records"
    )
    server: Annotated[str, PlainValidator(ServerHost())] = Field(description="the primary server of the zone")
    port: _Port
    tsig_key_name: Annotated[str | None, PlainValidator(DnsName("agin"))] = Field(
        None,
        description="the name of the TSIG key that signs each message. Without a name and a secret, messages are "
        "unsigned",
    )
    tsig_secret: Annotated[str | None, PlainValidator(Base64()), SECRET] = Field(
        None, description="the secret of the key"
    )
    tsig_algorithm: _Algorithm

    @model_validator(mode="before")
    @classmethod
    def _refuse_half_a_key(cls, values: Any, info: ValidationInfo) -> Any:
        given = [field for field in KEY if isinstance(values, Mapping) and values.get(field) is not None]
        if len(given) != 1:
            return values
        both = " and ".join(spell(field, info) for field in KEY)
        half = InvalidBecause(
            values[given[0]],
            f"is only half of a key: give both {both}, or neither if the server accepts unsigned updates",
        )
        return {**values, given[0]: half}

    @model_validator(mode="after")
    def _check_domain_in_zone(self) -> _NsRecords:
        domain, zone = self.domain, self.zone
        # In a preview, either may be unknown.
        if isinstance(domain, str) and isinstance(zone, str):
            if domain == zone:
                raise ValueError(
                    f"the domain {domain} is the apex of the zone, whose NS records are the zone's own: a delegation "
                    f"is of a name below it, such as connect.{zone}"
                )
            if not domain.endswith(f".{zone}"):
                raise ValueError(f"the domain {domain} is not in the zone {zone}: set zone to the one that it is in")
        return self


class NsRecordsInputs(_NsRecords):
    """The inputs of a dns.Rfc2136Delegation."""

    port: _Port = DNS_PORT
    tsig_algorithm: _Algorithm = DEFAULT_TSIG_ALGORITHM
    take_over: Annotated[bool, PlainValidator(YesNo()), NO_CHANGE] = Field(
        False, description="whether to adopt records that already exist with exactly these values and this TTL"
    )


# Another version of this package may have written more fields.
class KeptNsRecords(_NsRecords, extra="ignore"):
    """The outputs of a dns.Rfc2136Delegation, as the state keeps them."""

    ns_targets: Annotated[list[str], PlainValidator(KeptNsTargets())] = Field(description="the values of the records")
    unsettled_ns_targets: Annotated[list[str], PlainValidator(KeptNsTargets())] = Field(
        [], alias="_unsettled_ns_targets"
    )
