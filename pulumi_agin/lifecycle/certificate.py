"""The lifecycle of a wait for a certificate. It creates and deletes nothing at ngrok.

One hidden output in the state holds whether the certificate was ready, and another one which policy it was for. So the
next `pulumi up` waits again after a refresh that found the certificate not ready, and after a change of the policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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

from .account import Account, domain_of
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

_NOT_KNOWN = object()


def _describe_public_delegation(domain: str, seconds: float) -> str:
    # Imported here because dnspython may be missing.
    from pulumi_agin.dnsclient.lookup import describe_public_delegation

    return describe_public_delegation(domain, seconds)


class CertificateValidationLifecycle(Lifecycle):
    """The lifecycle of a wait for a certificate.

    `describe_dns` describes in a clause what public DNS has of a domain, within so many seconds. It raises ImportError
    if a package is missing for that.
    """

    def __init__(
        self,
        settings: Settings,
        session: Session,
        describe_dns: Callable[[str, float], str] = _describe_public_delegation,
    ) -> None:
        self._account = Account(settings, session)
        self._session = session
        self._describe_dns = describe_dns

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
        # In a refresh, the inputs are those of the state, which somebody may have edited.
        before = call.outputs_before
        changed = [
            field
            for field in replacing_fields(CertificateValidationInputs)
            if call.is_unknown(inputs.get(field)) or inputs.get(field) != before.get(field)
        ]
        is_to_be_issued = before.get(WAS_READY) is not True or self._has_other_policy(call, id_)
        renewed = ["renews_at"] if is_to_be_issued and not changed else []
        return Difference(changed, changed, bool(changed) or is_to_be_issued, renewed)

    def _has_other_policy(self, call: Call, id_: str) -> bool:
        """Returns whether the program has another policy for the ingress than the one that the last wait was for."""
        policy = self._session.policies.get(id_, _NOT_KNOWN)
        if policy is _NOT_KNOWN or WAITED_POLICY not in call.outputs_before:
            return False
        waited = call.outputs_before[WAITED_POLICY]
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
            domain = domain_of(call.outputs_before)
            return {ID: inputs[ID]} | ({"domain": domain} if domain else {})
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
        timeout_seconds, limit = min((inputs[TIMEOUT], phrasing.spell(TIMEOUT)), of_resource)
        watch = Watch(timeout_seconds, inputs[GRACE])
        began = monotonic()
        ingress: IngressModel | None = None
        while True:
            ingress, problem = self._read_once(call, inputs[ID], ingress)
            elapsed = monotonic() - began
            # After a failed read, the state is the last one seen, which is not ready.
            state = certificate_state(ingress) if ingress else None
            watch.record_read(state, elapsed)
            if ingress and state and state.is_ready:
                if watch.reads > 1:
                    done = f"{self._describe(ingress)}, after {in_words(round(elapsed))}"
                    show(f"the certificate of {ingress.domain} is {done}", call.urn)
                return self._outputs(ingress)
            pause = watch.pause_seconds(elapsed)
            if pause <= 0:
                if ingress is None:
                    raise Failed(f"{problem}; the next `pulumi up` waits again")
                raise Failed(self._explain_end(ingress, problem, watch, elapsed, limit))
            status = problem or (f"it is {self._describe(ingress)}" if ingress else "")
            if watch.is_line_due(status, elapsed):
                time = f"{in_words(watch.timeout_seconds)} at most"
                if round(elapsed):
                    time = f"{in_words(round(elapsed))} ({time})"
                name = ingress.domain if ingress else inputs[ID]
                show(f"waiting for the certificate of {name}, for {time}: {status}", call.urn)
            self._pause(call, pause)

    def _read_once(self, call: Call, id_: str, before: IngressModel | None) -> tuple[IngressModel | None, str]:
        """Returns the ingress and "". After a transient failure, it returns `before` and what went wrong."""
        client = self._account.client()
        try:
            deadline = self._account.deadline(call, min(READ_SECONDS, client.timeout_seconds))
            return client.get(id_, deadline, domain=before.domain if before else None), ""
        except NotFoundError as error:
            raise Failed(
                f"{error}: there is no such Agent Ingress in the account of the API key from "
                f"{self._account.settings.api_key.shown_as}. If it belongs to another account, the wait needs the same "
                f"{self._session.phrasing.provider} as the ingress; if it was deleted outside of Pulumi, "
                "`pulumi refresh` removes it from the state"
            ) from None
        except (UnreachableError, ApiError) as error:
            # A wait that has begun outlasts failures of the network. Before, there may be nothing to connect to at all.
            has_nothing_to_wait_for = isinstance(error, NotConnectedError) and before is None
            if has_nothing_to_wait_for or (isinstance(error, ApiError) and not is_transient(error.status)):
                raise
            return before, str(error)

    def _pause(self, call: Call, seconds: float) -> None:
        """Sleeps. Raises Abandoned as soon as the engine no longer waits for the call, such as when it was killed."""
        clock = self._session.clock
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            clock.sleep(min(left, NOTICE_SECONDS))
            if call.is_cancelled():
                raise Abandoned("the wait for the certificate was interrupted; the next `pulumi up` waits again")

    # -- messages -----------------------------------------------------------------------------------------

    def _describe(self, ingress: IngressModel) -> str:
        return self._account.client().sanitize(certificate_in_words(ingress), LONGEST_MESSAGE)

    def _explain_end(self, ingress: IngressModel, problem: str, watch: Watch, elapsed: float, limit: str) -> str:
        """Returns the message of a wait that is over: how far the certificate got, and the next step."""
        why = f" within {in_words(watch.timeout_seconds)} ({limit})"
        if watch.is_grace_over(elapsed):
            grace = f"{in_words(watch.grace_seconds)} ({self._session.phrasing.spell(GRACE)})"
            why = f": ngrok has reported a DNS error for {grace}"
        message = f"the certificate of {ingress.domain} ({ingress.id}) was not issued{why}"
        message += f". It is {self._describe(ingress)}" + (f", as last seen: {problem}" if problem else "")
        if watch.dns_error_since is None:
            return f"{message}. It may yet be issued: the next `pulumi up` waits again; {limit} can give it more time"
        sanitize = self._account.client().sanitize
        targets = sanitize(", ".join(ingress.ns_targets), LONGEST_MESSAGE)
        message += f". The NS records of {ingress.domain} have to be {targets}"
        with suppress(ImportError):
            message += f"; {self._describe_dns(ingress.domain, PUBLIC_DNS_SECONDS)}"
        message += ". Repair them, and run `pulumi up`, which waits again"
        status = ingress.certificate_management_status
        if status and status.provisioning_job and (retries_at := status.provisioning_job.retries_at):
            message += f"; ngrok tries again at {sanitize(retries_at, 40)}, and does not check before then"
        return message


@dataclass
class Watch:
    """What a wait has seen so far, and when it reads next. All moments are seconds since it began."""

    timeout_seconds: float
    grace_seconds: float
    reads: int = 0
    dns_error_since: float | None = None
    """When a read first found the current DNS error; None if there is none."""
    _last_status: str = ""
    _next_line: float = 0.0

    def record_read(self, state: CertificateState | None, moment: float) -> None:
        """Records a read, and the last known state of the certificate; None if it was never seen."""
        self.reads += 1
        if state is CertificateState.DNS_ERROR:
            if self.dns_error_since is None:
                self.dns_error_since = moment
        elif state is not None:
            self.dns_error_since = None

    def is_grace_over(self, moment: float) -> bool:
        """Returns whether a DNS error has lasted too long."""
        return self.dns_error_since is not None and moment >= self.dns_error_since + self.grace_seconds

    def pause_seconds(self, moment: float) -> float:
        """Returns how long to pause before the next read; 0 or less if the time for the wait or a DNS error is over."""
        end = self.timeout_seconds
        if self.dns_error_since is not None:
            end = min(end, self.dns_error_since + self.grace_seconds)
        pause = PAUSES_SECONDS[self.reads - 1] if self.reads <= len(PAUSES_SECONDS) else LAST_PAUSE_SECONDS
        return min(pause, end - moment)

    def is_line_due(self, status: str, moment: float) -> bool:
        """Returns whether to show a line: the status has changed, or the last line was long ago."""
        if status == self._last_status and moment < self._next_line:
            return False
        self._last_status, self._next_line = status, moment + LINE_SECONDS
        return True
