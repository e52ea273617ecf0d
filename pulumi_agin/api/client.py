"""Client of ngrok's Agent Ingress API, which also settles requests with an unknown outcome."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from pulumi_agin.base.attempts import backoff_seconds
from pulumi_agin.base.budget import Budget, format_duration
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock, parse_time
from pulumi_agin.base.facts import (
    DEFAULT_CALL_SECONDS,
    ID_HINT,
    PLAIN_ID,
    POLICY,
    PUBLIC_API,
    canonical_base_url,
    matches_policy,
)
from pulumi_agin.base.names import DOMAIN_MAX_BYTES, LOOPBACK_HOSTS, canonical_domain
from pulumi_agin.base.redaction import Redactor, Secret, holds_secret, one_line

from . import errors
from .error_mapping import ErrorMapping
from .http import HttpClient
from .list_cache import ListCache, Listing
from .messages import Request, Response
from .models import IngressModel, IngressPageModel
from .transport import Sent, Transport

# The part of a write's time that is reserved to settle a request whose response was lost. The limit is a quarter of it.
SETTLING_SECONDS = 30

# `created_at` and `Date` are whole seconds.
CLOCK_SLACK = timedelta(seconds=2)

# The limits of a list, all pages together. Accounts have at most thousands of Agent Ingresses, of a few KB each. A page
# has 100 of them, or fewer.
LONGEST_LIST_BYTES = 64 * 2**20
MOST_INGRESSES = 20_000
MOST_PAGES = 300


class _Search(NamedTuple):
    """The result of a search for an ingress that a create may have made.

    Attributes:
        existing: The ingress that its domain has now.
        now: The time of the search by the server's clock, if it is known.
        doubt: Why it is unknown whether the create made an ingress, as a clause. "" if there is an ingress, and if it
            is certain that there is none.
    """

    existing: IngressModel | None
    now: datetime | None = None
    doubt: str = ""


class AgentIngressClient:
    """Creates, reads, finds, lists, updates and deletes the Agent Ingresses of one account.

    Each call retries its requests until it times out; see the table at `Transport`. A POST may be retried too: a
    domain has at most one Agent Ingress, so a second POST can't make a second one.

    A write whose response was lost, or that failed transiently, is first repeated, as `Attempts` allows. If there is no
    usable response in the end, or an unusable one, it is settled by a read:

    - A create searches for the ingress by its domain. If it was made after our first request, with our values, it is
      ours.
    - An update or delete reads the ingress by its ID.
    - The same holds for a write that an intermediary, such as a proxy, rejected with a 4xx that is not from ngrok.
      ngrok may carry it out even later.

    Threads may share a client. After a 429, all calls wait together. A call without a budget has the timeout of the
    client. Where a `domain` is given, a response about another domain is an error.
    """

    def __init__(
        self,
        api_key: Secret,
        base_url: str = PUBLIC_API,
        timeout_seconds: float = DEFAULT_CALL_SECONDS,
        *,
        api_key_source: str = "the argument api_key",
        base_url_source: str = "the argument base_url",
        base_url_hint: str = "",
        show_progress: Callable[[str, str], None] = lambda line, subject: None,
        trace: Callable[[str], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        http_client: HttpClient | None = None,
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self._api_key = api_key
        self._clock = clock
        self.sanitize = sanitize = Redactor(api_key).sanitize
        self._error_mapping = ErrorMapping(
            canonical_base_url(base_url), base_url_source, base_url_hint, api_key_source, sanitize
        )
        is_loopback = urlsplit(base_url).hostname in LOOPBACK_HOSTS
        self._transport = Transport(
            # Plain http is only for this machine, and a proxy is usually another machine.
            http_client or HttpClient(api_key, sanitize, use_proxies=not is_loopback),
            self._error_mapping,
            is_loopback=is_loopback,
            show_progress=show_progress,
            trace=trace,
            clock=clock,
        )
        self.list_cache = ListCache(lambda budget: self.list_readable(None, budget), clock)
        """The list of the account that calls share, for searches that need no new one."""

    def budget(
        self, seconds: float | None = None, is_cancelled: Callable[[], bool] = lambda: False, subject: str = ""
    ) -> Budget:
        """Returns the time budget of a call; None for the timeout of the client. See `Budget`."""
        return Budget(self.timeout_seconds if seconds is None else seconds, self._clock, is_cancelled, subject)

    # -- the calls ----------------------------------------------------------------------------------------

    def create(self, inputs: Mapping[str, Any], budget: Budget | None = None) -> IngressModel:
        """Creates an Agent Ingress with valid values in canonical form, by the names of the API's fields.

        Raises CreateUnsettledError if a response was lost and it is unknown whether the ingress was made, and
        CreatedUnreadError if it was made, but could not be read.
        """
        budget = budget or self.budget()
        domain: str = inputs["domain"]
        request = Request("POST", f"create the Agent Ingress {domain}", domain=domain, body=inputs)
        sent = self._write(request, budget)
        try:
            return self._ingress(request, sent.response())
        except errors.NgrokError as error:
            # After a success, too, it is the time of an attempt that may have made the ingress.
            if sent.possibly_applied_since is None:
                raise
            last_error = error
        return self._settle_create(inputs, last_error, sent.possibly_applied_since, self._settling(budget))

    def get(self, id_: str, budget: Budget | None = None, *, domain: str = "") -> IngressModel:
        """Reads one Agent Ingress. Raises NotFoundError if the account of the key has none with this ID."""
        request = Request("GET", f"read the Agent Ingress {_name(id_, domain)}", self._check_id(id_), domain)
        return self._ingress(request, self._transport.send(request, budget or self.budget()).response())

    def get_one_of_many(
        self, id_: str, budget: Budget | None = None, *, domain: str = ""
    ) -> tuple[IngressModel, Sequence[errors.UnreadableIngressError]]:
        """Reads one Agent Ingress, for callers that read many: reads that follow each other share a list.

        An ingress that the list lacks is read by its ID, because the list alone does not prove that it is gone.

        Returns the ingress, and an error for each one that the list leaves out, because it can't be read. Raises that
        error if it is about this ingress.
        """
        budget = budget or self.budget()
        in_list = self.list_cache.find(self._check_id(id_), budget)
        ingress = in_list.ingress
        if ingress is None or domain not in ("", ingress.domain):
            # It also raises the error about another domain.
            ingress = self.get(id_, budget, domain=domain)
        return ingress, in_list.unreadable

    def find(self, domain: str, budget: Budget | None = None) -> IngressModel | None:
        """Returns the Agent Ingress of a domain in canonical form, in the account of the key; None without one."""
        return self._find(domain, budget or self.budget())[0]

    def update(
        self, id_: str, changes: Mapping[str, Any], budget: Budget | None = None, *, domain: str = ""
    ) -> IngressModel:
        """Changes the given fields of an Agent Ingress. `""` clears a string; ngrok may ignore a policy of None.

        Raises UpdateUnsettledError if a response was lost, and the ingress has other values or can't be read.
        """
        budget = budget or self.budget()
        name = _name(id_, domain)
        request = Request("PATCH", f"update the Agent Ingress {name}", self._check_id(id_), domain, body=dict(changes))
        sent = self._write(request, budget)
        try:
            return self._ingress(request, sent.response())
        except errors.NgrokError as error:
            if sent.possibly_applied_since is None or isinstance(error, errors.NotFoundError):
                raise
            last_error = error
        # The response was lost, or is unusable: the values of the ingress show whether it was changed.
        existing = self._get_or_error(id_, domain, self._settling(budget))
        unknown = f"it is unknown whether the Agent Ingress {name} was changed ({last_error}). The Agent Ingress"
        if isinstance(existing, errors.NgrokError):
            raise errors.UpdateUnsettledError(f"{unknown} could not be read afterwards ({existing})")
        if _matches(existing, changes):
            return existing
        message = str(last_error) if _is_rejection(last_error) else f"{unknown} did not have the new values afterwards"
        raise errors.UpdateUnsettledError(message, existing=existing)

    def delete(self, id_: str, budget: Budget | None = None, *, domain: str = "") -> None:
        """Deletes an Agent Ingress. NotFoundError may mean that this call deleted it, and the response was
        lost. It proves nothing about another account, so callers judge it.

        Raises DeleteUnsettledError if a response was lost, and the ingress still exists or can't be read. The next
        delete settles that.
        """
        budget = budget or self.budget()
        name = _name(id_, domain)
        request = Request("DELETE", f"delete the Agent Ingress {name}", self._check_id(id_), domain)
        sent = self._write(request, budget)
        try:
            response = sent.response()
        except errors.NgrokError as error:
            if sent.possibly_applied_since is None or isinstance(error, errors.NotFoundError):
                raise
            last_error = error
        else:
            if response.status_code == 204:
                return
            # ngrok confirms a delete with 204, so this response may be from an intermediary.
            wrong = f"status {response.status_code} instead of 204"
            last_error = self._error_mapping.bad_response(request, response, wrong)
        # The response was lost, or is unusable: if ngrok has no ingress with this ID, this raises NotFoundError.
        existing = self._get_or_error(id_, domain, self._settling(budget))
        if isinstance(existing, errors.NgrokError):
            found = f"could not be read afterwards ({existing})"
        elif _is_rejection(last_error):
            # The ingress still exists, and ngrok will not delete it later.
            raise last_error
        else:
            found = "still existed afterwards, but ngrok may delete it later"
        raise errors.DeleteUnsettledError(
            f"it is unknown whether the Agent Ingress {name} was deleted ({last_error}). The Agent Ingress {found}. "
            "Run the same command again, or `pulumi up` to keep it"
        )

    def list(
        self,
        filter: str | None = None,  # noqa: A002
        budget: Budget | None = None,
    ) -> builtins.list[IngressModel]:
        """Returns all Agent Ingresses of the account, the newest first, or those that match a filter in ngrok's CEL.

        Fails if one of them can't be read, because a program that loops over a list with a hole deletes records.
        """
        return self.list_readable(filter, budget).complete()

    def list_readable(self, filter: str | None = None, budget: Budget | None = None) -> Listing:  # noqa: A002
        """Returns what `list` returns, without the ingresses that can't be read. Callers must report those."""
        # ngrok's longest page, which is also the default.
        query = {"limit": "100"} if filter is None else {"limit": "100", "filter": filter}
        return self._read_pages(query, budget or self.budget(), "list the Agent Ingresses")

    # -- for messages and states --------------------------------------------------------------------------

    def describe(self, ingress: IngressModel) -> str:
        """Returns a description of an ingress for messages: its ID and its time of creation."""
        return f"{self.sanitize(ingress.id, 100)}, created at {self.sanitize(ingress.created_at, 40)}"

    # -- reading ------------------------------------------------------------------------------------------

    def _find(self, domain: str, budget: Budget) -> tuple[IngressModel | None, datetime | None]:
        """Returns the ingress of a domain, if there is one, and the time of the response by the server's clock.

        Fails if an ingress can't be read, because it may be this one.
        """
        doing = f"find the Agent Ingress {domain}"
        listing = self._read_pages({"filter": f'obj.domain == "{domain}"'}, budget, doing)
        found = next((ingress for ingress in listing.complete() if ingress.domain == domain), None)
        return found, listing.listed_at

    def _read_pages(self, first: Mapping[str, str], budget: Budget, doing: str) -> Listing:
        """Returns the ingresses on all pages. `first` is the query for the first one.

        Fails if a page can't be read, if the list exceeds a limit or repeats a page, and if the call times out
        before the last page.
        """
        queries = [dict(first)]
        size = 0
        found: list[IngressModel | errors.UnreadableIngressError] = []
        while True:
            request = Request("GET", doing, query=queries[-1])
            response = self._transport.send(request, budget).response()
            page = self._page(request, response)
            found += map(self._ingress_or_error, page.ingresses)
            size += len(response.content)
            if size > LONGEST_LIST_BYTES:
                raise _bad_list(doing, f"is larger than {LONGEST_LIST_BYTES >> 20} MiB")
            if len(found) > MOST_INGRESSES:
                raise _bad_list(doing, f"has more than {MOST_INGRESSES:,} Agent Ingresses")
            # An empty page is the last one only if it names no other.
            if not page.next_page_uri:
                break
            # Only the query is used: the key must not be sent to another host.
            query = dict(parse_qsl(page.next_page_uri.partition("?")[2]))
            if query in queries:
                raise _bad_list(doing, "continues on a page that was read already")
            if len(queries) == MOST_PAGES:
                raise _bad_list(doing, f"has more than {MOST_PAGES} pages")
            queries.append(query)
            # `Transport.send` would not end a loop of pages, because it sends each request at least once.
            if budget.left <= 0:
                time = format_duration(budget.elapsed)
                raise errors.UnreachableError(
                    f"could not {doing}: ngrok returned more pages than could be read in {time}"
                )
        ingresses = [each for each in found if isinstance(each, IngressModel)]
        unreadable = [each for each in found if isinstance(each, errors.UnreadableIngressError)]
        return Listing(ingresses, unreadable, response.date)

    # -- settling a write whose response was lost ----------------------------------------------------------

    # | the read finds       | create                         | update                 | delete                       |
    # |----------------------|--------------------------------|------------------------|------------------------------|
    # | what the call wanted | success                        | success                | NotFoundError                |
    # | something else       | CreateUnsettledError           | UpdateUnsettledError   | DeleteUnsettledError, or the |
    # |                      |                                |                        | rejection if ngrok rejected  |
    # |                      |                                |                        | the last attempt             |
    # | nothing              | CreateUnsettledError, or the   | NotFoundError          | see above                    |
    # |                      | rejection if ngrok rejected    |                        |                              |
    # |                      | the last attempt, but not      |                        |                              |
    # |                      | because of the domain          |                        |                              |
    # | an error             | CreateUnsettledError, or       | UpdateUnsettledError   | DeleteUnsettledError         |
    # |                      | CreatedUnreadError             |                        |                              |

    def _settling(self, budget: Budget) -> Budget:
        """Returns the budget for settling a write, in the time that `_write` reserved and what else is left."""
        return budget.part(min(SETTLING_SECONDS, budget.left))

    def _settle_create(
        self, inputs: Mapping[str, Any], last_error: errors.NgrokError, sent_at: float, budget: Budget
    ) -> IngressModel:
        """Returns the ingress that a create has made whose response was lost, or is unusable.

        `sent_at` is the time of the first attempt that may have made it, by the monotonic clock. Otherwise, raises the
        last error if ngrok rejected the create, or one of the errors of `create`.
        """
        domain: str = inputs["domain"]
        search = self._search_created(domain, last_error, budget)
        # An unusable response that has our domain and an ID: it was made.
        made = last_error if isinstance(last_error, errors.UnreadableIngressError) else None
        if search.doubt and made is not None:
            raise errors.CreatedUnreadError(
                f"the Agent Ingress {domain} ({made.id}) was created, but could not be read: {made.problem}; "
                f"{search.doubt}",
                id_=made.id,
            )
        if search.doubt:
            raise errors.CreateUnsettledError(
                f"it is unknown whether the Agent Ingress {domain} was created ({last_error}); {search.doubt}"
            )
        existing = search.existing
        if existing is None:
            # ngrok rejected the last attempt, and no earlier one had made an ingress.
            raise last_error
        is_made = made is not None and existing.id == made.id
        if is_made or self._is_ours(existing, inputs, sent_at, search.now):
            return existing
        message = f"it is unknown whether the Agent Ingress {domain} was created"
        if isinstance(last_error, errors.ApiError):
            # ngrok's words are kept, with their code and operation ID.
            message = f"{last_error}; a response was lost"
        raise errors.CreateUnsettledError(f"{message}: the one there may be another's", existing=existing)

    def _get_or_error(self, id_: str, domain: str, budget: Budget) -> IngressModel | errors.NgrokError:
        """Returns the ingress, or the error that it could not be read. Raises NotFoundError if ngrok has none."""
        try:
            return self.get(id_, budget, domain=domain)
        except errors.NotFoundError:
            raise
        except errors.NgrokError as error:
            return error

    def _search_created(self, domain: str, last_error: errors.NgrokError, budget: Budget) -> _Search:
        """Searches for the ingress of a domain after a create whose last error is given, until it appears.

        If ngrok rejected the last attempt for another reason than the domain, one search is enough: an earlier attempt
        has made the ingress by then, or none ever will.
        """
        is_domain_taken = isinstance(last_error, errors.DomainExistsError)
        missing = "ngrok does not list it, but it may still appear"
        if is_domain_taken:
            missing = "this account does not have it, so it belongs to another account or may still appear"
        searches = 0
        doing = f"find out whether the Agent Ingress {domain} was created"
        with self._transport.progress.of_call(doing, budget) as progress:
            while True:
                try:
                    existing, now = self._find(domain, budget)
                except errors.NgrokError as error:
                    return _Search(None, doubt=f"a search for it failed ({error})")
                if existing is not None or (_is_rejection(last_error) and not is_domain_taken):
                    return _Search(existing, now)
                searches += 1
                pause = backoff_seconds(searches, clock=self._clock)
                if pause >= budget.left:
                    return _Search(None, doubt=missing)
                progress.show_wait(missing, pause)
                self._clock.sleep(pause)

    def _is_ours(self, existing: IngressModel, inputs: Mapping[str, Any], sent_at: float, now: datetime | None) -> bool:
        """Returns whether our create made this ingress: it is not older than the first request, and has our values.

        `sent_at` is the time of that request by the monotonic clock, and `now` the current time by the server's clock,
        if it is known.
        """
        made_at = parse_time(existing.created_at)
        if now is None or made_at is None:
            return False
        # Both times are by the server's clock, because the local one may be wrong.
        first_sent = now - timedelta(seconds=self._clock.monotonic() - sent_at)
        values = {"description": "", "metadata": "", POLICY: None, **inputs}
        return made_at >= first_sent - CLOCK_SLACK and _matches(existing, values)

    # -- any request --------------------------------------------------------------------------------------

    def _check_id(self, id_: str) -> str:
        """Returns the ID if it is safe, and raises InvalidInputsError otherwise."""
        if not self._is_id(id_):
            shown = self.sanitize(id_, 60)
            raise errors.InvalidInputsError(f'"{shown}" is not the ID of an Agent Ingress; {ID_HINT}')
        return id_

    def _is_id(self, id_: str) -> bool:
        """Returns whether an ID is safe in paths, messages and states."""
        return bool(PLAIN_ID.fullmatch(id_)) and not holds_secret(id_, self._api_key.get_secret_value())

    def _write(self, request: Request, budget: Budget) -> Sent:
        """Sends a write, and reserves some of its time for settling it. Later reads don't use a list from before it."""
        self.list_cache.clear()
        try:
            return self._transport.send(request, budget.reserve(min(SETTLING_SECONDS, budget.seconds / 4)))
        finally:
            # Again, because another thread may have read a list meanwhile.
            self.list_cache.clear()

    def _ingress(self, request: Request, response: Response) -> IngressModel:
        """Returns the ingress in a response that is about this one alone.

        Raises UnreadableIngressError if the response is about the ingress of the request, but has an invalid value, and
        BadResponseError if it is about another ingress, or about none.
        """
        ingress = self._ingress_or_error(self._json(request, response))
        if isinstance(ingress, errors.UnreadableIngressError):
            unreadable = ingress
            # The ID is enough if the request has one, because the domain may be what is invalid.
            is_requested = (
                unreadable.id == request.id_ if request.id_ is not None else unreadable.domain == request.domain
            )
            if unreadable.id and is_requested:
                raise unreadable
            raise self._error_mapping.bad_response(request, response, unreadable.problem)
        # An ingress never changes its domain, so another domain means another ingress.
        if request.id_ not in (None, ingress.id) or request.domain not in ("", ingress.domain):
            raise self._error_mapping.bad_response(request, response, "it describes another Agent Ingress")
        return ingress

    def _page(self, request: Request, response: Response) -> IngressPageModel:
        content = self._json(request, response)
        try:
            return IngressPageModel.model_validate(content)
        except ValidationError as error:
            wrong = _first_problem(error)
        # Outside of `except`, so that the error does not refer to one with the response, which may repeat the API key.
        raise self._error_mapping.bad_response(request, response, wrong)

    def _json(self, request: Request, response: Response) -> object:
        try:
            return response.json()
        except ValueError:
            wrong = "not JSON"
        # As in `_page`.
        raise self._error_mapping.bad_response(request, response, wrong)

    def _ingress_or_error(self, content: object) -> IngressModel | errors.UnreadableIngressError:
        """Returns the ingress that a response describes, or the error that it can't be read."""
        try:
            return IngressModel.model_validate(content)
        except ValidationError as error:
            problem = self.sanitize(_first_problem(error), 100)
        values = content if isinstance(content, dict) else {}
        id_, domain = values.get("id"), values.get("domain")
        id_ = id_ if isinstance(id_, str) and self._is_id(id_) else ""
        # One more, because ngrok may return a trailing dot.
        domain = canonical_domain(domain) if isinstance(domain, str) and len(domain) <= DOMAIN_MAX_BYTES + 1 else ""
        name = self.sanitize(_name(id_, domain)) or "without a readable ID or domain"
        message = f"could not read the Agent Ingress {name}: ngrok's response is invalid: {problem}"
        return errors.UnreadableIngressError(message, id_=id_, domain=domain, problem=problem)


def _first_problem(error: ValidationError) -> str:
    # Pydantic's messages do not contain the value.
    problem = error.errors()[0]
    return ": ".join([*map(str, problem["loc"]), problem["msg"]])


def _bad_list(doing: str, wrong: str) -> errors.BadResponseError:
    return errors.BadResponseError(f"could not {doing}: ngrok's list {wrong}")


def _is_rejection(error: errors.NgrokError) -> bool:
    """Returns whether ngrok itself rejected the last attempt of a write, so that it does not carry it out later."""
    return isinstance(error, errors.ApiError) and error.is_from_ngrok and not error.is_transient


def _matches(ingress: IngressModel, inputs: Mapping[str, Any]) -> bool:
    """Returns whether the ingress has the values."""
    existing = ingress.plain()
    return all(
        matches_policy(existing[name], value) if name == POLICY else existing[name] == value
        for name, value in inputs.items()
    )


def _name(id_: str, domain: str) -> str:
    # Both may come from a state that was edited by hand.
    return f"{one_line(domain, 253)} ({one_line(id_, 60)})" if domain and id_ else one_line(domain or id_, 253)
