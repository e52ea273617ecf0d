"""The lifecycle of a wait for a certificate. It creates and deletes nothing at ngrok.

One hidden output in the state tells whether the certificate was ready, and another one which policy it was for. So the
next `pulumi up` waits again after a refresh that found the certificate not ready, and after a change of the policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.canonical import matches_policy, without_none
from pulumi_agin.api.errors import ApiError, NotConnectedError, NotFoundError, UnreachableError
from pulumi_agin.api.redaction import holds_secret
from pulumi_agin.api.retry import in_words, is_transient
from pulumi_agin.dnsclient.lookup import describe_public

from .account import Account, domain_of
from .declared import declared_fields
from .operation import Abandoned, Call, Checked, Created, Difference, Existing, Failed, InputFailure, Reading

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.api.models import AgentIngress, CertificateState
    from pulumi_agin.settings import Settings

    from .certificate_inputs import CertificateValidationInputs
    from .session import Session

ID = "agent_ingress_id"
TIMEOUT = "timeout_seconds"
GRACE = "dns_error_grace_seconds"

# Hidden outputs. They stand in users' states, so their names never change.
WAS_READY = "_was_ready"
# {} means that there was no policy.
WAITED_POLICY = "_policy"

# The pauses after the first looks, which are short, and the pause after each later look.
PAUSES_SECONDS = (2, 2, 4)
LAST_PAUSE_SECONDS = 10

# How long one look may take, even if the time of the wait is over. It is short, because a look that retries does not
# notice when the time is over. But it is long enough to find out that nothing listens.
LOOK_SECONDS = 35

# How often a line shows that the wait goes on while nothing changes.
LINE_SECONDS = 30

# How soon a wait notices that the engine is gone.
NOTICE_SECONDS = 1

PUBLIC_DNS_SECONDS = 5

# How many characters of ngrok's words about a certificate are shown.
LONGEST_WORDS = 400

_NOT_KNOWN = object()


class CertificateValidationLifecycle:
    """The lifecycle of a wait for a certificate."""

    def __init__(
        self,
        settings: Settings,
        session: Session,
        describe_dns: Callable[[str, float], str] = describe_public,
    ) -> None:
        """Waits for nothing yet.

        Args:
            settings: How to reach ngrok.
            process: What this plugin process has learned so far.
            describe_dns: Says in a clause what public DNS has of a domain, in so many seconds at most. Raises
                ImportError if a package is missing for that.
        """
        self._account = Account(settings, session)
        self._session = session
        self._describe_dns = describe_dns

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and finds everything that is wrong with them and with the settings."""
        # Imported here because it loads pydantic, which a destroy does not need.
        from .schema import validate

        settings = self._account.settings
        api_key = settings.api_key.value.get_secret_value()
        checked, problems = validate(
            _load_inputs(), inputs, call.is_unknown, lambda text: holds_secret(text, api_key), self._session.phrasing
        )
        sentences = [*settings.problems(), *(problem.sentence for problem in problems)]
        return Checked(checked, [InputFailure(sentence) for sentence in sentences])

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Finds out whether there is something to wait for. A change of how long to wait is no reason by itself."""
        # In a refresh, they are the inputs of the state, which somebody may have edited.
        before = call.outputs_before
        changed = [
            field
            for field in declared_fields(_load_inputs).replacing
            if call.is_unknown(inputs.get(field)) or inputs.get(field) != before.get(field)
        ]
        is_to_be_issued = before.get(WAS_READY) is not True or self._has_other_policy(call, id_)
        renewed = ["renews_at"] if is_to_be_issued and not changed else []
        return Difference(changed, changed, bool(changed) or is_to_be_issued, renewed)

    def warn_of_update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> None:
        """Does nothing: a wait can always be repeated."""

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Waits. If the wait fails, nothing reaches the state, and the next `pulumi up` waits again.

        In a preview it does not wait.
        """
        if call.is_preview:
            return Created("", {ID: inputs[ID]})
        return Created(inputs[ID], self._wait(call, inputs))

    def is_state(self, properties: Mapping[str, Any]) -> bool:
        """Returns whether these are outputs in the state. There is no `get`, so all properties are."""
        return bool(properties)

    def read(self, call: Call, id_: str, reading: Reading) -> Existing | None:
        """Looks at the certificate once, without waiting.

        Raises:
            Failed: It is a `get` or an import, or nobody can tell whether the ingress is gone.
        """
        if reading is not Reading.REFRESH:
            raise Failed(
                "an AgentIngressCertificateValidation is a wait, so there is nothing to read or import: create it"
            )
        try:
            client = self._account.client()
            ingress = client.get_one_of_many(id_, self._account.deadline(call), domain=domain_of(call.outputs_before))
        except NotFoundError as error:
            self._account.check_gone(call, id_, error)
            return None
        return Existing(id_, self._outputs(ingress))

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Waits again. If the wait fails, the state stays as it was, and the next `pulumi up` waits again.

        In a preview it does not wait.
        """
        if call.is_preview:
            # Another ingress would be a replacement, and the domain of an ingress never changes.
            domain = domain_of(call.outputs_before)
            return {ID: inputs[ID]} | ({"domain": domain} if domain else {})
        return self._wait(call, inputs)

    def delete(self, call: Call, id_: str) -> None:
        """Does nothing: the certificate belongs to the ingress."""

    # -- the wait -----------------------------------------------------------------------------------------

    def _wait(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs once the certificate is ready.

        Raises:
            Failed: It is not ready in time.
            Abandoned: The engine is gone.
        """
        client = self._account.client()
        from pulumi_agin.api.models import certificate_state

        custom_timeout = call.timeout_seconds or math.inf
        watch = Watch(min(inputs[TIMEOUT], custom_timeout), inputs[GRACE])
        began = self._session.clock.monotonic()
        ingress: AgentIngress | None = None
        while True:
            ingress, problem = self._look(call, inputs[ID], ingress)
            elapsed = self._session.clock.monotonic() - began
            state = certificate_state(ingress) if ingress else None
            watch.note_look(state, elapsed)
            # After a failed look, `state` is the last one seen, which is not ready.
            if ingress and state and state.is_ready:
                if watch.looks > 1:
                    time = in_words(round(elapsed))
                    line = f"the certificate of {ingress.domain} is {_words(client, ingress)}, after {time}"
                    self._session.show_progress(line, call.urn)
                return self._outputs(ingress)
            words = problem or (_words(client, ingress) if ingress else "")
            pause = watch.pause_seconds(elapsed)
            if pause <= 0:
                if ingress is None:
                    raise Failed(f"{problem}; the next `pulumi up` waits again")
                phrasing = self._session.phrasing
                limit = phrasing.custom_timeouts if custom_timeout < inputs[TIMEOUT] else phrasing.spell(TIMEOUT)
                raise Failed(self._explain_end(client, ingress, problem, watch, elapsed, limit))
            if watch.has_news(words, elapsed):
                name = ingress.domain if ingress else inputs[ID]
                time = f"{in_words(watch.timeout_seconds)} at most"
                if round(elapsed):
                    time = f"{in_words(round(elapsed))} ({time})"
                line = f"waiting for the certificate of {name}, for {time}: {'' if problem else 'it is '}{words}"
                self._session.show_progress(line, call.urn)
            self._pause(call, pause)

    def _look(self, call: Call, id_: str, before: AgentIngress | None) -> tuple[AgentIngress | None, str]:
        """Returns the ingress and "". After a transient failure, it returns `before` and what went wrong."""
        try:
            client = self._account.client()
            deadline = self._account.deadline(call, min(LOOK_SECONDS, client.timeout_seconds))
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

    # -- in words -----------------------------------------------------------------------------------------

    def _explain_end(
        self, client: AgentIngressClient, ingress: AgentIngress, problem: str, watch: Watch, elapsed: float, limit: str
    ) -> str:
        """Says how far the certificate got, in what time, and what to do."""
        since, allowed = watch.dns_error_since, watch.timeout_seconds
        if since is not None and elapsed >= since + watch.grace_seconds:
            allowed, limit = watch.grace_seconds, self._session.phrasing.spell(GRACE)
            limited = f"{limit} allows for a DNS error"
        else:
            limited = f"{limit} allows"
        over = (
            f"the certificate of {ingress.domain} ({ingress.id}) has not been issued within the time that {limited}, "
            f"{in_words(allowed)}: it is {_words(client, ingress)}"
        )
        if problem:
            over += f", as last seen: {problem}"
        if since is None:
            return f"{over}. It may yet be issued: the next `pulumi up` waits again; {limit} can give it more time"
        status = ingress.certificate_management_status
        retries_at = status.provisioning_job.retries_at if status and status.provisioning_job else None
        show = client.sanitize
        again = f"; ngrok tries again at {show(retries_at, 40)}, and does not look before then" if retries_at else ""
        return (
            f"{over}. The NS records of {ingress.domain} have to be "
            f"{show(', '.join(ingress.ns_targets), LONGEST_WORDS)}{self._public_dns(ingress.domain)}. Repair them, "
            f"and run `pulumi up`, which waits again{again}"
        )

    def _public_dns(self, domain: str) -> str:
        """Says what public DNS has of the domain right now; "" if dnspython is missing."""
        try:
            return f"; {self._describe_dns(domain, PUBLIC_DNS_SECONDS)}"
        except ImportError:
            return ""

    # -- the outputs --------------------------------------------------------------------------------------

    def _outputs(self, ingress: AgentIngress) -> dict[str, Any]:
        """Returns the outputs. Without a renewal, `renews_at` is "": previews treat an absent output as unknown."""
        from pulumi_agin.api.models import certificate_state

        policy = ingress.certificate_management_policy
        status = ingress.certificate_management_status if policy else None
        return {
            ID: ingress.id,
            "domain": ingress.domain,
            "renews_at": status.renews_at or "" if status else "",
            WAS_READY: certificate_state(ingress).is_ready,
            WAITED_POLICY: without_none(policy.plain()) if policy else {},
        } | self._account.fingerprint(ingress.id)

    def _has_other_policy(self, call: Call, id_: str) -> bool:
        """Tells whether the program wants another policy for the ingress than the one that the last wait was for."""
        policy = self._session.policies.get(id_, _NOT_KNOWN)
        if policy is _NOT_KNOWN or WAITED_POLICY not in call.outputs_before:
            return False
        there = call.outputs_before[WAITED_POLICY]
        # If somebody edited the state, it may be anything. Another wait does no harm.
        return call.is_unknown(policy) or not isinstance(there, Mapping) or not matches_policy(there, policy)


def _load_inputs() -> type[CertificateValidationInputs]:
    from .certificate_inputs import CertificateValidationInputs

    return CertificateValidationInputs


@dataclass
class Watch:
    """What a wait has seen so far, and when it looks next. All moments are seconds since it began.

    Attributes:
        timeout_seconds: How long it may take in all.
        grace_seconds: How long a DNS error may last.
        looks: How often it has looked.
        dns_error_since: When a look first found the current DNS error; None if there is none.
    """

    timeout_seconds: float
    grace_seconds: float
    looks: int = 0
    dns_error_since: float | None = None
    _last_words: str = ""
    _next_line: float = 0.0

    def note_look(self, state: CertificateState | None, moment: float) -> None:
        """Records a look.

        Args:
            state: The last known state of the certificate; None if it was never seen.
            moment: When the look ended.
        """
        self.looks += 1
        if state is None:
            return
        if state.name != "DNS_ERROR":
            self.dns_error_since = None
        elif self.dns_error_since is None:
            self.dns_error_since = moment

    def pause_seconds(self, moment: float) -> float:
        """Returns how long to pause before the next look; 0 or less if the time for the wait or a DNS error is over."""
        end = self.timeout_seconds
        if self.dns_error_since is not None:
            end = min(end, self.dns_error_since + self.grace_seconds)
        pauses = dict(enumerate(PAUSES_SECONDS, 1))
        return min(pauses.get(self.looks, LAST_PAUSE_SECONDS), end - moment)

    def has_news(self, words: str, moment: float) -> bool:
        """Tells whether a line is due: its words differ from those of the last line, or the last line was long ago.

        Args:
            words: What the line would say.
            moment: Now.
        """
        if words == self._last_words and moment < self._next_line:
            return False
        self._last_words, self._next_line = words, moment + LINE_SECONDS
        return True


def _words(client: AgentIngressClient, ingress: AgentIngress) -> str:
    """Says where the certificate is."""
    from pulumi_agin.api.models import certificate_in_words

    return client.sanitize(certificate_in_words(ingress), LONGEST_WORDS)
