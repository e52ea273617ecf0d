"""The time since which a run creates an Agent Ingress: a hidden input, by which an ingress proves to be of that run.

If a run is killed during a create, the state keeps the inputs of the resource as a pending operation, but no time. An
ingress with the same values that is older is another's: a later destroy would delete it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pulumi_agin.base.clock import Clock, format_time, parse_time

from .operation import Call

# The engine keeps it with the checked inputs; ngrok does not get it, and no diff compares it. Users' states contain it,
# so its name never changes. Python's SDK drops names that begin with two underscores.
CREATING_SINCE = "_creating_since"


def with_creating_since(call: Call, checked: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """Returns checked inputs with the time: now for a new resource, and otherwise that in the state, if there is one.

    Another time would be a change of the inputs. A replacement is checked a second time, as a new resource. A preview
    creates nothing, and `--diff` would show the time; only some front ends know that it is one.
    """
    if call.inputs_before:
        since = call.inputs_before.get(CREATING_SINCE)
    else:
        since = None if call.is_preview else format_time(clock.utc_now())
    return {**checked, CREATING_SINCE: since} if since else dict(checked)


def without_creating_since(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns inputs without the time. Those of a program have it if `ignore_changes` puts back all that it had."""
    return {name: value for name, value in inputs.items() if name != CREATING_SINCE}


def creating_since(inputs: Mapping[str, Any]) -> datetime | None:
    """Returns the time in the state; None if a version before 1.3 has checked the inputs, or the state was edited."""
    since = inputs.get(CREATING_SINCE)
    return parse_time(since) if isinstance(since, str) else None
