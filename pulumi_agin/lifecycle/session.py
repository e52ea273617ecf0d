"""What a plugin process has learned so far, shared by all calls and all resources."""

from __future__ import annotations

import threading
from collections.abc import Callable, ItemsView, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.credentials import LOOPBACK_HOSTS
from pulumi_agin.api.progress import Progress
from pulumi_agin.api.retry import Reachability

from .call import Call, Placement

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.dnsclient.values import Server
    from pulumi_agin.settings import Settings

    from .phrasing import Phrasing

Key = TypeVar("Key")
Value = TypeVar("Value")
Default = TypeVar("Default")

# Stacks have fewer resources. Beyond this number the oldest are forgotten, and messages say less.
MOST_RESOURCES = 20_000

# Each account has one, and a plugin process serves few.
MOST_CLIENTS = 100

# The server, the zone and the domain of NS records.
RecordSetKey = tuple[str, str, str]

# What one resource has, and another one may want: the id of an Agent Ingress, or the place of NS records.
ResourceKey = str | RecordSetKey

# The outputs that identify the Agent Ingress of a resource.
IDENTIFYING_OUTPUTS = ("domain", "uri", "created_at")


class Session:
    """The memory of one plugin process. A door creates it, and hands it to every lifecycle."""

    def __init__(
        self,
        phrasing: Phrasing,
        say: Callable[[str], None],
        clock: Clock = SYSTEM_CLOCK,
        *,
        show_progress: Callable[[str, str], None] | None = None,
        warn: Callable[[str, str], None] = lambda sentence, urn: None,
    ) -> None:
        """Remembers nothing yet.

        Args:
            vocabulary: The words of the door.
            say: Shows a line to the user.
            clock: What to measure the time and to wait by.
            show_progress: Shows what a call for the resource with a URN waits for; None for `say`.
            warn: Shows a warning about the resource with a URN.
        """
        self.phrasing = phrasing
        self.say = say
        self.show_progress = show_progress or (lambda line, urn: say(line) if line else None)
        self.warn = warn
        self.clock = clock
        self._lock = threading.Lock()
        self._clients: _Bounded[Settings, AgentIngressClient] = _Bounded(MOST_CLIENTS)
        self._reachabilities: _Bounded[Server, Reachability] = _Bounded(MOST_CLIENTS)
        self.progress = Progress(self.show_progress, clock)
        """Shows what calls wait for that do not ask ngrok."""
        self.forget_resources()

    def forget_resources(self) -> None:
        """Forgets all resources, as before the first call of another preview or update."""
        self._is_preview = False
        self._placements: _Bounded[str, Placement] = _Bounded(MOST_RESOURCES)
        self._known_outputs: _Bounded[str, Mapping[str, Any]] = _Bounded(MOST_RESOURCES)
        self._wanted_policies: _Bounded[str, Any] = _Bounded(MOST_RESOURCES)
        self._wanted_domains: _Bounded[str, str] = _Bounded(MOST_RESOURCES)
        self._domains: _Bounded[str, str] = _Bounded(MOST_RESOURCES)
        self._owners: _Bounded[str, str] = _Bounded(MOST_RESOURCES)
        self._rivals: _Bounded[ResourceKey, str] = _Bounded(MOST_RESOURCES)
        # Those that were set in this run have no URN.
        self._ns_records: _Bounded[RecordSetKey, tuple[str | None, frozenset[str]]] = _Bounded(MOST_RESOURCES)

    def client(self, settings: Settings) -> AgentIngressClient:
        """Returns the client for these settings. All calls share its list, and wait together after a 429.

        Raises:
            InvalidInputsError: The settings have problems.
        """
        with self._lock:
            client = self._clients.get(settings, None)
            if client is None:
                client = settings.client(self.clock, self.say, self.show_progress)
                self._clients.put(settings, client)
            return client

    def reachability(self, server: Server) -> Reachability:
        """Returns since when no connection to a DNS server can be made. All calls share it."""
        with self._lock:
            reachability = self._reachabilities.get(server, None)
            if reachability is None:
                reachability = Reachability(self.clock, is_loopback=server.host in LOOPBACK_HOSTS)
                self._reachabilities.put(server, reachability)
            return reachability

    # -- for later calls of the same resource -------------------------------------------------------------

    def remember_check(self, call: Call) -> None:
        """Remembers that a resource is in the program, where it is, what it had before, and whether this is a preview.

        Only a `check` is told all of it.
        """
        placement = call.placement or Placement(stack=call.stack)
        outputs = {name: call.outputs_before[name] for name in IDENTIFYING_OUTPUTS if name in call.outputs_before}
        with self._lock:
            self._is_preview = self._is_preview or call.is_preview
            self._placements.put(call.urn, placement)
            if call.inputs_before:
                self._known_outputs.put(call.urn, outputs or dict(call.inputs_before))

    @property
    def is_preview(self) -> bool:
        """Whether a `check` was told that this is a preview. Not every door can tell it."""
        return self._is_preview

    def remember_outputs(self, urn: str, outputs: Mapping[str, Any]) -> None:
        """Remembers what a resource has after it was created."""
        with self._lock:
            self._known_outputs.put(urn, {name: outputs[name] for name in IDENTIFYING_OUTPUTS if name in outputs})

    def placement(self, urn: str) -> Placement:
        """Returns where a resource is, as far as it is known."""
        with self._lock:
            return self._placements.get(urn, None) or Placement()

    def known_outputs(self, urn: str) -> Mapping[str, Any] | None:
        """Returns the identifying outputs of a resource; None if it had none before this run and has none yet."""
        with self._lock:
            return self._known_outputs.get(urn, None)

    def resource_with(self, domain: str, uri: str, *, other_than: str) -> str | None:
        """Returns the URN of another resource of the stack that has this Agent Ingress; None if none is known."""
        with self._lock:
            for urn, outputs in self._known_outputs.items():
                if urn != other_than and outputs.get("uri") == uri and outputs.get("domain") == domain:
                    return urn
        return None

    # -- for other resources ------------------------------------------------------------------------------

    def remember_domain(self, domain: str, urn: str) -> str | None:
        """Remembers that the program wants a domain for a resource.

        Args:
            domain: The domain, in canonical form.
            urn: The URN of the resource.

        Returns:
            The URN of another resource for which the program wants the same domain; None if there is none. Then the
            domain stays that of the other one.
        """
        with self._lock:
            # A replacement is checked a second time, and may want another domain then.
            self._wanted_domains.put(urn, domain)
            first = self._domains.get(domain, urn)
            if first != urn and self._wanted_domains.get(first, None) == domain:
                return first
            self._domains.put(domain, urn)
            return None

    def resource_that_wants(self, domain: str) -> str | None:
        """Returns the URN of the resource for which the program wants a domain; None if there is none."""
        with self._lock:
            return self._domains.get(domain, None)

    def record_owner(self, id_: str, urn: str) -> None:
        """Remembers that a resource has an Agent Ingress and keeps it, if it is one of the program.

        Only those of the program are checked. A refresh compares what the program no longer has, too.
        """
        with self._lock:
            if self._placements.get(urn, None) is not None:
                self._owners.put(id_, urn)

    def forget_owner(self, id_: str, urn: str) -> None:
        """Forgets that a resource has an Agent Ingress, because it is to be replaced."""
        with self._lock:
            if self._owners.get(id_, None) == urn:
                self._owners.remove(id_)

    def other_owner(self, id_: str, urn: str) -> str | None:
        """Returns the URN of another resource of the program that has an Agent Ingress; None if none is known."""
        with self._lock:
            owner = self._owners.get(id_, urn)
        return None if owner == urn else owner

    def record_failed_create(self, thing: ResourceKey, urn: str) -> None:
        """Remembers that a new resource could not be created, because something that exists has its place.

        Args:
            thing: The id of an Agent Ingress, or the place of NS records.
            urn: The URN of the new resource.
        """
        with self._lock:
            self._rivals.put(thing, urn)

    def conflicting_create(self, thing: ResourceKey, urn: str) -> str | None:
        """Returns the URN of another resource that could not be created because of something; None if there is none."""
        with self._lock:
            conflicting_create = self._rivals.get(thing, urn)
        return None if conflicting_create == urn else conflicting_create

    def record_ns_records(self, place: RecordSetKey, values: Iterable[str], urn: str, *, were_set: bool) -> None:
        """Remembers which NS records a resource has, if it is one of the program.

        Args:
            place: The server, the zone and the domain.
            values: The values of the records.
            urn: The URN of the resource.
            were_set: Whether they were set in this run.
        """
        with self._lock:
            if self._placements.get(urn, None) is not None:
                self._ns_records.put(place, (None if were_set else urn, frozenset(values)))

    def ns_records_to_keep(self, place: RecordSetKey, urn: str) -> frozenset[str]:
        """Returns the values of NS records that stay when a resource is deleted, because the program still has them.

        Either another resource has them, or they were set in this run, as by the replacement of the one that is
        deleted.
        """
        with self._lock:
            owner, values = self._ns_records.get(place, (urn, frozenset[str]()))
        return frozenset() if owner == urn else values

    def remember_policy(self, id_: str, policy: Any) -> None:
        """Remembers the certificate policy that the program wants for an Agent Ingress."""
        with self._lock:
            self._wanted_policies.put(id_, policy)

    def policy_of(self, id_: str, default: Any) -> Any:
        """Returns the certificate policy that the program wants for an Agent Ingress, or `default` if none is known."""
        with self._lock:
            return self._wanted_policies.get(id_, default)


class _Bounded(Generic[Key, Value]):
    """A dict with a limited number of keys. When it is full, a new key replaces the oldest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Key, Value] = {}

    def get(self, key: Key, default: Default) -> Value | Default:
        return self._values.get(key, default)

    def remove(self, key: Key) -> None:
        self._values.pop(key, None)

    def items(self) -> ItemsView[Key, Value]:
        return self._values.items()

    def put(self, key: Key, value: Value) -> None:
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._most:
            del self._values[next(iter(self._values))]
