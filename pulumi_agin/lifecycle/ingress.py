"""Lifecycle of an Agent Ingress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pulumi_agin.api import settling
from pulumi_agin.api.errors import DomainExistsError, NgrokError, NotFoundError, UnsettledError
from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.values import (
    ID_HINT,
    INPUT_FIELDS,
    PLAIN_ID,
    POLICY,
    canonical_domain,
    changed_fields,
    describe,
    not_applied,
    policy_inputs,
)

from .account import FINGERPRINT, Account
from .inputs import AgentIngressInputs, validate
from .operation import IMPORT, Call, Checked, Created, Difference, Existing, FailedError, InputFailure
from .owners import Owners, mark_in, new_mark

if TYPE_CHECKING:
    from pulumi_agin.api.budget import Budget
    from pulumi_agin.api.models import IngressModel

_REFRESH = "Before you revert the program, run `pulumi refresh`, because the state still has the old values"


class AgentIngressLifecycle:
    """The lifecycle of an Agent Ingress. `operation.Lifecycle` documents each method."""

    def __init__(self, account: Account) -> None:
        self._account = account
        # The keys are IDs of ingresses.
        self._owners = Owners()
        # By domain, the URN of the program's resource with this domain. If a front end has no URNs, each URN is "".
        self._urn_of_domain: dict[str, str] = {}

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with the inputs and the settings."""
        values = {name: value for name, value in inputs.items() if name != IMPORT}
        checked, problems = validate(AgentIngressInputs, values, call.is_unknown)
        failures = [InputFailure(sentence) for sentence in self._account.settings.problems]
        for problem in problems:
            if problem.path == "domain" and _may_be_printed(values.get("domain")):
                failures.append(InputFailure(f"the domain {problem.message}", "domain"))
            else:
                failures.append(InputFailure(str(problem)))
        domain = checked.get("domain")
        # In a preview, the domain may be unknown.
        if isinstance(domain, str):
            # A replaced resource is checked twice, with the same URN.
            first = self._urn_of_domain.setdefault(canonical_domain(domain), call.urn)
            if first != call.urn:
                name = one_line(first.rpartition("::")[2], 60)
                failures.append(InputFailure(f'the Agent Ingress "{name}" has the same domain', "domain"))
        id_ = inputs.get(IMPORT)
        if id_ is not None:
            checked[IMPORT] = id_
            if not call.is_unknown(id_) and not PLAIN_ID.fullmatch(str(id_)):
                failures.append(InputFailure(f"the option import_ is not the ID of an Agent Ingress; {ID_HINT}"))
        return Checked(checked, failures)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the INPUT_FIELDS, warns of a change that cuts agents off, and records the owner for `delete`.

        Fails if the ingress would be replaced while the program still imports it, because the create of the replacement
        would fail. With `delete_before_replace`, the engine would already have deleted the ingress by then.
        """
        before = call.outputs_before
        changed = changed_fields(before, inputs, call.is_unknown)
        replacing = AgentIngressInputs.replacing(changed)
        if replacing and inputs.get(IMPORT) == id_:
            raise FailedError(
                f"a new domain, or one that this preview does not know, replaces the Agent Ingress {id_}, which the "
                "program still imports: remove the option import_"
            )
        # The owner of an ingress that this run replaces is not recorded, for two reasons. The `delete` has the old URN,
        # so after an alias, another resource would seem to be the owner. And if another resource imports the ingress in
        # this run, that resource must stay the owner.
        if not replacing:
            self._owners.record(id_, call.urn, before)
        if warning := _harm(before, inputs, replacing):
            call.warn(warning)
        # In other languages, the option `replaceOnChanges` can replace an ingress that keeps its domain. A domain can
        # have only one ingress, so the engine must delete the old ingress first. The engine ignores
        # `delete_before_replace` for an update in place, and does not call this method for `--replace`.
        keeps_domain = "domain" not in changed
        return Difference(changed, replacing, delete_before_replace=keeps_domain)

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the ingress, or reads the existing ingress that `import_` names."""
        wanted = {name: inputs[name] for name in INPUT_FIELDS if name in inputs}
        id_ = inputs.get(IMPORT)
        if id_ is not None:
            mark = new_mark()
            ingress = self._import(call, id_, wanted)
        else:
            mark = {}
            budget = self._account.budget(call)
            try:
                ingress = settling.create(self._account.client, wanted, budget)
            except DomainExistsError as error:
                raise FailedError(f"{error}. {self._explain_taken(wanted['domain'], budget)}") from None
            except UnsettledError as error:
                raise FailedError(
                    f"{error}. Run `pulumi up` again. If the domain is taken then, see `pulumi-agin explain taken`"
                ) from None
            if changed := changed_fields(ingress.outputs(), wanted):
                call.warn(
                    f"the Agent Ingress {ingress.id} was created, but with other values than the program's: "
                    f"{', '.join(changed)}. The next `pulumi up` updates them"
                )
        outputs = self._outputs(ingress, mark)
        self._owners.record(ingress.id, call.urn, outputs)
        return Created(ingress.id, outputs)

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the ingress. In a refresh, the reads of all ingresses share one list."""
        # Only an ingress in the state has `created_at`, so this is a refresh.
        if call.outputs_before.get("created_at"):
            ingress = self._account.read_for_refresh(call, id_)
            if ingress is None:
                return None
        else:
            ingress = self._read_or_fail(call, id_)
        inputs = _inputs_of(ingress, call.inputs_before or {})
        return Existing(ingress.id, self._outputs(ingress, mark_in(call.outputs_before)), inputs)

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one PATCH with the changed fields."""
        client, budget = self._account.client, self._account.budget(call)
        changed = changed_fields(call.outputs_before, inputs)
        # ngrok ignores null for a string. Only "" clears the string.
        changes = {name: inputs.get(name) or (None if name == POLICY else "") for name in changed}
        try:
            ingress = settling.update(client, id_, changes, budget)
        except NotFoundError as error:
            self._account.require_gone(call.outputs_before, id_, error)
            raise FailedError(
                f"{error}: it was deleted outside Pulumi. Run `pulumi refresh`, then `pulumi up`"
            ) from None
        except UnsettledError as error:
            raise FailedError(f"{error}. {_REFRESH}") from None
        if missed := not_applied(ingress.outputs(), changes):
            raise FailedError(
                f"ngrok did not change {', '.join(missed)} of the Agent Ingress {id_}: its response has "
                f"{client.sanitize(describe(ingress.outputs(), missed[0]), 100)}. {_REFRESH}; see `pulumi-agin explain "
                "not-changed`"
            )
        return self._outputs(ingress, mark_in(call.outputs_before))

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the ingress, unless another resource of the program is the recorded owner."""
        if self._owners.has_other(id_, call.urn, call.outputs_before):
            call.warn(
                f"the Agent Ingress {id_} was not deleted at ngrok, because the program has imported it for another "
                "resource or for the replacement of this one. Remove the option import_ from the program"
            )
            return
        try:
            settling.delete(self._account.client, id_, self._account.budget(call))
        except NotFoundError as error:
            self._account.require_gone(call.outputs_before, id_, error)

    def _outputs(self, ingress: IngressModel, mark: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs for the state, with the hidden outputs. Only an imported ingress has a mark."""
        return {**ingress.outputs(), FINGERPRINT: self._account.fingerprint(ingress.id), **mark}

    # -- ingresses that this stack did not create ---------------------------------------------------------

    def _import(self, call: Call, id_: str, wanted: Mapping[str, Any]) -> IngressModel:
        """Reads the ingress that `import_` names. Fails if a field differs from the program. Writes nothing."""
        ingress = self._read_or_fail(call, id_)
        if sentence := not_imported_sentence(id_, ingress.outputs(), wanted, self._account.client.sanitize):
            raise FailedError(sentence)
        return ingress

    def _read_or_fail(self, call: Call, id_: str) -> IngressModel:
        try:
            return self._account.client.get(id_, self._account.budget(call))
        except NotFoundError as error:
            raise FailedError(f"{error}: {self._account.settings.not_in_account}") from None

    def _explain_taken(self, domain: str, budget: Budget) -> str:
        """Returns a sentence about a taken domain: the owner, as far as ngrok shows it, and the next step."""
        try:
            found, _ = self._account.client.find(domain, budget)
        except NgrokError:
            return "See `pulumi-agin explain taken`"
        return taken_sentence(domain, found.id if found else "")


def _harm(before: Mapping[str, Any], inputs: Mapping[str, Any], replacing: Sequence[str]) -> str:
    """Returns how a change cuts agents off, as a sentence; "" if it does not."""
    if replacing:
        return (
            f"this replacement deletes the Agent Ingress {before.get('domain')} in the same `pulumi up`, which cuts "
            "off all agents that have its connect URL. To avoid that, move the agents to a second Agent Ingress first; "
            "see `pulumi-agin explain move-agents`"
        )
    old, new = _authority(before), _authority(inputs)
    if new in (None, old):
        return ""
    return (
        f"`pulumi up` changes the certificate authority of {before.get('domain')} from {old} to {new}, and agents that "
        "do not trust the new one can no longer connect; see `pulumi-agin explain certificate-authority`"
    )


def taken_sentence(domain: str, id_: str) -> str:
    """Returns a sentence about a taken domain, for a create and its preview.

    `id_` is the ID of the domain's ingress, or "" if the account has no such ingress.
    """
    if not id_:
        return (
            f"{domain} belongs to another account, or appears in this one in a moment; see `pulumi-agin explain taken`"
        )
    return (
        f"{domain} already has the Agent Ingress {id_}: if this stack has it under another name, add an alias, and if "
        "this run replaces it, delete_before_replace. Otherwise, import it; see `pulumi-agin explain taken`"
    )


def not_imported_sentence(
    id_: str, existing: Mapping[str, Any], wanted: Mapping[str, Any], sanitize: Callable[[str], str]
) -> str:
    """Returns why an ingress can't be imported, for the create and for the program's preview; "" if nothing differs.

    `sanitize` removes the API key, which a value at ngrok may contain by mistake.
    """
    differences = [describe(existing, name) for name in changed_fields(existing, wanted)]
    if not differences:
        return ""
    return (
        f"the Agent Ingress {id_} can't be imported, because the program differs from it: at ngrok, it has "
        f"{sanitize(', '.join(differences))}. Change the program, or remove the option import_ if it is another ingress"
    )


def _inputs_of(ingress: IngressModel, before: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs for the state after a read. The next preview compares the program with these inputs.

    `before` are the inputs that the state has now.

    - An input field with a value is included, so that the preview also shows a value that only ngrok has.
    - An empty field is included only if `before` has the field.
    - A key type that `before` leaves out stays out, if `before` has a policy.
    """
    # Without a policy at ngrok, the outputs have no policy.
    fields = {name: value for name, value in ingress.outputs().items() if name in INPUT_FIELDS}
    inputs = {name: value for name, value in fields.items() if value or name in before}
    if POLICY in inputs:
        inputs[POLICY] = policy_inputs(inputs[POLICY], before.get(POLICY))
    if IMPORT in before:
        inputs[IMPORT] = before[IMPORT]
    return inputs


def _authority(values: Mapping[str, Any]) -> str | None:
    """Returns the name of the certificate authority; None if the authority is unknown in this preview."""
    policy = values.get(POLICY)
    if not policy:
        return "ngrok's internal CA"
    authority = policy.get("authority") if isinstance(policy, Mapping) else None
    return authority if isinstance(authority, str) else None


def _may_be_printed(value: object) -> bool:
    # The engine prints the value unchanged, and a URL can contain a password before an "@".
    return isinstance(value, str) and len(value) <= 100 and value.isprintable() and "@" not in value
