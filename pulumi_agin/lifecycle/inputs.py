"""Declarations of an Agent Ingress and a certificate validation, and the comparison of an ingress with its inputs.

No message repeats a value that may be a secret of the program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from pulumi_agin.base import facts
from pulumi_agin.base.names import DOMAIN_MAX_BYTES, EXAMPLE_DOMAIN, LABEL_MAX_BYTES, canonical_domain, is_ip

from .schema import Declaration, Limit, Marker, compared_fields

# -- an Agent Ingress -------------------------------------------------------------------------------------

_DOMAIN_PROBLEMS = {
    "^$": f"is empty; use a domain that you own, such as {EXAMPLE_DOMAIN}",
    "^(.*:)?//": f"is a URL; use only the domain, such as {EXAMPLE_DOMAIN}",
    r"(^|\.)your-domain$": f"has a placeholder of the docs; use a domain that you own, such as {EXAMPLE_DOMAIN}",
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


def changed_fields(
    existing: Mapping[str, Any], inputs: Mapping[str, Any], is_unknown: Callable[[object], bool]
) -> list[str]:
    """Returns the fields whose inputs differ from existing values. Absent, None and "" are one.

    For a diff, for the fields that an update sends, and for whether ngrok kept them. An unknown value counts as
    different, so an unknown domain is a replacement.
    """
    return [
        field
        for field in compared_fields(AgentIngressInputs)
        if _differs(field, existing.get(field) or "", inputs.get(field) or "", is_unknown)
    ]


def _differs(field: str, old: Any, new: Any, is_unknown: Callable[[object], bool]) -> bool:
    if is_unknown(new):
        return True
    # In a refresh, the inputs are those in the state. If it was edited, they can have any type and spelling.
    if field == "domain" and isinstance(new, str):
        return bool(old != canonical_domain(new))
    # A key type that the program omits matches any. An unknown one equals none, so it differs.
    if field == facts.POLICY and isinstance(new, Mapping):
        return not facts.matches_policy(old, new)
    return bool(old != new)


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
        facts.DEFAULT_VALIDATION_SECONDS,
        description="the time limit of the validation, in seconds; custom timeouts can shorten it",
    )
    dns_error_grace_seconds: Annotated[float, Field(ge=0), Marker.NO_CHANGE] = Field(
        facts.DEFAULT_GRACE_SECONDS,
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
