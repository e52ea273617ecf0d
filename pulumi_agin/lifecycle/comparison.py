"""Comparison of an existing Agent Ingress with inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulumi_agin.api.facts import POLICY, matches_policy
from pulumi_agin.base.names import canonical_domain

from .inputs import AgentIngressInputs
from .schema import compared_fields


def changed_fields(
    existing: Mapping[str, Any], inputs: Mapping[str, Any], is_unknown: Callable[[object], bool]
) -> list[str]:
    """Returns the fields whose inputs differ from existing values. Absent, None and "" are one; unknown differs."""
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
    if field == POLICY and isinstance(new, Mapping):
        return not matches_policy(old, new)
    return bool(old != new)
