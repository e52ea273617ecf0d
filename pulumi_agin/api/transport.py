"""Transport of requests: the loop that repeats a request until there is a response or the call times out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pulumi_agin.base.attempts import Attempts, Reachability
from pulumi_agin.base.budget import Budget, format_duration
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.facts import RATE_LIMITED
from pulumi_agin.base.progress import Progress

from . import errors
from .error_mapping import ErrorMapping
from .http import HttpClient
from .messages import NoResponse, Outcome, Request, Response
from .rate_limit import LIMIT, RateLimit, Ticket

CONNECT_TIMEOUT_SECONDS = 10

_LIMIT_REASON = f"ngrok accepts {LIMIT} requests a minute for the whole account"

_INTERRUPTED = NoResponse("it was interrupted", may_have_arrived=True, is_transient=False)


@dataclass(frozen=True)
class Sent:
    """The result of a request after its last attempt.

    Attributes:
        result: The response, with a status below 300, or the error of the last attempt.
        possibly_applied_since: When the first attempt of a write began that ngrok may have carried out; see `Attempts`.
    """

    result: Response | errors.NgrokError
    possibly_applied_since: float | None

    def response(self) -> Response:
        """Returns the response, or raises the error."""
        if isinstance(self.result, errors.NgrokError):
            raise self.result
        return self.result


class Transport:
    """Sends requests to one API, and repeats each until there is a response or its call times out.

    The rules are the same for all methods. `Attempts` has the pauses and the end.

    | outcome                                          | repeated                                            |
    |--------------------------------------------------|-----------------------------------------------------|
    | no response, an incomplete response              | yes                                                 |
    | no connection                                    | yes, for a shorter time                             |
    | 500, 502, 503, 504                               | yes, at the earliest after its `Retry-After`        |
    | 429                                              | yes, when the limit allows it; see `RateLimit`      |
    | a certificate that can't be verified             | no                                                  |
    | a proxy that rejects, or that can't be used      | no                                                  |
    | a redirect                                       | no, and it is never followed                        |
    | any other status                                 | no                                                  |

    Threads may share it. After a 429, they wait together.
    """

    def __init__(
        self,
        http_client: HttpClient,
        error_mapping: ErrorMapping,
        *,
        is_loopback: bool,
        show_progress: Callable[[str, str], None],
        trace: Callable[[str], None] | None,
        clock: Clock,
    ) -> None:
        self._http_client = http_client
        self._error_mapping = error_mapping
        self._trace = trace
        self._clock = clock
        self._rate_limit = RateLimit(clock)
        self._reachability = Reachability(clock, is_loopback=is_loopback)
        self.progress = Progress(show_progress, clock)

    def send(self, request: Request, budget: Budget) -> Sent:
        """Sends a request, and repeats it by the table above. After a cancellation, nothing is sent.

        A call without time left still sends one request, unless it would have to wait for the rate limit.
        """
        attempts = Attempts(budget, self._reachability, is_write=request.is_write)
        failure: errors.NgrokError | None = None
        with self.progress.of_call(request.doing, budget) as progress:
            while True:
                seconds_closed = self._rate_limit.seconds_closed()
                if seconds_closed != 0:
                    progress.show_wait(_LIMIT_REASON, seconds_closed)
                ticket = self._rate_limit.enter(budget)
                if ticket is None:
                    error = self._not_admitted(request, budget, failure, seconds_closed)
                    return Sent(error, attempts.possibly_applied_since)
                outcome = self._send_once(request, ticket, attempts)
                if isinstance(outcome, Response) and outcome.is_success:
                    return Sent(outcome, attempts.possibly_applied_since)
                failure = self._error_mapping.error(request, outcome, attempts)
                if outcome.is_rate_limited:
                    # The rate limit determines the pause.
                    continue
                if not attempts.pause(self._error_mapping.reason(outcome), progress):
                    return Sent(failure, attempts.possibly_applied_since)

    def _not_admitted(
        self, request: Request, budget: Budget, failure: errors.NgrokError | None, seconds_closed: float | None
    ) -> errors.NgrokError:
        """Returns the error of a call that got no ticket: it is cancelled, or would have to wait for too long.

        `failure` is the error of its last attempt, if there was one.
        """
        if budget.is_cancelled():
            # The caller may have cleaned up already, and would not undo later changes.
            return errors.UnreachableError(f"could not {request.doing}: it was interrupted")
        if failure is not None:
            return failure
        when = f", in {format_duration(seconds_closed)}" if seconds_closed else ""
        return errors.RateLimitedError(
            f"could not {request.doing}: {_LIMIT_REASON}, and after {budget.spent} there is not "
            f"enough time to wait for the next request{when}",
            status=RATE_LIMITED,
            is_from_ngrok=False,
        )

    def _send_once(self, request: Request, ticket: Ticket, attempts: Attempts) -> Outcome:
        """Sends the request once. Also after an interrupt by the user, its ticket is returned to the rate limit."""
        sent_at = self._clock.monotonic()
        outcome: Outcome = _INTERRUPTED
        try:
            outcome = self._http_client.send(
                request,
                self._error_mapping.base_url,
                attempts.seconds_left,
                connect_seconds=attempts.seconds_to_connect(CONNECT_TIMEOUT_SECONDS),
            )
            attempts.record(outcome, sent_at)
            return outcome
        finally:
            self._rate_limit.leave(ticket, is_rejected=outcome.is_rate_limited, retry_after=outcome.retry_after)
            if self._trace is not None:
                milliseconds = (self._clock.monotonic() - sent_at) * 1000
                operation_id = self._error_mapping.sanitize(outcome.operation_id, 60)
                line = f"{request.method} {request.path} {outcome.shown_status} {milliseconds:.0f} ms {operation_id}"
                self._trace(line.rstrip())
