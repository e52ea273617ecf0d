"""The lifecycle of an Agent Ingress: check, diff, create, read, update, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_agin.api.canonical import POLICY, canonical_domain, matches_policy
from pulumi_agin.api.errors import (
    CreatedUnreadError,
    CreateUnsettledError,
    DomainExistsError,
    NotFoundError,
    UpdateUnsettledError,
)
from pulumi_agin.api.models import IngressModel
from pulumi_agin.settings import Settings

from . import domain_taken, shell_commands
from .account import Account, domain_of
from .inputs import AgentIngressInputs
from .operation import Call, Checked, Created, Difference, Existing, Failed, InputFailure, PartlyDone, Reading
from .outputs import FINGERPRINT, inputs_of, outputs_after, outputs_of
from .schema import replacing_fields, updated_fields, validate
from .session import Session

# Longer values are not printed back.
LONGEST_PRINTED = 100


class AgentIngressLifecycle:
    """The lifecycle of an Agent Ingress."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self._account = Account(settings, session)

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and finds everything that is wrong with them and with the settings."""
        session = self._account.session
        session.remember_check(call)
        checked, problems = validate(AgentIngressInputs, inputs, call.is_unknown, phrasing=session.phrasing)
        failures = [InputFailure(sentence) for sentence in self._account.settings.problems()]
        for problem in problems:
            if problem.path == ("domain",) and _may_be_printed(inputs.get("domain")):
                failures.append(InputFailure(f"the domain {problem.message}", "domain"))
            else:
                failures.append(InputFailure(problem.sentence))
        if checked and not call.is_unknown(checked["domain"]):
            other = session.remember_domain(checked["domain"], call.urn)
            if other is not None:
                failures.append(InputFailure(domain_taken.explain_two(session, call.urn, other), "domain"))
        return Checked(checked, failures)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs in the state, both in canonical form."""
        self._check_comparable(call)
        changed = _changes(call, call.outputs_before, inputs)
        replacing = [field for field in changed if field in replacing_fields(AgentIngressInputs)]
        session = self._account.session
        if replacing:
            # What is replaced is deleted, under its old name if it was renamed.
            session.forget_owner(id_, call.urn)
        else:
            session.record_owner(id_, call.urn)
        session.policies[id_] = inputs.get(POLICY)
        # `replace_on_changes` can replace an ingress that keeps its domain, and two can't have the same one.
        return Difference(changed, replacing, bool(changed), delete_before_replace="domain" not in replacing)

    def warn_of_update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> None:
        """Warns of an update that removes the policy, because ngrok will keep it."""
        session = self._account.session
        if call.outputs_before.get(POLICY) and not inputs.get(POLICY):
            session.warn(
                f"ngrok will keep the {session.phrasing.spell(POLICY)} that this update is to remove, and the update "
                f"will fail. {self._how_to_remove(call)}",
                call.urn,
            )

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Sends one POST. Once ngrok has responded, whatever fails, the ingress reaches the state.

        In a preview it only warns of a domain that has an ingress already. Outputs that are not known yet are absent.
        """
        if call.is_preview:
            if not call.is_unknown(inputs["domain"]):
                domain_taken.warn_in_preview(self._account, call, inputs["domain"])
            return Created("", outputs_after({}, inputs, call.is_unknown))
        client = self._account.client()
        deadline = self._account.deadline(call)
        try:
            ingress = client.create(inputs, deadline)
        except DomainExistsError as error:
            raise Failed(domain_taken.explain(self._account, call, error, inputs["domain"], deadline)) from None
        except CreateUnsettledError as error:
            raise Failed(domain_taken.explain_unsettled(self._account, call, error, inputs["domain"])) from None
        except CreatedUnreadError as error:
            outputs = {**inputs, **self._account.fingerprint(error.id)}
            raise PartlyDone(f"{error}. The next `pulumi up` reads it again", error.id, outputs) from None
        self._account.session.remember_outputs(call.urn, outputs_of(ingress))
        given = [field for field in updated_fields(AgentIngressInputs) if inputs.get(field)]
        return Created(ingress.id, self._outputs_as_asked(call, given, inputs, ingress))

    def is_state(self, properties: Mapping[str, Any]) -> bool:
        """Returns whether these are outputs in the state. Every state of an ingress has a fingerprint."""
        return FINGERPRINT in properties

    def read(self, call: Call, id_: str, reading: Reading) -> Existing | None:
        """Reads one ingress. In a refresh, one list serves all ingresses that are read at the same time."""
        if reading is Reading.REFRESH:
            ingress = self._account.refresh(call, id_)
            if ingress is None:
                return None
        else:
            try:
                ingress = self._account.client().get(id_, self._account.deadline(call))
            except NotFoundError as error:
                raise Failed(f"{error}: there is no such Agent Ingress in the account of this key") from None
        before = call.inputs_before or call.outputs_before
        inputs = None if reading is Reading.GET else inputs_of(ingress, before)
        return Existing(ingress.id, self._outputs(ingress), inputs)

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one PATCH with what changed. If the state shows no change, it sends a GET first.

        In a preview it sends nothing. Outputs that are not known yet are absent.
        """
        if call.is_preview:
            self.warn_of_update(call, id_, inputs)
            return outputs_after(call.outputs_before, inputs, call.is_unknown)
        client = self._account.client()
        self._check_comparable(call)
        domain = str(call.outputs_before["domain"])
        changed = _changes(call, call.outputs_before, inputs)
        deadline = self._account.deadline(call)
        try:
            if not changed:
                # An earlier update failed. If its response was lost, the state may be wrong.
                existing = self._outputs(client.get(id_, deadline, domain=domain))
                changed = _changes(call, existing, inputs)
                if not changed:
                    return existing
            # ngrok ignores a string that is null or absent. Only "" clears it.
            changes = {field: inputs.get(field) or (None if field == POLICY else "") for field in changed}
            ingress = client.update(id_, changes, deadline, domain=domain)
        except NotFoundError as error:
            self._account.check_gone(call, id_, error)
            raise Failed(
                f"{error}: it was deleted outside of Pulumi. `pulumi refresh` removes it from the state; "
                "the next `pulumi up` then creates it again"
            ) from None
        except UpdateUnsettledError as error:
            known = dict(call.outputs_before) if error.existing is None else self._outputs(error.existing)
            raise PartlyDone(f"{error}. The next `pulumi up` reads the ingress, and tries again", id_, known) from None
        return self._outputs_as_asked(call, changed, inputs, ingress)

    def delete(self, call: Call, id_: str) -> None:
        """Sends one DELETE. It is not a failure if the ingress is gone already.

        It fails if another resource of the program has the same ingress, as after a renaming and an import, or could
        not be created because of it, as after a renaming alone.
        """
        session = self._account.session
        owner = session.other_owner(id_, call.urn)
        if owner is not None:
            line = shell_commands.state_delete_line(call.urn, stack=session.placement(owner).stack)
            raise Failed(
                f"the Agent Ingress {id_} is not deleted, because {owner} has it too: was {call.urn} renamed or moved "
                "in the program, and imported under its new name? Only if `pulumi stack export` shows it under both "
                f"names, take the old name out of the state, which leaves the Agent Ingress as it is:\n{line}"
            )
        conflicting_create = session.conflicting_create(id_, call.urn)
        if conflicting_create is not None:
            raise Failed(
                f"the Agent Ingress {id_} is not deleted, because it has the domain of {conflicting_create}, which "
                f"could not be created: if {call.urn} was renamed or moved in the program, give the resource its "
                f"old name or parent in {session.phrasing.aliases}"
            )
        try:
            self._account.client().delete(id_, self._account.deadline(call), domain=domain_of(call.outputs_before))
        except NotFoundError as error:
            self._account.check_gone(call, id_, error)

    # -- the state and the results ------------------------------------------------------------------------

    def _outputs(self, ingress: IngressModel) -> dict[str, Any]:
        return outputs_of(ingress) | self._account.fingerprint(ingress.id)

    def _check_comparable(self, call: Call) -> None:
        """Fails if somebody edited the state so that nobody can tell what would change.

        Without this check, a missing domain would replace the ingress. A description that is not a string is harmless:
        an update corrects it.
        """
        outputs = call.outputs_before
        wrong = []
        if not domain_of(outputs) and not call.is_unknown(outputs.get("domain")):
            wrong.append("domain is not a string" if outputs.get("domain") else "domain is missing")
        policy = outputs.get(POLICY)
        if policy and not isinstance(policy, Mapping) and not call.is_unknown(policy):
            wrong.append(f"{self._account.session.phrasing.spell(POLICY)} is not an object")
        if wrong:
            raise Failed(
                f"in the state of this Agent Ingress, {' and '.join(wrong)}. Somebody edited the state: run "
                "`pulumi refresh`, which reads the values from ngrok again"
            )

    def _outputs_as_asked(
        self, call: Call, fields: Sequence[str], inputs: Mapping[str, Any], ingress: IngressModel
    ) -> dict[str, Any]:
        """Returns the outputs. Raises PartlyDone if one of the fields that were sent has another value at ngrok."""
        outputs = self._outputs(ingress)
        not_kept = [field for field in fields if _differs(call, field, outputs.get(field), inputs.get(field))]
        if not not_kept:
            return outputs
        spell = self._account.session.phrasing.spell
        where = f"the Agent Ingress {ingress.domain} ({ingress.id})"
        message = (
            f"ngrok was asked to set {' and '.join(map(spell, not_kept))} of {where}, and its response has another "
            "value. The next `pulumi up` tries again"
        )
        if POLICY in not_kept and not inputs.get(POLICY):
            message = (
                f"ngrok was asked to remove the {spell(POLICY)} of {where}, and kept it. {self._how_to_remove(call)}"
            )
        raise PartlyDone(message, ingress.id, outputs)

    def _how_to_remove(self, call: Call) -> str:
        session = self._account.session
        return (
            "Only a replacement of the Agent Ingress removes its policy. To replace it, give the resource "
            f"{session.phrasing.delete_before_replace} (the old ingress must free the domain first), unprotect it if "
            "it is protected, and run\n"
            f"{shell_commands.replace_line(call.urn, stack=session.placement(call.urn).stack)}"
        )


# -- the comparison ---------------------------------------------------------------------------------------


def _changes(call: Call, existing: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    """Returns the fields whose inputs differ from the existing values."""
    names = (*replacing_fields(AgentIngressInputs), *updated_fields(AgentIngressInputs))
    return [name for name in names if _differs(call, name, existing.get(name), inputs.get(name))]


def _differs(call: Call, field: str, old: Any, new: Any) -> bool:
    if call.is_unknown(new) or call.is_unknown(old):
        return True
    kind = Mapping if field == POLICY else str
    if not all(value is None or isinstance(value, kind) for value in (old, new)):
        # In a refresh, the new values are the inputs in the state, which somebody may have edited.
        return bool(old != new)
    if field == "domain":
        return canonical_domain(old or "") != canonical_domain(new or "")
    if field == POLICY:
        return not matches_policy(old, new)
    return bool((old or "") != (new or ""))


def _may_be_printed(value: object) -> bool:
    # The engine prints the value unchanged, and a URL can contain a password.
    return isinstance(value, str) and len(value) <= LONGEST_PRINTED and value.isprintable() and "@" not in value
