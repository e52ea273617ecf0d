"""Transport of requests: the loop that repeats a request until there is a response or the call times out."""

from __future__ import annotations

from collections.abc import Callable

from pulumi_agin.base.budget import Budget, effort, format_duration
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.progress import Progress, Wait
from pulumi_agin.base.retry import Reachability, backoff_seconds

from . import errors, http_messages
from .error_mapping import OPERATION_ID, ErrorMapping, is_from_gateway
from .http import HttpClient
from .http_messages import NoResponse, Request, Response, retry_after_seconds
from .rate_limit import LIMIT, RateLimit

CONNECT_TIMEOUT_SECONDS = 10

# The minimum time for a request, because connecting takes some time.
_LEAST_SECONDS = 0.1

_LIMIT_REASON = f"ngrok's limit is {LIMIT} requests a minute for the whole account"

_INTERRUPTED = NoResponse("it was interrupted", may_have_arrived=True, is_transient=False)


class Transport:
    """Sends requests to one API, and repeats each until there is a response or its call times out.

    The rules are the same for all methods:

    | outcome                                          | repeated                                            |
    |--------------------------------------------------|-----------------------------------------------------|
    | no response, an incomplete response              | yes, after 0.5 to 1 second at first, up to 20 later |
    | no connection                                    | the same, for 30 seconds; on this machine for 5     |
    | 500, 502, 503, 504                               | the same, or later with a longer `Retry-After`      |
    | 429                                              | yes, when the limit allows it; see `RateLimit`      |
    | a certificate that can't be verified             | no                                                  |
    | a proxy that rejects, or that can't be used      | no                                                  |
    | a redirect                                       | no, and it is never followed                        |
    | any other status                                 | no                                                  |

    Threads may share it. After a 429, they wait together. A write that may have arrived is repeated until its
    call times out even if no connection can be made, because only a response shows its outcome.
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

    def send(self, request: Request, budget: Budget) -> Response:
        """Returns a response with a status below 300, or raises an NgrokError. Records the outcome in the request.

        After a cancellation, nothing is sent.
        """
        with self.progress.of(request.doing, budget) as wait:
            failure: errors.NgrokError | None = None
            repetition = 0
            while True:
                ticket = self._take_ticket(request, budget, failure, wait)
                outcome = self._send_once(request, budget, ticket)
                if isinstance(outcome, Response):
                    status = outcome.status_code
                    is_unconnected, is_transient = False, http_messages.is_transient(status)
                    may_have_effect = status < 300 or status >= 500 or is_from_gateway(outcome)
                else:
                    is_unconnected, is_transient = outcome.is_unconnected, outcome.is_transient
                    may_have_effect = outcome.may_have_arrived
                if request.method != "GET" and request.possibly_applied_since is None and may_have_effect:
                    request.possibly_applied_since = request.last_sent
                if isinstance(outcome, Response) and outcome.status_code < 300:
                    return outcome
                is_unsent = is_unconnected and request.possibly_applied_since is None
                spent = effort(request.tries, budget, is_unsent=is_unsent)
                failure = self._error_mapping.error(request, outcome, spent)
                if not is_transient:
                    raise failure
                if outcome.status_code == 429:
                    # The rate limit determines the pause.
                    continue
                repetition += 1
                retry_after = retry_after_seconds(outcome.headers)
                pause = backoff_seconds(repetition, retry_after, self._clock)
                left = self._reachability.seconds_left_of(budget, is_unsent=is_unsent)
                if left <= 0 or pause >= budget.left:
                    raise failure
                # Without a connection, the last try is at the end of its time budget.
                pause = min(pause, left)
                at_most = budget.elapsed + left if is_unsent else None
                wait.waits_for(self._error_mapping.reason(outcome), pause, at_most)
                self._clock.sleep(pause)

    def _take_ticket(self, request: Request, budget: Budget, failure: errors.NgrokError | None, wait: Wait) -> int:
        """Waits until the account's limit allows a request. Returns a ticket, which must be returned to the limit."""
        closed = self._rate_limit.seconds_closed()
        if closed != 0:
            wait.waits_for(_LIMIT_REASON, closed)
        ticket = self._rate_limit.enter(budget)
        if ticket is None and budget.is_cancelled():
            # The caller may have cleaned up already, and would not undo later changes.
            raise errors.UnreachableError(f"could not {request.doing}: it was interrupted")
        if ticket is None:
            raise failure or errors.RateLimitedError(
                f"could not {request.doing}: {_LIMIT_REASON}, and after {budget.spent_of()} there is not "
                f"enough time to wait for the next request{f', in {format_duration(closed)}' if closed else ''}",
                status=429,
            )
        return ticket

    def _send_once(self, request: Request, budget: Budget, ticket: int) -> Response | NoResponse:
        """Sends the request once, and returns its ticket to the limit."""
        left = max(budget.left, _LEAST_SECONDS)
        connect_seconds = min(CONNECT_TIMEOUT_SECONDS, left, self._reachability.seconds_for_try)
        request.tries += 1
        request.last_sent = self._clock.monotonic()
        outcome: Response | NoResponse = _INTERRUPTED
        try:
            outcome = self._http_client.send(request, self._error_mapping.base_url, left, connect_seconds)
            is_connected = isinstance(outcome, Response) or not outcome.is_unconnected
            self._reachability.record_try(request.last_sent, is_connected=is_connected)
            return outcome
        finally:
            # This also runs after an interrupt by the user.
            is_rejected = outcome.status_code == 429
            retry_after = retry_after_seconds(outcome.headers) if is_rejected else None
            self._rate_limit.leave(ticket, is_rejected=is_rejected, retry_after=retry_after)
            if self._trace is not None:
                milliseconds = (self._clock.monotonic() - request.last_sent) * 1000
                operation_id = self._error_mapping.sanitize(outcome.headers.get(OPERATION_ID, ""), 60)
                status = outcome.status_code or "no response"
                self._trace(f"{request.method} {request.path} {status} {milliseconds:.0f} ms {operation_id}".rstrip())
