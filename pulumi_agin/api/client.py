"""The client of ngrok's Agent Ingress API: its calls, and how an unknown outcome is settled."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl

from . import errors, retry
from .canonical import POLICY, canonical_domain, matches_policy
from .clock import SYSTEM_CLOCK, Clock
from .constants import ID_LOOKS_LIKE, PLAIN_ID
from .credentials import DEFAULT_TIMEOUT_SECONDS, PUBLIC_API, Secret, api_key_problem
from .error_mapping import ErrorMapping
from .http import LONGEST_BODY_BYTES, HttpClient, Request, Response
from .list_cache import ListCache
from .models import AgentIngress, AgentIngressPage
from .redaction import EXCERPT_CHARACTERS, Redactor, holds_secret, one_line
from .retry import Deadline
from .transport import Transport, make_http_client

# How much of the time of a write is reserved to find out what became of a request whose answer was lost.
SETTLING_SECONDS = 30

# `created_at` and `Date` are whole seconds.
CLOCK_SLACK = timedelta(seconds=2)

# The longest page that ngrok gives, which is also its default.
_FIRST_PAGE = {"limit": "100"}

# The longest list that is read, all pages together. An account has thousands of Agent Ingresses at most, of a few KB.
LONGEST_LIST_BYTES = 64 * 2**20

# AgentIngressClient.list hides the built-in one.
AgentIngresses: TypeAlias = list[AgentIngress]

Model = TypeVar("Model")


class AgentIngressClient:
    """Creates, reads, finds, lists, updates and deletes the Agent Ingresses of one account.

    Each call repeats its requests until the time of the call is over; see the table at `Transport`. A POST may be
    repeated too: a domain has at most one Agent Ingress, so a second POST can't make a second one.

    A write whose answer was lost is settled by a look at what ngrok has now:

    - A create that finds its domain taken looks the ingress up by its domain. If it was made after our first request,
      with the values that we asked for, it is ours.
    - An update or delete looks at the ingress by its id.
    - The same holds for a write that something between ngrok and us refused: a 4xx that is not from ngrok.

    Each failure is one of `errors`, and says what was being done, to which ingress, and what went wrong.

    Threads may share a client. Each call uses an idle kept-alive connection, or a new one if there is none. After a
    429, all calls wait together.
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
        show_progress: Callable[[str, str], None] | None = None,
        trace: Callable[[str], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        http_client: HttpClient | None = None,
    ) -> None:
        """Sends nothing yet.

        Args:
            api_key: An ngrok API key. It is never shown in a message, a log line or a `repr`.
            base_url: The URL of the API, without the paths of its resources. Must be https, or loopback.
            timeout_seconds: How long a call may take in all, in seconds, however slowly an answer comes.
            api_key_source: Where the API key came from, as messages say it.
            api_key_hint: What else messages say about that.
            base_url_source: Where the base URL came from, as messages say it.
            show_progress: Shows a line that says what a call waits for, once it takes longer than a few seconds. It
                also gets the subject of the call's deadline.
            trace: Shows a line for each request: method, path, status, milliseconds and operation id.
            clock: The clock that measures the time and waits.
            http_client: Sends the requests, in place of the network.

        Raises:
            InvalidInputsError: The API key can't be one, or the base URL is not a URL.
        """
        problem = api_key_problem(api_key.get_secret_value())
        if problem:
            raise errors.InvalidInputsError(f"the API key from {api_key_source} {problem}")
        self.timeout_seconds = timeout_seconds
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._redactor = Redactor(api_key)
        sanitize = self._redactor.sanitize
        self._error_mapping = ErrorMapping(self._base_url, base_url_source, api_key_source, api_key_hint, sanitize)
        http_client = http_client or make_http_client(api_key, base_url, sanitize)
        self._transport = Transport(
            http_client, self._error_mapping, show_progress=show_progress, trace=trace, clock=clock
        )
        self._list_cache = ListCache(partial(self.list, None), clock)
        self._creates = _Creates()

    def __repr__(self) -> str:
        return f"AgentIngressClient({self._base_url!r})"

    def deadline(
        self, seconds: float | None = None, is_cancelled: Callable[[], bool] = lambda: False, subject: str = ""
    ) -> Deadline:
        """Returns the time budget of a call; None for the timeout of the client. See `Deadline`."""
        return Deadline(self.timeout_seconds if seconds is None else seconds, self._clock, is_cancelled, subject)

    # -- the calls ----------------------------------------------------------------------------------------

    def create(self, inputs: Mapping[str, Any], deadline: Deadline | None = None) -> AgentIngress:
        """Creates an Agent Ingress.

        Args:
            inputs: The values by the names of the API's fields, as `AgentIngressInputs` takes them.
            deadline: How long the call may take; None for the timeout of the client.

        Returns:
            The ingress as ngrok has it.

        Raises:
            InvalidInputsError: The inputs are not valid for an Agent Ingress, or another create has the domain.
                Nothing was sent.
            DomainExistsError: The domain already has an Agent Ingress that is not ours.
            CreateUnsettledError: An answer was lost, and it is unknown whether the ingress was made.
            CreatedUnreadError: It was made, but could not be read.
            NgrokError: The call failed in another way; see `errors`.
        """
        # Imported here because both load pydantic, which a delete does not need.
        from pulumi_agin.lifecycle.inputs import AgentIngressInputs
        from pulumi_agin.lifecycle.schema import validate

        body, problems = validate(AgentIngressInputs, inputs)
        if problems:
            raise errors.InvalidInputsError("; ".join(str(problem) for problem in problems))
        with self._creates.of(body["domain"]):
            ingress = self._create(body, deadline or self.deadline())
            self._creates.add(ingress.id)
            return ingress

    def get(self, id_: str, deadline: Deadline | None = None, *, domain: str | None = None) -> AgentIngress:
        """Reads one Agent Ingress.

        Args:
            id_: Its id.
            deadline: How long the call may take; None for the timeout of the client.
            domain: Its domain, if it is known. An answer about another domain is an error.

        Raises:
            NotFoundError: ngrok knows no Agent Ingress with this id.
            NgrokError: The call failed in another way; see `errors`.
        """
        return self._get(id_, domain, deadline or self.deadline())

    def get_one_of_many(self, id_: str, deadline: Deadline | None = None, *, domain: str | None = None) -> AgentIngress:
        """Reads one Agent Ingress, for callers that read many: reads within 5 seconds share a list.

        An ingress that is not on the list is read by its id, so no ingress counts as gone only because a list lacks it.

        Args:
            id_: Its id.
            deadline: How long the call may take; None for the timeout of the client.
            domain: Its domain, if it is known. An answer about another domain is an error.

        Raises:
            NotFoundError: ngrok knows no Agent Ingress with this id.
            NgrokError: The call failed in another way; see `errors`.
        """
        deadline = deadline or self.deadline()
        ingress = self._list_cache.find(self._check_id(id_), deadline)
        if ingress is not None and domain in (None, ingress.domain):
            return ingress
        return self._get(id_, domain, deadline)

    def find(self, domain: str, deadline: Deadline | None = None) -> AgentIngress | None:
        """Returns the Agent Ingress that a domain has in the account of the key, or None.

        Args:
            domain: The domain, in its canonical form.
            deadline: How long the call may take; None for the timeout of the client.

        Raises:
            NgrokError: The call failed; see `errors`.
        """
        ingress, _ = self._find(domain, deadline or self.deadline())
        return ingress

    def find_one_of_many(self, domain: str, deadline: Deadline) -> AgentIngress | None:
        """Returns the Agent Ingress that a domain has, for callers that look for many: they share a list.

        Args:
            domain: The domain, in its canonical form.
            deadline: How long the call may take.

        Returns:
            The ingress; None if the account has none, or the list could not be read in time.
        """
        return self._list_cache.find(domain, deadline, is_one_of_many=True)

    def update(
        self,
        id_: str,
        changes: Mapping[str, Any],
        deadline: Deadline | None = None,
        *,
        domain: str | None = None,
    ) -> AgentIngress:
        """Changes the given fields of an Agent Ingress, and no others.

        Args:
            id_: Its id.
            changes: The new values. `""` clears a text; ngrok may ignore a policy of None.
            deadline: How long the call may take; None for the timeout of the client.
            domain: Its domain, if it is known. An answer about another domain is an error.

        Returns:
            The ingress as ngrok has it after the change.

        Raises:
            NotFoundError: ngrok knows no Agent Ingress with this id.
            UpdateUnsettledError: An answer was lost, and the ingress is not as it should be, or can't be read.
            NgrokError: The call failed in another way; see `errors`.
        """
        deadline = deadline or self.deadline()
        name = _name(id_, domain)
        request = Request("PATCH", f"update the Agent Ingress {name}", self._check_id(id_), domain, body=dict(changes))
        try:
            return self._parse_ingress(request, self._write(request, deadline))
        except errors.NgrokError as error:
            if request.possibly_applied_since is None or isinstance(error, errors.NotFoundError):
                raise
            lost = error
        try:
            existing = self._get(id_, domain, deadline.sub_deadline(min(SETTLING_SECONDS, deadline.left)))
        except errors.NotFoundError:
            raise
        except errors.NgrokError as error:
            raise errors.UpdateUnsettledError(
                f"it is unknown whether the Agent Ingress {name} was changed: an answer was lost ({lost}), and it "
                f"could not be read afterwards ({error})"
            ) from None
        if _matches(existing, changes):
            return existing
        raise errors.UpdateUnsettledError(str(lost), existing=existing)

    def delete(self, id_: str, deadline: Deadline | None = None, *, domain: str | None = None) -> None:
        """Deletes an Agent Ingress.

        Args:
            id_: Its id.
            deadline: How long the call may take; None for the timeout of the client.
            domain: Its domain, if it is known, for messages.

        Raises:
            NotFoundError: ngrok knows no Agent Ingress with this id, maybe because this call deleted it and the answer
                was lost.
            NgrokError: The call failed in another way; see `errors`.
        """
        deadline = deadline or self.deadline()
        request = Request("DELETE", f"delete the Agent Ingress {_name(id_, domain)}", self._check_id(id_), domain)
        try:
            answer = self._write(request, deadline)
            if answer.status_code != 204:
                # Not how ngrok confirms a delete: something else may have answered in its place.
                raise self._error_mapping.bad_response(
                    request, answer, f"its status is {answer.status_code} and not 204"
                )
            return
        except errors.NgrokError as error:
            if request.possibly_applied_since is None or isinstance(error, errors.NotFoundError):
                raise
            lost = error
        try:
            self._get(id_, domain, deadline.sub_deadline(min(SETTLING_SECONDS, deadline.left)))
        except errors.NotFoundError:
            raise
        except errors.NgrokError:
            # It may still be gone. The next try will find that out.
            pass
        raise lost

    def list(self, filter: str | None = None, deadline: Deadline | None = None) -> AgentIngresses:  # noqa: A002
        """Returns all Agent Ingresses of the account, from all pages, the newest first.

        Args:
            filter: An expression in ngrok's CEL over `obj`; None for all.
            deadline: How long the call may take; None for the timeout of the client.

        Raises:
            NgrokError: The call failed; see `errors`.
        """
        query = _FIRST_PAGE if filter is None else {**_FIRST_PAGE, "filter": filter}
        ingresses, _ = self._read_pages(query, deadline or self.deadline(), "list the Agent Ingresses")
        return ingresses

    # -- for messages and states --------------------------------------------------------------------------

    def describe(self, ingress: AgentIngress) -> str:
        """Returns what identifies an ingress in messages: its id, and when it was created.

        Args:
            ingress: The ingress as ngrok has it.
        """
        return f"{self.sanitize(ingress.id, 100)}, created at {self.sanitize(ingress.created_at, 40)}"

    def sanitize(self, text: str, limit: int = EXCERPT_CHARACTERS) -> str:
        """Returns text that a message may show: one line, without the API key and the credentials of proxies.

        Args:
            text: Text that ngrok or a proxy wrote.
            limit: The number of characters after which it is cut.
        """
        return self._redactor.sanitize(text, limit)

    def fingerprint(self, id_: str) -> str:
        """Returns a text that tells whether two calls used the same key, without revealing anything about the key.

        Args:
            id_: The id of an Agent Ingress. Fingerprints of different ids can't be compared.

        Returns:
            4 bytes of an HMAC over the id, in hexadecimal.
        """
        key = self._api_key.get_secret_value().encode()
        return hmac.new(key, id_.encode(), hashlib.sha256).hexdigest()[:8]

    # -- reading ------------------------------------------------------------------------------------------

    def _get(self, id_: str, domain: str | None, deadline: Deadline) -> AgentIngress:
        request = Request("GET", f"read the Agent Ingress {_name(id_, domain)}", self._check_id(id_), domain)
        return self._parse_ingress(request, self._transport.send(request, deadline))

    def _find(self, domain: str, deadline: Deadline) -> tuple[AgentIngress | None, datetime | None]:
        """Returns the ingress that a domain has, if any, and when that was, by the server's clock."""
        doing = f"find the Agent Ingress {domain}"
        ingresses, now = self._read_pages({"filter": f'obj.domain == "{domain}"'}, deadline, doing)
        matches = [ingress for ingress in ingresses if ingress.domain == domain]
        if len(matches) > 1:
            raise errors.BadResponseError(f"could not {doing}: ngrok's list has two Agent Ingresses of one domain")
        return (matches[0] if matches else None), now

    def _read_pages(
        self, first: Mapping[str, str], deadline: Deadline, doing: str
    ) -> tuple[AgentIngresses, datetime | None]:
        """Returns the ingresses on all pages, and when the last one was sent, by the server's clock."""
        query, seen, size = dict(first), [], 0
        ingresses: AgentIngresses = []
        while True:
            seen.append(query)
            request = Request("GET", doing, query=query)
            response = self._transport.send(request, deadline)
            page = self._parse(request, response, AgentIngressPage.from_response)
            ingresses += page.ingresses
            size += len(response.content)
            if size > LONGEST_LIST_BYTES:
                raise errors.BadResponseError(
                    f"could not {doing}: the list has more than {LONGEST_LIST_BYTES >> 20} MiB"
                )
            if not page.next_page_uri:
                return ingresses, retry.parse_http_date(response.headers.get("Date", ""))
            # Only the query is used: the host in a response may be one that must not see the key.
            query = dict(parse_qsl(page.next_page_uri.partition("?")[2]))
            if query in seen:
                raise errors.BadResponseError(f"could not {doing}: the pages that ngrok named form a loop")
            # `Transport.send` alone would not end this: it sends at least once, and there can be endless pages.
            if deadline.left <= 0:
                time = retry.in_words(deadline.elapsed)
                raise errors.UnreachableError(f"could not {doing}: ngrok named more pages than could be read in {time}")

    # -- a create, and settling it if its answer was lost -------------------------------------------------

    def _create(self, body: Mapping[str, Any], deadline: Deadline) -> AgentIngress:
        domain: str = body["domain"]
        request = Request("POST", f"create the Agent Ingress {domain}", domain=domain, body=body)
        made_id = ""
        try:
            answer = self._write(request, deadline)
            made_id = _id_in(answer, domain)
            return self._parse_ingress(request, answer)
        except errors.NgrokError as error:
            if request.possibly_applied_since is None:
                raise
            lost = error
        try:
            existing, now = self._look_for(domain, lost, deadline.sub_deadline(min(SETTLING_SECONDS, deadline.left)))
        except errors.NgrokError as error:
            if not made_id:
                raise
            raise errors.CreatedUnreadError(
                f"the Agent Ingress {domain} ({made_id}) was made, but can't be read: {lost}; {error}", id_=made_id
            ) from None
        if existing.id == made_id or self._is_ours(existing, body, request, now):
            return existing
        raise errors.CreateUnsettledError(
            f"{lost}. The domain now has the Agent Ingress {self.describe(existing)}, which is not what was asked for, "
            "so it is left alone",
            existing_id=existing.id,
        )

    def _look_for(
        self, domain: str, lost: errors.NgrokError, deadline: Deadline
    ) -> tuple[AgentIngress, datetime | None]:
        """Looks for the ingress of a domain for as long as it may appear. Also returns the time when it was there."""
        unknown = f"it is unknown whether the Agent Ingress {domain} was made: an answer was lost ({lost}), and "
        missing = "it is not there, but may still appear"
        if isinstance(lost, errors.DomainExistsError):
            missing = "the account has none, so another account has it, or it may still appear"
        looks = 0
        with self._transport.progress.of(f"find out whether the Agent Ingress {domain} was made", deadline) as wait:
            while True:
                try:
                    existing, now = self._find(domain, deadline)
                except errors.NgrokError as error:
                    failure = error
                    break
                if existing is not None:
                    return existing, now
                is_refusal = isinstance(lost, errors.ApiError) and not retry.is_transient(lost.status)
                if is_refusal and not isinstance(lost, errors.DomainExistsError):
                    # In the end ngrok refused, and it has no ingress, so none was made.
                    raise lost
                looks += 1
                pause = retry.backoff_seconds(looks, clock=self._clock)
                if pause >= deadline.left:
                    raise errors.CreateUnsettledError(f"{unknown}{missing}")
                wait.waits_for(missing, pause)
                self._clock.sleep(pause)
        raise errors.CreateUnsettledError(f"{unknown}a look for it failed ({failure})")

    def _is_ours(self, existing: AgentIngress, body: Mapping[str, Any], request: Request, now: datetime | None) -> bool:
        """Tells whether our own lost request made this: it is not older than the request, and has the same values."""
        if self._creates.has_made(existing.id):
            return False
        try:
            made = datetime.fromisoformat(existing.created_at.replace("Z", "+00:00"))
        except ValueError:
            return False
        if now is None or made.tzinfo is None or request.possibly_applied_since is None:
            return False
        # Both times are by the server's clock, because ours may be wrong.
        first_sent = now - timedelta(seconds=self._clock.monotonic() - request.possibly_applied_since)
        asked = {"description": "", "metadata": "", POLICY: None, **body}
        del asked["domain"]
        return made >= first_sent - CLOCK_SLACK and _matches(existing, asked)

    # -- any request --------------------------------------------------------------------------------------

    def _check_id(self, id_: str) -> str:
        """Returns the id if a path can contain it and still lead to an Agent Ingress."""
        if not PLAIN_ID.fullmatch(id_):
            raise errors.InvalidInputsError(
                f'"{self.sanitize(id_, 60)}" is not the id of an Agent Ingress; {ID_LOOKS_LIKE}'
            )
        if holds_secret(id_, self._api_key.get_secret_value()):
            raise errors.InvalidInputsError(
                f"the API key, or a part of it, was given as the id of an Agent Ingress; {ID_LOOKS_LIKE}"
            )
        return id_

    def _write(self, request: Request, deadline: Deadline) -> Response:
        """Sends a request that changes something. Some of its time is reserved to settle its outcome."""
        # Lists that were read before the write, or during it, are not used after it.
        self._list_cache.note_write()
        try:
            return self._transport.send(request, deadline.reserve(min(SETTLING_SECONDS, deadline.seconds / 4)))
        finally:
            self._list_cache.note_write()

    def _parse_ingress(self, request: Request, answer: Response) -> AgentIngress:
        ingress = self._parse(request, answer, AgentIngress.from_response)
        # The domain of an ingress never changes, so another domain means another ingress.
        is_other_id = request.id_ is not None and request.id_ != ingress.id
        is_other_domain = request.domain is not None and canonical_domain(request.domain) != ingress.domain
        if is_other_id or is_other_domain:
            raise self._error_mapping.bad_response(request, answer, "it is about another Agent Ingress")
        return ingress

    def _parse(self, request: Request, answer: Response, parse: Callable[[object], Model]) -> Model:
        if not answer.is_whole:
            wrong = f"it has more than {LONGEST_BODY_BYTES // 2**20} MiB"
            raise self._error_mapping.bad_response(request, answer, wrong)
        try:
            content = json.loads(answer.content)
        except (ValueError, RecursionError):
            wrong = "it is not JSON"
        else:
            try:
                return parse(content)
            except ValueError as error:
                wrong = str(error)
        raise self._error_mapping.bad_response(request, answer, wrong)


class _Creates:
    """The ingresses that this client creates and has created, so that no create takes another's ingress for its own.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._domains: set[str] = set()
        self._made: set[str] = set()

    @contextmanager
    def of(self, domain: str) -> Iterator[None]:
        """Holds a domain during a create. Two creates at the same time can't both have it.

        Raises:
            InvalidInputsError: Another create has the domain.
        """
        with self._lock:
            if domain in self._domains:
                raise errors.InvalidInputsError(
                    f"could not create the Agent Ingress {domain}: two resources of this run have this domain, and a "
                    "domain has at most one Agent Ingress"
                )
            self._domains.add(domain)
        try:
            yield
        finally:
            with self._lock:
                self._domains.discard(domain)

    def add(self, id_: str) -> None:
        """Records the id of an ingress that a create made."""
        with self._lock:
            self._made.add(id_)

    def has_made(self, id_: str) -> bool:
        """Tells whether a create made the ingress."""
        with self._lock:
            return id_ in self._made


def _id_in(answer: Response, domain: str) -> str:
    """Returns the id in an answer about our domain, even if the rest of the answer is wrong; "" if there is none."""
    try:
        values = json.loads(answer.content)
        id_, its_domain = values["id"], values["domain"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return ""
    is_right = isinstance(id_, str) and PLAIN_ID.fullmatch(id_) and isinstance(its_domain, str)
    return id_ if is_right and canonical_domain(its_domain) == domain else ""


def _matches(ingress: AgentIngress, asked: Mapping[str, Any]) -> bool:
    """Tells whether the ingress has the values that were asked for."""
    there = ingress.outputs()
    return all(
        matches_policy(there[name], value) if name == POLICY else there[name] == value for name, value in asked.items()
    )


def _name(id_: str, domain: str | None) -> str:
    # Both may come from a state that somebody edited.
    return f"{one_line(domain, 253)} ({one_line(id_, 60)})" if domain else one_line(id_, 60)
