"""The service that is asked, the ingresses that the questions need there, and what is interesting about answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, urlencode

from tools.acceptance.ingresses import Names
from tools.acceptance.service import COLLECTION, Answer, CouldNotAskError, Request, Service, StrangeAnswerError

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"

WATCH_SECONDS = 5
"""How long to wait before looking again."""
SHOWN_SECONDS = 60
"""How long to wait until a new ingress can be read."""

# What ngrok documents.
_KNOWN_KEYS = {
    "an ingress": {
        *("id", "uri", "description", "metadata", "domain", "ns_targets", "region_domains", "created_at"),
        *(POLICY, STATUS),
    },
    "a list": {"ingresses", "uri", "next_page_uri"},
    "a policy": {"authority", "private_key_type"},
    "a status": {"renews_at", "provisioning_job"},
    "a job": {"error_code", "msg", "started_at", "retries_at"},
    "an error": {"error_code", "status_code", "msg", "details"},
}
_OF_THE_LIMIT = re.compile("rate-?limit|retry-after", re.IGNORECASE)


class StopError(Exception):
    """Nothing more can be asked. The text is a sentence."""


@dataclass(frozen=True)
class Seen:
    """What is interesting about an answer."""

    found: str
    msg: str = ""
    """The message of an error. Another text with the same meaning is no difference."""


@dataclass
class Ingress:
    """An ingress of the run."""

    id: str
    domain: str
    creates: list[Answer] = field(repr=False)
    """The answers to the requests to create it. The last one created it, and those before it were refused."""
    reads: list[Answer] = field(default_factory=list[Answer], repr=False)
    """The answers to the requests to read it, until one showed it."""

    @property
    def path(self) -> str:
        """Its path."""
        return f"{COLLECTION}/{self.id}"


class Session:
    """The questions to one service: the ingresses that they need there, and what is remarkable in all answers."""

    def __init__(self, service: Service, names: Names) -> None:
        """Creates nothing yet.

        Args:
            service: The service.
            names: The domains to use.
        """
        self.service = service
        self.names = names
        self.unknown_keys: dict[str, set[str]] = {}
        """What was seen of undocumented keys, by what had them."""
        self.limit_headers: set[str] = set()
        """The headers that were seen to say something about the limit."""
        self.jobs: dict[str, None] = {}
        """The texts of all jobs of certificates that were seen, each once."""
        self._first: Ingress | None = None
        self._second: Ingress | None = None
        self._why_no_second = ""

    @property
    def first(self) -> Ingress:
        """The first ingress, which is created when it is needed. It has a description and metadata.

        Raises:
            StopError: It can't be created.
        """
        if self._first is None:
            body = {"domain": self.names.first, "description": "created by make acceptance", "metadata": "{}"}
            try:
                answer = self.ask(Request("POST", json=body))
            except CouldNotAskError as error:
                # It may have been created, so another try would be refused.
                raise StopError(
                    f"whether an Agent Ingress for {self.names.first} was created is unknown: {error}"
                ) from None
            if answer.id is None:
                raise StopError(why_not(answer, self.names.first))
            self._first = Ingress(answer.id, self.names.first, [answer])
            self._wait_until_shown(self._first)
        return self._first

    @property
    def second(self) -> Ingress:
        """The second ingress, which is created when it is needed. It has neither a description nor metadata.

        Its domain is in mixed case, with a dot at the end, unless ngrok refuses that.

        Raises:
            CouldNotAskError: It can't be created.
        """
        if self._second is None:
            if not self._why_no_second:
                self._second = self._create_second()
            if self._second is None:
                raise CouldNotAskError(f"it needs a second ingress: {self._why_no_second}")
            self._wait_until_shown(self._second)
        return self._second

    def _create_second(self) -> Ingress | None:
        name = self.names.second
        answers: list[Answer] = []
        for domain in (f"{name.title()}.", name):
            try:
                answer = self.ask(Request("POST", json={"domain": domain}))
            except CouldNotAskError as error:
                self._why_no_second = str(error)
                return None
            answers.append(answer)
            if answer.id is not None:
                return Ingress(answer.id, name, answers)
        self._why_no_second = why_not(answers[-1], name)
        return None

    def ask(self, request: Request) -> Answer:
        """Sends a request, as `Service.ask` does, and notes what is remarkable in any answer."""
        answer = self.service.ask(request)
        self.limit_headers |= {name.lower() for name in answer.headers if _OF_THE_LIMIT.search(name)}
        for place, keys in keys_of(answer):
            unknown = keys - _KNOWN_KEYS[place]
            if unknown:
                self.unknown_keys.setdefault(place, set()).update(unknown)
        if job := job_in(answer):
            self.jobs[f"{job.get('error_code')}: {job.get('msg')}"] = None
        return answer

    def find(self, filter_: str, **more: object) -> Answer:
        """Returns the list of the ingresses that match a filter."""
        return self.ask(Request(query=urlencode({"filter": filter_, **more}, quote_via=quote)))

    def create_and_delete(self, request: Request, *, domain: str | None = None) -> Seen:
        """Sends a create that may be refused. What it creates is deleted at once.

        Args:
            request: The create.
            domain: The domain that it should create; None for any.
        """
        answer = self.ask(request)
        if answer.id is None:
            return outcome(answer)
        shown = str(answer.fields.get("domain")).lower()
        deleted = self.ask(Request("DELETE", f"{COLLECTION}/{answer.id}"))
        with_other = "" if domain in (None, shown) else ", with another domain"
        return Seen(f"{answer.status}: created{with_other}, and deleted with {deleted.status}")

    def _wait_until_shown(self, ingress: Ingress) -> None:
        clock = self.service.clock
        end = clock.monotonic() + SHOWN_SECONDS
        while True:
            shown = self.ask(Request(path=ingress.path))
            ingress.reads.append(shown)
            if shown.id or clock.monotonic() > end:
                return
            clock.sleep(WATCH_SECONDS)


# What is interesting about an answer


def outcome(answer: Answer) -> Seen:
    """Returns the status, the error code and the message."""
    found = str(answer.status)
    if answer.status >= 300:
        found += f" {answer.error_code}" if answer.error_code else " without an error code"
        details = answer.fields.get("details")
        if isinstance(details, dict) and "path" in details:
            found += ", with details.path"
        if answer.content is not None and not isinstance(answer.content, dict):
            found += ", not an object"
        elif not answer.is_json:
            found += ", not JSON"
    return Seen(found, answer.msg)


def spelling_of(answer: Answer) -> Seen:
    """Returns how a create whose domain was in mixed case shows its names."""
    if answer.id is None:
        return outcome(answer)
    fields = answer.fields
    others = [*names_in(fields, "ns_targets"), *names_in(fields, "region_domains")]
    case = "lower case" if all(name == name.lower() for name in others) else "other cases"
    return Seen(f"{answer.status}, domain: {fields.get('domain')}; the other names are in {case}")


def why_not(answer: Answer, domain: str) -> str:
    """Returns a sentence that says why an ingress was not created, and what to do."""
    refused = {
        "ERR_NGROK_6704": f"ngrok does not accept {domain} as a domain: name another DOMAIN",
        "ERR_NGROK_6705": f"ngrok counts {domain} as its own domain: name a DOMAIN that you own",
        "ERR_NGROK_6706": f"another ngrok account has an Agent Ingress for {domain}: name another DOMAIN",
        "ERR_NGROK_6707": "this ngrok account can't have Agent Ingresses: use an API key of an account that can",
    }
    why = refused.get(answer.error_code, f"ngrok did not create an Agent Ingress for {domain}: {answer.msg}")
    return f"{why} ({outcome(answer).found})."


def keys_of(answer: Answer) -> Iterator[tuple[str, set[str]]]:
    """Yields the keys of each object in an answer."""
    fields = answer.fields
    if answer.status >= 300:
        # What answers in place of the service has other keys.
        if "msg" in fields:
            yield "an error", set(fields)
        return
    ingresses = [fields] if answer.id else []
    if isinstance(fields.get("ingresses"), list):
        yield "a list", set(fields)
        ingresses = fields["ingresses"]
    for ingress in filter(_is_object, ingresses):
        yield "an ingress", set(ingress)
        status = object_in(ingress, STATUS)
        for place, found in (
            ("a policy", object_in(ingress, POLICY)),
            ("a status", status),
            ("a job", object_in(status, "provisioning_job")),
        ):
            yield place, set(found)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def object_in(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """Returns the object that a field holds; an empty one if it holds none."""
    value = fields.get(name)
    return cast("dict[str, Any]", value) if _is_object(value) else {}


def names_in(fields: dict[str, Any], name: str) -> list[str]:
    """Returns the domain names that a field holds, as they are.

    Raises:
        StrangeAnswerError: It holds something else.
    """
    names = fields.get(name) or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise StrangeAnswerError(f"{name} is not a list of names")
    return cast("list[str]", names)


def bare(names: list[str]) -> list[str]:
    """Returns names in lower case and without a dot at the end."""
    return [name.lower().rstrip(".") for name in names]


def listed_in(answer: Answer) -> list[dict[str, Any]]:
    """Returns the ingresses of a list.

    Raises:
        StrangeAnswerError: The answer is not a list.
    """
    listed = answer.fields.get("ingresses")
    if answer.status != 200 or not isinstance(listed, list):
        raise StrangeAnswerError(f"the list was answered with {outcome(answer).found}")
    if not all(map(_is_object, listed)):
        raise StrangeAnswerError("the list has something that is not an object")
    return cast("list[dict[str, Any]]", listed)


def job_in(answer: Answer) -> dict[str, Any] | None:
    """Returns the job of the certificate of an ingress; None if it has none."""
    job = object_in(object_in(answer.fields, STATUS), "provisioning_job")
    return job if isinstance(job.get("started_at"), str) else None
