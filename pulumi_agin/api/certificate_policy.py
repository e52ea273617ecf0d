"""The certificate policy of an Agent Ingress. This module loads quickly, so programs can import it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The field of the policy.
POLICY = "certificate_management_policy"


def matches_policy(existing: Mapping[str, Any] | None, inputs: Mapping[str, Any] | None) -> bool:
    """Returns whether an existing policy has the desired values. Without a desired key type, any key type matches."""
    if not existing or not inputs:
        return not existing and not inputs
    return all(value is None or value == existing.get(name) for name, value in inputs.items())
