"""Claims: facts that the resources of one provider share in a run.

The engine starts a process for each provider of a stack, so resources with different providers share no claims.

Lifecycle methods share facts about resources through this class alone. (What was read from an account is in
`Existence` and in the client; what the user was told, in `Services`.) Which facts a method finds depends on the order
of the engine's calls. In an `up` or a preview, the engine goes through the program:

| call               | when                                                     | what it records                     |
|--------------------|----------------------------------------------------------|-------------------------------------|
| `check`            | first, when the resource's inputs are known; a second    | the resource, its state, its domain |
|                    | time if it is replaced, then as a new resource           |                                     |
| `diff`             | after `check`, if the state has the resource; or before  | what the resource keeps if it stays |
|                    | it, with unknown inputs, if a resource that it depends   |                                     |
|                    | on is deleted before its replacement is created          |                                     |
| `create`, `update` | after `diff`, and after those of the resources that it   | what exists now, or was not created |
| or their previews  | depends on                                               |                                     |
| `delete`           | last, after all of the above, if the resource was        | nothing                             |
|                    | replaced or removed from the program. It comes before    |                                     |
|                    | `create` only if the old resource must go first          |                                     |

Resources that do not depend on each other are called at the same time, so a method finds the claims of all resources
of the provider only in a `delete`. In a refresh that does not run the program, each resource has a `read` and then a
`diff`, and no `check`; in a destroy, only a `delete`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .operation import Call, Placement
from .outputs import KeptOutputs
from .urns import Urn

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel


class RecordSet(NamedTuple):
    """The NS records of one domain, at one server."""

    server: str
    zone: str
    domain: str


class Claims:
    """Facts that the resources of one provider share in a run. A front end makes one for all lifecycles.

    Calls run in many threads.
    """

    def __init__(self) -> None:
        # Guards what takes more than one step. A single operation on a dict is atomic.
        self._lock = threading.Lock()
        # By URN: only resources of the program, because only those are checked.
        self._placements: dict[str, Placement] = {}
        # By URN: the outputs of a resource that exists, or its inputs if the front end has no outputs. Those of a
        # replaced ingress, which is deleted at the end of the run, come before the current ones.
        self._states: dict[str, list[Mapping[str, Any]]] = {}
        self._domains: dict[str, str] = {}
        # By domain: the URN of the first resource that declared it.
        self._first_declarations: dict[str, str] = {}
        # By the ID of the Agent Ingress: the URNs of the resources that keep it.
        self._keepers: dict[str, set[str]] = {}
        # By the ID of the Agent Ingress.
        self._policies: dict[str, Mapping[str, Any] | None] = {}
        # By URN: the domain of an ingress or records whose create failed, was skipped, or is previewed.
        self._uncreated: dict[str, str] = {}
        # The values, and the URN of the resource that has them; None for records that this run has written.
        self._ns_records: dict[RecordSet, tuple[frozenset[str], str | None]] = {}

    # -- check --------------------------------------------------------------------------------------------

    def record_check(self, call: Call) -> None:
        """Records a resource of the program: its placement and its state."""
        with self._lock:
            self._placements[call.urn] = call.placement or Placement(stack=Urn.parse(call.urn).stack)
            if call.inputs_before:
                state = KeptOutputs.of(call.outputs_before or call.inputs_before).values
                self._states.setdefault(call.urn, []).append(state)

    def declare_domain(self, urn: str, domain: str) -> str | None:
        """Records the domain that the program gives a resource, in canonical form.

        Returns the URN of the resource that declared it before; None if this one is the first.
        """
        with self._lock:
            # A replacement is checked a second time, and may have another domain then.
            self._domains[urn] = domain
            first = self._first_declarations.setdefault(domain, urn)
            if self._domains.get(first) != domain:
                self._first_declarations[domain] = first = urn
            return None if first == urn else first

    def placement(self, urn: str) -> Placement:
        """Returns the placement of a resource, as far as it is known."""
        return self._placements.get(urn, Placement())

    def is_in_state(self, urn: str) -> bool:
        """Returns whether a checked resource is in the state, or was created in this run."""
        return urn in self._states

    def state(self, urn: str) -> Mapping[str, Any]:
        """Returns the valid outputs of a resource, or its inputs if its outputs are not known; empty if it is new."""
        return self._states[urn][-1] if urn in self._states else {}

    def resource_with(self, ingress: IngressModel) -> str | None:
        """Returns the URN of the resource of the stack that has this Agent Ingress, or had it before in this run.

        None if none is known. It may be the resource that asks: while it is replaced, it still has the old ingress.
        """
        # Only strings: a front end may have no other outputs in a `check`. Other kinds of resources lack the last two.
        identity = {"domain": ingress.domain, "uri": ingress.uri, "created_at": ingress.created_at}
        with self._lock:
            for urn, states in self._states.items():
                if any(identity.items() <= state.items() for state in states):
                    return urn
        return None

    # -- diff ---------------------------------------------------------------------------------------------

    def keep_ingress(self, urn: str, id_: str) -> None:
        """Records that a resource keeps its Agent Ingress, if it is one of the program.

        A refresh compares resources that were removed from the program, too.
        """
        with self._lock:
            if urn in self._placements:
                self._keepers.setdefault(id_, set()).add(urn)

    def release_ingress(self, urn: str, id_: str) -> None:
        """Records that a resource is replaced, so it does not keep its Agent Ingress."""
        with self._lock:
            self._keepers.get(id_, set()).discard(urn)

    def other_keeper(self, id_: str, urn: str) -> str | None:
        """Returns the URN of another resource of the program that keeps an Agent Ingress; None if none does."""
        with self._lock:
            return min(self._keepers.get(id_, set()) - {urn}, default=None)

    def declare_policy(self, id_: str, policy: Mapping[str, Any] | None) -> None:
        """Records the certificate policy that the program gives an Agent Ingress; None if it gives none."""
        self._policies[id_] = policy

    def has_policy(self, id_: str) -> bool:
        """Returns whether the `diff` of an Agent Ingress has recorded its policy."""
        return id_ in self._policies

    def policy(self, id_: str) -> Mapping[str, Any] | None:
        """Returns the policy that the program gives an Agent Ingress; None without one."""
        return self._policies.get(id_)

    def record_replaced(self, urn: str, outputs: Mapping[str, Any]) -> None:
        """Records in a `diff` the outputs of records that are replaced. Their only `check` may be the second one."""
        with self._lock:
            self._states.setdefault(urn, []).append(outputs)

    def keep_ns_records(self, urn: str, record_set: RecordSet, values: Iterable[str]) -> None:
        """Records in a `diff` the values of NS records that a resource has, if it is one of the program."""
        if urn in self._placements:
            self._ns_records[record_set] = (frozenset(values), urn)

    # -- create and update --------------------------------------------------------------------------------

    def record_uncreated(self, urn: str, domain: object) -> None:
        """Records the domain of an ingress or records whose create failed, was skipped, or is previewed.

        A create calls it after its failure, not before its attempt, and not if the object was made but could not be
        read. It protects what has the same domain. In a Python program, `program.failed_resources` prevents every
        delete.
        """
        # In a preview, and for a create that an `up` skips, it may be unknown. Then it protects nothing.
        if isinstance(domain, str):
            with self._lock:
                self._uncreated[urn] = domain

    def record_created(self, urn: str, outputs: Mapping[str, Any]) -> None:
        """Records the outputs of a resource that this run has created."""
        with self._lock:
            self._uncreated.pop(urn, None)
            self._states.setdefault(urn, []).append(outputs)

    def record_written_ns_records(self, urn: str, record_set: RecordSet, values: Iterable[str]) -> None:
        """Records the values of NS records that this run has written for a resource, if it is one of the program."""
        if urn in self._placements:
            self._ns_records[record_set] = (frozenset(values), None)

    # -- delete -------------------------------------------------------------------------------------------

    def other_uncreated(self, urn: str, domain: str) -> str | None:
        """Returns the URN of another resource with this domain that could not be created; None if there is none.

        If the domain is "", because a state was edited, any resource that could not be created counts.
        """
        with self._lock:
            others = [each for each, its in self._uncreated.items() if each != urn and domain in ("", its)]
            return min(others, default=None)

    def ns_records_to_keep(self, record_set: RecordSet, urn: str) -> frozenset[str]:
        """Returns the values of NS records that stay when a resource is deleted, because the program still has them.

        Another resource has them, or this run has written them, as in a replacement of the deleted resource.
        """
        values, owner = self._ns_records.get(record_set, (frozenset[str](), urn))
        return frozenset() if owner == urn else values
