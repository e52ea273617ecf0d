"""Values of an Agent Ingress in canonical form, their comparison, and what a preview knows of them.

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
INPUT_FIELDS = ("domain", "description", "metadata", POLICY)
# What ngrok computes, and an update leaves as it is.
KEPT_BY_UPDATE = ("ns_targets", "region_domains", "created_at", "uri")
# Outputs that may be None. The state then lacks them, and Pulumi's SDK makes an output that the state lacks unknown in
# a preview, so `preview` makes it None again.
NULLABLE = (POLICY, STATUS)

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


def changed_fields(
    existing: Mapping[str, Any], wanted: Mapping[str, Any], is_unknown: Callable[[object], bool] = lambda value: False
) -> list[str]:
    """Returns the INPUT_FIELDS in which an ingress differs from wanted values. Absent, None and "" are one.

    A key type that the wanted policy leaves out does not differ, because ngrok then chooses it. A value that is
    unknown in a preview differs, so an unknown domain is a replacement.
    """
    return [name for name in INPUT_FIELDS if _differs(name, existing.get(name), wanted.get(name), is_unknown)]


def not_applied(existing: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """Returns the fields of an update whose new values an ingress does not have. Others may differ from the program."""
    return changed_fields(existing, {**existing, **changes})


def _differs(name: str, old: Any, new: Any, is_unknown: Callable[[object], bool]) -> bool:
    if is_unknown(new):
        return True
    if name == POLICY:
        return not _matches_policy(old, new)
    if name == "domain":
        return canonical_domain(old or "") != canonical_domain(new or "")
    return bool((old or "") != (new or ""))


def describe(values: Mapping[str, Any], name: str) -> str:
    """Returns one of the INPUT_FIELDS for a message, such as `description "devices"`. It is not sanitized."""
    value = values.get(name)
    if name == POLICY and value:
        value = ", ".join(str(each) for each in value.values() if each)
    return f'{name} "{value}"' if value else f"no {name}"


def outputs_after(existing: Mapping[str, Any], wanted: Mapping[str, Any], unknown: object) -> dict[str, Any]:
    """Returns the outputs that the preview of a create or an update knows, besides the INPUT_FIELDS that are strings.

    `existing` are the outputs of the ingress that is updated or imported; empty for a create, or if it can't be read.
    `wanted` are the inputs. `unknown` is the front end's object for an unknown value.
    """
    outputs = {name: existing[name] for name in KEPT_BY_UPDATE if name in existing}
    policy = wanted.get(POLICY)
    if _matches_policy(existing.get(POLICY), policy):
        # Without a policy, there is no status.
        return outputs | {POLICY: existing.get(POLICY), STATUS: existing.get(STATUS)}
    if isinstance(policy, Mapping) and not policy.get("private_key_type"):
        policy = {**policy, "private_key_type": unknown}
    return outputs | {POLICY: policy, STATUS: unknown}


# -- the certificate policy: ngrok chooses the key type that a program leaves out --------------------------


def policy_inputs(existing: Mapping[str, Any], set_by: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns an existing policy for the inputs of a state. `set_by` is the program's, if it has one."""
    return {name: value for name, value in existing.items() if not set_by or name in set_by}


def _matches_policy(existing: Mapping[str, Any] | None, wanted: Any) -> bool:
    """Returns whether an existing policy has the wanted values. One that is unknown in a preview does not match."""
    if not existing or not wanted:
        return not existing and not wanted
    if not isinstance(wanted, Mapping):
        return False
    return all(value is None or value == existing.get(name) for name, value in wanted.items())
