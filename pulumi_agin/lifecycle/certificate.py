"""The lifecycle of a certificate validation. It creates and deletes nothing at ngrok.

One hidden output in the state holds whether the certificate was ready, and another one its policy. So the next
`pulumi up` validates again after a refresh that found the certificate not ready, and after a change of the policy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_agin.api.errors import (
    ApiError,
    NgrokError,
    NotConnectedError,
    NotFoundError,
    UnreachableError,
    UnreadableIngressError,
)
from pulumi_agin.api.models import IngressModel, Issuance, describe_certificate
from pulumi_agin.base.budget import format_duration
from pulumi_agin.base.facts import ID_HINT, matches_policy
from pulumi_agin.base.progress import time_note
from pulumi_agin.base.redaction import holds_secret

from .claims import Claims
from .existence import Existence
from .inputs import CertificateValidationInputs
from .operation import Abandoned, Call, Checked, Created, Difference, Existing, Failed, Lifecycle
from .outputs import FINGERPRINT, KeptOutputs
from .schema import validate
from .services import Account, Services
from .shell_commands import agin_line, doctor_line
from .urns import Urn

ID = "agent_ingress_id"
TIMEOUT = "timeout_seconds"
GRACE = "dns_error_grace_seconds"

# Hidden outputs. Users' states contain them, so their names never change.
WAS_READY = "_was_ready"
# {} means that there was no policy.
VALIDATED_POLICY = "_policy"

# The pauses after the first reads, which are short, and the pause after each later read.
PAUSES_SECONDS = (2, 2, 4)
LAST_PAUSE_SECONDS = 10

# The limit of one read, even if the validation has timed out. It is short, because a read that retries misses the
# timeout, but long enough to report that no connection can be made.
READ_SECONDS = 35

# The pause between progress lines while nothing changes.
LINE_SECONDS = 30

# The longest time that a validation continues after the engine is gone.
NOTICE_SECONDS = 1

# The limit of ngrok's message about a certificate, in characters.
LONGEST_MESSAGE = 400


class CertificateValidationLifecycle(Lifecycle):
    """The lifecycle of a certificate validation."""

    def __init__(self, account: Account, services: Services, claims: Claims) -> None:
        self._account = account
        self._services = services
        self._claims = claims
        self._existence = Existence(account, services)

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them and with the settings."""
        self._claims.record_check(call)
        self._existence.warn_of_other_base_url(KeptOutputs.of(call.outputs_before))
        settings, phrasing = self._account.settings, self._services.phrasing
        checked, problems = validate(CertificateValidationInputs, inputs, call.is_unknown, phrasing)
        sentences = [*settings.problems, *(problem.sentence for problem in problems)]
        # Its value would be shown, and kept in the state.
        if isinstance(inputs.get(ID), str) and holds_secret(inputs[ID], settings.api_key.get_secret_value()):
            sentences.append(f"property {phrasing.spell(ID)} is the API key, or a part of it; {ID_HINT}")
        return Checked.of(checked, sentences)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Returns whether another validation is needed. A change of a timeout alone does not need one."""
        # They may have been edited: whatever differs only leads to another validation.
        outputs = call.outputs_before
        # An unknown value equals no value in the state, so it counts as a change.
        changed = [ID] if inputs.get(ID) != outputs.get(ID) else []
        is_to_be_issued = outputs.get(WAS_READY) is not True or self._has_other_policy(id_, outputs)
        renewed = ["renews_at"] if is_to_be_issued and not changed else []
        return Difference(changed, changed, bool(changed) or is_to_be_issued, renewed)

    def _has_other_policy(self, id_: str, outputs: Mapping[str, Any]) -> bool:
        """Returns whether the program's policy for the ingress has changed since the last validation, if that is known.

        If that is not certain, it returns True, because another validation is harmless.
        """
        # Recorded by the `diff` of the ingress, which comes first in an `up`, because the validation depends on it. An
        # ingress of another stack or provider has none here.
        if not self._claims.has_policy(id_):
            return False
        validated, policy = outputs.get(VALIDATED_POLICY), self._claims.policy(id_)
        # The state may have been edited, and the program's policy may be unknown in a preview.
        is_certain = isinstance(validated, Mapping) and isinstance(policy, Mapping | None)
        return not is_certain or not matches_policy(validated, policy)

    # -- previews -----------------------------------------------------------------------------------------

    def preview_create(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {ID: inputs[ID]}

    def preview_update(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        # Another ingress would be a replacement, and the domain of an ingress never changes.
        domain = KeptOutputs.of(call.outputs_before).domain
        return {ID: inputs[ID], "domain": domain} if domain else {ID: inputs[ID]}

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Validates. A failure leaves nothing in the state, so the next `pulumi up` repeats it."""
        return Created(inputs[ID], self._validate(call, inputs))

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the certificate once, without waiting. A `get` or an import fails."""
        if not self.is_refresh(call):
            raise Failed(
                "an AgentIngressCertificateValidation can't be read or imported, because it only waits: declare it"
            )
        try:
            ingress = self._existence.read_for_refresh(call, id_, KeptOutputs.of(call.outputs_before))
        except UnreadableIngressError:
            # A warning was shown. The state stays as it is.
            return Existing(id_, dict(call.outputs_before))
        return None if ingress is None else Existing(id_, self._outputs(ingress))

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Repeats the validation. After a failure, the next `pulumi up` repeats it again."""
        return self._validate(call, inputs)

    def delete(self, call: Call, id_: str) -> None:
        """Does nothing: the certificate belongs to the ingress."""

    def _outputs(self, ingress: IngressModel) -> dict[str, Any]:
        """Returns the outputs. Without a renewal, `renews_at` is "": previews treat an absent output as unknown."""
        policy, status = ingress.certificate_management_policy, ingress.managed_status
        return {
            ID: ingress.id,
            "domain": ingress.domain,
            "renews_at": status.renews_at or "" if status else "",
            WAS_READY: Issuance.of(ingress).is_ready,
            VALIDATED_POLICY: policy.model_dump(exclude_none=True) if policy else {},
            FINGERPRINT: self._account.fingerprint(ingress.id),
        }

    # -- the validation -----------------------------------------------------------------------------------

    def _validate(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs once the certificate is ready. Fails if it is not ready in time."""
        monotonic, show = self._services.clock.monotonic, self._services.show_progress
        watch = self._new_watch(call, inputs)
        began, shown_status, next_line = monotonic(), "", 0.0
        while True:
            read = self._read_once(call, inputs[ID], watch.ingress)
            watch.record_read(monotonic() - began, read)
            ingress, seconds = watch.ingress, round(watch.elapsed)
            if ingress and Issuance.of(ingress).is_ready:
                if watch.reads > 1:
                    time = format_duration(seconds)
                    show(f"the certificate of {ingress.domain} is {self._describe(ingress)}, after {time}", call.urn)
                return self._outputs(ingress)
            left = min(watch.timeout_seconds, watch.end_of_grace) - watch.elapsed
            if left <= 0:
                raise Failed(self._explain_end(call, watch))
            status = watch.problem or (self._describe(ingress) if ingress else "")
            if status != shown_status or watch.elapsed >= next_line:
                shown_status, next_line = status, watch.elapsed + LINE_SECONDS
                name, note = ingress.domain if ingress else inputs[ID], time_note(seconds, watch.timeout_seconds)
                show(f"waiting for the certificate of {name} {note}: {status}", call.urn)
            pause = PAUSES_SECONDS[watch.reads - 1] if watch.reads <= len(PAUSES_SECONDS) else LAST_PAUSE_SECONDS
            self._pause(call, min(pause, left))

    def _new_watch(self, call: Call, inputs: Mapping[str, Any]) -> Watch:
        """Returns a watch with the shorter of the two limits that a program can set."""
        phrasing, grace_seconds = self._services.phrasing, inputs[GRACE]
        if call.timeout_seconds and call.timeout_seconds <= inputs[TIMEOUT]:
            return Watch(call.timeout_seconds, phrasing.custom_timeouts, grace_seconds)
        return Watch(inputs[TIMEOUT], phrasing.spell(TIMEOUT), grace_seconds)

    def _read_once(self, call: Call, id_: str, last: IngressModel | None) -> IngressModel | NgrokError:
        """Reads the ingress, which is `last` from the read before. Returns the error if it is transient.

        Network failures do not end a validation that has begun. At its start, there may be nothing to connect to.
        """
        client = self._account.require_client()
        try:
            budget = self._account.budget(call, min(READ_SECONDS, client.timeout_seconds))
            # With a domain, a response about another one is a BadResponseError, which ends the validation.
            return client.get(id_, budget, domain=last.domain if last else "")
        except NotFoundError as error:
            # The validation fails in any case. Without proof, the message is that of `fail_unless_gone`.
            if call.outputs_before:
                self._existence.fail_unless_gone(KeptOutputs.of(call.outputs_before), id_, error)
            raise Failed(
                f"{error}: there is no such Agent Ingress in the account of the API key from "
                f"{self._account.settings.api_key_source.shown_as}. If it belongs to another account, the certificate "
                f"validation needs the same {self._services.phrasing.provider} as the ingress; if it was deleted "
                "outside Pulumi, `pulumi refresh` removes it from the state"
            ) from None
        except NotConnectedError as error:
            if last is None:
                raise
            return error
        except UnreachableError as error:
            return error
        except ApiError as error:
            if not error.is_transient:
                raise
            return error

    def _pause(self, call: Call, seconds: float) -> None:
        """Sleeps. Raises Abandoned if the engine cancels the call or is killed."""
        while seconds > 0:
            self._services.clock.sleep(min(seconds, NOTICE_SECONDS))
            seconds -= NOTICE_SECONDS
            if call.is_cancelled():
                raise Abandoned("the certificate validation was interrupted; the next `pulumi up` validates again")

    # -- messages -----------------------------------------------------------------------------------------

    def _describe(self, ingress: IngressModel) -> str:
        return self._account.require_client().sanitize(describe_certificate(ingress), LONGEST_MESSAGE)

    def _explain_end(self, call: Call, watch: Watch) -> str:
        """Returns the message of a failed validation: the state of the certificate, and the next step."""
        ingress, sanitize = watch.ingress, self._account.require_client().sanitize
        if ingress is None:
            return f"{watch.problem}; the next `pulumi up` retries"
        message = f"the certificate of {ingress.domain} ({ingress.id})"
        if watch.elapsed >= watch.end_of_grace:
            grace = f"{format_duration(watch.grace_seconds)} ({self._services.phrasing.spell(GRACE)})"
            message += f" was not issued: ngrok has reported a DNS error for {grace}"
        else:
            message += f" was not issued within {format_duration(watch.timeout_seconds)} ({watch.limit})"
        message += f". It {'was' if watch.problem else 'is'} {self._describe(ingress)}"
        message += f" when last read; since then: {watch.problem}" if watch.problem else ""
        if watch.end_of_grace == math.inf:
            message += ". It may still be issued: the next `pulumi up` validates again; to allow more time, increase "
            return f"{message}{watch.limit}{self._how_to_find_out(call, ingress.domain)}"
        targets = sanitize(", ".join(ingress.ns_targets), LONGEST_MESSAGE)
        message += f". The NS records of {ingress.domain} must be {targets}: fix them, and run `pulumi up`, which "
        message += "validates again"
        status = ingress.managed_status
        if status and status.provisioning_job and (retries_at := status.provisioning_job.retries_at):
            message += f"; ngrok retries at {sanitize(retries_at, 40)}, and does not check before then"
        return f"{message}{self._how_to_find_out(call, ingress.domain)}"

    def _how_to_find_out(self, call: Call, domain: str) -> str:
        """Returns the end of a message: the command that shows what prevents a certificate, such as CAA records."""
        finds = "shows what prevents it, such as CAA records"
        if self._account.settings.provider_name:
            # The command has to use the key of this provider, whose URN is unknown here.
            return f"; `{agin_line('doctor', domain)}` with --provider and its provider's URN {finds}"
        stack = self._claims.placement(call.urn).stack or Urn.parse(call.urn).stack
        return f"; `pulumi-agin doctor` {finds}\n{doctor_line(domain, stack)}"


@dataclass
class Watch:
    """The state of a validation. All moments are seconds since it began."""

    timeout_seconds: float
    limit: str
    """The setting that the timeout comes from."""
    grace_seconds: float
    ingress: IngressModel | None = None
    """The ingress at the last successful read."""
    problem: str = ""
    """Why the last read failed."""
    reads: int = 0
    elapsed: float = 0.0
    end_of_grace: float = math.inf
    """When the current DNS error has lasted too long."""

    def record_read(self, moment: float, read: IngressModel | NgrokError) -> None:
        """Records a read. After an error, the certificate counts as unchanged."""
        self.reads += 1
        self.elapsed = moment
        if isinstance(read, IngressModel):
            self.ingress, self.problem = read, ""
        else:
            self.problem = str(read)
        if self.ingress is None or Issuance.of(self.ingress) is not Issuance.DNS_ERROR:
            self.end_of_grace = math.inf
        elif self.end_of_grace == math.inf:
            self.end_of_grace = moment + self.grace_seconds
