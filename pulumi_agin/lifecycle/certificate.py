"""The lifecycle of a wait for a certificate. It creates and deletes nothing at ngrok.

One hidden output in the state holds whether the certificate was ready, and another one which policy it was for. So the
next `pulumi up` waits again after a refresh that found the certificate not ready, and after a change of the policy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pulumi_agin.api.canonical import matches_policy, without_none
from pulumi_agin.api.constants import ID_LOOKS_LIKE
from pulumi_agin.api.errors import ApiError, NotConnectedError, NotFoundError, UnreachableError
from pulumi_agin.api.models import CertificateState, IngressModel, certificate_in_words, certificate_state
from pulumi_agin.api.redaction import holds_secret
from pulumi_agin.api.retry import in_words, is_transient
from pulumi_agin.settings import Settings

from .account import Account
from .inputs import CertificateValidationInputs
from .operation import Abandoned, Call, Checked, Created, Difference, Existing, Failed, Lifecycle, Reading
from .schema import replacing_fields, validate
from .session import Session

ID = "agent_ingress_id"
TIMEOUT = "timeout_seconds"
GRACE = "dns_error_grace_seconds"

# Hidden outputs. They stand in users' states, so their names never change.
WAS_READY = "_was_ready"
# {} means that there was no policy.
WAITED_POLICY = "_policy"

# The pauses after the first reads, which are short, and the pause after each later read.
PAUSES_SECONDS = (2, 2, 4)
LAST_PAUSE_SECONDS = 10

# How long one read may take, even if the time of the wait is over. It is short, because a read that retries does not
# notice when the time is over. But it is long enough to find out that nothing listens.
READ_SECONDS = 35

# How often a line shows that the wait goes on while nothing changes.
LINE_SECONDS = 30

# How soon a wait notices that the engine is gone.
NOTICE_SECONDS = 1

PUBLIC_DNS_SECONDS = 5

# How many characters of ngrok's message about a certificate are shown.
LONGEST_MESSAGE = 400


class CertificateValidationLifecycle(Lifecycle):
    """The lifecycle of a wait for a certificate."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self._account = Account(settings, session)
        self._session = session

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and finds everything that is wrong with them and with the settings."""
        settings = self._account.settings
        api_key = settings.api_key.value.get_secret_value()
        checked, problems = validate(CertificateValidationInputs, inputs, call.is_unknown, self._session.phrasing)
        sentences = [*settings.problems(), *(problem.sentence for problem in problems)]
        # Its value would be shown, and kept in the state.
        if isinstance(inputs.get(ID), str) and holds_secret(inputs[ID], api_key):
            sentences.append(
                f"property {self._session.phrasing.spell(ID)} is the API key, or a part of it; {ID_LOOKS_LIKE}"
            )
        return Checked.of(checked, sentences)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Finds out whether there is something to wait for. A change of how long to wait is no reason by itself."""
        # An unknown value equals no value in the state, so it counts as a change.
        before, fields = call.outputs_before, replacing_fields(CertificateValidationInputs)
        changed = [field for field in fields if inputs.get(field) != before.get(field)]
        is_to_be_issued = before.get(WAS_READY) is not True or self._has_other_policy(call, id_)
        renewed = ["renews_at"] if is_to_be_issued and not changed else []
        return Difference(changed, changed, bool(changed) or is_to_be_issued, renewed)

    def _has_other_policy(self, call: Call, id_: str) -> bool:
        """Returns whether the program has another policy for the ingress than the one that the last wait was for."""
        if id_ not in self._session.policies or WAITED_POLICY not in call.outputs_before:
            return False
        policy, waited = self._session.policies[id_], call.outputs_before[WAITED_POLICY]
        # If somebody edited the state, it may be anything. Another wait does no harm.
        return call.is_unknown(policy) or not isinstance(waited, Mapping) or not matches_policy(waited, policy)

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Waits, but not in a preview. If the wait fails, nothing reaches the state, and the next `pulumi up` waits."""
        if call.is_preview:
            return Created("", {ID: inputs[ID]})
        return Created(inputs[ID], self._wait(call, inputs))

    def read(self, call: Call, id_: str, reading: Reading) -> Existing | None:
        """Reads the certificate once, without waiting. A `get` or an import fails."""
        if reading is not Reading.REFRESH:
            raise Failed(
                "an AgentIngressCertificateValidation is a wait, so there is nothing to read or import: create it"
            )
        ingress = self._account.refresh(call, id_)
        return Existing(id_, self._outputs(ingress)) if ingress else None

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Waits again, but not in a preview. If the wait fails, the state stays, and the next `pulumi up` waits."""
        if call.is_preview:
            # Another ingress would be a replacement, and the domain of an ingress never changes.
            known = {"domain": call.outputs_before["domain"]} if "domain" in call.outputs_before else {}
            return {ID: inputs[ID], **known}
        return self._wait(call, inputs)

    def delete(self, call: Call, id_: str) -> None:
        """Does nothing: the certificate belongs to the ingress."""

    def _outputs(self, ingress: IngressModel) -> dict[str, Any]:
        """Returns the outputs. Without a renewal, `renews_at` is "": previews treat an absent output as unknown."""
        policy = ingress.certificate_management_policy
        status = ingress.certificate_management_status if policy else None
        return {
            ID: ingress.id,
            "domain": ingress.domain,
            "renews_at": status.renews_at or "" if status else "",
            WAS_READY: certificate_state(ingress).is_ready,
            WAITED_POLICY: without_none(policy.plain()) if policy else {},
        } | self._account.fingerprint(ingress.id)

    # -- the wait -----------------------------------------------------------------------------------------

    def _wait(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs once the certificate is ready. Fails if it is not ready in time."""
        monotonic, show = self._session.clock.monotonic, self._session.show_progress
        phrasing = self._session.phrasing
        of_resource = (call.timeout_seconds or math.inf, phrasing.custom_timeouts)
        watch = Watch(*min((inputs[TIMEOUT], phrasing.spell(TIMEOUT)), of_resource), inputs[GRACE])
        began = monotonic()
        while True:
            self._read_once(call, inputs[ID], watch)
            watch.record_read(monotonic() - began)
            ingress, time = watch.ingress, in_words(round(watch.elapsed))
            if ingress and certificate_state(ingress).is_ready:
                if watch.reads > 1:
                    show(f"the certificate of {ingress.domain} is {self._describe(ingress)}, after {time}", call.urn)
                return self._outputs(ingress)
            pause = watch.pause_seconds
            if pause <= 0:
                raise Failed(self._explain_end(watch))
            status = watch.problem or (f"it is {self._describe(ingress)}" if ingress else "")
            if status != watch.shown_status or watch.elapsed >= watch.next_line:
                watch.shown_status, watch.next_line = status, watch.elapsed + LINE_SECONDS
                name, most = ingress.domain if ingress else inputs[ID], in_words(watch.timeout_seconds)
                show(f"waiting for the certificate of {name}, for {time} ({most} at most): {status}", call.urn)
            self._pause(call, pause)

    def _read_once(self, call: Call, id_: str, watch: Watch) -> None:
        """Reads the ingress. A transient failure leaves the ingress of the watch as it is, and is its problem."""
        client = self._account.client()
        try:
            deadline = self._account.deadline(call, min(READ_SECONDS, client.timeout_seconds))
            watch.ingress = client.get(id_, deadline, domain=watch.ingress.domain if watch.ingress else None)
            watch.problem = ""
        except NotFoundError as error:
            raise Failed(
                f"{error}: there is no such Agent Ingress in the account of the API key from "
                f"{self._account.settings.api_key.shown_as}. If it belongs to another account, the wait needs the same "
                f"{self._session.phrasing.provider} as the ingress; if it was deleted outside of Pulumi, "
                "`pulumi refresh` removes it from the state"
            ) from None
        except (UnreachableError, ApiError) as error:
            # A wait that has begun outlasts failures of the network. Before, there may be nothing to connect to at all.
            has_nothing_to_wait_for = isinstance(error, NotConnectedError) and watch.ingress is None
            if has_nothing_to_wait_for or (isinstance(error, ApiError) and not is_transient(error.status)):
                raise
            watch.problem = str(error)

    def _pause(self, call: Call, seconds: float) -> None:
        """Sleeps. Raises Abandoned as soon as the engine no longer waits for the call, such as when it was killed."""
        while seconds > 0:
            self._session.clock.sleep(min(seconds, NOTICE_SECONDS))
            seconds -= NOTICE_SECONDS
            if call.is_cancelled():
                raise Abandoned("the wait for the certificate was interrupted; the next `pulumi up` waits again")

    # -- messages -----------------------------------------------------------------------------------------

    def _describe(self, ingress: IngressModel) -> str:
        return self._account.client().sanitize(certificate_in_words(ingress), LONGEST_MESSAGE)

    def _explain_end(self, watch: Watch) -> str:
        """Returns the message of a wait that is over: how far the certificate got, and the next step."""
        ingress, sanitize = watch.ingress, self._account.client().sanitize
        if ingress is None:
            return f"{watch.problem}; the next `pulumi up` waits again"
        why = f" within {in_words(watch.timeout_seconds)} ({watch.limit})"
        if watch.elapsed >= watch.end_of_grace:
            grace = f"{in_words(watch.grace_seconds)} ({self._session.phrasing.spell(GRACE)})"
            why = f": ngrok has reported a DNS error for {grace}"
        message = f"the certificate of {ingress.domain} ({ingress.id}) was not issued{why}"
        message += f". It is {self._describe(ingress)}" + (f", as last seen: {watch.problem}" if watch.problem else "")
        if watch.end_of_grace == math.inf:
            return (
                f"{message}. It may yet be issued: the next `pulumi up` waits again; {watch.limit} can allow more time"
            )
        targets = sanitize(", ".join(ingress.ns_targets), LONGEST_MESSAGE)
        message += f". The NS records of {ingress.domain} have to be {targets}"
        # dnspython may be missing.
        with suppress(ImportError):
            from pulumi_agin.dnsclient import lookup

            message += f"; {lookup.describe_public_delegation(ingress.domain, PUBLIC_DNS_SECONDS)}"
        message += ". Repair them, and run `pulumi up`, which waits again"
        status = ingress.certificate_management_status
        if status and status.provisioning_job and (retries_at := status.provisioning_job.retries_at):
            message += f"; ngrok tries again at {sanitize(retries_at, 40)}, and does not check before then"
        return message


@dataclass
class Watch:
    """What a wait has seen so far, and when it reads next. All moments are seconds since it began."""

    timeout_seconds: float
    limit: str
    """What sets the timeout."""
    grace_seconds: float
    ingress: IngressModel | None = None
    """The ingress as last seen."""
    problem: str = ""
    """Why the last read failed."""
    reads: int = 0
    elapsed: float = 0.0
    end_of_grace: float = math.inf
    """When the current DNS error has lasted too long."""
    shown_status: str = ""
    next_line: float = 0.0
    """When to show a line although the status has not changed."""

    def record_read(self, moment: float) -> None:
        """Records a read. After one that failed, the state of the certificate is the one last seen."""
        self.reads += 1
        self.elapsed = moment
        if self.ingress is None or certificate_state(self.ingress) is not CertificateState.DNS_ERROR:
            self.end_of_grace = math.inf
        elif self.end_of_grace == math.inf:
            self.end_of_grace = moment + self.grace_seconds

    @property
    def pause_seconds(self) -> float:
        """How long to pause before the next read; 0 or less if the time for the wait or a DNS error is over."""
        pause = PAUSES_SECONDS[self.reads - 1] if self.reads <= len(PAUSES_SECONDS) else LAST_PAUSE_SECONDS
        return min(pause, self.timeout_seconds - self.elapsed, self.end_of_grace - self.elapsed)
