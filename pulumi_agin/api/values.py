"""Values of an Agent Ingress in canonical form, and their comparison.

This module loads quickly, so programs import it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

PUBLIC_API = "https://api.ngrok.com"

# The only hosts for which plain http is allowed, and which never go through a proxy.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"
# What a program sets.
FIELDS = ("domain", "description", "metadata", POLICY)
# What ngrok computes, and an update leaves as it is.
KEPT_BY_UPDATE = ("ns_targets", "region_domains", "created_at", "uri")

PLAIN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
ID_HINT = "an ID looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


def canonical_domain(domain: str) -> str:
    """Returns a domain trimmed, in lower case and without a trailing dot, as ngrok stores it.

    Of two trailing dots only one is removed, so that validation rejects the other.
    """
    return domain.strip().lower().removesuffix(".")


def canonical_ns_targets(targets: Iterable[str]) -> list[str]:
    """Returns names in lower case, with one trailing dot, sorted, each once.

    ngrok returns them with and without dots, in any order.
    """
    return sorted({canonical_domain(target) + "." for target in targets})


def matches_policy(existing: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> bool:
    """Returns whether an existing policy has the wanted values. Without a wanted key type, any key type matches.

    In a preview, the wanted one may be unknown, as any object of a front end. Then it does not match.
    """
    if not existing or not wanted:
        return not existing and not wanted
    if not isinstance(wanted, Mapping):
        return False
    return all(value is None or value == existing.get(name) for name, value in wanted.items())


def changed_fields(
    existing: Mapping[str, Any], wanted: Mapping[str, Any], is_unknown: Callable[[object], bool] = lambda value: False
) -> list[str]:
    """Returns the FIELDS in which an ingress differs from wanted values. Absent, None and "" are one.

    A value that is unknown in a preview counts as different, so an unknown domain is a replacement.
    """
    return [name for name in FIELDS if _differs(name, existing.get(name), wanted.get(name), is_unknown)]


def not_applied(existing: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """Returns the fields of an update whose new values an ingress does not have. Others may differ from the program."""
    return changed_fields(existing, {**existing, **changes})


def _differs(name: str, old: Any, new: Any, is_unknown: Callable[[object], bool]) -> bool:
    if is_unknown(new):
        return True
    if name == POLICY:
        return not matches_policy(old, new)
    if name == "domain":
        return canonical_domain(old or "") != canonical_domain(new or "")
    return bool((old or "") != (new or ""))


def describe(values: Mapping[str, Any], name: str) -> str:
    """Returns one of the FIELDS for a message, such as `description "devices"`. It is not sanitized."""
    value = values.get(name)
    if name == POLICY and value:
        value = ", ".join(str(each) for each in value.values() if each)
    return f'{name} "{value}"' if value else f"no {name}"
