"""The lifecycle of an Agent Ingress: check, diff, create, read, update, delete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.facts import POLICY

from . import shell_commands
from .claims import Claims
from .existence import Existence
from .inputs import AgentIngressInputs, CertificatePolicyInputs, changed_fields
from .operation import Call, Checked, Created, Difference, Existing, Failed, InputFailure, Lifecycle, PartlyDone
from .outputs import FINGERPRINT, KeptOutputs, inputs_of, outputs_after, outputs_of
from .schema import replacing_fields, validate
from .services import Account, Services
from .taken import DomainTaken, reject_delete_of_renamed


class AgentIngressLifecycle(Lifecycle):
    """The lifecycle of an Agent Ingress."""

    def __init__(self, account: Account, services: Services, claims: Claims) -> None:
        self._account = account
        self._services = services
        self._claims = claims
        self._existence = Existence(account, services)
        self._domain_taken = DomainTaken(account, services, claims, self._existence)

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them and with the settings."""
        self._claims.record_check(call)
        self._existence.warn_of_other_base_url(KeptOutputs.of(call.outputs_before))
        checked, problems = validate(AgentIngressInputs, inputs, call.is_unknown, self._services.phrasing)
        failures = [InputFailure(sentence) for sentence in self._account.settings.problems]
        for problem in problems:
            if problem.path == ("domain",) and _may_be_printed(inputs.get("domain")):
                failures.append(InputFailure(f"the domain {problem.message}", "domain"))
            else:
                failures.append(InputFailure(problem.sentence))
        if checked and not call.is_unknown(checked["domain"]):
            other = self._claims.declare_domain(call.urn, checked["domain"])
            if other is not None:
                failures.append(InputFailure(self._domain_taken.explain_two(call.urn, other), "domain"))
        return Checked(checked, failures)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs in the state, both in canonical form.

        After a change of the API key, it may read the list and one ingress, to warn of another account.
        """
        kept = self._valid_state(call)
        changed = changed_fields(kept.values, inputs, call.is_unknown)
        self._existence.warn_of_other_account(call, id_, kept)
        replacing = replacing_fields(AgentIngressInputs, changed)
        if replacing:
            self._claims.release_ingress(call.urn, id_)
        else:
            self._claims.keep_ingress(call.urn, id_)
        self._claims.declare_policy(id_, inputs.get(POLICY))
        # `replace_on_changes` can replace an ingress that keeps its domain, and two can't have the same one.
        return Difference(changed, replacing, bool(changed), delete_before_replace="domain" not in replacing)

    # -- previews -----------------------------------------------------------------------------------------

    def preview_create(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Warns of a domain that already has an ingress, and of agents that a domain change cuts off.

        The creates of a preview share one list of the account. For a Python program, the front end calls this from
        its `check`, and ignores the outputs.
        """
        domain = inputs["domain"]
        # In an `up`, the engine sends the plugin this call for a create that it skips because another resource failed.
        self._claims.record_uncreated(call.urn, domain)
        self._warn_of_domain_change(call, domain)
        if not call.is_unknown(domain):
            self._domain_taken.warn_in_preview(call, domain)
        return outputs_after({}, inputs, call.is_unknown)

    def _warn_of_domain_change(self, call: Call, domain: object) -> None:
        """Warns if this create replaces an ingress with another domain, or may do so, because the domain is unknown."""
        # The first `check` of a replaced resource has recorded its outputs.
        former = self._claims.state(call.urn).get("domain", "")
        if former and former != domain:
            condition = "if the domain changes, " if call.is_unknown(domain) else ""
            self._services.warn_once(
                f"{condition}this replacement deletes the Agent Ingress {former} in the same `pulumi up`, which "
                "disconnects all agents that still have its connect URL. To avoid that, leave the domain unchanged, "
                f"and {_how_to_move_agents()}",
                call.urn,
            )

    def preview_update(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Warns of a change of the certificate authority."""
        self._warn_of_other_authority(call, inputs)
        return outputs_after(call.outputs_before, inputs, call.is_unknown)

    def _warn_of_other_authority(self, call: Call, inputs: Mapping[str, Any]) -> None:
        """Warns of an update that changes the certificate authority, and cuts off agents that trust the other one.

        ngrok may also keep a policy that is removed, and the update would fail.
        """
        kept, policy = KeptOutputs.of(call.outputs_before), inputs.get(POLICY)
        authority = policy.get("authority") if isinstance(policy, Mapping) else policy
        # What is unknown may be what it was.
        if call.is_unknown(authority) or authority == kept.policy.get("authority"):
            return
        cut_off = "agents can't connect until their `connect_cas` changes, too"
        if authority:
            sentence = (
                f"this update changes the certificate authority of {kept.domain}, after which {cut_off}. To avoid "
                f"that, leave it unchanged, and {_how_to_move_agents()}"
            )
        else:
            sentence = (
                f"this update removes the {self._services.phrasing.spell(POLICY)} of {kept.domain}: if ngrok keeps it, "
                f"the update fails; if ngrok removes it, {cut_off}{self._how_to_keep(kept.policy)}"
            )
        self._services.warn_once(sentence, call.urn)

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the ingress. Once it is known that ngrok has, it reaches the state even if a later step fails."""
        budget = self._account.budget(call)
        try:
            ingress = self._account.require_client().create(inputs, budget)
        except errors.CreatedUnreadError as error:
            outputs = {**inputs, FINGERPRINT: self._account.fingerprint(error.id)}
            raise PartlyDone(f"{error}. The next `pulumi up` reads it again", error.id, outputs) from None
        except Exception as error:
            self._claims.record_uncreated(call.urn, inputs["domain"])
            # With a DomainExistsError, no attempt of this call can have made the ingress.
            if isinstance(error, errors.DomainExistsError | errors.CreateUnsettledError):
                raise Failed(self._domain_taken.explain(call, error, inputs["domain"], budget)) from None
            raise
        outputs = self._outputs(ingress)
        # Before the comparison, because the ingress exists even if that fails.
        self._claims.record_created(call.urn, outputs)
        sent = [field for field, value in inputs.items() if value]
        self._require_kept(call, inputs, outputs, ingress, fields=sent)
        return Created(ingress.id, outputs)

    def is_refresh(self, call: Call) -> bool:
        """Returns whether a read has the outputs in the state. Even edited ones are more than the inputs of a `get`."""
        return not call.outputs_before.keys() <= AgentIngressInputs.model_fields.keys()

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads one ingress. In a refresh, one list serves all ingresses that are read at the same time."""
        if self.is_refresh(call):
            try:
                ingress = self._existence.read_for_refresh(call, id_, KeptOutputs.of(call.outputs_before))
            except errors.UnreadableIngressError:
                # A warning was shown. The state stays as it is.
                return Existing(id_, dict(call.outputs_before))
            if ingress is None:
                return None
        else:
            try:
                ingress = self._account.require_client().get(id_, self._account.budget(call))
            except errors.NotFoundError as error:
                raise Failed(
                    f"{error}: there is no such Agent Ingress in the account of this key. Another account may have it\n"
                    f"{shell_commands.explain_line('other-account')}"
                ) from None
        # A front end may lack the inputs in the state. Then the outputs show which optional ones there are.
        inputs = inputs_of(ingress, shown_by=call.inputs_before or call.outputs_before)
        return Existing(ingress.id, self._outputs(ingress), inputs)

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one PATCH with the changed fields. If the state shows no change, it sends a GET first."""
        kept, client, budget = self._valid_state(call), self._account.require_client(), self._account.budget(call)
        changed = changed_fields(kept.values, inputs, call.is_unknown)
        try:
            if not changed:
                # After PartlyDone, the engine updates even without a difference. If a response was lost, the state may
                # be wrong.
                existing = self._outputs(client.get(id_, budget, domain=kept.domain))
                changed = changed_fields(existing, inputs, call.is_unknown)
                if not changed:
                    return existing
            # ngrok ignores a string that is null or absent. Only "" clears it.
            changes = {field: inputs.get(field) or (None if field == POLICY else "") for field in changed}
            ingress = client.update(id_, changes, budget, domain=kept.domain)
        except errors.NotFoundError as error:
            self._existence.fail_unless_gone(kept, id_, error)
            raise Failed(
                f"{error}: it was deleted outside Pulumi. `pulumi refresh` removes it from the state; "
                "the next `pulumi up` then creates it again"
            ) from None
        except errors.UpdateUnsettledError as error:
            known = dict(call.outputs_before) if error.existing is None else self._outputs(error.existing)
            raise PartlyDone(f"{error}. The next `pulumi up` reads the ingress, and retries", id_, known) from None
        outputs = self._outputs(ingress)
        self._require_kept(call, inputs, outputs, ingress, fields=changed)
        return outputs

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the ingress. It is not a failure if the ingress is gone already.

        It fails if another resource of the program has the same ingress, as after a renaming and an import, or if one
        with its domain could not be created, as after a renaming without an alias.
        """
        keeper = self._claims.other_keeper(id_, call.urn)
        if keeper is not None:
            command = shell_commands.state_delete_line(call.urn, stack=self._claims.placement(keeper).stack)
            raise Failed(
                f"the Agent Ingress {id_} is not deleted, because {keeper} has it too. {call.urn} may have been "
                "renamed or moved in the program, and imported under its new name. Only if `pulumi stack export` shows "
                f"both names, remove the old one from the state, which does not delete the Agent Ingress:\n{command}"
            )
        kept = KeptOutputs.of(call.outputs_before)
        why = f"the Agent Ingress {id_} is not deleted, because it has the domain of"
        reject_delete_of_renamed(self._claims, self._services.phrasing, kept.domain, call.urn, why)
        try:
            self._account.require_client().delete(id_, self._account.budget(call), domain=kept.domain)
        except errors.NotFoundError as error:
            self._existence.fail_unless_gone(kept, id_, error)

    # -- the state and the results ------------------------------------------------------------------------

    def _outputs(self, ingress: IngressModel) -> dict[str, Any]:
        return {**outputs_of(ingress), FINGERPRINT: self._account.fingerprint(ingress.id)}

    def _valid_state(self, call: Call) -> KeptOutputs:
        """Returns the outputs in the state. Fails if they are not valid: without a domain, a diff would replace it."""
        kept = KeptOutputs.of(call.outputs_before)
        if not kept.is_comparable:
            raise Failed(
                f"the state of this Agent Ingress has an invalid domain or {self._services.phrasing.spell(POLICY)}. "
                "The state was edited: run `pulumi refresh`, which reads both from ngrok again"
            )
        return kept

    def _require_kept(
        self,
        call: Call,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        ingress: IngressModel,
        fields: Collection[str],
    ) -> None:
        """Raises PartlyDone if one of the fields that were sent has another value at ngrok afterwards."""
        not_kept = [field for field in changed_fields(outputs, inputs, call.is_unknown) if field in fields]
        if not not_kept:
            return
        spell = self._services.phrasing.spell
        name = f"the Agent Ingress {ingress.domain} ({ingress.id})"
        if POLICY in not_kept and not inputs.get(POLICY):
            message = f"ngrok did not remove the {spell(POLICY)} of {name}{self._how_to_keep(outputs[POLICY])}"
        else:
            message = f"ngrok did not set {' and '.join(map(spell, not_kept))} on {name}: its response has a different "
            message += "value. The next `pulumi up` retries the update"
        raise PartlyDone(message, ingress.id, outputs)

    def _how_to_keep(self, policy: Mapping[str, Any]) -> str:
        """Returns the end of a message: the code that keeps a policy, and the command that shows the other ways."""
        # It may have been set outside Pulumi. A program can't declare values that we do not know.
        declared, problems = validate(CertificatePolicyInputs, policy)
        code = "" if problems else self._services.phrasing.declare(POLICY, declared)
        keep = f". To keep the policy, declare it in the program: `{code}`" if code else ""
        return f"{keep}\n{shell_commands.explain_line('removed-policy')}"


def _how_to_move_agents() -> str:
    """Returns the end of a warning: the next step for a fleet of agents that is to stay connected."""
    return f"move the agents to a second Agent Ingress first\n{shell_commands.explain_line('move-agents')}"


def _may_be_printed(value: object) -> bool:
    # The engine prints the value unchanged, and a URL can contain a password.
    return isinstance(value, str) and len(value) <= 100 and value.isprintable() and "@" not in value
