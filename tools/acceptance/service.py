"""Sends one request exactly as it is told, and returns whatever the answer is.

The client of the package can't do this: it repeats requests, refuses wrong ones, and puts answers into its own words.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import requests
from urllib3.util import parse_url

from pulumi_agin.api.access import LOOPBACK_HOSTS, Secret
from pulumi_agin.api.clock import Clock
from pulumi_agin.api.retry import parse_http_date
from pulumi_agin.canonical import canonical_domain
from pulumi_agin.limits import AGENT_INGRESS_ID

COLLECTION = "/agent_ingresses"

PACE = 100
"""The most requests that are sent in a minute. ngrok allows the whole account 120."""
WINDOW_SECONDS = 60
PATIENCE_SECONDS = 300
"""How long one request waits in all: for the limit of the account, and for the network."""
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 16

_TIMES_OUT = (10, 60)
"""Seconds to connect, and between two parts of an answer."""
_OF_A_GATEWAY = (502, 503, 504)
# What can be sent again without another outcome. A POST or DELETE whose answer was lost may have been carried out.
_REPEATABLE = ("GET", "PATCH", "PUT")


class CouldNotAskError(Exception):
    """There is no answer to a question. The text is a clause that says why."""


class StrangeAnswerError(CouldNotAskError):
    """An answer has another shape than any that is documented."""


class WaitedInVainError(CouldNotAskError):
    """No answer came within the time. The next requests would wait in vain as well."""


@dataclass(frozen=True)
class Request:
    """A request. By default, it is one that ngrok accepts."""

    method: str = "GET"
    path: str = COLLECTION
    query: str = ""
    """The query, percent-encoded."""
    json: object = None
    """What is sent as JSON; None for no body."""
    text: str | None = None
    """The body as it is, in place of `json`."""
    content_type: str | None = "application/json"
    """The header, if there is a body; None for none."""
    version: str | None = "2"
    """The header Ngrok-Version; None for none."""
    authorization: str | None = "Bearer {api_key}"
    """The header Authorization, in which `{api_key}` stands for the key; None for none."""

    @property
    def body(self) -> bytes | None:
        """The body; None for none."""
        if self.text is not None:
            return self.text.encode()
        return None if self.json is None else json.dumps(self.json).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers, without Authorization."""
        headers = {"User-Agent": "pulumi-agin-acceptance"}
        if self.version is not None:
            headers["Ngrok-Version"] = self.version
        if self.body is not None and self.content_type is not None:
            headers["Content-Type"] = self.content_type
        return headers


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: Any
    """The parsed JSON; None if there is no body, or if it is not JSON."""
    is_json: bool

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the body; none if it is not an object."""
        return cast("dict[str, Any]", self.content) if isinstance(self.content, dict) else {}

    @property
    def id(self) -> str | None:
        """The id of the ingress that the answer shows."""
        found = self.fields.get("id")
        return found if self.status < 300 and isinstance(found, str) and AGENT_INGRESS_ID.fullmatch(found) else None

    @property
    def error_code(self) -> str:
        """The error code; "" if the answer has none."""
        return str(self.fields.get("error_code") or "")

    @property
    def is_refusal_of_ngrok(self) -> bool:
        """Whether ngrok itself refused, so that nothing was done. Something else may have answered in its place."""
        return 400 <= self.status < 500 and self.error_code.startswith("ERR_NGROK_")

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, by the server's clock; None if it does not say."""
        return parse_http_date(self.headers.get("Date", ""))

    @property
    def msg(self) -> str:
        """The message; "" if the answer has none."""
        return str(self.fields.get("msg") or "")


@dataclass(frozen=True)
class OverLimit:
    """A request that was refused because the account had sent too many."""

    answer: Answer
    sent: int
    """How many requests this run had sent in the minute before."""


@dataclass
class Service:
    """ngrok's API, or something that stands in for it."""

    base_url: str
    api_key: Secret
    clock: Clock
    kept: frozenset[str] = frozenset()
    """The ids of what was there before the run, which no request may delete; see `protect`."""
    created: dict[str, str] = field(default_factory=dict[str, str])
    """The domains of the ingresses that the run has created and not deleted, by id; see `remember`."""
    unanswered: set[str] = field(default_factory=set[str])
    """The domains that the run may have created an ingress for, as it knows no answer; "" for one without a domain."""
    description: str = field(default_factory=lambda: f"created by make acceptance, run {secrets.token_hex(4)}")
    """What the run gives to an ingress without a domain, and no other run does."""
    ingresses: int = 0
    """How many ingresses the run has created."""
    sent: int = 0
    """How many requests were sent."""
    over_limit: list[OverLimit] = field(default_factory=list[OverLimit])

    def __post_init__(self) -> None:
        self._session = _HttpSession()
        self._recent: deque[float] = deque()

    @property
    def uses_proxies(self) -> bool:
        """Whether requests go through the proxy that the environment names.

        Those to this machine don't, as with the client of the package. The proxy would see the key in clear.
        """
        return (parse_url(self.base_url).host or "").strip("[]") not in LOOPBACK_HOSTS

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def ask(self, request: Request) -> Answer:
        """Sends a request, and waits while the account is over its limit.

        Returns:
            The answer, of whatever status.

        Raises:
            CouldNotAskError: No answer came, or none within the time.
        """
        if request.method == "DELETE" and _id_in(request) in self.kept:
            raise CouldNotAskError("it would delete what was there before the run")

        def authorize(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            # As a header, it would lose against an entry for the host in ~/.netrc.
            if request.authorization is not None:
                key = self.api_key.get_secret_value()
                prepared.headers["Authorization"] = request.authorization.replace("{api_key}", key)
            return prepared

        def send() -> Answer:
            response = self._session.request(
                request.method,
                f"{self.base_url}{request.path}{'?' if request.query else ''}{request.query}",
                data=request.body,
                headers=request.headers,
                auth=authorize,
                proxies=None if self.uses_proxies else {"http": "", "https": ""},
                allow_redirects=False,
                timeout=_TIMES_OUT,
            )
            return _answer(response)

        if request.method == "POST":
            self.unanswered.add(_domain_in(request))
        answer = self._until_answered(send, repeats=request.method in _REPEATABLE)
        if request.method == "POST" and (answer.id or answer.is_refusal_of_ngrok):
            self.unanswered.discard(_domain_in(request))
        self._note_what_it_did(request, answer)
        return answer

    def _until_answered(self, send: Callable[[], Answer], *, repeats: bool) -> Answer:
        end = self.clock.monotonic() + PATIENCE_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._keep_pace()
            answer: Answer | None = None
            try:
                answer = send()
                problem = f"{answer.status} {answer.error_code}".strip()
            except requests.RequestException as error:
                # Its text can hold the URL of a proxy, with a password.
                problem = f"no answer ({type(error).__name__})"
            if answer is not None and answer.status == 429:
                self.over_limit.append(OverLimit(answer, len(self._recent)))
            elif answer is not None and answer.status not in _OF_A_GATEWAY:
                return answer
            elif not repeats:
                raise CouldNotAskError(problem)
            if self.clock.monotonic() + pause > end:
                raise WaitedInVainError(f"{problem}, for {PATIENCE_SECONDS // 60} minutes")
            self.clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _keep_pace(self) -> None:
        now = self.clock.monotonic()
        while self._recent and now - self._recent[0] >= WINDOW_SECONDS:
            self._recent.popleft()
        if len(self._recent) >= PACE:
            self.clock.sleep(self._recent.popleft() + WINDOW_SECONDS - now)
        self._recent.append(self.clock.monotonic())
        self.sent += 1

    def protect(self, ids: frozenset[str]) -> None:
        """Notes what was there before the run."""
        self.kept = ids

    def remember(self, id_: str, domain: str) -> None:
        """Notes that the run created an ingress, which it must delete. What was there before is never noted."""
        if id_ not in self.kept and id_ not in self.created:
            self.created[id_] = domain
            self.ingresses += 1

    def expect(self, domain: str) -> None:
        """Notes that the run may create an ingress for a domain, but not with `ask`."""
        self.unanswered.add(domain)

    def may_have_created(self, domain: str, description: str) -> bool:
        """Tells whether the run may have created an ingress, without knowing an answer that says so."""
        return domain in self.unanswered or ("" in self.unanswered and description == self.description)

    def forget(self, id_: str) -> None:
        """Notes that an ingress is gone."""
        self.created.pop(id_, None)

    def _note_what_it_did(self, request: Request, answer: Answer) -> None:
        """Notes each ingress that is created, whatever the request was meant to find out."""
        if request.method in ("POST", "PUT") and answer.id:
            self.remember(answer.id, str(answer.fields.get("domain") or ""))
        if request.method == "DELETE" and answer.status == 204:
            self.forget(_id_in(request))


def _id_in(request: Request) -> str:
    return request.path.rpartition("/")[2]


def _domain_in(request: Request) -> str:
    body = request.json
    return canonical_domain(str(cast("dict[str, object]", body).get("domain", ""))) if isinstance(body, dict) else ""


class _HttpSession(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # requests prepares the next request even if it is told not to follow redirects, and fails if it can't.
        return None


def _answer(response: requests.Response) -> Answer:
    content: object = None
    is_json = False
    try:
        content = response.json() if response.content else None
        is_json = bool(response.content)
    except (ValueError, RecursionError):
        pass
    return Answer(response.status_code, response.headers, content, is_json)
