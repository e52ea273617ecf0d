"""Client of ngrok's Agent Ingress API: the reads, the retries of all requests, and the errors for failures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from . import errors
from .budget import Budget
from .clock import Clock, format_duration
from .redaction import Secret, one_line
from .request import NoResponse, Request, Response
from .values import ID_HINT, PLAIN_ID, PUBLIC_API

if TYPE_CHECKING:
    # These modules load requests and pydantic, which a process that sends nothing does not need.
    from .http import HttpClient
    from .models import IngressModel, ResponseModel

    Model = TypeVar("Model", bound=ResponseModel)

LONGEST_PAUSE_SECONDS = 20.0

# How long a request is retried if no connection can be made.
UNCONNECTED_SECONDS = 30.0

# The limits of a list. MOST_INGRESSES is for a server that ignores the limit of a page. Accounts have a few ingresses.
MOST_PAGES = 100
MOST_INGRESSES = 10_000

_DOMAIN_EXISTS = "ERR_NGROK_6706"
# The codes of a 404 for an ID in the wrong form.
_MALFORMED_ID_CODES = ("ERR_NGROK_222", "ERR_NGROK_227")
# The codes of a 403 for a valid key whose plan or permissions do not allow the request.
_PERMISSION_CODES = ("ERR_NGROK_1219", "ERR_NGROK_6707")


@dataclass(frozen=True)
class Sent:
    """The result of a request after its last attempt: the response, with a status below 300, or the error.

    For a write, `in_doubt_since` is when the first attempt began that ngrok may have carried out
    (`may_have_effect`), by the monotonic clock. A later rejection does not reset this time. Without such an attempt,
    and for a read, `in_doubt_since` is None.
    """

    result: Response | errors.NgrokError
    in_doubt_since: float | None

    def response(self) -> Response:
        """Returns the response, or raises the error."""
        if isinstance(self.result, errors.NgrokError):
            raise self.result
        return self.result


class Client:
    """Sends requests to one account, for all threads of a process.

    `settling` has the writes, and `ListCache` the reads of a refresh.

    A request is retried as long as the next attempt can begin within the budget. The pauses double from 1 second up to
    20 seconds. Each pause is then shortened at random, by at most half. The outcome decides whether there is a retry:

    | outcome                              | retried                                       |
    |--------------------------------------|-----------------------------------------------|
    | no response, an incomplete response  | yes                                           |
    | no connection                        | yes, for 30 seconds                           |
    | 429, 500, 502, 503, 504              | yes, at the earliest after its `Retry-After`  |
    | a redirect                           | no, and it is never followed                  |
    | any other status                     | no                                            |
    | a certificate that can't be verified | no                                            |
    | a malformed base URL or proxy URL    | no                                            |
    | a response that is too large         | no                                            |
    """

    def __init__(
        self,
        api_key: Secret,
        base_url: str = PUBLIC_API,
        *,
        api_key_source: str = "the argument api_key",
        base_url_source: str = "the argument base_url",
        clock: Clock | None = None,
    ) -> None:
        """Sends nothing. Messages name the sources of the key and the base URL."""
        self.sanitize = api_key.sanitize
        self.clock = clock or Clock()
        self._api_key = api_key
        self._base_url = base_url
        self._api_key_source = api_key_source
        self._base_url_source = base_url_source
        # Each write replaces this object, so that `ListCache` drops its list.
        self.last_write = object()

    # -- reads --------------------------------------------------------------------------------------------

    def get(self, id_: str, budget: Budget) -> IngressModel:
        """Reads one Agent Ingress. Raises NotFoundError if the account of the key has no ingress with this ID."""
        request = Request("GET", f"read the Agent Ingress {id_}", id_)
        return self.ingress_in(request, self.send(request, budget).response())

    def list_ingresses(self, cel: str | None, budget: Budget) -> list[IngressModel]:
        """Returns the account's Agent Ingresses, newest first: all, or only those that the filter `cel` selects."""
        query = {"limit": "100"} if cel is None else {"limit": "100", "filter": cel}
        return self._read_pages("list the Agent Ingresses", query, budget)[0]

    def find(self, domain: str, budget: Budget) -> tuple[IngressModel | None, datetime | None]:
        """Returns the account's Agent Ingress with a canonical domain, and ngrok's time. Either may be None.

        Callers are lookups, the message about a taken domain, and a create in doubt. Only the create needs the time.
        """
        # A quote or a backslash could end the string in the filter. No domain contains either character.
        unquoted = re.sub(r'["\\]', "", domain)
        query = {"filter": f'obj.domain == "{unquoted}"'}
        found, now = self._read_pages(f"find the Agent Ingress {domain}", query, budget)
        return next((each for each in found if each.domain == domain), None), now

    def _read_pages(
        self, doing: str, query: Mapping[str, str], budget: Budget
    ) -> tuple[list[IngressModel], datetime | None]:
        from .models import IngressPageModel

        ingresses: list[IngressModel] = []
        for _ in range(MOST_PAGES):
            request = Request("GET", doing, query=query)
            response = self.send(request, budget).response()
            page = self._parsed(IngressPageModel, request, response)
            ingresses += page.ingresses
            if not page.next_page_uri:
                return ingresses, response.date
            if len(ingresses) > MOST_INGRESSES or budget.left <= 0:
                break
            # Only the query of the URI is used: the key must not be sent to a host that a response names.
            query = dict(parse_qsl(page.next_page_uri.partition("?")[2]))
        read = f"{len(ingresses)} of them in {format_duration(budget.elapsed)}"
        raise errors.BadResponseError(f"could not {doing}: ngrok's list did not end after {read}")

    # -- any request --------------------------------------------------------------------------------------

    def send(self, request: Request, budget: Budget) -> Sent:
        """Sends a request, and retries it by the table above. The first attempt is made even without time left."""
        if request.id_ is not None:
            self.require_id(request.id_)
        is_write = request.method != "GET"
        in_doubt_since = None
        last_connected = self.clock.monotonic()
        pause = 1.0
        try:
            while True:
                began = self.clock.monotonic()
                outcome = self._http.send(request, budget.left)
                if is_write and outcome.may_have_effect and in_doubt_since is None:
                    in_doubt_since = began
                if isinstance(outcome, Response) and outcome.status < 300:
                    return Sent(outcome, in_doubt_since)
                if isinstance(outcome, Response) or outcome.was_sent:
                    last_connected = self.clock.monotonic()
                wait = max(self.clock.jitter(pause), outcome.retry_after)
                is_unconnected = began - last_connected >= UNCONNECTED_SECONDS
                if not outcome.is_transient or is_unconnected or wait >= budget.left:
                    return Sent(self._error(request, outcome, budget), in_doubt_since)
                budget.wait(wait, request.doing, self._reason(outcome))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except errors.InterruptedCallError as error:
            return Sent(error, in_doubt_since)
        finally:
            if is_write:
                self.last_write = object()

    def ingress_in(self, request: Request, response: Response) -> IngressModel:
        """Returns the ingress in a response. Raises BadResponseError if it is not the requested ingress."""
        from .models import IngressModel

        ingress = self._parsed(IngressModel, request, response)
        domain = (request.body or {}).get("domain", ingress.domain)
        if request.id_ not in (None, ingress.id) or domain != ingress.domain:
            raise self._bad_response(request, response, "it describes another Agent Ingress")
        return ingress

    def require_deleted(self, request: Request, response: Response) -> None:
        """Raises BadResponseError if a response does not confirm a delete."""
        if response.status != 204:
            raise self._bad_response(request, response, "ngrok confirms a delete with 204")

    def require_id(self, id_: str) -> None:
        """Raises InvalidArgumentError for a string that is not safe in a path."""
        # If a user passes the API key as an ID, the key would be sent in a URL, and proxies would log it.
        if not PLAIN_ID.fullmatch(id_) or id_ == self._api_key.get_secret_value():
            shown = self.sanitize(id_, 60)
            raise errors.InvalidArgumentError(f'"{shown}" is not the ID of an Agent Ingress; {ID_HINT}')

    @cached_property
    def _http(self) -> HttpClient:
        from .http import HttpClient

        return HttpClient(self._api_key, self._base_url)

    def _parsed(self, model: type[Model], request: Request, response: Response) -> Model:
        from pydantic import ValidationError

        try:
            return model.model_validate(response.json())
        except ValidationError as error:
            # The message of a ValidationError contains values of the response, and its context may contain some, too.
            problem = error.errors()[0]
            wrong = ": ".join([*map(str, problem["loc"]), problem["msg"]])
        raise self._bad_response(request, response, wrong)

    # -- failures -----------------------------------------------------------------------------------------

    def _bad_response(self, request: Request, response: Response, wrong: str) -> errors.BadResponseError:
        """Returns the error for a response that does not match ngrok's documentation."""
        excerpt = self.sanitize(response.content[:400].decode("utf-8", "replace"), 80)
        return errors.BadResponseError(
            f"could not {request.doing}: {self._base_url} responded {response.status}, and {one_line(wrong, 150)} "
            f'(body begins "{excerpt}")'
        )

    def _error(self, request: Request, outcome: Response | NoResponse, budget: Budget) -> errors.NgrokError:
        could_not = f"could not {request.doing}: {self._reason(outcome)}"
        if outcome.is_transient and budget.elapsed >= 1:
            could_not += f", for {format_duration(budget.elapsed)}"
        if isinstance(outcome, NoResponse):
            if not outcome.was_sent:
                network = "the network, and " if outcome.is_transient else ""
                could_not += f"; check {network}the base URL from {self._base_url_source}"
            return errors.UnreachableError(could_not)
        status, fault = outcome.status, outcome.fault
        code = fault.code if fault else ""
        # A 404 means "no such Agent Ingress" only if the request has an ID, and the response has ngrok's fault, and the
        # fault is not about the path. Any other 404 comes from another server or another API.
        is_other_404 = status == 404 and (not request.id_ or fault is None or fault.is_about_path)
        if status < 400 or is_other_404:
            return errors.BadResponseError(
                f"{could_not}: this is not ngrok's Agent Ingress API. The base URL came from {self._base_url_source}, "
                f"and ngrok's is {PUBLIC_API}"
            )
        kind = errors.ApiError
        if status in (401, 403):
            kind = errors.AuthenticationError
            could_not += f". The API key came from {self._api_key_source}"
            if code not in _PERMISSION_CODES:
                could_not += "; check that it is a valid API key of your account, not an authtoken"
        elif code == _DOMAIN_EXISTS:
            kind = errors.DomainExistsError
        elif status == 404 and code not in _MALFORMED_ID_CODES:
            kind = errors.NotFoundError
        return kind(could_not, status=status, code=code)

    def _reason(self, outcome: Response | NoResponse) -> str:
        """Returns why an attempt failed, as a clause."""
        if isinstance(outcome, NoResponse):
            missing = "no response from" if outcome.was_sent else "no connection to"
            return f"{missing} {self._base_url}: {outcome.reason}"
        fault = outcome.fault
        if fault is None:
            target = self.sanitize(outcome.headers.get("Location", "").partition("?")[0], 100)
            to = f" with a redirect to {target}" if target else ", without an ngrok error"
            return f"{self._base_url} responded {outcome.status}{to}"
        said = f"{outcome.status} {fault.code}".rstrip() + f": {fault.message}"
        operation = f" ({self.sanitize(fault.operation_id, 60)})" if fault.operation_id else ""
        return f"ngrok responded {self.sanitize(said)}{operation}"
