"""FailedResources: what failed in an `up` with `--continue-on-error`, after which nothing may be deleted.

The program goes on, and at its end the engine deletes what the program no longer has: after a rename without an alias,
the live records of the ingress that could not be created under its new name; after a failed update of an ingress, the
records that a function of its name servers could not declare. If the program ends with an error, it deletes nothing.
"""

from __future__ import annotations

import pulumi

from pulumi_agin.base.redaction import listed
from pulumi_agin.lifecycle.urns import AGENT_INGRESS, DELEGATION, RFC2136_DELEGATION, Urn

from . import sdk_internals


class FailedResources:
    """The Agent Ingresses of a program, and their NS records as far as it knows them, that failed or were skipped."""

    def __init__(self) -> None:
        self._urns: list[str] = []
        self._has_failure = False

    def watch(self) -> None:
        """Makes the program end with an error if one of its resources fails, after all were registered."""
        sdk_internals.watch_program(self.record, self.require_none)

    def record(self, urn: str, has_failed: bool, is_unknown: bool) -> None:
        """Records the result of any resource of the program."""
        self._has_failure |= has_failed
        types = Urn.parse(urn).types.split("$")
        if is_unknown and (types[-1] in (AGENT_INGRESS, RFC2136_DELEGATION) or DELEGATION in types):
            self._urns.append(urn)

    def require_none(self) -> None:
        """Raises an error if a resource failed, or was skipped because it depends on another one that failed."""
        # Without a failure, `--target` has skipped them.
        if self._has_failure and self._urns:
            names = [f"{each.name} ({each.type.rpartition(':')[2]})" for each in map(Urn.parse, self._urns)]
            raise pulumi.RunError(
                "this run deletes nothing more, because these resources failed, or depend on one that failed: "
                f"{listed(names)}. What they replace may still be in use: correct the errors, and run `pulumi up` again"
            )
