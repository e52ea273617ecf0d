"""The memory of a plugin process, shared by all calls and all resources.

Calls run in many threads. A single read or write of a dict needs no lock; only what decides by what it reads does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.credentials import LOOPBACK_HOSTS
from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.progress import Progress
from pulumi_agin.api.retry import Reachability
from pulumi_agin.dnsclient.values import Server
from pulumi_agin.settings import Settings

from .operation import Call, Placement
from .phrasing import Phrasing
from .urns import Urn

# The server, the zone and the domain of NS records.
RecordSetKey = tuple[str, str, str]

# What can belong to one resource only: the id of an Agent Ingress, or the place of NS records.
ResourceKey = str | RecordSetKey


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
        # Whether a `check` was part of a preview. Not every front end knows.
        self.is_preview = False
        self._placements: dict[str, Placement] = {}
        # The outputs of each resource that exists, or its inputs if the front end knows no outputs.
        self.known_outputs: dict[str, Mapping[str, Any]] = {}
        # The certificate policies that the program gives Agent Ingresses, by their ids.
        self.policies: dict[str, Any] = {}
        # The domain that the program gives each resource, and the resource that came first with each domain.
        self._domains: dict[str, str] = {}
        self.resources_by_domain: dict[str, str] = {}
        # The id of the Agent Ingress that each resource keeps, or None.
        self._kept_ingresses: dict[str, str | None] = {}
        # The resources that could not be created, because what exists belongs to somebody else.
        self.conflicting_creates: dict[ResourceKey, str] = {}
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
        new = Reachability(self.clock, is_loopback=server.host in LOOPBACK_HOSTS)
        return self._reachabilities.setdefault(server, new)

    def remember_check(self, call: Call) -> None:
        """Remembers what only a `check` gets: that a resource is in the program, where, and what it had before."""
        self.is_preview = self.is_preview or call.is_preview
        self._placements[call.urn] = call.placement or Placement(stack=Urn.parse(call.urn).stack)
        if call.inputs_before:
            self.known_outputs[call.urn] = call.outputs_before or call.inputs_before

    def placement(self, urn: str) -> Placement:
        """Returns where a resource is, as far as it is known."""
        return self._placements.get(urn, Placement())

    def resource_with(self, ingress: IngressModel) -> str | None:
        """Returns the URN of the resource of the stack that has this Agent Ingress; None if none is known."""
        identity = {"domain": ingress.domain, "uri": ingress.uri, "created_at": ingress.created_at}
        # A copy, because other threads add to the original.
        known = self.known_outputs.copy()
        return next((urn for urn in known if identity.items() <= known[urn].items()), None)

    def remember_domain(self, domain: str, urn: str) -> str | None:
        """Remembers the canonical domain that the program gives a resource.

        Returns the URN of another resource that has the same domain in the program, which then keeps it.
        """
        with self._lock:
            # A replacement is checked a second time, and may have another domain then.
            self._domains[urn] = domain
            first = self.resources_by_domain.get(domain, urn)
            if first != urn and self._domains.get(first) == domain:
                return first
            self.resources_by_domain[domain] = urn
            return None

    def record_kept_ingress(self, urn: str, id_: str | None) -> None:
        """Records which Agent Ingress a resource keeps, if it is one of the program; None if it is to be replaced.

        Only those of the program are checked. A refresh compares what the program no longer has, too.
        """
        if urn in self._placements:
            self._kept_ingresses[urn] = id_

    def other_owner(self, id_: str, urn: str) -> str | None:
        """Returns the URN of another resource of the program that keeps an Agent Ingress; None if none is known."""
        kept = self._kept_ingresses.copy()
        return next((other for other in kept if other != urn and kept[other] == id_), None)

    def record_ns_records(self, key: RecordSetKey, values: Iterable[str], urn: str, *, were_set: bool) -> None:
        """Records which NS records a resource has, and whether this run set them, if it is one of the program."""
        if urn in self._placements:
            self._ns_records[key] = (None if were_set else urn, frozenset(values))

    def ns_records_to_keep(self, key: RecordSetKey, urn: str) -> frozenset[str]:
        """Returns the values of NS records that stay when a resource is deleted, because the program still has them.

        Another resource has them, or they were set in this run, as by a replacement of the one that is deleted.
        """
        owner, values = self._ns_records.get(key, (urn, frozenset[str]()))
        return frozenset() if owner == urn else values
