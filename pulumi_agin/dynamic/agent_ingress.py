"""AgentIngressProvider: what happens to an Agent Ingress in check, diff, create, read, update and delete.

Stateless and pickled by reference: `pulumi_agin.dynamic.agent_ingress.AgentIngressProvider` stands in every user's
state. So it takes no arguments and has no attributes when a program makes one; what it holds in the plugin process
(its settings and its client) is never pickled.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)

from pulumi_agin import commands
from pulumi_agin.api.errors import (
    CreatedUnreadError,
    CreateUnsettledError,
    DomainExistsError,
    NgrokError,
    NotFoundError,
    UpdateUnsettledError,
)

from . import servicer
from .account import FINGERPRINT, NgrokProvider, domain_of, wanted_policies
from .servicer import PartialFailureError, ProviderError, sentences

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.api.models import AgentIngress

POLICY = "certificate_management_policy"

# What a change of it is made in place. All other inputs are `domain`, which replaces.
UPDATED_IN_PLACE = ("description", "metadata", POLICY)

# The stack as the CLI calls it, and the URNs of the parent and the explicit provider, where there is more to it than
# the URN tells: an input that goes from the program to `check`, which hears of them from nobody else, and no further.
# It is in no state.
PLACEMENT = "_placement"

# How a message about somebody else's ingress, maybe, ends.
IN_USE = "; otherwise it is in use: choose another domain"

# Values longer than this are not printed back.
LONGEST_PRINTED = 100

# How long to look for who has a domain, at most.
LOOK_SECONDS = 30

# The outputs that tell which Agent Ingress a resource had.
WHICH = ("domain", "uri", "created_at")

# What is known of a resource in this run, by its URN: its placement, and these outputs, from the state or as created.
_placements: dict[str, Mapping[str, str]] = {}
_before: dict[str, Mapping[str, Any]] = {}


class AgentIngressProvider(NgrokProvider):
    """The lifecycle of an Agent Ingress. Every failure is one sentence for the user; see `api.errors`."""

    # -- what is wanted -----------------------------------------------------------------------------------

    @sentences
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Normalizes what the program gave, and finds everything that is wrong with it, in the preview already."""
        from pulumi_agin.api.inputs import validate

        given = servicer.without_provider(news)
        urn = servicer.urn()
        _placements[urn] = given.pop(PLACEMENT, None) or {"stack": _stack_of(urn)}
        if _olds:
            _before[urn] = servicer.outputs_before(WHICH) or _olds
        inputs, problems = validate(given, servicer.is_unknown)
        failures = [CheckFailure("", sentence) for sentence in self._configured().problems()]
        for problem in problems:
            if problem.path == ("domain",) and _may_be_printed(news.get("domain")):
                failures.append(CheckFailure("domain", f"the domain {problem.message}"))
            else:
                failures.append(CheckFailure("", f"property {problem}"))
        return CheckResult(inputs, failures)

    # The underscores are those of the SDK's signatures.
    @sentences
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """What an update would change: four fields, canonical on both sides. `__provider` is none of them."""
        _see_comparable(_olds)
        changed = _changes(_olds, _news)
        wanted_policies[_id] = _news.get(POLICY)
        return DiffResult(
            changes=bool(changed),
            replaces=["domain"] if "domain" in changed else [],
            # The new one is for another domain, so it can be there before the old one goes.
            delete_before_replace=False,
        )

    # -- what is done -------------------------------------------------------------------------------------

    @sentences
    def create(self, props: dict[str, Any]) -> CreateResult:
        """One POST. From its answer on nothing fails without the ingress reaching the state."""
        client = self._connected()
        wanted = servicer.without_provider(props)
        began = time.monotonic()
        seconds = servicer.timeout_seconds() or client.timeout_seconds
        try:
            ingress = client.create(wanted, seconds)
        except DomainExistsError as error:
            left = seconds - (time.monotonic() - began)
            raise ProviderError(self._why_taken(error, wanted["domain"], left)) from None
        except CreateUnsettledError as error:
            raise ProviderError(self._how_to_find_out(error, wanted["domain"])) from None
        except CreatedUnreadError as error:
            outs = {**wanted, FINGERPRINT: client.fingerprint(error.id)}
            raise PartialFailureError(f"{error}. The next `pulumi up` reads it again", error.id, outs) from None
        outs = kept_outputs(client, ingress)
        _before[servicer.urn()] = outs
        _see_kept([field for field in UPDATED_IN_PLACE if wanted.get(field)], wanted, ingress, outs)
        return CreateResult(ingress.id, outs)

    @sentences
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """A refresh, or a `get`. Only a refresh can find an ingress gone."""
        client = self._connected()
        refreshing = FINGERPRINT in props
        try:
            # A `get` reads one; a refresh reads all of the stack, one by one.
            read = client.get_one_of_many if refreshing else client.get
            ingress = read(id_, servicer.timeout_seconds(), domain=domain_of(props))
        except NotFoundError as error:
            if not refreshing:
                raise ProviderError(f"{error}: there is no such Agent Ingress in the account of this key") from None
            self._believe_gone(error, id_, props, _placed("stack"))
            return ReadResult(None, {})
        inputs = followed_inputs(ingress, servicer.inputs_before() or props) if refreshing else None
        return ReadResult(ingress.id, kept_outputs(client, ingress), inputs)

    @sentences
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """One PATCH with what changed; after a failed update that left nothing to change, a GET first."""
        client = self._connected()
        wanted = servicer.without_provider(_news)
        _see_comparable(_olds)
        domain = str(_olds["domain"])
        changed = _changes(_olds, wanted)
        began = time.monotonic()
        seconds = servicer.timeout_seconds() or client.timeout_seconds
        try:
            if not changed:
                # What the state has may be untrue, as the answer to the last update was lost: then it still is to do.
                there = kept_outputs(client, client.get(_id, seconds, domain=domain))
                changed = _changes(there, wanted)
                if not changed:
                    return UpdateResult(there)
            changes = {field: _patch_value(field, wanted) for field in changed}
            left = seconds - (time.monotonic() - began)
            ingress = client.update(_id, changes, left, domain=domain)
        except NotFoundError as error:
            self._believe_gone(error, _id, _olds, _placed("stack"))
            raise ProviderError(
                f"{error}: it was deleted outside of Pulumi. `pulumi refresh` takes it out of the state; "
                "the next `pulumi up` then makes it anew"
            ) from None
        except UpdateUnsettledError as error:
            # Kept with an init error: so the next `up` looks again, whatever the program then wants.
            outs = servicer.without_provider(_olds)
            if error.existing is not None:
                outs = kept_outputs(client, error.existing)
            raise PartialFailureError(f"{error}. The next `pulumi up` looks, and asks again", _id, outs) from None
        outs = kept_outputs(client, ingress)
        _see_kept(changed, wanted, ingress, outs)
        return UpdateResult(outs)

    @sentences
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """One DELETE. An ingress that is gone already is as good."""
        client = self._connected()
        try:
            client.delete(_id, servicer.timeout_seconds(), domain=domain_of(_props))
        except NotFoundError as error:
            self._believe_gone(error, _id, _props, _placed("stack"))

    # -- a domain that is taken ---------------------------------------------------------------------------

    def _why_taken(self, error: DomainExistsError, domain: str, seconds_left: float) -> str:
        """Which ingress has the domain, and the way on, by a command where there is one."""
        try:
            existing = self._connected().find(domain, min(LOOK_SECONDS, max(seconds_left, 1)))
        except NgrokError as failure:
            return f"{error}. Which one has it could not be found out: {failure}"
        if existing is None:
            return (
                f"{error}. Of those that ngrok lists for this key none has it, so it is another account's: choose "
                "another domain, or set the key of that account. The API key came from "
                f"{self._configured().api_key_source}"
            )
        has_it = f"{error}. The one that has it is {self._connected().named(existing)}"
        for urn, others in _before.items():
            if urn != servicer.urn() and others.get("uri") == existing.uri and others.get("domain") == domain:
                return (
                    f"{has_it}, that of this stack's {urn}. Two can't have one domain: choose another one; where the "
                    "two are to exchange their domains, first give one of them a third, and run `pulumi up`"
                )
        before = _before.get(servicer.urn())
        if before is None:
            # Also where --replace is to replace it: check is then told of nothing that was before.
            return (
                f"{has_it}. Where it is this stack's own, renamed or moved in the program, give the resource its old "
                "name or parent in ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]); where it is this "
                "resource's own, and to be replaced, give it ResourceOptions(delete_before_replace=True). To take it "
                "over under the name of this resource, run\n"
                f"{self._import_line(existing.id)}"
            )
        if before.get("created_at") == existing.created_at and before.get("uri") == existing.uri:
            return (
                f"{has_it}, which is the one to be replaced, and two can't have one domain. To have it deleted first, "
                "give the resource ResourceOptions(delete_before_replace=True), and run the same again"
            )
        # What this resource had before is older than what it has, and what it did not get to know of is younger.
        is_domain_change, made = before.get("domain") != domain, str(before.get("created_at"))
        ways = []
        if is_domain_change and existing.created_at <= made:
            ways.append(
                f"Where this resource had {domain} before, that change of the domain is not finished and the stack "
                f'still has {existing.id} to delete: set domain to "{before.get("domain")}" again and run `pulumi up`, '
                f"which deletes it, before you go back to {domain}"
            )
        if not is_domain_change or existing.created_at >= made:
            ways.append(_left_behind(existing.id))
        return f"{has_it}. {'. '.join(ways)}{IN_USE}"

    def _how_to_find_out(self, error: CreateUnsettledError, domain: str) -> str:
        """What is unknown, and the command that tells, or takes over what there is."""
        is_replaced = servicer.urn() in _before
        if error.existing_id and is_replaced:
            return f"{error}. {_left_behind(error.existing_id)}{IN_USE}"
        if error.existing_id:
            return (
                f"{error}. To take it over under the name of this resource, run\n{self._import_line(error.existing_id)}"
            )
        line = commands.find_line(
            domain,
            provider=_placed("provider"),
            stack=_placed("stack"),
            stack_config=self._configured().from_stack_config,
        )
        way_on = "what to do" if is_replaced else "how to take it over"
        return f"{error}. Where it is there, the next `pulumi up` says {way_on}. To see whether it is, run\n{line}"

    def _import_line(self, id_: str) -> str:
        # urn:pulumi:STACK::PROJECT::TYPES::NAME
        stack, project, _, name = servicer.urn().removeprefix("urn:pulumi:").split("::", 3)
        # Always with a parent, the stack itself where there is no other: one that is selected by chance lacks it.
        return commands.import_line(
            id_,
            name,
            stack=_placed("stack"),
            parent=_placed("parent") or commands.stack_urn(stack, project),
            provider=_placed("provider"),
            stack_config=self._configured().from_stack_config,
        )


def _stack_of(urn: str) -> str:
    return urn.removeprefix("urn:pulumi:").partition("::")[0]


def _placed(what: str) -> str | None:
    """What the program said of where the resource is: its "stack", "parent" or "provider"."""
    return _placements.get(servicer.urn(), {}).get(what)


def _left_behind(id_: str) -> str:
    """The way on where another ingress has the domain that this resource's is to be replaced by."""
    return (
        "Only where a run of this stack that was cut off created it, at that time, delete it at ngrok, as with "
        f"`ngrok api agent-ingresses delete {id_}`, and run `pulumi up` again"
    )


# -- what is compared -------------------------------------------------------------------------------------


def _see_comparable(olds: Mapping[str, Any]) -> None:
    """Raises ProviderError where somebody edited the state so that nobody can tell what would change.

    Without this a missing domain would replace the ingress. A description that is not text does no harm: an update
    mends it.
    """
    wrong = []
    if not domain_of(olds) and not servicer.is_unknown(olds.get("domain")):
        wrong.append("domain is not text" if olds.get("domain") else "domain is missing")
    policy = olds.get(POLICY)
    if policy and not isinstance(policy, Mapping) and not servicer.is_unknown(policy):
        wrong.append(f"{POLICY} is not a dict")
    if wrong:
        raise ProviderError(
            f"in the state of this Agent Ingress, {' and '.join(wrong)}. Somebody edited the state: run "
            "`pulumi refresh`, which reads the values from ngrok again"
        )


def _changes(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The fields in which what is wanted differs from what is there."""
    return [field for field in ("domain", *UPDATED_IN_PLACE) if _differs(field, olds.get(field), news.get(field))]


def _differs(field: str, old: Any, new: Any) -> bool:
    if servicer.is_unknown(new) or servicer.is_unknown(old):
        return True
    kind = Mapping if field == POLICY else str
    if not all(value is None or isinstance(value, kind) for value in (old, new)):
        # In a refresh, the new ones are the inputs of the state, which somebody may have edited.
        return bool(old != new)
    if field == "domain":
        from pulumi_agin.api.models import canonical_domain

        return canonical_domain(old or "") != canonical_domain(new or "")
    if field == POLICY:
        from pulumi_agin.api.models import has_policy

        return not has_policy(old, new)
    return bool((old or "") != (new or ""))


def _patch_value(field: str, wanted: Mapping[str, Any]) -> Any:
    # ngrok leaves alone what is null or absent; only "" clears a text.
    return wanted.get(field) or (None if field == POLICY else "")


def _see_kept(asked: list[str], wanted: Mapping[str, Any], ingress: AgentIngress, outs: Mapping[str, Any]) -> None:
    """Fails where ngrok answers with something else than it was asked for, and keeps what there is."""
    not_kept = [field for field in asked if _differs(field, outs.get(field), wanted.get(field))]
    if not not_kept:
        return
    where = f"the Agent Ingress {ingress.domain} ({ingress.id})"
    if POLICY in not_kept and not wanted.get(POLICY):
        message = (
            f"ngrok was asked to remove the certificate_management_policy of {where}, and kept it: an Agent Ingress "
            "can't be rid of its policy, only replaced. Where that is wanted, give the resource "
            "ResourceOptions(delete_before_replace=True), as two can't have one domain, take away its protection "
            "where it has one, and run\n"
            f"{commands.replace_line(servicer.urn(), stack=_placed('stack'))}"
        )
    else:
        message = (
            f"ngrok was asked to set {' and '.join(not_kept)} of {where}, and its answer has it otherwise. The next "
            "`pulumi up` asks again"
        )
    raise PartialFailureError(message, ingress.id, outs)


# -- what reaches the state -------------------------------------------------------------------------------


def kept_outputs(client: AgentIngressClient, ingress: AgentIngress) -> dict[str, Any]:
    """The outputs. A text that ngrok has none of is "": an absent output is unknown in every preview."""
    from pulumi_agin.api.models import without_none

    return {**without_none(ingress.outputs()), FINGERPRINT: client.fingerprint(ingress.id)}


def followed_inputs(ingress: AgentIngress, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that would make the ingress as it is, in the keys that the program used.

    So the next preview compares the program with what is there, and shows no more than what differs.
    """
    from pulumi_agin.api.models import without_none

    inputs: dict[str, Any] = {"domain": ingress.domain}
    for field in ("description", "metadata"):
        value = getattr(ingress, field)
        if value or field in asked:
            inputs[field] = value
    policy = ingress.certificate_management_policy
    if policy is not None:
        before = asked.get(POLICY)
        inputs[POLICY] = without_none(vars(policy))
        if before and isinstance(before, Mapping) and "private_key_type" not in before:
            # ngrok's own choice: as an input it would be a difference to the program that nobody made.
            inputs[POLICY].pop("private_key_type", None)
    return inputs


def _may_be_printed(value: object) -> bool:
    # The engine prints it as it is. A URL can hold a password.
    return isinstance(value, str) and len(value) <= LONGEST_PRINTED and value.isprintable() and "@" not in value
