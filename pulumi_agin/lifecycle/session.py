"""The memory of a plugin process, shared by all calls and all resources.

Calls run in many threads. A single read or write of a dict needs no lock; only what decides by what it reads does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.credentials import LOOPBACK_HOSTS
from pulumi_agin.api.progress import Progress
from pulumi_agin.api.retry import Reachability

from .operation import Call, Placement

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.dnsclient.values import Server
    from pulumi_agin.settings import Settings

    from .phrasing import Phrasing

# The server, the zone and the domain of NS records.
RecordSetKey = tuple[str, str, str]

# What can belong to one resource only: the id of an Agent Ingress, or the place of NS records.
ResourceKey = str | RecordSetKey

# The outputs that identify the Agent Ingress of a resource.
IDENTIFYING_OUTPUTS = ("domain", "uri", "created_at")


class Session:
    """The memory of one plugin process. A front end creates it, and passes it to every lifecycle."""

    def __init__(
        self,
        phrasing: Phrasing,
        log: Callable[[str], None],
        clock: Clock = SYSTEM_CLOCK,
        *,
        show_progress: Callable[[str, str], None] | None = None,
        warn: Callable[[str, str], None] = lambda sentence, urn: None,
    ) -> None:
        self.phrasing = phrasing
        self.log = log
        # With the URN of a resource, like `warn`.
        self.show_progress = show_progress or (lambda line, urn: log(line) if line else None)
        self.warn = warn
        self.clock = clock
        # For calls that do not query ngrok.
        self.progress = Progress(self.show_progress, clock)
        self._lock = threading.Lock()
        self._clients: dict[Settings, AgentIngressClient] = {}
        self._reachabilities: dict[Server, Reachability] = {}
        self.forget_resources()

    def forget_resources(self) -> None:
        """Forgets all resources, as before the first call of another preview or update."""
        # Whether a `check` was part of a preview. Not every front end knows.
        self.is_preview = False
        self._placements: dict[str, Placement] = {}
        self._known_outputs: dict[str, Mapping[str, Any]] = {}
        # The certificate policies that the program gives Agent Ingresses, by their ids.
        self.policies: dict[str, Any] = {}
        # The domain of each resource, and the resource that came first with each domain.
        self._domains: dict[str, str] = {}
        self._resources_by_domain: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._conflicting_creates: dict[ResourceKey, str] = {}
        # Those that were set in this run have no URN.
        self._ns_records: dict[RecordSetKey, tuple[str | None, frozenset[str]]] = {}

    def client(self, settings: Settings) -> AgentIngressClient:
        """Returns the client for these settings. All calls share its list, and wait together after a 429.

        Raises InvalidInputsError if the settings have problems.
        """
        with self._lock:
            if settings not in self._clients:
                self._clients[settings] = settings.client(self.clock, self.log, self.show_progress)
            return self._clients[settings]

    def reachability(self, server: Server) -> Reachability:
        """Returns since when no connection to a DNS server can be made. All calls share it."""
        is_loopback = server.host in LOOPBACK_HOSTS
        return self._reachabilities.setdefault(server, Reachability(self.clock, is_loopback=is_loopback))

    # -- for later calls of the same resource -------------------------------------------------------------

    def remember_check(self, call: Call) -> None:
        """Remembers what only a `check` gets: that a resource is in the program, where, and what it had before."""
        self.is_preview = self.is_preview or call.is_preview
        self._placements[call.urn] = call.placement or Placement(stack=call.stack)
        if call.inputs_before:
            self._known_outputs[call.urn] = _identifying(call.outputs_before) or dict(call.inputs_before)

    def remember_outputs(self, urn: str, outputs: Mapping[str, Any]) -> None:
        """Remembers what a resource has after it was created."""
        self._known_outputs[urn] = _identifying(outputs)

    def placement(self, urn: str) -> Placement:
        """Returns where a resource is, as far as it is known."""
        return self._placements.get(urn, Placement())

    def known_outputs(self, urn: str) -> Mapping[str, Any] | None:
        """Returns the identifying outputs of a resource; None if it had none before this run and has none yet."""
        return self._known_outputs.get(urn)

    def resource_with(self, domain: str, uri: str, *, other_than: str) -> str | None:
        """Returns the URN of another resource of the stack that has this Agent Ingress; None if none is known."""
        # A copy, because other threads add to the original.
        for urn, outputs in self._known_outputs.copy().items():
            if urn != other_than and outputs.get("uri") == uri and outputs.get("domain") == domain:
                return urn
        return None

    # -- for other resources ------------------------------------------------------------------------------

    def remember_domain(self, domain: str, urn: str) -> str | None:
        """Remembers the canonical domain that the program gives a resource.

        Returns the URN of another resource that has the same domain in the program, which then keeps it.
        """
        with self._lock:
            # A replacement is checked a second time, and may have another domain then.
            self._domains[urn] = domain
            first = self._resources_by_domain.get(domain, urn)
            if first != urn and self._domains.get(first) == domain:
                return first
            self._resources_by_domain[domain] = urn
            return None

    def resource_that_wants(self, domain: str) -> str | None:
        """Returns the URN of the resource to which the program gives a domain; None if there is none."""
        return self._resources_by_domain.get(domain)

    def record_owner(self, id_: str, urn: str) -> None:
        """Records that a resource keeps its Agent Ingress, if it is one of the program.

        Only those of the program are checked. A refresh compares what the program no longer has, too.
        """
        with self._lock:
            if urn in self._placements:
                self._owners[id_] = urn

    def forget_owner(self, id_: str, urn: str) -> None:
        """Forgets that a resource has an Agent Ingress, because it is to be replaced."""
        with self._lock:
            if self._owners.get(id_) == urn:
                del self._owners[id_]

    def other_owner(self, id_: str, urn: str) -> str | None:
        """Returns the URN of another resource of the program that has an Agent Ingress; None if none is known."""
        owner = self._owners.get(id_)
        return None if owner == urn else owner

    def record_failed_create(self, key: ResourceKey, urn: str) -> None:
        """Records that a resource could not be created, because what exists belongs to somebody else."""
        self._conflicting_creates[key] = urn

    def conflicting_create(self, key: ResourceKey, urn: str) -> str | None:
        """Returns the URN of another resource that could not be created because of something; None if there is none."""
        other = self._conflicting_creates.get(key)
        return None if other == urn else other

    def record_ns_records(self, key: RecordSetKey, values: Iterable[str], urn: str, *, were_set: bool) -> None:
        """Records which NS records a resource has, and whether this run set them, if it is one of the program."""
        if urn in self._placements:
            self._ns_records[key] = (None if were_set else urn, frozenset(values))

    def ns_records_to_keep(self, key: RecordSetKey, urn: str) -> frozenset[str]:
        """Returns the values of NS records that stay when a resource is deleted, because the program still has them.

        Either another resource has them, or they were set in this run, as by the replacement of the one that is
        deleted.
        """
        owner, values = self._ns_records.get(key, (urn, frozenset[str]()))
        return frozenset() if owner == urn else values


def _identifying(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: outputs[name] for name in IDENTIFYING_OUTPUTS if name in outputs}
