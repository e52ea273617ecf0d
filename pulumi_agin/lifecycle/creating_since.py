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

# Users' states contain it, so its name never changes. The engine shows no property whose name begins with two
# underscores, and the front ends pass none on. So only a check has it, and nothing compares it or sends it to ngrok.
CREATING_SINCE = "__creating_since"


def hidden_inputs(call: Call, clock: Clock) -> dict[str, str]:
    """Returns the time for a check: now for a new resource, and otherwise the one in the state, if there is one.

    Another one would change the state of every resource. A replacement is checked again, as a new resource.
    """
    since = call.creating_since if call.inputs_before else format_time(clock.utc_now())
    return {CREATING_SINCE: since} if since else {}


def creating_since(inputs: Mapping[str, Any]) -> datetime | None:
    """Returns the time in the state; None if a version before 1.3 has checked the inputs, or the state was edited."""
    since = inputs.get(CREATING_SINCE)
    return parse_time(since) if isinstance(since, str) else None
