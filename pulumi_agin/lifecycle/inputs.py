"""Declarations of all resources: the inputs of a program, and the outputs in a state.

No message repeats a value that may be a secret of the program.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WrapValidator

from pulumi_agin.api import facts
from pulumi_agin.base.names import (
    DOMAIN_MAX_BYTES,
    EXAMPLE_DOMAIN,
    LABEL_MAX_BYTES,
    canonical_domain,
    canonical_ns_targets,
)
from pulumi_agin.dnsclient.values import (
    DEFAULT_TSIG_ALGORITHM,
    DNS_PORT,
    LONGEST_TTL_SECONDS,
    TsigAlgorithmLiteral,
    is_ip,
    zone_problem,
)

from .defaults import DEFAULT_GRACE_SECONDS, DEFAULT_VALIDATION_SECONDS
from .phrasing import Phrasing
from .schema import Declaration, Limit, Marker, Problem, pass_unknown

# -- an Agent Ingress -------------------------------------------------------------------------------------

_DOMAIN_PROBLEMS = {
    "^$": f"is empty; use a domain that you own, such as {EXAMPLE_DOMAIN}",
    "^(.*:)?//": f"is a URL; use only the domain, such as {EXAMPLE_DOMAIN}",
    r"/|:\d*$": f"has a port or a path; use only the domain, such as {EXAMPLE_DOMAIN}",
    r"^\.|\.\.|\.$": "has an empty label: two dots in a row, or one at the start",
    rf"[^.]{{{LABEL_MAX_BYTES + 1}}}": f"has a label of more than {LABEL_MAX_BYTES} bytes",
    r"\*[^.]|[^.]\*": f"has '*' and other characters in a label; a wildcard is a whole label, as in *.{EXAMPLE_DOMAIN}",
    # In ASCII. Other characters have a message of their own.
    r"(?=[\0-\x7f])[^a-z0-9_*.-]": f"contains {{!r}}; use only letters, digits, '-' and '.', as in {EXAMPLE_DOMAIN}",
}


def _ingress_domain(value: str) -> str:
    """Returns a domain that DNS allows. ngrok itself decides about wildcards, apexes of zones and its own names."""
    domain, given = canonical_domain(value), value.strip()
    if is_ip(domain.strip("[]")):
        raise ValueError(f"is an IP address; use a domain that you own, such as {EXAMPLE_DOMAIN}")
    for pattern, problem in _DOMAIN_PROBLEMS.items():
        if found := re.search(pattern, domain):
            raise ValueError(problem.format(found[0]))
    # The original string is checked, because the lower case of some letters outside ASCII is ASCII.
    if not given.isascii():
        raise ValueError(_not_ascii(given))
    return _max_bytes(DOMAIN_MAX_BYTES, domain)


def _not_ascii(domain: str) -> str:
    try:
        # requests installs it, but need not. Python's own codec replaces ß with ss, which is another domain.
        import idna
    except ImportError:
        return "is not ASCII; use its DNS form, in which such labels begin with xn--"
    with suppress(idna.IDNAError):
        return f"is not ASCII; use its DNS form, {idna.encode(domain, uts46=True).decode()}"
    return "is not ASCII, and is not a valid internationalized domain name"


def _max_bytes(limit: int, value: str) -> str:
    size = len(value.encode())
    if size > limit:
        raise ValueError(f"is {size} bytes in UTF-8; the limit is {limit}")
    return value


IngressDomain = Annotated[
    str,
    AfterValidator(_ingress_domain),
    Limit(f"{DOMAIN_MAX_BYTES} bytes; {LABEL_MAX_BYTES} per label"),
]


class CertificatePolicyInputs(Declaration):
    """The certificate policy of an Agent Ingress."""

    authority: facts.CertificateAuthorityLiteral = Field(description='the certificate authority, such as "letsencrypt"')
    private_key_type: facts.PrivateKeyTypeLiteral | None = Field(
        None, description="the type of the certificate's private key. ngrok's documented default is `rsa`"
    )


class AgentIngressInputs(Declaration):
    """The inputs of an Agent Ingress."""

    domain: Annotated[IngressDomain, Marker.REPLACES] = Field(
        description=f"a domain that you own, such as {EXAMPLE_DOMAIN}. ASCII only; case and a trailing dot are ignored"
    )
    description: Annotated[
        str | None,
        AfterValidator(partial(_max_bytes, facts.DESCRIPTION_MAX_BYTES)),
        Limit(f"{facts.DESCRIPTION_MAX_BYTES} bytes of UTF-8"),
    ] = Field(None, description="a human-readable description")
    metadata: Annotated[
        str | None,
        AfterValidator(partial(_max_bytes, facts.METADATA_MAX_BYTES)),
        Limit(f"{facts.METADATA_MAX_BYTES} bytes of UTF-8"),
        Marker.MAY_BE_JSON,
    ] = Field(None, description="machine-readable metadata, such as JSON")
    certificate_management_policy: CertificatePolicyInputs | None = Field(
        None, description="the certificate policy. Without one, ngrok's internal CA signs the certificate"
    )


# -- a certificate validation -----------------------------------------------------------------------------


def _ingress_id(value: str) -> str:
    if not facts.PLAIN_ID.fullmatch(value):
        raise ValueError(f"is not the ID of an Agent Ingress; {facts.ID_HINT}")
    return value


class CertificateValidationInputs(Declaration):
    """The inputs of an AgentIngressCertificateValidation."""

    agent_ingress_id: Annotated[str, AfterValidator(_ingress_id), Marker.REPLACES] = Field(
        description="the ID of the ingress, such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk. Its NS records should exist "
        "before the validation begins"
    )
    timeout_seconds: Annotated[float, Field(gt=0), Marker.NO_CHANGE] = Field(
        DEFAULT_VALIDATION_SECONDS,
        description="the time limit of the validation, in seconds; custom timeouts can shorten it",
    )
    dns_error_grace_seconds: Annotated[float, Field(ge=0), Marker.NO_CHANGE] = Field(
        DEFAULT_GRACE_SECONDS,
        description="how long ngrok may report a DNS error before the validation fails, in seconds. DNS changes take "
        "time",
    )


class CertificateValidationOutputs(BaseModel):
    """The outputs of an AgentIngressCertificateValidation."""

    renews_at: str | None = Field(
        description="when ngrok requests the next renewal (RFC 3339), as of the last validation or refresh. `null` "
        "without a policy"
    )
    agent_ingress_id: str = Field(description="the ID of the ingress, known once the certificate is issued")
    domain: str = Field(description="the domain of the certificate, in lowercase and without a trailing dot")


# -- NS records -------------------------------------------------------------------------------------------

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
_Algorithm = Annotated[TsigAlgorithmLiteral, BeforeValidator(_algorithm), Field(description="the algorithm of the key")]


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
        None, description="the name of the TSIG key that signs all messages. Without a key, they are unsigned"
    )
    tsig_secret: Annotated[str | None, AfterValidator(_base64), Limit("base64"), Marker.SECRET] = Field(
        None, description="the secret of the key"
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
