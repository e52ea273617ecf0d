"""Creates that interrupted runs have left in the state, and the judgement which Agent Ingresses they made.

A run that is killed during a create leaves a pending operation in the state, with the inputs of the resource. If ngrok
had the request by then, there is an ingress that no state has. Only one that is provably of that run may be imported,
because a later destroy would delete another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, NamedTuple

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.api.list_cache import Listing
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.budget import format_duration
from pulumi_agin.base.clock import format_time, parse_time
from pulumi_agin.base.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.comparison import changed_fields
from pulumi_agin.lifecycle.creating_since import creating_since
from pulumi_agin.lifecycle.outputs import KeptOutputs, outputs_of
from pulumi_agin.native.names import camel_case, in_snake_case

from .stack import Resources, agent_ingresses, plain_value

# The next step if an ingress may be someone else's.
_DECIDE = (
    "If the domain is taken, the next `pulumi up` fails and shows the next step. Import the Agent Ingress only if it "
    "belongs to this resource"
)
# The next step if the parent or the provider of the resource is not in the state.
_RESTORE = "Run `pulumi up`, which adds it to the stack even if it fails, and then this command again"

# The longest time from the check of its inputs until a create reaches ngrok, in time limits of a call: it may wait for
# the end of another call.
_MOST_CALLS = 2


class Attempt(NamedTuple):
    """One create that was interrupted."""

    urn: str
    parent: str | None
    provider: str | None
    """The URN of the explicit provider."""
    inputs: Mapping[str, Any]
    """The checked inputs as the state has them."""
    values: KeptOutputs
    """The same with our names and plain values."""
    since: datetime | None
    """When the run checked these inputs; None if the state does not show it."""

    @property
    def domain(self) -> str:
        """The domain; "" if it is invalid in the state, which was edited, or if it is a secret."""
        # A secret is not a string in the state, and no message may show it.
        is_shown = self.values.is_comparable and isinstance(self.inputs.get("domain"), str)
        return self.values.domain if is_shown else ""

    @property
    def is_native(self) -> bool:
        """Whether the provider plugin creates it."""
        return urns.Urn.parse(self.urn).type == urns.NATIVE_AGENT_INGRESS


@dataclass(frozen=True)
class PendingCreate:
    """The interrupted creates of one domain with one provider. Several runs may have been interrupted."""

    attempts: Sequence[Attempt]
    """The latest comes last. Between two runs, the program may have renamed or changed the resource."""

    @property
    def last(self) -> Attempt:
        return self.attempts[-1]

    @property
    def domain(self) -> str:
        """The domain of all attempts, as in `Attempt`."""
        return self.last.domain

    def equal_to(self, ingress: IngressModel) -> list[Attempt]:
        """Returns the attempts with exactly the values of an ingress."""
        return [each for each in self.attempts if not _changed(each, ingress)]


@dataclass(frozen=True)
class Listed:
    """An account, and its list of Agent Ingresses."""

    account: Account
    listing: Listing

    @cached_property
    def by_domain(self) -> Mapping[str, IngressModel]:
        return {ingress.domain: ingress for ingress in self.listing.ingresses}


class InStack(NamedTuple):
    """The resources of the stack."""

    urns: frozenset[str]
    """The URNs of its resources, without those that the next `pulumi up` deletes."""
    owners: Mapping[str, str]
    """By the ID of an Agent Ingress: the URN of the resource that has it."""

    @classmethod
    def of(cls, resources: Resources) -> InStack:
        urns_of_all = frozenset(each["urn"] for each in resources if not each.get("delete"))
        return cls(urns_of_all, {each.get("id", ""): each["urn"] for each in agent_ingresses(resources)})


class Own(NamedTuple):
    """An ingress that is provably of an interrupted create."""

    create: PendingCreate
    ingress: IngressModel
    account: Account
    inputs: Mapping[str, Any]
    """The inputs of the create, as the state has them."""


class Left(NamedTuple):
    """A pending create without an ingress that may be imported."""

    create: PendingCreate
    reason: str
    """Why, and the next step."""
    needs_pending_create: bool = False
    """Whether the next step is to run this command again, so that the pending create must stay until then."""


def is_create_of_ingress(operation: Mapping[str, Any]) -> bool:
    """Returns whether a pending operation in the state is the create of an Agent Ingress."""
    return bool(operation["type"] == "creating" and operation["resource"]["type"] in urns.AGENT_INGRESS_TYPES)


def pending_creates(operations: Iterable[Mapping[str, Any]]) -> list[PendingCreate]:
    """Returns the pending creates of Agent Ingresses in the state, in the order of their last attempts."""
    found: dict[tuple[str, str | None, bool], list[Attempt]] = {}
    for attempt in sorted(map(_parse, filter(is_create_of_ingress, operations)), key=_age):
        # The order of a dict is that of the keys' first use.
        key = (attempt.domain or attempt.urn, attempt.provider, attempt.is_native)
        found[key] = [*found.pop(key, []), attempt]
    return [PendingCreate(attempts) for attempts in found.values()]


def _parse(operation: Mapping[str, Any]) -> Attempt:
    resource = operation["resource"]
    inputs = resource.get("inputs") or {}
    return Attempt(
        urn=resource["urn"],
        parent=resource.get("parent"),
        provider=urns.explicit_provider(resource.get("provider", "")),
        inputs=inputs,
        values=KeptOutputs.of(in_snake_case(plain_value(inputs))),
        since=creating_since(inputs),
    )


def _age(attempt: Attempt) -> datetime:
    """Returns the key by which the oldest comes first. The engine does not keep the order of runs."""
    return attempt.since or datetime.min.replace(tzinfo=timezone.utc)


def judge(create: PendingCreate, account: Listed | NgrokError | None, in_stack: InStack) -> Own | Left:
    """Judges whether ngrok has an ingress that is provably of a create, and whether it can be imported.

    `account` is that of the create, or why it could not be listed; None if its provider is not in the state.
    """
    last = create.last
    if account is None:
        return Left(create, f"its provider {one_line(str(last.provider))} is not in the state. {_RESTORE}", True)
    if isinstance(account, NgrokError):
        return Left(create, f"{account}. Once that is resolved, run this command again", True)
    if not create.domain:
        return Left(create, f"its domain in the state is a secret, or its domain or policy is invalid. {_DECIDE}")
    ingress = account.by_domain.get(create.domain)
    if ingress is None:
        return Left(create, _why_none(create.domain, account))
    if owner := in_stack.owners.get(ingress.id):
        return Left(create, f"{ingress.id} is already in the stack as {one_line(owner)}, so there is nothing to import")
    equal = create.equal_to(ingress)
    if reason := _why_not_own(create, ingress, equal, account.account):
        return Left(create, reason)
    if last.urn in in_stack.urns:
        reason = f"an interrupted run created {ingress.id}, but the stack has another Agent Ingress as this resource"
        return Left(create, f"{reason}. {_how_to_delete(ingress)}")
    if last.parent is not None and last.parent not in in_stack.urns:
        return Left(create, f"its parent {one_line(last.parent)} is not in the state. {_RESTORE}", True)
    return Own(create, ingress, account.account, equal[-1].inputs)


def only_the_last(judgements: Sequence[Own | Left]) -> list[Own | Left]:
    """Returns the judgements with at most one ingress for each resource, and one resource for each ingress.

    Between two interrupted runs, the program may have changed the domain of a resource, or its provider.
    """
    kept: dict[str, Own] = {}
    checked: list[Own | Left] = []
    for each in reversed(judgements):
        judgement = _after_later_ones(each, kept) if isinstance(each, Own) else each
        if isinstance(judgement, Own):
            kept |= {judgement.create.last.urn: judgement, judgement.ingress.id: judgement}
        checked.append(judgement)
    return checked[::-1]


def _after_later_ones(own: Own, kept: Mapping[str, Own]) -> Own | Left:
    """Judges an ingress again. `kept` are those of later attempts, by URN and by ID."""
    id_, urn = own.ingress.id, own.create.last.urn
    if id_ in kept:
        other = one_line(kept[id_].create.last.urn)
        return Left(own.create, f"{id_} is imported as {other}, which a later run tried to create")
    if urn in kept:
        return Left(
            own.create,
            f"an interrupted run of this stack created {id_}, and a later run created {kept[urn].ingress.domain} for "
            f"the same resource. {_how_to_delete(own.ingress)}",
        )
    return own


def _why_none(domain: str, account: Listed) -> str:
    # One that can't be read may have no readable domain.
    unreadable = next((each for each in account.listing.unreadable if each.domain in ("", domain)), None)
    if unreadable is not None:
        return f"{unreadable}. Without its values, it is not known whose it is. {_DECIDE}"
    return (
        f"{account.account.settings.account_description} has no Agent Ingress with this domain, so there is nothing to "
        "import: if the program still has it, the next `pulumi up` creates it"
    )


def _why_not_own(create: PendingCreate, ingress: IngressModel, equal: Sequence[Attempt], account: Account) -> str:
    """Returns why an ingress is not provably of a create, with the next step; "" if it is.

    `equal` are the attempts with its values.
    """
    if not equal:
        names = _changed(create.last, ingress)
        fields = " and ".join(map(camel_case, names) if create.last.is_native else names)
        return f"{ingress.id} has a different {fields}, so the interrupted run may not have created it. {_DECIDE}"
    checked = [each.since for each in equal if each.since is not None]
    if not checked:
        return (
            "the state does not show when the interrupted run checked this resource, as versions before 1.3 did not "
            f"record it, so that run may not have created {ingress.id}. {_DECIDE}"
        )
    created = parse_time(ingress.created_at)
    seconds = _MOST_CALLS * account.client.timeout_seconds
    if created is None or not any(since <= created <= since + timedelta(seconds=seconds) for since in checked):
        return (
            f"{account.client.describe(ingress)}, may not belong to the interrupted run, which checked this resource "
            f"at {format_time(checked[-1])} by its machine's clock: a create reaches ngrok within "
            f"{format_duration(seconds)} of that. {_DECIDE}"
        )
    return ""


def _how_to_delete(ingress: IngressModel) -> str:
    return (
        f"If nothing else uses {ingress.id}, delete it, for example with `ngrok api agent-ingresses delete "
        f"{ingress.id}`, and run `pulumi up` again"
    )


def _changed(attempt: Attempt, ingress: IngressModel) -> list[str]:
    return changed_fields(outputs_of(ingress), attempt.values.values, lambda value: False)
