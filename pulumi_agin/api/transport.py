"""How a request is sent and repeated, and how its answer is awaited."""

from __future__ import annotations

from collections.abc import Callable

import requests
from requests.auth import AuthBase

from pulumi_agin.version import VERSION

from . import errors, retry
from .clock import SYSTEM_CLOCK, Clock
from .credentials import Secret
from .error_mapping import OPERATION_ID, ErrorMapping, is_from_gateway, is_loopback
from .http import HttpClient, NoResponse, Response
from .progress import Progress, Wait
from .rate_limit import LIMIT, RateLimit
from .request import Request
from .retry import Deadline

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 30

# The least time for an exchange, because connecting takes a moment.
_LEAST_SECONDS = 0.1

_LIMIT_WORDS = f"ngrok accepts {LIMIT} requests a minute from the whole account"


class Transport:
    """Sends requests to one API, and repeats each until it is answered or the time of its call is over.

    The same outcomes are repeated for all methods:

    | outcome                                          | repeated                                            |
    |--------------------------------------------------|-----------------------------------------------------|
    | no answer, an incomplete answer                  | yes, after 0.5 to 1 second at first, up to 20 later |
    | no connection                                    | the same, for 30 seconds; on this machine for 5     |
    | 500, 502, 503, 504                               | the same, or later if `Retry-After` says so         |
    | 429                                              | yes, when the limit allows it; see `RateLimit`      |
    | a certificate that can't be verified             | no                                                  |
    | a proxy that refuses, or whose URL is malformed  | no                                                  |
    | a redirect                                       | no, and it is never followed                        |
    | any other status                                 | no                                                  |

    Threads may share it. After a 429 they wait together. A write that may have arrived is repeated until the time of
    its call is over even if no connection can be made, because only an answer tells what became of it.
    """

    def __init__(
        self,
        exchanges: HttpClient,
        refusals: ErrorMapping,
        *,
        show_progress: Callable[[str, str], None] | None = None,
        trace: Callable[[str], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Sends nothing yet.

        Args:
            exchanges: Sends one request.
            refusals: Turns a failure into an error.
            show_progress: Shows a line about the subject of a call, once it takes longer than a few seconds.
            trace: Shows a line for each request: method, path, status, milliseconds and operation id.
            clock: The clock that measures the time and waits.
        """
        self._exchanges = exchanges
        self._error_mapping = refusals
        self._trace = trace
        self._clock = clock
        self._rate_limit = RateLimit(clock)
        is_local = is_loopback(refusals.base_url, refusals.base_url_source)
        self._reachability = retry.Reachability(clock, is_loopback=is_local)
        self.progress = Progress(show_progress, clock)

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Sends a request until it is answered.

        Args:
            request: What to send. It also records what is known about its outcome.
            deadline: How long all tries may take. If nobody waits for the call any more, nothing is sent.

        Returns:
            An answer with a status below 300.

        Raises:
            NgrokError: The request failed in a way that is not transient, the time is over, or nobody waits any more.
        """
        with self.progress.of(request.doing, deadline) as wait:
            failure: errors.NgrokError | None = None
            repetition = 0
            while True:
                ticket = self._take_ticket(request, deadline, failure, wait)
                wait.waits_for("no answer yet")
                outcome = self._exchange(request, deadline, ticket)
                if request.method != "GET" and _may_have_effect(outcome):
                    request.mark_possibly_applied()
                if isinstance(outcome, Response) and outcome.status_code < 300:
                    return outcome
                is_unsent = _is_unconnected(outcome) and request.possibly_applied_since is None
                retry_after = self._retry_after(outcome)
                too_long = retry_after if retry_after and retry_after > deadline.left else None
                effort = retry.effort(request.tries, deadline, is_unsent=is_unsent)
                failure = self._error_mapping.error(request, outcome, effort, too_long)
                if not _is_transient(outcome):
                    raise failure
                if isinstance(outcome, Response) and outcome.status_code == 429:
                    # The limit knows how long to wait.
                    continue
                repetition += 1
                pause = retry.backoff_seconds(repetition, retry_after, self._clock)
                left = self._reachability.seconds_left_of(deadline, is_unsent=is_unsent)
                if left <= 0 or pause >= deadline.left:
                    raise failure
                # Without a connection, the last try comes at the end of the time for it.
                pause = min(pause, left)
                wait.waits_for(
                    self._error_mapping.reason(outcome), pause, deadline.elapsed + left if is_unsent else None
                )
                self._clock.sleep(pause)

    def _take_ticket(self, request: Request, deadline: Deadline, failure: errors.NgrokError | None, wait: Wait) -> int:
        """Waits until the account's limit has room, and returns a ticket that must be given back to the limit."""
        closed = self._rate_limit.seconds_closed()
        wait.waits_for(_LIMIT_WORDS, closed)
        ticket = self._rate_limit.enter(deadline)
        if deadline.is_cancelled():
            # The caller may have cleaned up by now, and would not undo what is done later.
            if ticket is not None:
                self._rate_limit.note_response(ticket)
            raise errors.UnreachableError(f"could not {request.doing}: it was interrupted")
        if ticket is None:
            raise failure or errors.RateLimitedError(
                f"could not {request.doing}: {_LIMIT_WORDS}, and after {deadline} too little time is left to wait "
                f"until it accepts one more{f', in {retry.in_words(closed)}' if closed else ''}",
                status=429,
                error_code="",
                operation_id="",
            )
        return ticket

    def _exchange(self, request: Request, deadline: Deadline, ticket: int) -> Response | NoResponse:
        """Sends the request once, and tells the account's limit the outcome."""
        left = max(deadline.left, _LEAST_SECONDS)
        request.note_attempt(self._clock.monotonic())
        answer: Response | None = None
        try:
            outcome = self._exchanges.exchange(
                request.method,
                self._error_mapping.base_url + request.path,
                query=request.query,
                body=request.body,
                seconds=left,
                connect_seconds=min(CONNECT_TIMEOUT_SECONDS, left, self._reachability.seconds_for_try),
                read_seconds=min(READ_TIMEOUT_SECONDS, left),
            )
            answer = outcome if isinstance(outcome, Response) else None
            self._reachability.note_try(request.last_sent, is_connected=not _is_unconnected(outcome))
            return outcome
        finally:
            # This also runs if the user interrupts us.
            if answer is not None and answer.status_code == 429:
                self._rate_limit.note_rejection(ticket, self._retry_after(answer))
            else:
                self._rate_limit.note_response(ticket)
            self._trace_attempt(request, answer)

    def _retry_after(self, outcome: Response | NoResponse) -> float | None:
        return retry.retry_after_seconds(outcome.headers, self._clock) if isinstance(outcome, Response) else None

    def _trace_attempt(self, request: Request, answer: Response | None) -> None:
        if self._trace is None:
            return
        milliseconds = (self._clock.monotonic() - request.last_sent) * 1000
        status = "no answer" if answer is None else str(answer.status_code)
        operation_id = "" if answer is None else self._error_mapping.sanitize(answer.headers.get(OPERATION_ID, ""), 60)
        self._trace(f"{request.method} {request.path} {status} {milliseconds:.0f} ms {operation_id}".rstrip())


def make_exchanges(api_key: Secret, base_url: str, base_url_source: str, sanitize: Callable[[str], str]) -> HttpClient:
    """Returns the Exchanges by which requests reach the API. Nothing is sent yet.

    Args:
        api_key: The API key that each request has.
        base_url: The URL of the API. A loopback address is never reached through a proxy.
        base_url_source: Where the base URL came from, as messages say it.
        fit_to_show: Makes the text of others safe to show.

    Raises:
        InvalidInputsError: The base URL is not a URL.
    """
    headers = {
        "Accept": "application/json",
        # The length of an answer is limited after decompression, which is possible with gzip only.
        "Accept-Encoding": "gzip",
        "Ngrok-Version": "2",
        "User-Agent": f"pulumi-agin/{VERSION}",
    }
    # Plain http is only for this machine, and a proxy is usually another machine.
    return HttpClient(_Bearer(api_key), headers, sanitize, use_proxies=not is_loopback(base_url, base_url_source))


class _Bearer(AuthBase):
    # With a plain header, requests would let an entry for the host in .netrc replace the key.
    def __init__(self, api_key: Secret) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        return request


def _may_have_effect(outcome: Response | NoResponse) -> bool:
    """Tells whether ngrok may have carried out what was asked, or may do so yet."""
    if isinstance(outcome, NoResponse):
        return outcome.may_have_arrived
    return outcome.status_code < 300 or outcome.status_code >= 500 or is_from_gateway(outcome)


def _is_unconnected(outcome: Response | NoResponse) -> bool:
    return isinstance(outcome, NoResponse) and outcome.is_unconnected


def _is_transient(outcome: Response | NoResponse) -> bool:
    if isinstance(outcome, NoResponse):
        return outcome.is_transient
    return retry.is_transient(outcome.status_code)
