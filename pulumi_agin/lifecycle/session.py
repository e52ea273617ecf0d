"""The memory of a plugin process, shared by all calls and all resources, and its ngrok accounts.

Calls run in many threads. A single read or write of a dict needs no lock; a write that depends on a read does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.errors import NotFoundError, UnreadableIngressError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.addresses import LOOPBACK_HOSTS
from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.base.progress import Progress
from pulumi_agin.base.redaction import one_line
from pulumi_agin.base.retry import Reachability
from pulumi_agin.dnsclient.values import Server
from pulumi_agin.settings import Settings

from . import shell_commands
from .operation import Call, Existing, Failed, Placement
from .outputs import FINGERPRINT, last_base_url
from .phrasing import Phrasing
from .schema import Declaration, Problem, validate
from .urns import DELEGATION, Urn

if TYPE_CHECKING:
    # It loads requests, which a preview without requests does not need.
    from pulumi_agin.api.client import AgentIngressClient

# The server, the zone and the domain of NS records.
RecordSetKey = tuple[str, str, str]


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
        # Whether a `check` was part of a preview. Not every front end reports it.
        self.is_preview = False
        self._placements: dict[str, Placement] = {}
        # The outputs of each resource that exists, or its inputs if the front end has no outputs.
        self.known_outputs: dict[str, Mapping[str, Any]] = {}
        # The certificate policies that the program gives Agent Ingresses, by their ids.
        self.policies: dict[str, Any] = {}
        # The domain that the program gives each resource, and the resource that came first with each domain.
        self._domains: dict[str, str] = {}
        self.resources_by_domain: dict[str, str] = {}
        # The id of the Agent Ingress that each resource keeps, or None.
        self._kept_ingresses: dict[str, str | None] = {}
        # The resources that could not be created, by the existing object: the id of an Agent Ingress or NS records.
        self.conflicting_creates: dict[str | RecordSetKey, str] = {}
        # The owner and the values of NS records. Records that were set in this run have no owner.
        self._ns_records: dict[RecordSetKey, tuple[str | None, frozenset[str]]] = {}
        self._shown: set[str] = set()
        self._unusable_servers: set[Server] = set()

    def announce(self, settings: Settings) -> None:
        """Shows once that requests with these settings do not go to ngrok itself."""
        # `check` reports the problems with them.
        if not settings.problems() and settings.other_base_url:
            who = f'the Provider "{one_line(settings.provider_name, 60)}"' if settings.provider_name else "this command"
            self.log_once(f"{who} does not use ngrok itself: the base URL is {settings.other_base_url}")

    def log_once(self, sentence: str) -> None:
        """Shows a sentence that several resources cause."""
        if self._is_new(sentence):
            self.log(sentence)

    def warn_once(self, sentence: str, urn: str = "") -> None:
        """Warns of something that several resources notice, with the URN of the first one, or of the whole run."""
        if self._is_new(sentence):
            self.warn(sentence, urn)

    def _is_new(self, sentence: str) -> bool:
        """Returns whether a sentence has not been shown before."""
        with self._lock:
            is_new = sentence not in self._shown
            self._shown.add(sentence)
            return is_new

    def client(self, settings: Settings) -> AgentIngressClient:
        """Returns the client for these settings. All calls share its list, and wait together after a 429.

        Raises InvalidInputsError if the settings have problems.
        """
        with self._lock:
            if settings not in self._clients:
                self._clients[settings] = settings.client(self.clock, self.log, self.show_progress)
            return self._clients[settings]

    def reachability(self, server: Server) -> Reachability:
        """Returns the reachability of a DNS server, which all calls share."""
        is_loopback = server.host in LOOPBACK_HOSTS
        return self._reachabilities.setdefault(server, Reachability(self.clock, is_loopback=is_loopback))

    def record_unusable(self, server: Server) -> bool:
        """Records that a DNS server can't be used. Returns whether that is new."""
        with self._lock:
            is_new = server not in self._unusable_servers
            self._unusable_servers.add(server)
            return is_new

    def is_unusable(self, server: Server) -> bool:
        """Returns whether `record_unusable` was called for a DNS server."""
        return server in self._unusable_servers

    def validate(
        self, model: type[Declaration], call: Call, inputs: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Validates the inputs in a `check`, and remembers the resource, with the values that only a `check` gets."""
        self.is_preview = self.is_preview or call.is_preview
        self._placements[call.urn] = call.placement or Placement(stack=Urn.parse(call.urn).stack)
        if call.inputs_before:
            self.known_outputs[call.urn] = call.outputs_before or call.inputs_before
        return validate(model, inputs, call.is_unknown, self.phrasing)

    def placement(self, urn: str) -> Placement:
        """Returns the placement of a resource, as far as it is known."""
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

        Only resources of the program are checked. A refresh compares resources that were removed from it, too.
        """
        if urn in self._placements:
            self._kept_ingresses[urn] = id_

    def other_owner(self, id_: str, urn: str) -> str | None:
        """Returns the URN of another resource of the program that keeps an Agent Ingress; None if none is known."""
        kept = self._kept_ingresses.copy()
        return next((other for other in kept if other != urn and kept[other] == id_), None)

    def how_to_alias(self, urn: str) -> str:
        """Returns the next step, after "If …," for a resource that was renamed or moved to this URN."""
        above = Urn.parse(urn).types.split("$")[:-1]
        # A failed run has put a renamed component into the state. After that, its aliases have no effect on children,
        # except on those of a delegation, which get their own.
        where = " on this resource itself, not only on a component above it" if above else ""
        if above[-1:] == [DELEGATION]:
            where = " on the delegation"
        return f"specify the old name or parent with {self.phrasing.aliases}{where}"

    def reject_conflicting_delete(self, key: str | RecordSetKey, urn: str, reason: str) -> None:
        """Fails if another resource could not be created because of the object to be deleted, as after a renaming.

        `reason` is the beginning of the message, up to the URN of the other resource.
        """
        other = self.conflicting_creates.get(key, urn)
        if other != urn:
            raise Failed(
                f"{reason} {other}, which could not be created: if {urn} was renamed or moved in the program, "
                f"{self.how_to_alias(other)}"
            )

    def record_ns_records(self, key: RecordSetKey, values: Iterable[str], urn: str, *, were_set: bool) -> None:
        """Records which NS records a resource has, and whether this run set them, if it is one of the program."""
        if urn in self._placements:
            self._ns_records[key] = (None if were_set else urn, frozenset(values))

    def ns_records_to_keep(self, key: RecordSetKey, urn: str) -> frozenset[str]:
        """Returns the values of NS records that stay when a resource is deleted, because the program still has them.

        Another resource has them, or this run set them, as in a replacement of the deleted resource.
        """
        owner, values = self._ns_records.get(key, (urn, frozenset[str]()))
        return frozenset() if owner == urn else values


def domain_of(outputs: Mapping[str, Any]) -> str | None:
    """Returns the domain in the outputs; None if it is empty or not a string, as in a state edited by hand."""
    domain = outputs.get("domain")
    return domain if isinstance(domain, str) and domain else None


class Account:
    """The account of an API key, which the resources of one provider share."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self.settings = settings
        self.session = session

    def client(self) -> AgentIngressClient:
        """Returns the client of the account. Raises InvalidInputsError if the settings have problems.

        `check` reports the same, so the preview shows them.
        """
        return self.session.client(self.settings)

    def budget(self, call: Call, seconds: float | None = None) -> Budget:
        """Returns the time budget of a call; None for the timeout of the resource, or else of the client."""
        return self.client().budget(seconds or call.timeout_seconds, call.is_cancelled, call.urn)

    def fingerprint(self, id_: str) -> dict[str, str]:
        """Returns the hidden output by which a later call recognizes the API key."""
        return {FINGERPRINT: self.client().fingerprint(id_)}

    def refresh(self, call: Call, id_: str, to_existing: Callable[[IngressModel], Existing]) -> Existing | None:
        """Reads an ingress, one of many that are read at the same time. Returns None if it is gone.

        If ngrok's response about it is invalid, this warns, and returns the state as it is.
        """
        try:
            ingress = self.client().get_one_of_many(id_, self.budget(call), domain=domain_of(call.outputs_before))
        except NotFoundError as error:
            self.check_gone(call, id_, error)
            return None
        except UnreadableIngressError as error:
            self.warn_of_unreadable(call, [error])
            return Existing(id_, dict(call.outputs_before))
        self.warn_of_unreadable(call, self.client().unreadable_in_list)
        return to_existing(ingress)

    def warn_of_unreadable(self, call: Call, left_out: Iterable[UnreadableIngressError]) -> None:
        """Warns once of each ingress that a list left out."""
        for error in left_out:
            self.session.warn_once(
                f"{error}. It is skipped: if it is in the stack, its state stays unchanged", call.urn
            )

    def warn_of_other_base_url(self, call: Call) -> None:
        """Warns once if the state is from another base URL than that of the settings. Sends nothing."""
        last = last_base_url(call.outputs_before)
        # `check` reports the problems with the settings.
        if not last or self.settings.problems():
            return
        if change := self.settings.change_of_base_url(last):
            self.session.warn_once(
                f"according to the state, Agent Ingresses of this stack were {change}. To use the old one again, "
                f"{self.settings.how_to_set_base_url(last)}. Only if both lead to the same account, run `pulumi "
                "refresh --run-program`, which records the new one",
            )

    def check_gone(self, call: Call, id_: str, error: Exception) -> None:
        """Fails if a 404 does not mean that the ingress is gone, because its last read had another key or base URL.

        The key may belong to another account, to which ngrok responds the same. Another base URL is another service.
        """
        if call.outputs_before.get(FINGERPRINT) == self.fingerprint(id_)[FINGERPRINT]:
            return
        last = last_base_url(call.outputs_before)
        if change := self.settings.change_of_base_url(last):
            trial = (
                ". If that was an emulator that is gone, and everything in this stack is disposable, remove the "
                "stack with `pulumi stack rm --force`; next time, `pulumi-agin emulator --file PATH` keeps the Agent "
                "Ingresses"
            )
            raise Failed(
                f"{error}. This does not prove that it was deleted: according to the state, it was {change}. To use "
                f"the old one again, {self.settings.how_to_set_base_url(last)}"
                # Only an emulator has no TLS.
                f"{trial if last.startswith('http://') else ''}"
            )
        key = f"the API key from {self.settings.api_key.shown_as}"
        if last:
            reason = f"{key} may not be the one that last read this Agent Ingress"
            step = f"Set the key of its account: {self.settings.how_to_set_api_key}{self.settings.api_key_hint}"
        else:
            # It was edited, or an import was written by hand.
            reason = "the state does not show with which API key and base URL this Agent Ingress was last read"
            step = f"Check that {key} and the base URL {self.settings.shown_base_url}, are those of its account"
        raise Failed(
            f"{error}. This does not prove that it was deleted: {reason}, and ngrok responds the same way for one of "
            f"another account. {step}. {self._how_to_find_out(call)}"
        )

    def _how_to_find_out(self, call: Call) -> str:
        """Returns the end of a message: how to find out whether an ingress was deleted. The command changes nothing."""
        where, stack = "", self.session.placement(call.urn).stack or Urn.parse(call.urn).stack
        if self.settings.provider_name:
            # There, the command uses the key in the environment. It never uses that of an explicit provider.
            where, stack = ", with that key in NGROK_API_KEY and outside the project's folder,", ""
        domain = domain_of(call.outputs_before)
        line = f"\n{shell_commands.doctor_line(one_line(domain), stack)}" if domain else ""
        return (
            f"Then find out{where} whether it still exists, with `pulumi-agin doctor`. Only if it does not, remove it "
            f"from the state with `pulumi state delete`{line}"
        )
