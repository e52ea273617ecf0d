"""Canonical forms, in which values are compared and stored. This module loads quickly, so programs can import it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

# The field of the certificate policy.
POLICY = "certificate_management_policy"

# Only one dot at the end of a name is removed. A name with two dots there, or with a space before the dot, is invalid.
# It stays unchanged, so that validation rejects it.
_DOT_OF_THE_ROOT = re.compile(r"(?<![\s.])\.\Z")

_DEFAULT_PORTS = {"https": 443, "http": 80}


def canonical_base_url(base_url: str) -> str:
    """Returns a valid base URL with its scheme and host in lower case, without a default port or a slash at the end."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def canonical_domain(domain: str) -> str:
    """Returns a domain trimmed, in lower case and without the root's dot, as ngrok stores it."""
    return _DOT_OF_THE_ROOT.sub("", domain.strip().lower())


def canonical_ns_targets(targets: Iterable[str]) -> list[str]:
    """Returns names in lower case, with one trailing dot, sorted, each once.

    ngrok returns them with and without dots, in any order.
    """
    return sorted({canonical_domain(target).rstrip(".") + "." for target in targets})


def canonical_region_domains(domains: Iterable[str]) -> list[str]:
    """Returns domains in their canonical form, sorted, each once."""
    return sorted({canonical_domain(domain) for domain in domains})


def matches_policy(existing: Mapping[str, Any] | None, inputs: Mapping[str, Any] | None) -> bool:
    """Returns whether an existing policy has the desired values. Without a desired key type, any key type matches."""
    if not existing or not inputs:
        return not existing and not inputs
    return all(value is None or value == existing.get(name) for name, value in inputs.items())


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that are not None, in nested dicts too."""
    return {
        name: without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


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
