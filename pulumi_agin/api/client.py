"""The client of ngrok's Agent Ingress API.

What it asks is in the five public methods of `AgentIngressClient`; how a request is sent, repeated and
understood comes below them, in the order in which it happens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from pulumi_agin.version import VERSION

from . import errors, models, proxies, retry
from .access import DEFAULT_TIMEOUT_SECONDS, LOOPBACK_HOSTS, PUBLIC_API, Secret, api_key_problem
from .exchange import LONGEST_ANSWER_BYTES, Answer, Exchanges, NoAnswer
from .progress import Progress, Wait
from .rate_limit import LIMIT, RateLimit
from .retry import Deadline
from .snapshot import LONGEST_LIST_BYTES, Page, Snapshot
from .text import EXCERPT_CHARACTERS, SEARCHED_CHARACTERS, one_line, redact

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 30

_LISTING = "list the Agent Ingresses"

# The most that ngrok gives, and its default.
_FIRST_PAGE = {"limit": "100"}

# Of a write's time, this much is kept to find out what became of a request whose answer was lost.
SETTLING_SECONDS = 30

# `created_at` and `Date` are whole seconds.
CLOCK_SLACK = timedelta(seconds=2)

AgentIngresses = list[models.AgentIngress]
Model = TypeVar("Model")


class AgentIngressClient:
    """create, get, list, update and delete, each with the policy that a resource needs.

    What is repeated, POST too, until the call's time is over:

    | what came                                        | repeated                                         |
    |--------------------------------------------------|--------------------------------------------------|
    | no connection, no answer, an answer cut short    | yes, after 0.5 to 1 second, then up to 20        |
    | 500, 502, 503, 504                               | yes, likewise, or after `Retry-After`            |
    | 429                                              | yes, when the limit allows; see `RateLimit`      |
    | a certificate that can't be verified             | no                                               |
    | a proxy that refuses; a setting that can't be    | no                                               |
    | used, such as the URL of a proxy                 |                                                  |
    | a redirect                                       | no, and never followed                           |
    | any other status, an answer that makes no sense  | no                                               |

    A POST may be repeated because a domain is unique: a second one can't make a second ingress. When a
    repeated one is told that the domain exists, a look by domain settles whether it was the first that made it.
    A PATCH or DELETE that failed, and may yet have been carried out, is settled by a look too. So is a write that
    something between refused: a status of 4xx that is not ngrok's.

    Every failure is one of `errors`, and says what was being done, to which ingress, and what came of it.
    Threads may share a client: each call takes a kept-alive connection that is idle, or a new one, and after a 429 they
    wait together.

    api_key: an ngrok API key. It is in no message, log or representation.
    base_url: where the API is, without its paths; https, or loopback.
    timeout_seconds: the most that one call takes in all, however slowly an answer comes.
    api_key_source, api_key_hint, base_url_source: where these two came from, for messages.
    say: is given a line that says what is waited for, once that takes longer than a few seconds.
    trace: is given a line for each request: method, path, status, milliseconds and operation id.
    is_awaited: tells, in the thread of a call, whether anybody still waits for it. Where nobody does, nothing is sent.
    """

    def __init__(
        self,
        api_key: Secret,
        base_url: str = PUBLIC_API,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        *,
        api_key_source: str = "the argument api_key",
        api_key_hint: str = "",
        base_url_source: str = "the argument base_url",
        say: Callable[[str], None] | None = None,
        trace: Callable[[str], None] | None = None,
        is_awaited: Callable[[], bool] = lambda: True,
    ) -> None:
        self._api_key = api_key
        problem = api_key_problem(api_key.get_secret_value())
        if problem:
            raise errors.InvalidInputsError(f"the API key from {api_key_source} {problem}")
        self._base_url = base_url.rstrip("/")
        self.timeout_seconds = timeout_seconds
        self._api_key_source = api_key_source
        self._api_key_hint = api_key_hint
        self._base_url_source = base_url_source
        self._trace = trace
        self._is_awaited = is_awaited
        self._proxy_credentials = proxies.credentials()
        self._exchanges = Exchanges(
            _Bearer(api_key),
            {
                "Accept": "application/json",
                # What may be read of an answer is bounded after decompression, for which other encodings give no means.
                "Accept-Encoding": "gzip",
                "Ngrok-Version": "2",
                "User-Agent": f"pulumi-agin/{VERSION}",
            },
            self.shown,
            # Plain http is for this machine alone, and a proxy is another.
            use_proxies=not _is_loopback(base_url, base_url_source),
        )
        self._progress = Progress(say)
        self._creates = _Creates()
        self._rate_limit = RateLimit()
        self._snapshot = Snapshot(self._page, _FIRST_PAGE)

    def __repr__(self) -> str:
        return f"AgentIngressClient({self._base_url!r})"

    # -- what can be asked --------------------------------------------------------------------------------

    def create(self, inputs: Mapping[str, Any], timeout_seconds: float | None = None) -> models.AgentIngress:
        """Makes an Agent Ingress. `inputs` are the values that `validate` takes.

        Raises DomainExistsError where the domain has one that is not ours, CreateUnsettledError where the
        answer was lost and it can't be told, CreatedUnreadError where it was made and can't be read,
        InvalidInputsError, and whatever any call raises.
        """
        # With pydantic's core, which what only reads and deletes does without.
        from .inputs import validate

        body, problems = validate(inputs)
        if problems:
            raise errors.InvalidInputsError("; ".join(str(problem) for problem in problems))
        with self._creates.of(body["domain"]) as made:
            ingress = self._created(body, self._deadline(timeout_seconds))
            made.append(ingress.id)
            return ingress

    def get(self, id_: str, timeout_seconds: float | None = None, *, domain: str | None = None) -> models.AgentIngress:
        """Reads one. Raises NotFoundError where ngrok knows no such ingress.

        domain: the domain that it has, where that is known; an answer about another one is refused.
        """
        return self._got(id_, domain, self._deadline(timeout_seconds))

    def get_one_of_many(
        self, id_: str, timeout_seconds: float | None = None, *, domain: str | None = None
    ) -> models.AgentIngress:
        """As `get`, for who reads many: from the second on within 5 seconds, one list answers for all of them.

        An ingress that the list lacks is asked for by its id, so that none is called gone for a list's sake.
        """
        deadline = self._deadline(timeout_seconds)
        found = self._snapshot.find(self._checked_id(id_), deadline)
        if found is not None and domain in (None, found.domain):
            return found
        return self._got(id_, domain, deadline)

    def find(self, domain: str, timeout_seconds: float | None = None) -> models.AgentIngress | None:
        """The ingress that the domain has in the account of the key, or None. `domain` is in canonical form."""
        found, _ = self._found(domain, self._deadline(timeout_seconds))
        return found

    def update(
        self,
        id_: str,
        changes: Mapping[str, Any],
        timeout_seconds: float | None = None,
        *,
        domain: str | None = None,
    ) -> models.AgentIngress:
        """Changes the given fields and no other. `""` clears a text; ngrok may well ignore a policy of None.

        Raises NotFoundError where ngrok knows no such ingress, and UpdateUnsettledError where the answer was lost and
        the ingress is not as it was to be, or can't be read.
        """
        deadline = self._deadline(timeout_seconds)
        request = _Request(
            "PATCH",
            f"update the Agent Ingress {_named(id_, domain)}",
            self._checked_id(id_),
            domain,
            body=dict(changes),
        )
        try:
            return self._about(request, self._send(request, _with_time_to_settle(deadline)))
        except errors.NgrokError as error:
            if request.carried_out_since is None or isinstance(error, errors.NotFoundError):
                raise
            lost = error
        try:
            existing = self._got(id_, domain, _to_settle(deadline))
        except errors.NotFoundError:
            raise
        except errors.NgrokError as error:
            raise errors.UpdateUnsettledError(
                f"it is unknown whether the Agent Ingress {_named(id_, domain)} was changed: an answer was lost "
                f"({lost}), and how it is could not be found out ({error})"
            ) from None
        if _has(existing, changes):
            return existing
        raise errors.UpdateUnsettledError(str(lost), existing=existing)

    def delete(self, id_: str, timeout_seconds: float | None = None, *, domain: str | None = None) -> None:
        """Deletes one. Raises NotFoundError where ngrok knows no such ingress, also after a lost answer."""
        deadline = self._deadline(timeout_seconds)
        request = _Request("DELETE", f"delete the Agent Ingress {_named(id_, domain)}", self._checked_id(id_), domain)
        try:
            answer = self._send(request, _with_time_to_settle(deadline))
            if answer.status_code != 204:
                # Not ngrok's way to say that it is deleted: something else may have answered in its place.
                raise self._bad_answer(request, answer, f"its status is {answer.status_code} and not 204")
            return
        except errors.NgrokError as error:
            if request.carried_out_since is None or isinstance(error, errors.NotFoundError):
                raise
            lost = error
        try:
            self._got(id_, domain, _to_settle(deadline))
        except errors.NotFoundError:
            raise
        except errors.NgrokError:
            # That it may be gone all the same is for the next try to find out.
            pass
        raise lost

    def list(self, filter: str | None = None, timeout_seconds: float | None = None) -> AgentIngresses:  # noqa: A002
        """All of the account, over every page, newest first. `filter` is ngrok's CEL over `obj`."""
        query = _FIRST_PAGE if filter is None else {**_FIRST_PAGE, "filter": filter}
        pages = self._pages(query, self._deadline(timeout_seconds), _LISTING)
        return [ingress for page in pages for ingress in page.ingresses]

    def named(self, ingress: models.AgentIngress) -> str:
        """Which one it is, for messages."""
        return f"{self.shown(ingress.id, 100)}, created at {self.shown(ingress.created_at, 40)}"

    def fingerprint(self, id_: str) -> str:
        """Tells whether two calls used the same key, and nothing of the key: 4 bytes of an HMAC over the id."""
        key = self._api_key.get_secret_value().encode()
        return hmac.new(key, id_.encode(), hashlib.sha256).hexdigest()[:8]

    def _got(self, id_: str, domain: str | None, deadline: Deadline) -> models.AgentIngress:
        request = _Request("GET", f"read the Agent Ingress {_named(id_, domain)}", self._checked_id(id_), domain)
        return self._about(request, self._send(request, deadline))

    def _page(self, query: Mapping[str, str], deadline: Deadline, doing: str = _LISTING) -> Page:
        request = _Request("GET", doing, query=query)
        answer = self._send(request, deadline)
        page = self._understood(request, answer, models.AgentIngressPage.from_answer)
        # Only its query: the host that an answer names is not necessarily one that may see the key.
        next_page = dict(parse_qsl(page.next_page_uri.partition("?")[2])) if page.next_page_uri else None
        answered_at = retry.http_date(answer.headers.get("Date", ""))
        return Page(request.last_sent, answered_at, page.ingresses, next_page, len(answer.content))

    def _pages(self, first: Mapping[str, str], deadline: Deadline, doing: str) -> Iterator[Page]:
        query: Mapping[str, str] | None = first
        seen: list[Mapping[str, str]] = []
        size = 0
        while query is not None:
            if query in seen:
                raise errors.BadAnswerError(f"could not {doing}: the pages that ngrok named go round in a circle")
            # As well as in the loop of `_send`, which sends once at least: pages can be endless.
            if seen and deadline.left <= 0:
                raise errors.UnreachableError(
                    f"could not {doing}: ngrok named more pages than could be read in {deadline}"
                )
            seen.append(query)
            page = self._page(query, deadline, doing)
            size += page.size
            if size > LONGEST_LIST_BYTES:
                raise errors.BadAnswerError(f"could not {doing}: the list has more than {LONGEST_LIST_BYTES >> 20} MiB")
            yield page
            query = page.next_page

    def _found(self, domain: str, deadline: Deadline) -> tuple[models.AgentIngress | None, datetime | None]:
        """The ingress that the domain has, if any, and when that was, by the server's clock."""
        doing = f"find the Agent Ingress {domain}"
        pages = list(self._pages({"filter": f'obj.domain == "{domain}"'}, deadline, doing))
        found = [ingress for page in pages for ingress in page.ingresses if ingress.domain == domain]
        if len(found) > 1:
            raise errors.BadAnswerError(f"could not {doing}: ngrok's list has two Agent Ingresses of one domain")
        return (found[0] if found else None), pages[-1].answered_at

    # -- a create, and settling it where its answer was lost ----------------------------------------------

    def _created(self, body: Mapping[str, Any], deadline: Deadline) -> models.AgentIngress:
        domain: str = body["domain"]
        request = _Request("POST", f"create the Agent Ingress {domain}", domain=domain, body=body)
        made_id = ""
        try:
            answer = self._send(request, _with_time_to_settle(deadline))
            made_id = _id_in(answer, domain)
            return self._about(request, answer)
        except errors.NgrokError as error:
            if request.carried_out_since is None:
                raise
            lost = error
        try:
            existing, now = self._looked_for(domain, lost, _to_settle(deadline))
        except errors.NgrokError as error:
            if not made_id:
                raise
            raise errors.CreatedUnreadError(
                f"the Agent Ingress {domain} ({made_id}) was made, and can't be read: {lost}; {error}", id_=made_id
            ) from None
        if existing.id == made_id or self._is_ours(existing, body, request, now):
            return existing
        raise errors.CreateUnsettledError(
            f"{lost}. The domain now has the Agent Ingress {self.named(existing)}, which is not what was asked for, so "
            "it is left alone",
            existing_id=existing.id,
        )

    def _looked_for(
        self, domain: str, lost: errors.NgrokError, deadline: Deadline
    ) -> tuple[models.AgentIngress, datetime | None]:
        """The ingress that the domain has, and when that was; looked for as long as it may appear."""
        unknown = f"it is unknown whether the Agent Ingress {domain} was made: an answer was lost ({lost}), and "
        missing = "it is not there, but may still appear"
        if isinstance(lost, errors.DomainExistsError):
            missing = "it is not among the account's, so it is another account's, or may still appear"
        looks = 0
        with self._progress.of(f"find out whether the Agent Ingress {domain} was made", deadline) as wait:
            while True:
                try:
                    found, now = self._found(domain, deadline)
                except errors.NgrokError as error:
                    failure = error
                    break
                if found is not None:
                    return found, now
                is_refusal = isinstance(lost, errors.ApiError) and not retry.passes_by(lost.status)
                if is_refusal and not isinstance(lost, errors.DomainExistsError):
                    # ngrok's last word was a no, and it has nothing: no, then.
                    raise lost
                looks += 1
                pause = retry.backoff_seconds(looks)
                if pause >= deadline.left:
                    raise errors.CreateUnsettledError(f"{unknown}{missing}")
                wait.waits_for(missing, pause)
                time.sleep(pause)
        raise errors.CreateUnsettledError(f"{unknown}whether it is there could not be found out ({failure})")

    def _is_ours(
        self,
        existing: models.AgentIngress,
        body: Mapping[str, Any],
        request: _Request,
        now: datetime | None,
    ) -> bool:
        """Whether this is what our own lost request made: not before we asked, and just as we asked for it."""
        if self._creates.made(existing.id):
            return False
        try:
            made = datetime.fromisoformat(existing.created_at.replace("Z", "+00:00"))
        except ValueError:
            return False
        if now is None or made.tzinfo is None or request.carried_out_since is None:
            return False
        # By the server's clock on both sides: ours may be wrong.
        first_sent = now - timedelta(seconds=time.monotonic() - request.carried_out_since)
        asked = {"description": "", "metadata": "", models.POLICY: None, **body}
        del asked["domain"]
        return made >= first_sent - CLOCK_SLACK and _has(existing, asked)

    # -- one request, until it is answered ----------------------------------------------------------------

    def _deadline(self, timeout_seconds: float | None) -> Deadline:
        return Deadline(self.timeout_seconds if timeout_seconds is None else timeout_seconds)

    def _checked_id(self, id_: str) -> str:
        # The id becomes a part of the path: it must not lead to another.
        if not models.PLAIN_ID.fullmatch(id_):
            raise errors.InvalidInputsError(
                f'"{self.shown(id_, 60)}" is not the id of an Agent Ingress; {models.ID_LOOKS_LIKE}'
            )
        if redact(id_, self._api_key.get_secret_value()) != id_:
            raise errors.InvalidInputsError(
                f"the id of an Agent Ingress was given as the API key, or a part of it; {models.ID_LOOKS_LIKE}"
            )
        return id_

    def _send(self, request: _Request, deadline: Deadline) -> Answer:
        """The loop: sends, and repeats what passes by, until there is an answer to return or to raise."""
        with self._progress.of(request.doing, deadline) as wait:
            failure: errors.NgrokError | None = None
            repetition = 0
            while True:
                ticket = self._entered(request, deadline, failure, wait)
                if not self._is_awaited():
                    # Whoever asked may have cleaned up by now, and what is done later would be left behind.
                    self._rate_limit.counted(ticket)
                    raise errors.UnreachableError(f"could not {request.doing}: nobody waits for it any more")
                wait.waits_for("no answer yet")
                outcome = self._exchange(request, deadline, ticket)
                if isinstance(outcome, NoAnswer):
                    status, asked_to_wait = None, None
                    if outcome.may_have_arrived:
                        request.may_be_carried_out()
                    failure = self._unreachable(request, outcome, deadline)
                    if not outcome.may_pass:
                        raise failure
                elif outcome.status_code < 300:
                    request.may_be_carried_out()
                    return outcome
                else:
                    status, asked_to_wait = outcome.status_code, retry.retry_after_seconds(outcome.headers)
                    if status >= 500 or _is_of_somebody_between(outcome):
                        request.may_be_carried_out()
                    failure = self._refusal(request, outcome, deadline)
                if not retry.passes_by(status):
                    raise failure
                if status == 429:
                    continue
                repetition += 1
                pause = retry.backoff_seconds(repetition, asked_to_wait)
                if pause >= deadline.left:
                    raise failure
                wait.waits_for(request.outcome, pause)
                time.sleep(pause)

    def _entered(self, request: _Request, deadline: Deadline, failure: errors.NgrokError | None, wait: Wait) -> int:
        """Waits for the account's limit to have room. Returns a ticket, to be given back to it."""
        wait.waits_for(f"ngrok takes {LIMIT} requests a minute of the whole account", self._rate_limit.seconds_closed())
        ticket = self._rate_limit.enter(deadline)
        if ticket is None:
            raise failure or errors.RateLimitedError(
                f"could not {request.doing}: ngrok takes {LIMIT} requests a minute of the whole account, and the next "
                f"one is further away than what is left after {deadline}",
                status=429,
                error_code="",
                operation_id="",
            )
        return ticket

    def _exchange(self, request: _Request, deadline: Deadline, ticket: int) -> Answer | NoAnswer:
        """One try, of which the account's limit is told."""
        left = max(deadline.left, 0.1)
        request.tries += 1
        request.last_sent = time.monotonic()
        answer = None
        if request.method != "GET":
            self._snapshot.written()
        try:
            outcome = self._exchanges.exchange(
                request.method,
                self._base_url + request.path,
                query=request.query,
                body=request.body,
                seconds=left,
                connect_seconds=min(CONNECT_TIMEOUT_SECONDS, left),
                read_seconds=min(READ_TIMEOUT_SECONDS, left),
            )
            answer = outcome if isinstance(outcome, Answer) else None
            return outcome
        finally:
            if request.method != "GET":
                self._snapshot.written()
            if answer is not None and answer.status_code == 429:
                self._rate_limit.refused(ticket, retry.retry_after_seconds(answer.headers))
            else:
                self._rate_limit.counted(ticket)
            self._traced(request, answer)

    def _unreachable(self, request: _Request, outcome: NoAnswer, deadline: Deadline) -> errors.UnreachableError:
        whose = "" if self._base_url == PUBLIC_API else f" (the base URL from {self._base_url_source})"
        request.outcome = f"no answer from {self._base_url}{whose}: {outcome.reason}"
        return errors.UnreachableError(f"could not {request.doing}{_effort(request, deadline)}: {request.outcome}")

    def _traced(self, request: _Request, answer: Answer | None) -> None:
        if self._trace is None:
            return
        milliseconds = (time.monotonic() - request.last_sent) * 1000
        status = "no answer" if answer is None else str(answer.status_code)
        operation_id = self.shown(answer.headers.get("ngrok-operation-id", ""), 60) if answer is not None else ""
        self._trace(f"{request.method} {request.path} {status} {milliseconds:.0f} ms {operation_id}".rstrip())

    # -- what the answer means ----------------------------------------------------------------------------

    def _about(self, request: _Request, answer: Answer) -> models.AgentIngress:
        ingress = self._understood(request, answer, models.AgentIngress.from_answer)
        # The domain of an ingress never changes: another one is not what was asked about.
        other_id = request.id_ is not None and request.id_ != ingress.id
        other_domain = request.domain is not None and models.canonical_domain(request.domain) != ingress.domain
        if other_id or other_domain:
            raise self._bad_answer(request, answer, "it is about another Agent Ingress")
        return ingress

    def _understood(self, request: _Request, answer: Answer, understand: Callable[[object], Model]) -> Model:
        if not answer.is_whole:
            raise self._bad_answer(request, answer, f"it has more than {LONGEST_ANSWER_BYTES // 2**20} MiB")
        try:
            return understand(json.loads(answer.content))
        except models.AnswerError as error:
            wrong = str(error)
        except (ValueError, RecursionError):
            wrong = "it is not JSON"
        raise self._bad_answer(request, answer, wrong)

    def _bad_answer(self, request: _Request, answer: Answer, wrong: str) -> errors.BadAnswerError:
        return errors.BadAnswerError(
            f"could not {request.doing}: the answer to {request.method} {request.path} makes no sense "
            f"({self.shown(wrong, 100)}); it {self._beginning(answer)}"
        )

    def _refusal(self, request: _Request, answer: Answer, deadline: Deadline) -> errors.NgrokError:
        """What an answer of 300 and above means."""
        status = answer.status_code
        if status < 400:
            target = _host(answer.headers.get("Location", ""))
            return errors.RedirectError(
                f"could not {request.doing}: {self._base_url} redirects to {self.shown(target)}, and a redirect "
                f"is not followed, as it would take the API key along; {self._base_url_step()}"
            )
        body = _error_body(answer)
        if body is None:
            said = f"{status} with something other than ngrok's JSON, which {self._beginning(answer)}"
            if status == 404:
                return errors.WrongBaseUrlError(
                    f"could not {request.doing}: {self._base_url} answered {said}; {self._base_url_step()}"
                )
            code = operation_id = ""
        else:
            details = body.get("details")
            details = details if isinstance(details, dict) else {}
            code = str(body.get("error_code") or "")
            if not _CODE.fullmatch(code):
                code = self.shown(code, 40)
            operation_id = self.shown(
                str(details.get("operation_id") or answer.headers.get("ngrok-operation-id") or ""), 60
            )
            said = " ".join(filter(None, [str(status), code])) + f": {self.shown(str(body.get('msg')))}"
            said += f" (operation {operation_id})" if operation_id else ""
            if status == 404 and ("path" in details or request.id_ is None):
                return errors.WrongBaseUrlError(
                    f"could not {request.doing}: {self._base_url} answered {said}, and does not know the path "
                    f"{request.path}; {self._base_url_step()}"
                )
        request.outcome = f"ngrok answered {said}"
        message = f"could not {request.doing}{_effort(request, deadline)}: {request.outcome}"
        kind = errors.ApiError
        if status in (401, 403):
            kind = errors.AuthenticationError
            message += f". The API key came from {self._api_key_source}{self._api_key_hint}"
            if code not in _ALLOWANCE:
                message += "; see that it is valid there"
        elif status == 429:
            kind = errors.RateLimitedError
        elif code == "ERR_NGROK_6706":
            kind = errors.DomainExistsError
        elif status == 404 and code not in _MALFORMED_ID:
            kind = errors.NotFoundError
        return kind(message, status=status, error_code=code, operation_id=operation_id)

    def _base_url_step(self) -> str:
        return f"the base URL came from {self._base_url_source}, and ngrok's is {PUBLIC_API}"

    def _beginning(self, answer: Answer) -> str:
        text = answer.content[:400].decode("utf-8", "replace")
        if "\0" in text:
            return "is no text"
        return f'begins "{self.shown(text, 80)}"' if text.strip() else "is empty"

    def shown(self, text: str, limit: int = EXCERPT_CHARACTERS) -> str:
        """Text of others, as a message may have it: one line, without the API key and what proxies are told.

        Args:
            text: What the service or a proxy said.
            limit: After how many characters it is cut.
        """
        # Cut before it is searched, as that takes its time.
        shown = redact(text[:SEARCHED_CHARACTERS], self._api_key.get_secret_value())
        return one_line(proxies.redact_credentials(shown, self._proxy_credentials), limit)


@dataclass
class _Request:
    """A request, and what is known of how it went so far."""

    method: str
    doing: str
    id_: str | None = None
    domain: str | None = None
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    tries: int = 0
    last_sent: float = 0.0
    carried_out_since: float | None = None
    """When the first try was sent that may have been carried out."""
    outcome: str = ""

    def may_be_carried_out(self) -> None:
        """What was sent last may have been, or be yet."""
        self.carried_out_since = self.carried_out_since or self.last_sent

    @property
    def path(self) -> str:
        return "/agent_ingresses" if self.id_ is None else f"/agent_ingresses/{self.id_}"


class _Creates:
    """What this client made: a lost create is not to take what another one made for its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._made: list[str] = []

    @contextmanager
    def of(self, domain: str) -> Iterator[list[str]]:
        """Around a create, which adds the id of what it made. Two at once can't both have the domain."""
        with self._lock:
            if domain in self._under_way:
                raise errors.InvalidInputsError(
                    f"could not create the Agent Ingress {domain}: two resources of this run have this domain, and a "
                    "domain has at most one Agent Ingress"
                )
            self._under_way.add(domain)
        try:
            yield self._made
        finally:
            with self._lock:
                self._under_way.discard(domain)

    def made(self, id_: str) -> bool:
        """Whether another create made it."""
        return id_ in self._made


class _Bearer(AuthBase):
    # An AuthBase: with a plain header, requests would let a .netrc entry for the host replace the key.
    def __init__(self, api_key: Secret) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        return request


# Of this form, a code is shown as it is: decisions depend on it, and it is too short to tell of a key.
_CODE = re.compile(r"ERR_NGROK_[0-9]{1,5}")

# Refusals that are not about whether the key is valid: the plan, and what the key may do.
_ALLOWANCE = ("ERR_NGROK_1219", "ERR_NGROK_6707")

# 404s that are about how the id is written, not about whether it exists.
_MALFORMED_ID = ("ERR_NGROK_222", "ERR_NGROK_227")


def _id_in(answer: Answer, domain: str) -> str:
    """The id of what was made, where an answer tells that of our domain, whatever else is wrong with it; or ""."""
    try:
        values = json.loads(answer.content)
        id_, its_domain = values["id"], values["domain"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return ""
    is_right = isinstance(id_, str) and models.PLAIN_ID.fullmatch(id_) and isinstance(its_domain, str)
    return id_ if is_right and models.canonical_domain(its_domain) == domain else ""


def _with_time_to_settle(deadline: Deadline) -> Deadline:
    """The deadline of a write: what is kept back is for the look that settles it."""
    return deadline.keeping_back(min(SETTLING_SECONDS, deadline.seconds / 4))


def _to_settle(deadline: Deadline) -> Deadline:
    return Deadline(min(SETTLING_SECONDS, deadline.left))


def _has(ingress: models.AgentIngress, asked: Mapping[str, Any]) -> bool:
    """Whether the ingress is as it was asked to be."""
    there = ingress.outputs()
    return all(
        models.has_policy(there[name], value) if name == models.POLICY else there[name] == value
        for name, value in asked.items()
    )


def _named(id_: str, domain: str | None) -> str:
    # Both may come from a state that somebody edited.
    return f"{one_line(domain, 253)} ({one_line(id_, 60)})" if domain else one_line(id_, 60)


def _effort(request: _Request, deadline: Deadline) -> str:
    """How often and how long was tried, where it was more than once."""
    if request.tries < 2:
        return ""
    return f" after {request.tries} tries in {deadline}"


def _is_loopback(base_url: str, source: str) -> bool:
    """Whether requests sends to this machine. It parses URLs by urllib3, and others may see another host in one."""
    try:
        host = parse_url(base_url).host or ""
    except LocationParseError:
        raise errors.InvalidInputsError(f"the base URL from {source} is not a URL; ngrok's is {PUBLIC_API}") from None
    return host.strip("[]") in LOOPBACK_HOSTS


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "another path"
    except ValueError:
        return "a place that is no URL"


def _is_of_somebody_between(answer: Answer) -> bool:
    """Whether something between ngrok and us refused, maybe after ngrok did what it was asked.

    A redirect and "not found" rather come of a wrong base URL, and "too many requests" before anything is done.
    """
    return 400 <= answer.status_code < 500 and answer.status_code not in (404, 429) and _error_body(answer) is None


def _error_body(answer: Answer) -> dict[str, Any] | None:
    """The answer's body where it is one of ngrok's errors: a message, with ngrok's code or the status repeated."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("msg"), str):
        return None
    has_code = str(body.get("error_code")).startswith("ERR_NGROK_")
    return body if has_code or body.get("status_code") == answer.status_code else None
