"""CertificateValidationProvider: waits until ngrok says that the certificate of an Agent Ingress is issued.

Stateless and pickled by reference: `pulumi_agin.dynamic.certificate.CertificateValidationProvider` stands in every
user's state.
"""

from __future__ import annotations

import concurrent.futures.thread
import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)

from pulumi_agin.api.errors import ApiError, NotFoundError, UnreachableError
from pulumi_agin.api.retry import passes_by
from pulumi_agin.api.text import redact
from pulumi_agin.settings import say

from . import servicer
from .account import FINGERPRINT, NgrokProvider, domain_of, wanted_policies
from .servicer import ProviderError, sentences

if TYPE_CHECKING:
    from pulumi_agin.api.models import AgentIngress, CertificateState

# The inputs.
ID = "agent_ingress_id"
TIMEOUT = "timeout_seconds"
GRACE = "dns_error_grace_seconds"

# Issuing takes minutes, and longer where DNS is slow: as long as ACM's validations are waited for, 45 minutes.
DEFAULT_TIMEOUT_SECONDS = 2700
# New records take time to spread.
DEFAULT_GRACE_SECONDS = 600

# Whether the certificate was ready when it was seen last: where it was not, as a policy was added since, the next
# `up` waits. Hidden, like the fingerprint.
WAS_READY = "_was_ready"

# The policy that it was ready or not by; {} is none. Hidden too.
POLICY = "_policy"

# Between one look and the next, so that there are some at once, and after 2, 4 and 8 seconds; then one every 10.
PAUSES_SECONDS = (2, 2, 4)
LAST_PAUSE_SECONDS = 10

# How long one look has for its answer, also when the time of the wait is over. No longer, as what is asked again
# meanwhile does not notice that nobody waits any more.
LOOK_SECONDS = 20

# Where nothing changes, a line every so often shows that the wait goes on.
LINE_SECONDS = 30

# How soon a wait notices that nobody waits for it any more.
NOTICE_SECONDS = 1

PUBLIC_DNS_SECONDS = 5

# Of what ngrok says of a certificate, with our words for it.
LONGEST_WORDS = 400


class CertificateValidationProvider(NgrokProvider):
    """The wait for a certificate, which is all that there is: nothing is created, and nothing deleted."""

    @sentences
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Finds everything that is wrong with what the program gave, in the preview already."""
        defaults = {TIMEOUT: DEFAULT_TIMEOUT_SECONDS, GRACE: DEFAULT_GRACE_SECONDS}
        inputs = {**defaults, **servicer.without_provider(news)}
        settings = self._configured()
        problems = {
            ID: _problem_of_id(inputs.get(ID), settings.api_key.get_secret_value()),
            TIMEOUT: _problem_of_seconds(inputs[TIMEOUT], "above 0", lambda seconds: seconds > 0, "2700"),
            GRACE: _problem_of_seconds(inputs[GRACE], "from 0 on", lambda seconds: seconds >= 0, "600"),
        }
        wrong = [f"property {name} {problem}" for name, problem in problems.items() if problem]
        return CheckResult(inputs, [CheckFailure("", sentence) for sentence in [*settings.problems(), *wrong]])

    # The underscores are those of the SDK's signatures.
    @sentences
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """How long to wait is no change where nothing is waited for."""
        # In a refresh, the new ones are the inputs of the state, which somebody may have edited.
        is_another = servicer.is_unknown(_news.get(ID)) or _news.get(ID) != _olds.get(ID)
        is_to_be_issued = _olds.get(WAS_READY) is not True or _has_another_policy(_id, _olds)
        return DiffResult(
            changes=is_another or is_to_be_issued,
            replaces=[ID] if is_another else [],
            delete_before_replace=False,
        )

    @sentences
    def create(self, props: dict[str, Any]) -> CreateResult:
        """The wait. Where it fails nothing reaches the state, and the next `up` waits again."""
        return CreateResult(props[ID], self._waited_for(props))

    @sentences
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """A refresh: waits for nothing."""
        client = self._connected()
        try:
            ingress = client.get_one_of_many(id_, servicer.timeout_seconds(), domain=domain_of(props))
        except NotFoundError as error:
            self._believe_gone(error, id_, props)
            return ReadResult(None, {})
        return ReadResult(id_, self._outputs(ingress))

    @sentences
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """The wait, once more: for the certificate of a policy that was changed, or that a refresh found not ready.

        Where it fails, the state stays as it was, and the next `up` waits again.
        """
        return UpdateResult(self._waited_for(_news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: the certificate is the ingress's."""

    # -- the wait -----------------------------------------------------------------------------------------

    def _waited_for(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs, once the certificate is ready. Raises ProviderError where it is not going to be in time."""
        from pulumi_agin.api.models import certificate_state

        custom_timeout = servicer.timeout_seconds() or math.inf
        watch = Watch(min(wanted[TIMEOUT], custom_timeout), wanted[GRACE])
        began = time.monotonic()
        ingress: AgentIngress | None = None
        while True:
            ingress, problem = self._look(wanted[ID], ingress)
            elapsed = time.monotonic() - began
            state = certificate_state(ingress) if ingress else None
            watch.looked(state, elapsed)
            # One that could not be looked at is not ready: it is as it was before.
            if ingress and state and state.is_ready:
                if watch.looks > 1:
                    _tell(f"the certificate of {ingress.domain} is {self._words(ingress)}, after {elapsed:.0f} seconds")
                return self._outputs(ingress)
            words = problem or (self._words(ingress) if ingress else "")
            pause = watch.pause_seconds(elapsed)
            if pause <= 0:
                limit = "custom_timeouts" if custom_timeout < wanted[TIMEOUT] else TIMEOUT
                if ingress is None:
                    raise ProviderError(f"{problem}; the next `pulumi up` waits again")
                raise ProviderError(self._why_over(ingress, problem, watch, elapsed, limit))
            if watch.has_news(words, elapsed):
                named = ingress.domain if ingress else wanted[ID]
                _tell(
                    f"waiting for the certificate of {named}, for {elapsed:.0f} of the {watch.timeout_seconds:.0f} "
                    f"seconds it may take: {'' if problem else 'it is '}{words}"
                )
            _sleep(pause)

    def _look(self, id_: str, before: AgentIngress | None) -> tuple[AgentIngress | None, str]:
        """The ingress; or as it was before, and what keeps ngrok from being asked, where that passes by."""
        client = self._connected()
        try:
            seconds = min(LOOK_SECONDS, client.timeout_seconds)
            return client.get(id_, seconds, domain=before.domain if before else None), ""
        except NotFoundError as error:
            raise ProviderError(
                f"{error}: there is no such Agent Ingress in the account of the API key from "
                f"{self._configured().api_key_source}. The wait for one of another account needs the same "
                "ResourceOptions(provider=…) as the ingress; where it was deleted outside of Pulumi, `pulumi refresh` "
                "takes it out of the state"
            ) from None
        except (UnreachableError, ApiError) as error:
            if isinstance(error, ApiError) and not passes_by(error.status):
                raise
            return before, str(error)

    def _why_over(self, ingress: AgentIngress, problem: str, watch: Watch, elapsed: float, limit: str) -> str:
        """How far the certificate got, in how long, and what to do."""
        since = watch.dns_error_since
        if since is not None and elapsed >= since + watch.grace_seconds:
            after, limit = f"{elapsed - since:.0f} seconds of this error", GRACE
        else:
            after = f"{elapsed:.0f} seconds"
        over = (
            f"the certificate of {ingress.domain} ({ingress.id}) is not issued: after {after}, which is all that "
            f"{limit} gives it, it is {self._words(ingress)}"
        )
        if problem:
            over += f", as it was seen last: {problem}"
        if since is None:
            return f"{over}. It may yet be issued: the next `pulumi up` waits again; give it more time by {limit}"
        status = ingress.certificate_management_status
        retries_at = status.provisioning_job.retries_at if status and status.provisioning_job else None
        shown = self._connected().shown
        again = f"; ngrok tries again at {shown(retries_at, 40)}, and sees no repair before" if retries_at else ""
        return (
            f"{over}. The NS records of {ingress.domain} have to be "
            f"{shown(', '.join(ingress.ns_targets), LONGEST_WORDS)}{_public_dns(ingress.domain)}. Repair them, and run "
            f"`pulumi up`, which waits again{again}"
        )

    def _words(self, ingress: AgentIngress) -> str:
        from pulumi_agin.api.models import certificate_in_words

        return self._connected().shown(certificate_in_words(ingress), LONGEST_WORDS)

    # -- what reaches the state ---------------------------------------------------------------------------

    def _outputs(self, ingress: AgentIngress) -> dict[str, Any]:
        """The outputs. No renewal is "": an absent output is unknown in every preview."""
        from pulumi_agin.api.models import certificate_state, without_none

        policy = ingress.certificate_management_policy
        status = ingress.certificate_management_status if policy else None
        return {
            ID: ingress.id,
            "domain": ingress.domain,
            "renews_at": status.renews_at or "" if status else "",
            WAS_READY: certificate_state(ingress).is_ready,
            POLICY: without_none(vars(policy)) if policy else {},
            FINGERPRINT: self._connected().fingerprint(ingress.id),
        }


@dataclass
class Watch:
    """What a wait saw so far, and so how it goes on. Its moments are seconds since it began."""

    timeout_seconds: float
    grace_seconds: float
    looks: int = 0
    dns_error_since: float | None = None
    _said: str = ""
    _says_next: float = 0.0

    def looked(self, state: CertificateState | None, moment: float) -> None:
        """To be called after each look, with what is known by then."""
        self.looks += 1
        if state is None:
            return
        if state.name != "DNS_ERROR":
            self.dns_error_since = None
        elif self.dns_error_since is None:
            self.dns_error_since = moment

    def pause_seconds(self, moment: float) -> float:
        """How long until the next look; 0 or less where the time is over, in all or of the DNS error."""
        end = self.timeout_seconds
        if self.dns_error_since is not None:
            end = min(end, self.dns_error_since + self.grace_seconds)
        pauses = dict(enumerate(PAUSES_SECONDS, 1))
        return min(pauses.get(self.looks, LAST_PAUSE_SECONDS), end - moment)

    def has_news(self, words: str, moment: float) -> bool:
        """Whether it is time for a line: with other words than in the last one, or long after it."""
        if words == self._said and moment < self._says_next:
            return False
        self._said, self._says_next = words, moment + LINE_SECONDS
        return True


def _sleep(seconds: float) -> None:
    """Sleeps, as long as the engine waits for the call under way: its process may be killed."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, NOTICE_SECONDS))
        if not servicer.is_awaited():
            _end_process()
            raise ProviderError("nobody waits for the certificate any more")


def _end_process() -> None:
    """Has the servicer end, after the calls under way: its engine is gone.

    Nobody else does: the engine was killed, and the servicer's parent is but the shell that started it.
    """
    # Where the engine had the time to interrupt it, it is ending, and a second time would show a traceback. That is
    # private ground of Python's.
    if not getattr(concurrent.futures.thread, "_shutdown", False):
        os.kill(os.getpid(), signal.SIGINT)


def _tell(line: str) -> None:
    # Where it can't be shown the engine is gone, which the next slice of sleep sees.
    with contextlib.suppress(OSError):
        say(line)


def _public_dns(domain: str) -> str:
    """What public DNS has of the domain right now; nothing where dnspython is missing."""
    from pulumi_agin.nameservers import describe_public

    try:
        return f"; {describe_public(domain, PUBLIC_DNS_SECONDS)}"
    except ImportError:
        return ""


def _has_another_policy(id_: str, olds: Mapping[str, Any]) -> bool:
    """Whether the program wants another policy of the ingress than the one whose certificate was waited for."""
    from pulumi_agin.api.models import has_policy

    if id_ not in wanted_policies or POLICY not in olds:
        return False
    there, wanted = olds[POLICY], wanted_policies[id_]
    # In a state that somebody edited it may be anything, and then another wait does no harm.
    return servicer.is_unknown(wanted) or not isinstance(there, Mapping) or not has_policy(there, wanted)


# -- what is wrong with an input --------------------------------------------------------------------------


def _problem_of_id(id_: object, api_key: str) -> str | None:
    from pulumi_agin.api.models import ID_LOOKS_LIKE, PLAIN_ID

    if servicer.is_unknown(id_):
        return None
    if not id_:
        return f"is required: the id of an Agent Ingress; {ID_LOOKS_LIKE}"
    if not isinstance(id_, str) or not PLAIN_ID.fullmatch(id_):
        return f"is not the id of an Agent Ingress; {ID_LOOKS_LIKE}"
    return f"was given as the API key, or a part of it; {ID_LOOKS_LIKE}" if redact(id_, api_key) != id_ else None


def _problem_of_seconds(seconds: Any, range_: str, is_within: Callable[[float], bool], example: str) -> str | None:
    if servicer.is_unknown(seconds):
        return None
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if is_number and math.isfinite(seconds) and is_within(seconds):
        return None
    return f"must be a number of seconds {range_}, such as {example}"
