"""The canonical form in which values are compared and kept. Loads nothing heavy, so a program can import it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# The field that says how ngrok gets the certificate.
POLICY = "certificate_management_policy"

# Only one dot at the end of a name is removed. A name with two dots there, or with a space before the dot, is not a
# domain. It is left as it is, so that validation refuses it.
_DOT_OF_THE_ROOT = re.compile(r"(?<![\s.])\.\Z")


def canonical_domain(domain: str) -> str:
    """Returns a domain trimmed, in lower case, without the root's dot: the form in which ngrok keeps it."""
    return _DOT_OF_THE_ROOT.sub("", domain.strip().lower())


def canonical_ns_targets(targets: Iterable[str]) -> list[str]:
    """Returns names in lower case, with one trailing dot, sorted, each once.

    ngrok answers with and without dots, in any order.
    """
    return sorted({canonical_domain(target).rstrip(".") + "." for target in targets})


def canonical_region_domains(domains: Iterable[str]) -> list[str]:
    """Returns domains in their canonical form, sorted, each once."""
    return sorted({canonical_domain(domain) for domain in domains})


def matches_policy(there: Mapping[str, Any] | None, asked: Mapping[str, Any] | None) -> bool:
    """Returns whether a policy is the one that was asked for. If the key type was left out, any key type matches."""
    if not there or not asked:
        return not there and not asked
    return all(value is None or value == there.get(name) for name, value in asked.items())


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that are not None, in nested dicts too."""
    return {
        name: without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


def zone_problem(domain: str, zone: str) -> str:
    """Returns why a zone can't delegate a domain, or "" if the domain is below its apex. Both are canonical."""
    if domain == zone:
        return (
            f"the domain {domain} is the apex of the zone {zone}, whose NS records are the zone's own: a delegation "
            f"is of a name below it, such as connect.{zone}"
        )
    if not domain.endswith(f".{zone}"):
        return f"the domain {domain} is not in the zone {zone or '(empty)'}: give the zone that {domain} is in"
    return ""
