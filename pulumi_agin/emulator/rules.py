"""Rules of the API, without HTTP: what a request changes, and the response to the request.

The order of the checks is a guess. Most HTTP statuses of errors are also guesses, because ngrok does not document them.
Here, the status is 403 for a wrong key, and 400 for other wrong inputs.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast, get_args
from urllib.parse import urlencode

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError, CELSyntaxError

from . import certificate_jobs
from .state import Ingress, PrivateKeyType, State, new_ingress, timestamp

COLLECTION = "/agent_ingresses"
MAX_PAGE = 100
"""The documented maximum, and default, of the page size of a list."""
STRINGS = {"description": (255, 6700), "metadata": (4096, 6701)}
"""The documented limit of each string, in bytes of UTF-8, and the error code of a longer string."""
POLICY = "certificate_management_policy"
FILTER_STRINGS = ("id", "domain", *STRINGS)
"""The strings of an ingress that a filter can use."""

_PATH = re.compile(f"{COLLECTION}(?:/([^/]+))?")
_ID = re.compile(r"agin_[0-9A-Za-z]{27}")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}|\*")
# ngrok does not document the list of its own domains. These domains are known to be in the list.
_NGROK_DOMAINS = ("ngrok.com", "ngrok.io", "ngrok.app", "ngrok.dev", "ngrok-free.app", "ngrok-agent.com")

# The HTTP status, and the documented message without advice and links, by the number after ERR_NGROK_.
ERRORS = {
    200: (403, "The ngrok API requires that you set the Authorization header for authentication."),
    202: (403, "The API authentication you specified does not look like a valid credential. Your credential: '{key}'."),
    213: (400, "The `application/json` request body could not be parsed."),
    214: (400, "The request parameter `{name}` is unknown and not expected. The supported fields are: `{supported}`."),
    215: (400, "The value provided for the request parameter `{name}` is invalid."),
    218: (400, "Your request has not specified an API version. Supported versions: `2`."),
    222: (404, "The ID `{id}` is not a valid Agent Ingress ID."),
    226: (429, "Your account is rate limited to {limit} API requests per minute."),
    231: (400, "The query part of the requested URI includes unknown parameters: `{unknown}`."),
    233: (400, "The page size limit must be between 1 and {maximum} but {value} was provided."),
    250: (400, "Invalid CEL query: {detail}"),
    # The next two messages are about characters, but ngrok counts bytes.
    6700: (400, "The description is limited to {maximum} characters, but the provided value had {length} characters."),
    6701: (400, "Metadata is limited to {maximum} characters, but the provided value had {length} characters."),
    6704: (400, 'The specified domain "{domain}" is not a valid domain name. Enter a valid DNS name.'),
    6705: (
        400,
        'The agent ingress domain "{domain}" must be a third party domain, you may not enter a domain controlled by '
        "ngrok.",
    ),
    6706: (400, 'The agent ingress domain "{domain}" already exists, choose another domain.'),
}


class RejectedRequestError(Exception):
    """An error that the API responds with. Some of ngrok's errors have no code."""

    def __init__(self, status: int, msg: str, *, code: int | None = None, **details: str) -> None:
        super().__init__(msg)
        self.status = status
        self.content: dict[str, Any] = {"status_code": status, "msg": msg, "details": details}
        if code is not None:
            self.content["error_code"] = f"ERR_NGROK_{code}"


def _coded(code: int, **values: object) -> RejectedRequestError:
    """Returns ERR_NGROK_`code`, with values for its message."""
    status, msg = ERRORS[code]
    return RejectedRequestError(status, msg.format(**values), code=code)


def _require(condition: object, code: int, **values: object) -> None:
    """Raises ERR_NGROK_`code` unless the condition is true."""
    if not condition:
        raise _coded(code, **values)


@dataclass(frozen=True)
class Request:
    """A request to the API. The path has no percent-escapes, and the names of the headers are in lowercase."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def api_key(self) -> str:
        """The header `Authorization` without the prefix `Bearer`; "" if the request has no such header."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def content(self) -> Any:
        """The value of a JSON body, or any other body as a string; None without a body."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class Response:
    """A response, with the headers that not every response has."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])


def respond(state: State, request: Request) -> Response:
    """Carries out a request. A rejected request changes no ingress.

    If the file of ingresses can't be written, raises OSError, and the request gets no response.
    """
    operation_id = f"op_{secrets.token_hex(16)}"
    headers = {"ngrok-operation-id": operation_id}
    try:
        status, content = _carry_out(state, request)
    except RejectedRequestError as error:
        status, content = error.status, error.content
        content["details"]["operation_id"] = operation_id
    if content is None:
        return Response(status, headers=headers)
    return Response(status, json.dumps(content).encode(), {"content-type": "application/json", **headers})


def _carry_out(state: State, request: Request) -> tuple[int, dict[str, Any] | None]:
    """Carries out a request. Returns the status and the content of the response; None for a response without a body."""
    path = _PATH.fullmatch(request.path)
    if path is None:
        # Only `path` distinguishes this error from the error for an unknown ID.
        raise RejectedRequestError(404, "Not Found", path=request.path)
    # The ID may be malformed. The path of all ingresses has no ID.
    ingress_id: str | None = path[1]
    if request.method not in (("GET", "POST") if ingress_id is None else ("GET", "PATCH", "DELETE")):
        raise RejectedRequestError(405, "Method Not Allowed")
    account = _authenticate(state, request)
    _require(state.spend(account), 226, limit=state.settings.limit)
    is_list = request.method == "GET" and ingress_id is None
    unknown = request.query.keys() - (("before_id", "limit", "filter") if is_list else ())
    _require(not unknown, 231, unknown=", ".join(sorted(unknown)))
    if is_list:
        return 200, _list(state, account, request)
    if ingress_id is None:
        return 201, _create(state, account, _body(request, (*STRINGS, "domain", POLICY)))
    with state.lock:
        ingress = _find(state, account, ingress_id)
        if request.method == "DELETE":
            state.remove(ingress_id)
            return 204, None
        if request.method == "PATCH":
            ingress = _updated(state, ingress, _body(request, (*STRINGS, "id", POLICY)))
            state.put(ingress)
    return 200, _rendered(state, ingress)


# The checks of requests


def _authenticate(state: State, request: Request) -> int:
    """Returns the number of the account to which the API key belongs."""
    _require("authorization" in request.headers, 200)
    _require(request.api_key in state.accounts, 202, key=request.api_key)
    _require("ngrok-version" in request.headers, 218)
    return state.accounts[request.api_key]


def _body(request: Request, supported: Sequence[str]) -> dict[str, Any]:
    """Returns the parameters of the body; {} without a body."""
    parameters = request.content if request.body else {}
    _require(isinstance(parameters, dict), 213)
    for name in parameters:
        _require(name in supported, 214, name=name, supported=", ".join(supported))
    return cast("dict[str, Any]", parameters)


def _find(state: State, account: int, ingress_id: str) -> Ingress:
    _require(_ID.fullmatch(ingress_id), 222, id=ingress_id)
    ingress = state.ingresses.get(ingress_id)
    if ingress is None or ingress.account != account:
        raise RejectedRequestError(404, "Resource not found")
    return ingress


# The operations


def _create(state: State, account: int, body: dict[str, Any]) -> dict[str, Any]:
    strings: Any = {name: _string(body, name) or "" for name in STRINGS}
    policy, domain, now = _policy(state, body), _domain(body), state.now()
    with state.lock:
        taken = [ingress.domain for ingress in state.ingresses.values()]
        _require(domain not in taken, 6706, domain=domain)
        ingress = replace(new_ingress(account, domain, now).with_policy(policy, now), **strings)
        state.put(ingress)
    return _rendered(state, ingress)


def _updated(state: State, ingress: Ingress, body: dict[str, Any]) -> Ingress:
    """Returns the ingress with the changes of a PATCH. Null changes no string; for the policy, see `null_policy`."""
    _require(_string(body, "id") in (None, ingress.id), 215, name="id")
    strings = {name: _string(body, name) for name in STRINGS}
    changes: Any = {name: value for name, value in strings.items() if value is not None}
    policy = _policy(state, body)
    if policy is None and not (POLICY in body and state.settings.null_policy == "removes"):
        policy = ingress.certificate_management_policy
    return replace(ingress, **changes).with_policy(policy, state.now())


def _list(state: State, account: int, request: Request) -> dict[str, Any]:
    # An empty parameter counts as absent.
    query = {name: value for name, value in request.query.items() if value}
    limit = query.get("limit", str(MAX_PAGE))
    _require(re.fullmatch("[0-9]{1,9}", limit) and 1 <= int(limit) <= MAX_PAGE, 233, maximum=MAX_PAGE, value=limit)
    own = [ingress for ingress in state.ingresses.values() if ingress.account == account]
    newest_first = sorted(own, key=lambda ingress: ingress.id, reverse=True)
    if "before_id" in query:
        _require(_ID.fullmatch(query["before_id"]), 222, id=query["before_id"])
        newest_first = [ingress for ingress in newest_first if ingress.id < query["before_id"]]
    if "filter" in query:
        newest_first = _filtered(newest_first, query["filter"], state.now())
    page = newest_first[: int(limit)]
    uri = f"http://{request.headers['host']}{COLLECTION}"
    next_page_uri = None
    # A full page always has a next page. As ngrok documents, the next page may be empty.
    if len(page) == int(limit):
        next_page_uri = f"{uri}?{urlencode({**query, 'before_id': page[-1].id, 'limit': limit})}"
    return {"ingresses": [_rendered(state, each) for each in page], "uri": uri, "next_page_uri": next_page_uri}


def _filtered(ingresses: Sequence[Ingress], expression: str, now: float) -> list[Ingress]:
    """Returns the ingresses for which an expression in CEL is true.

    The expression can use `time.now`, and `obj` with `FILTER_STRINGS` and the timestamp `created_at`. Even if there are
    no ingresses, raises ERR_NGROK_250 for an expression that can't be parsed, names another field, or is neither true
    nor false.
    """
    environment = celpy.Environment()
    example = new_ingress(0, "", now)
    try:
        program = environment.program(environment.compile(expression))
        results = [program.evaluate(_variables(ingress, now)) for ingress in (example, *ingresses)]
    except (CELParseError, CELSyntaxError, CELEvalError, ValueError) as error:
        # The rest of the message contains internals of cel-python.
        detail = str(error.args[0]).partition("\n")[0].partition(" (in activation")[0]
        raise _coded(250, detail=detail) from error
    is_condition = all(isinstance(result, (bool, celtypes.BoolType)) for result in results)
    _require(is_condition, 250, detail="the expression is neither true nor false")
    return [ingress for ingress, result in zip(ingresses, results[1:], strict=True) if result]


def _variables(ingress: Ingress, now: float) -> dict[str, Any]:
    strings: Any = {name: getattr(ingress, name) for name in FILTER_STRINGS}
    obj = {**strings, "created_at": celtypes.TimestampType(ingress.created_at)}
    return {"obj": json_to_cel(obj), "time": json_to_cel({"now": celtypes.TimestampType(timestamp(now))})}


# Values


def _string(body: dict[str, Any], name: str) -> str | None:
    """Returns the string of a parameter; None if the parameter is absent or null."""
    value = body.get(name)
    _require(value is None or isinstance(value, str), 215, name=name)
    if value is not None and name in STRINGS:
        maximum, code = STRINGS[name]
        # JSON can contain half a surrogate pair.
        length = len(value.encode(errors="surrogatepass"))
        _require(length <= maximum, code, maximum=maximum, length=length)
    return cast("str | None", value)


def _policy(state: State, body: dict[str, Any]) -> dict[str, str] | None:
    """Returns the policy; None if absent or null. Without a private key type, the policy gets the default type."""
    given = body.get(POLICY)
    if given is None:
        return None
    _require(isinstance(given, dict), 215, name=POLICY)
    for name in given:
        known = ("authority", "private_key_type")
        _require(name in known, 214, name=f"{POLICY}.{name}", supported=", ".join(known))
    _require(given.get("authority") == "letsencrypt", 215, name=f"{POLICY}.authority")
    # The official clients send an omitted value as an empty string.
    key_type = given.get("private_key_type") or state.settings.default_private_key_type
    _require(key_type in get_args(PrivateKeyType), 215, name=f"{POLICY}.private_key_type")
    return {"authority": "letsencrypt", "private_key_type": key_type}


def _domain(body: dict[str, Any]) -> str:
    """Returns the domain in canonical form."""
    given = _string(body, "domain") or ""
    domain = given.strip().lower().removesuffix(".")
    is_name = all(_LABEL.fullmatch(label) for label in domain.split(".")) and len(domain) <= 253
    is_address = domain.replace(".", "").isdigit()
    _require(is_name and not is_address, 6704, domain=given)
    is_of_ngrok = any(f".{domain}".endswith(f".{own}") for own in _NGROK_DOMAINS)
    _require(not is_of_ngrok, 6705, domain=domain)
    return domain


def _rendered(state: State, ingress: Ingress) -> dict[str, Any]:
    """Returns the JSON of an ingress in a response, without empty strings.

    The caller must not hold the lock, because this function may query DNS.
    """
    ingress = certificate_jobs.with_checked_records(state, ingress)
    strings = {name: getattr(ingress, name) for name in STRINGS}
    return {
        "id": ingress.id,
        "uri": f"{COLLECTION}/{ingress.id}",
        **{name: value for name, value in strings.items() if value},
        "domain": ingress.domain,
        "ns_targets": ingress.ns_targets,
        "region_domains": ingress.region_domains,
        "created_at": ingress.created_at,
        POLICY: ingress.certificate_management_policy,
        "certificate_management_status": certificate_jobs.status(state, ingress),
    }
