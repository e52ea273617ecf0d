"""FailedResources: what failed in an `up` with `--continue-on-error`, after which nothing may be deleted.

The program goes on, and at its end the engine deletes what the program no longer has: after a rename without an alias,
the live records of the ingress that could not be created under its new name; after a failed update of an ingress, the
records that a function of its name servers could not declare. If the program ends with an error, it deletes nothing.
In other languages, `Claims.record_uncreated` protects at least what has the same domain.
"""

from __future__ import annotations

from typing import Any

import pulumi

from pulumi_agin.base.redaction import listed
from pulumi_agin.lifecycle.urns import AGENT_INGRESS, DELEGATION, RFC2136_DELEGATION, Urn, name_of

from . import sdk


class FailedResources:
    """The Agent Ingresses and NS records that failed, or were skipped after a failure of another resource."""

    def __init__(self) -> None:
        self._urns: list[str] = []
        self._has_failure = False
        self._is_watching = False
        self._has_end = True

    def watch(self) -> None:
        """Makes an `up` of the engine end with an error if a resource fails, after all were registered."""
        self._is_watching = True
        self._has_end = sdk.watch_program(self._record, self._require_none)

    async def watch_records(self, delegation: pulumi.Resource, existence: pulumi.Output[Any]) -> None:
        """Records a delegation whose records are not registered, because an input of them is unknown in this `up`.

        After a failure, that happens to records that are declared in an `apply` of outputs of the failed resource, as
        with `adopt`. `existence` is known when they are registered.
        """
        if self._is_watching and not await sdk.is_known(existence):
            self._record(str(await sdk.value_of(delegation.urn)), has_failed=False, is_unknown=True)

    def _record(self, urn: str, has_failed: bool, is_unknown: bool) -> None:
        """Records the result of any resource of the program. Without an end of the program, it fails at once."""
        # Many threads call this, and none of these writes needs a lock.
        if has_failed:
            self._has_failure = True
        types = Urn.parse(urn).types.split("$")
        if is_unknown and (types[-1] in (AGENT_INGRESS, RFC2136_DELEGATION) or DELEGATION in types):
            self._urns.append(urn)
        if not self._has_end:
            self._require_none()

    def _require_none(self) -> None:
        # Without a failure, `--target` has left them out.
        if self._has_failure and self._urns:
            names = [f"{each.name} ({name_of(each.type)})" for each in map(Urn.parse, self._urns)]
            raise pulumi.RunError(
                "this run deletes nothing more, because these resources failed, or were skipped: "
                f"{listed(names)}. What they replace may still be in use: correct the errors, and run `pulumi up` again"
            )
