"""What may be set on an Agent Ingress."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import Field, PlainValidator

from pulumi_agin.api.canonical import canonical_domain
from pulumi_agin.api.constants import (
    CERTIFICATE_AUTHORITIES,
    DESCRIPTION_MAX_BYTES,
    DOMAIN_MAX_BYTES,
    EXAMPLE_DOMAIN,
    LABEL_MAX_BYTES,
    METADATA_MAX_BYTES,
    PRIVATE_KEY_TYPES,
)

from .schema import REPLACES, Declaration, OneOf, Rule, Text, text_of
from .words import Words


class Domain(Rule):
    """A domain that DNS allows, in canonical form.

    ngrok itself decides about wildcards, the apex of a zone and ngrok's own names. No message repeats the value,
    because it may be a secret of the program. Pulumi shows a value that is not secret.
    """

    limit = f"{DOMAIN_MAX_BYTES} bytes, labels of {LABEL_MAX_BYTES}"
    missing = f": a domain that you own, such as {EXAMPLE_DOMAIN}"

    def __call__(self, value: object) -> str:
        text = text_of(value)
        domain = canonical_domain(text)
        if not domain:
            raise ValueError(f"is empty; give a domain that you own, such as {EXAMPLE_DOMAIN}")
        if "://" in domain or domain.startswith("//"):
            raise ValueError(f"is a URL; give the domain alone, such as {EXAMPLE_DOMAIN}")
        if "/" in domain:
            raise ValueError(f"has a path; give the domain alone, such as {EXAMPLE_DOMAIN}")
        if _is_ip_address(domain):
            raise ValueError(f"is an IP address; give the name of a domain that you own, such as {EXAMPLE_DOMAIN}")
        if re.search(r":\d*$", domain):
            raise ValueError(f"has a port; give the domain alone, such as {EXAMPLE_DOMAIN}")
        # The original text is checked, because the lower case of some letters outside ASCII is ASCII.
        if not text.strip().isascii():
            raise ValueError(_why_not_ascii(text.strip()))
        labels = domain.split(".")
        if "" in labels:
            raise ValueError("has an empty label: two dots in a row, or one at the start")
        for label in labels:
            if len(label) > LABEL_MAX_BYTES:
                raise ValueError(
                    f"has a label of {len(label)} bytes between its dots; DNS allows {LABEL_MAX_BYTES} at most"
                )
        if len(domain) > DOMAIN_MAX_BYTES:
            raise ValueError(f"has {len(domain)} bytes; DNS allows {DOMAIN_MAX_BYTES} at most")
        strange = re.search(r"[^a-z0-9_*.-]", domain)
        if strange:
            raise ValueError(
                f"contains {strange[0]!r}; a domain has letters, digits, hyphens and dots only, as in {EXAMPLE_DOMAIN}"
            )
        if any("*" in label and label != "*" for label in labels):
            raise ValueError(f"has a label with '*' and more; a wildcard is a whole label, as in *.{EXAMPLE_DOMAIN}")
        return domain


def _is_ip_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True


def _why_not_ascii(domain: str) -> str:
    import idna  # installed with requests, and loaded only when it is needed

    try:
        ascii_form = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return "is not ASCII, and not an internationalized domain name either"
    return f"is not ASCII; write it in its DNS form, {ascii_form}"


_AUTHORITY = OneOf(CERTIFICATE_AUTHORITIES, missing=f' in a policy: "{CERTIFICATE_AUTHORITIES[0]}"')


class CertificatePolicyInputs(Declaration):
    """How ngrok gets the certificate of the domain."""

    authority: Annotated[str, PlainValidator(_AUTHORITY)] = Field(description="who signs the certificate")
    private_key_type: Annotated[str | None, PlainValidator(OneOf(PRIVATE_KEY_TYPES))] = Field(
        None, description="the type of the certificate's private key; if it is left out, ngrok chooses"
    )

    @classmethod
    def written_as(cls, words: Words) -> str:
        return words.certificate_policy


class AgentIngressInputs(Declaration):
    """The inputs of an Agent Ingress."""

    domain: Annotated[str, PlainValidator(Domain()), REPLACES] = Field(
        description="a domain that you own, in ASCII. Any case, with or without a trailing dot"
    )
    description: Annotated[str | None, PlainValidator(Text(DESCRIPTION_MAX_BYTES))] = Field(
        None, description="human-readable text"
    )
    metadata: Annotated[str | None, PlainValidator(Text(METADATA_MAX_BYTES, may_be_json=True))] = Field(
        None, description="machine-readable text, such as JSON"
    )
    certificate_management_policy: CertificatePolicyInputs | None = Field(
        None,
        description="who signs the certificate, and the type of its private key. Without a policy, ngrok's internal CA "
        "signs it",
    )
