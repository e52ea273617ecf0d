"""The lifecycle of an Agent Ingress: check, diff, create, read, update, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.certificate_policy import POLICY, matches_policy
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.names import canonical_domain
from pulumi_agin.settings import Settings

from . import domain_taken, shell_commands
from .inputs import AgentIngressInputs, CertificatePolicyInputs
from .operation import Call, Checked, Created, Difference, Existing, Failed, InputFailure, PartlyDone, Reading
from .outputs import inputs_of, outputs_after, outputs_of
from .schema import compared_fields, replacing_fields, validate
from .session import Account, Session, domain_of


class AgentIngressLifecycle:
    """The lifecycle of an Agent Ingress."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self._account = Account(settings, session)
        self._session = session

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them and with the settings."""
        checked, problems = self._session.validate(AgentIngressInputs, call, inputs)
        self._account.warn_of_other_base_url(call)
        failures = [InputFailure(sentence) for sentence in self._account.settings.problems()]
        for problem in problems:
            if problem.path == ("domain",) and _may_be_printed(inputs.get("domain")):
                failures.append(InputFailure(f"the domain {problem.message}", "domain"))
            else:
                failures.append(InputFailure(problem.sentence))
        if checked and not call.is_unknown(checked["domain"]):  # noqa: SIM102 - two questions, one after the other
            if other := self._session.remember_domain(checked["domain"], call.urn):
                failures.append(InputFailure(domain_taken.explain_two(self._session, call.urn, other), "domain"))
        return Checked(checked, failures)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs in the state, both in canonical form."""
        changed = self._changes_to_state(call, inputs)
        replacing = replacing_fields(AgentIngressInputs, changed)
        # A replacement deletes the old ingress, under the old name of the resource if it was renamed.
        self._session.record_kept_ingress(call.urn, None if replacing else id_)
        self._session.policies[id_] = inputs.get(POLICY)
        # `replace_on_changes` can replace an ingress that keeps its domain, and two can't have the same one.
        return Difference(changed, replacing, bool(changed), delete_before_replace="domain" not in replacing)

    def warn_of_update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> None:
        """Warns of an update that removes the policy, because ngrok will keep it."""
        policy = call.outputs_before.get(POLICY)
        # The state may have been edited.
        if policy and isinstance(policy, Mapping) and not inputs.get(POLICY):
            self._session.warn(
                f"ngrok will keep the {self._session.phrasing.spell(POLICY)} that this update removes, so the "
                f"update will fail. {self._how_to_keep_or_remove(call, policy)}",
                call.urn,
            )

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Sends one POST. Once ngrok has created the ingress, it reaches the state even if a later step fails.

        In a preview it only warns of a domain that already has an ingress. Outputs that are not known yet are absent.
        """
        if call.is_preview:
            if not call.is_unknown(inputs["domain"]):
                domain_taken.warn_in_preview(self._account, call, inputs["domain"])
            return Created("", outputs_after({}, inputs, call.is_unknown))
        budget = self._account.budget(call)
        try:
            ingress = self._account.client().create(inputs, budget)
        except (errors.DomainExistsError, errors.CreateUnsettledError) as error:
            raise Failed(domain_taken.explain(self._account, call, error, inputs["domain"], budget)) from None
        except errors.CreatedUnreadError as error:
            outputs = {**inputs, **self._account.fingerprint(error.id)}
            raise PartlyDone(f"{error}. The next `pulumi up` reads it again", error.id, outputs) from None
        self._session.known_outputs[call.urn] = outputs_of(ingress)
        return Created(ingress.id, self._confirmed_outputs(call, _changes(call, {}, inputs), inputs, ingress))

    def is_state(self, properties: Mapping[str, Any]) -> bool:
        """Returns whether these are outputs in the state. Even one that was edited has more than inputs."""
        return not properties.keys() <= AgentIngressInputs.model_fields.keys()

    def read(self, call: Call, id_: str, reading: Reading) -> Existing | None:
        """Reads one ingress. In a refresh, one list serves all ingresses that are read at the same time."""

        def to_existing(ingress: IngressModel) -> Existing:
            inputs = None if reading is Reading.GET else inputs_of(ingress, call.inputs_before or call.outputs_before)
            return Existing(ingress.id, self._outputs(ingress), inputs)

        if reading is Reading.REFRESH:
            return self._account.refresh(call, id_, to_existing)
        try:
            return to_existing(self._account.client().get(id_, self._account.budget(call)))
        except errors.NotFoundError as error:
            raise Failed(f"{error}: there is no such Agent Ingress in the account of this key") from None

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one PATCH with the changed fields. If the state shows no change, it sends a GET first.

        In a preview it sends nothing. Outputs that are not known yet are absent.
        """
        if call.is_preview:
            self.warn_of_update(call, id_, inputs)
            return outputs_after(call.outputs_before, inputs, call.is_unknown)
        client = self._account.client()
        changed = self._changes_to_state(call, inputs)
        domain: str = call.outputs_before["domain"]
        budget = self._account.budget(call)
        try:
            if not changed:
                # An earlier update failed. If its response was lost, the state may be wrong.
                existing = self._outputs(client.get(id_, budget, domain=domain))
                changed = _changes(call, existing, inputs)
                if not changed:
                    return existing
            # ngrok ignores a string that is null or absent. Only "" clears it.
            changes = {field: inputs.get(field) or (None if field == POLICY else "") for field in changed}
            ingress = client.update(id_, changes, budget, domain=domain)
        except errors.NotFoundError as error:
            self._account.check_gone(call, id_, error)
            raise Failed(
                f"{error}: it was deleted outside Pulumi. `pulumi refresh` removes it from the state; "
                "the next `pulumi up` then creates it again"
            ) from None
        except errors.UpdateUnsettledError as error:
            known = dict(call.outputs_before) if error.existing is None else self._outputs(error.existing)
            raise PartlyDone(f"{error}. The next `pulumi up` reads the ingress, and tries again", id_, known) from None
        return self._confirmed_outputs(call, changed, inputs, ingress)

    def delete(self, call: Call, id_: str) -> None:
        """Sends one DELETE. It is not a failure if the ingress is gone already.

        It fails if another resource of the program has the same ingress, as after a renaming and an import.
        """
        owner = self._session.other_owner(id_, call.urn)
        if owner is not None:
            line = shell_commands.state_delete_line(call.urn, stack=self._session.placement(owner).stack)
            raise Failed(
                f"the Agent Ingress {id_} is not deleted, because {owner} has it too. {call.urn} may have been renamed "
                "or moved in the program, and imported under its new name. Only if `pulumi stack export` shows both "
                f"names, remove the old one from the state, which does not delete the Agent Ingress:\n{line}"
            )
        reason = f"the Agent Ingress {id_} is not deleted, because it has the domain of"
        self._session.reject_conflicting_delete(id_, call.urn, reason)
        try:
            self._account.client().delete(id_, self._account.budget(call), domain=domain_of(call.outputs_before))
        except errors.NotFoundError as error:
            self._account.check_gone(call, id_, error)

    # -- the state and the results ------------------------------------------------------------------------

    def _outputs(self, ingress: IngressModel) -> dict[str, Any]:
        return outputs_of(ingress) | self._account.fingerprint(ingress.id)

    def _changes_to_state(self, call: Call, inputs: Mapping[str, Any]) -> list[str]:
        """Returns the fields whose inputs differ from the state. Fails if a hand-edited state is not valid.

        A domain missing there would replace the ingress. A wrong description is harmless: an update corrects it.
        """
        kinds = ((call.outputs_before.get("domain") or None, str), (call.outputs_before.get(POLICY) or {}, Mapping))
        if not all(isinstance(value, kind) or call.is_unknown(value) for value, kind in kinds):
            raise Failed(
                f"the state of this Agent Ingress has an invalid domain or {self._session.phrasing.spell(POLICY)}. "
                "The state was edited: run `pulumi refresh`, which reads both from ngrok again"
            )
        return _changes(call, call.outputs_before, inputs)

    def _confirmed_outputs(
        self, call: Call, sent: list[str], inputs: Mapping[str, Any], ingress: IngressModel
    ) -> dict[str, Any]:
        """Returns the outputs. Raises PartlyDone if a field that was sent has another value at ngrok."""
        outputs = self._outputs(ingress)
        not_kept = [field for field in _changes(call, outputs, inputs) if field in sent]
        if not not_kept:
            return outputs
        spell = self._session.phrasing.spell
        name = f"the Agent Ingress {ingress.domain} ({ingress.id})"
        message = f"ngrok did not set {' and '.join(map(spell, not_kept))} on {name}: its response has a different "
        message += "value. The next `pulumi up` tries again"
        if POLICY in not_kept and not inputs.get(POLICY):
            message = f"ngrok did not remove the {spell(POLICY)} of {name}. "
            message += self._how_to_keep_or_remove(call, outputs[POLICY])
        raise PartlyDone(message, ingress.id, outputs)

    def _how_to_keep_or_remove(self, call: Call, policy: Mapping[str, Any]) -> str:
        phrasing = self._session.phrasing
        # It may have been set outside Pulumi. A program can't declare values that we do not know.
        declared, problems = validate(CertificatePolicyInputs, policy)
        code = "" if problems else phrasing.declare(POLICY, declared)
        keep = f"To keep the policy, declare it in the program: `{code}`. " if code else ""
        return (
            f"{keep}The policy can be removed only by replacing the Agent Ingress. To replace it, set "
            f"{phrasing.delete_before_replace} on the resource (the old ingress must free the domain "
            "first), unprotect it if it is protected, and run\n"
            f"{shell_commands.replace_line(call.urn, stack=self._session.placement(call.urn).stack)}"
        )


# -- the comparison ---------------------------------------------------------------------------------------


def _changes(call: Call, existing: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """Returns the fields whose inputs differ from the existing values. An unknown input differs."""
    fields = compared_fields(AgentIngressInputs)
    return [field for field in fields if _differs(call, field, existing.get(field) or "", inputs.get(field) or "")]


def _differs(call: Call, field: str, old: Any, new: Any) -> bool:
    # In a refresh, the inputs are those in the state. If it was edited by hand, either value may be of another type.
    if field == "domain" and isinstance(old, str) and isinstance(new, str):
        return canonical_domain(old) != canonical_domain(new)
    if field == POLICY and isinstance(old, Mapping) and isinstance(new, Mapping):
        return not matches_policy(old, new)
    return call.is_unknown(new) or bool(old != new)


def _may_be_printed(value: object) -> bool:
    # The engine prints the value unchanged, and a URL can contain a password.
    return isinstance(value, str) and len(value) <= 100 and value.isprintable() and "@" not in value
