"""Values of an Agent Ingress: their canonical form, their comparison, and the outputs for a preview.

Programs import this module, so it must load quickly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

PUBLIC_API = "https://api.ngrok.com"

# Only requests to these hosts may use plain http. Requests to these hosts never use a proxy.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"
# The fields that a program sets.
INPUT_FIELDS = ("domain", "description", "metadata", POLICY)
# The fields that ngrok computes and an update does not change.
KEPT_BY_UPDATE = ("ns_targets", "region_domains", "created_at", "uri")
# The outputs that may be None. The state lacks an output that is None. In a preview, Pulumi's SDK makes such an output
# unknown, so `preview` makes the output None again.
NULLABLE = (POLICY, STATUS)

PLAIN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
ID_HINT = "an ID looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


def canonical_domain(domain: str) -> str:
    """Returns a domain as ngrok stores it: trimmed, in lower case, and without a trailing dot.

    Only one trailing dot is removed, so that validation rejects a domain with two.
    """
    return domain.strip().lower().removesuffix(".")


def canonical_ns_targets(targets: Iterable[str]) -> list[str]:
    """Returns names in lower case, with one trailing dot, sorted, and without duplicates.

    ngrok returns the names in any order, with or without a trailing dot.
    """
    return sorted({canonical_domain(target) + "." for target in targets})


def changed_fields(
    existing: Mapping[str, Any], wanted: Mapping[str, Any], is_unknown: Callable[[object], bool] = lambda value: False
) -> list[str]:
    """Returns the INPUT_FIELDS in which an ingress differs from wanted values. Absent, None, and "" are equal.

    If the wanted policy has no key type, every key type matches, because ngrok chooses the key type. A wanted value
    that is unknown in a preview counts as different, so an unknown domain is a replacement.
    """
    return [name for name in INPUT_FIELDS if _differs(name, existing.get(name), wanted.get(name), is_unknown)]


def not_applied(existing: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """Returns the fields in `changes` whose new values an ingress does not have. Other fields are not compared."""
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
    """Returns one of the INPUT_FIELDS for a message, such as `description "devices"`. The result is not sanitized."""
    value = values.get(name)
    if name == POLICY and value:
        value = ", ".join(str(each) for each in value.values() if each)
    return f'{name} "{value}"' if value else f"no {name}"


def outputs_after(existing: Mapping[str, Any], wanted: Mapping[str, Any], unknown: object) -> dict[str, Any]:
    """Returns KEPT_BY_UPDATE, the policy and the status for the preview of a create or an update, if they are known.

    `existing` are the outputs of the ingress that is updated or imported. They are empty for a create, or if the
    ingress can't be read. `wanted` are the inputs. `unknown` is the front end's object for an unknown value.
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


def policy_inputs(existing: Mapping[str, Any], program_policy: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns an existing policy for the inputs in a state, with only the fields that the program's policy has.

    Without a policy of the program, all fields are returned.
    """
    return {name: value for name, value in existing.items() if not program_policy or name in program_policy}


def _matches_policy(existing: Mapping[str, Any] | None, wanted: Any) -> bool:
    """Returns whether an existing policy has the wanted values. A value unknown in a preview does not match."""
    if not existing or not wanted:
        return not existing and not wanted
    if not isinstance(wanted, Mapping):
        return False
    return all(value is None or value == existing.get(name) for name, value in wanted.items())
