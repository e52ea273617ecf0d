"""The rules of the API, without HTTP: what a request changes, and what it gets as its response."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast, get_args
from urllib.parse import parse_qs, urlencode

from . import certificate_jobs
from .api_request import ApiRequest, ApiResponse
from .cel_filter import select
from .error_codes import RejectedRequestError, require
from .host_check import is_ip
from .state import PrivateKeyType, State
from .store import Ingress, StoreError, new_ingress

COLLECTION = "/agent_ingresses"
MAX_PAGE = 100
"""The largest page of a list, and the default, as ngrok documents it."""
STRINGS = {"description": (255, 6700), "metadata": (4096, 6701)}
"""The limit of each string in bytes of UTF-8, as ngrok documents it, and the error code of a longer one."""
POLICY = "certificate_management_policy"
CREATE_FIELDS = (*STRINGS, "domain", POLICY)
UPDATE_FIELDS = (*STRINGS, "id", POLICY)

_LIST_PARAMETERS = ("before_id", "limit", "filter")
_PATH = re.compile(f"{COLLECTION}(?:/([^/]+))?")
_ID = re.compile(r"agin_[0-9A-Za-z]{27}")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}|\*")
# ngrok does not document which domains it counts as its own. These are known to be among them.
_NGROK_DOMAINS = (
    *("ngrok.com", "ngrok.io", "ngrok.app", "ngrok.dev", "ngrok.pizza", "ngrok.pro"),
    *("ngrok-free.app", "ngrok-free.dev", "ngrok-agent.com"),
)


def respond(state: State, request: ApiRequest) -> ApiResponse:
    """Carries out a request. If it fails, no ingress has changed."""
    operation_id = f"op_{secrets.token_hex(16)}"
    try:
        status, content = _carry_out(state, request)
    except StoreError as error:
        status, content = 500, RejectedRequestError(500, f"This is the emulator: {error}").content(operation_id)
    except RejectedRequestError as error:
        status, content = error.status, error.content(operation_id)
    headers = {"ngrok-operation-id": operation_id}
    return ApiResponse(status, headers=headers) if content is None else ApiResponse.of(status, content, headers)


def is_about(state: State, request: ApiRequest, domain: str) -> bool:
    """Returns whether a request creates a domain's ingress, names its ID, or lists with a filter for the domain."""
    if request.path != COLLECTION:
        ingress = state.store.ingresses.get(request.path.removeprefix(f"{COLLECTION}/"))
        return ingress is not None and ingress.domain == domain
    if request.method == "GET":
        expression = parse_qs(request.query).get("filter", [""])[0]
        return f'"{domain}"' in expression or f"'{domain}'" in expression
    created = request.content.get("domain") if isinstance(request.content, dict) else None
    return isinstance(created, str) and _canonical(created) == domain


def _carry_out(state: State, request: ApiRequest) -> tuple[int, dict[str, Any] | None]:
    """Returns the status and the content of the response; None has no body. The order of the checks is a guess."""
    path = _PATH.fullmatch(request.path)
    if path is None:
        # Only the path distinguishes it from the error of an unknown ID.
        raise RejectedRequestError(404, "Not Found", path=request.path)
    # It may be malformed. The path of all ingresses has none.
    ingress_id: str | None = path[1]
    if request.method not in (("GET", "POST") if ingress_id is None else ("GET", "PATCH", "DELETE")):
        raise RejectedRequestError(405, "Method Not Allowed")
    account = _authenticate(state, request)
    require(state.spend(account), 226, limit=state.settings.limit)
    is_list = ingress_id is None and request.method == "GET"
    query = _query(request.query, _LIST_PARAMETERS if is_list else ())
    require(not request.body or request.method in ("POST", "PATCH"), 211, method=request.method)

    if is_list:
        return 200, _list(state, account, query, request.base_url)
    if ingress_id is None:
        return 201, _create(state, account, _body(request, CREATE_FIELDS))
    with state.lock:
        ingress = _find(state, account, ingress_id)
        if request.method == "DELETE":
            state.store.remove(ingress_id)
            return 204, None
        if request.method == "PATCH":
            ingress = _updated(state, ingress, _body(request, UPDATE_FIELDS))
            state.store.put(ingress)
    return 200, _rendered(state, ingress)


# The checks of requests


def _authenticate(state: State, request: ApiRequest) -> int:
    """Returns the number of the account of the key."""
    header, version = request.headers.get("authorization"), request.headers.get("ngrok-version")
    require(header is not None, 200)
    require(request.api_key, 201, header=header)
    require(request.api_key in state.accounts, 202, key=request.api_key)
    require(version, 218)
    require(version == "2", 217, version=version)
    return state.accounts[request.api_key]


def _query(query: str, supported: Sequence[str]) -> dict[str, str]:
    """Returns the parameters of the query. An empty parameter counts as absent."""
    parameters = parse_qs(query, keep_blank_values=True)
    unknown = [name for name in parameters if name not in supported]
    require(not unknown, 231, unknown=", ".join(unknown), supported=", ".join(supported))
    for name, values in parameters.items():
        require(len(values) == 1, 232, name=name, count=len(values), values=", ".join(values))
    return {name: values[0] for name, values in parameters.items() if values[0]}


def _body(request: ApiRequest, supported: Sequence[str]) -> dict[str, Any]:
    """Returns the parameters of the body. There may be no body."""
    if not request.body:
        return {}
    content_type, parameters = request.headers.get("content-type", ""), request.content
    require(content_type, 216)
    is_json = content_type.partition(";")[0].strip().lower() == "application/json"
    require(is_json, 210, content_type=content_type)
    require(isinstance(parameters, dict), 213)
    for name in parameters:
        require(name in supported, 214, name=name, supported=", ".join(supported))
    return cast("dict[str, Any]", parameters)


def _check_id(value: str) -> None:
    prefix, underscore, _ = value.partition("_")
    require(prefix == "agin" or not underscore, 227, id=value)
    require(_ID.fullmatch(value), 222, id=value)


def _find(state: State, account: int, ingress_id: str) -> Ingress:
    _check_id(ingress_id)
    ingress = state.store.ingresses.get(ingress_id)
    if ingress is None or ingress.account != account:
        raise RejectedRequestError(404, "Resource not found")
    return ingress


# The operations


def _create(state: State, account: int, body: dict[str, Any]) -> dict[str, Any]:
    strings: Any = {name: _string(body, name) or "" for name in STRINGS}
    policy, domain, now = _policy(state, body), _domain(body), state.now()
    with state.lock:
        taken = {ingress.domain for ingress in state.store.ingresses.values()}
        require(domain not in taken, 6706, domain=domain)
        ingress = replace(new_ingress(account, domain, now).with_policy(policy, now), **strings)
        state.store.put(ingress)
    return _rendered(state, ingress)


def _updated(state: State, ingress: Ingress, body: dict[str, Any]) -> Ingress:
    """Returns the ingress with the changes of a PATCH, in which null changes nothing but perhaps the policy."""
    require(_string(body, "id") in (None, ingress.id), 215, name="id")
    strings = {name: _string(body, name) for name in STRINGS}
    changes: Any = {name: value for name, value in strings.items() if value is not None}
    policy = _policy(state, body)
    if policy is None and not (POLICY in body and state.settings.null_policy == "removes"):
        policy = ingress.certificate_management_policy
    return replace(ingress, **changes).with_policy(policy, state.now())


def _list(state: State, account: int, query: dict[str, str], base_url: str) -> dict[str, Any]:
    limit = query.get("limit", str(MAX_PAGE))
    require(re.fullmatch(r"[+-]?[0-9]{1,18}", limit), 244, maximum=MAX_PAGE, value=limit)
    require(1 <= int(limit) <= MAX_PAGE, 233, maximum=MAX_PAGE, value=limit)
    own = [ingress for ingress in state.store.ingresses.values() if ingress.account == account]
    newest_first = sorted(own, key=lambda ingress: ingress.id, reverse=True)
    if before_id := query.get("before_id"):
        _check_id(before_id)
        newest_first = [ingress for ingress in newest_first if ingress.id < before_id]
    if expression := query.get("filter"):
        newest_first = select(newest_first, expression, state.now())
    page = newest_first[: int(limit)]
    uri = (state.settings.base_url or base_url) + COLLECTION
    next_page_uri = None
    # As ngrok documents, the page after a full one may be empty: nothing checks whether there are more ingresses.
    if len(page) == int(limit):
        next_page_uri = f"{uri}?{urlencode({**query, 'before_id': page[-1].id, 'limit': limit})}"
    return {"ingresses": [_rendered(state, each) for each in page], "uri": uri, "next_page_uri": next_page_uri}


# Values


def _string(body: dict[str, Any], name: str) -> str | None:
    """Returns the string of a parameter; None if it is absent or null."""
    value = body.get(name)
    require(value is None or isinstance(value, str), 215, name=name)
    if value is not None and name in STRINGS:
        maximum, code = STRINGS[name]
        # JSON can contain half a surrogate pair.
        length = len(value.encode(errors="surrogatepass"))
        require(length <= maximum, code, maximum=maximum, length=length)
    return cast("str | None", value)


def _policy(state: State, body: dict[str, Any]) -> dict[str, str] | None:
    """Returns the policy with its private key type, which may be the default; None if it is absent or null."""
    given = body.get(POLICY)
    if given is None:
        return None
    require(isinstance(given, dict), 215, name=POLICY)
    for name in given:
        known = ("authority", "private_key_type")
        require(name in known, 214, name=f"{POLICY}.{name}", supported=", ".join(known))
    require(given.get("authority") == "letsencrypt", 215, name=f"{POLICY}.authority")
    # The official clients send an omitted value as an empty string.
    key_type = given.get("private_key_type")
    if key_type in (None, ""):
        key_type = state.settings.default_private_key_type
    require(key_type in get_args(PrivateKeyType), 215, name=f"{POLICY}.private_key_type")
    return {"authority": "letsencrypt", "private_key_type": key_type}


def _domain(body: dict[str, Any]) -> str:
    """Returns the domain in canonical form."""
    given = _string(body, "domain") or ""
    domain = _canonical(given)
    is_name = all(_LABEL.fullmatch(label) for label in domain.split(".")) and len(domain) <= 253
    # The conversion to lower case turns some other letters into ASCII.
    require(is_name and given.strip().isascii() and not is_ip(domain), 6704, domain=given)
    is_of_ngrok = any(f".{domain}".endswith(f".{own}") for own in _NGROK_DOMAINS)
    require(not is_of_ngrok, 6705, domain=domain)
    return domain


def _canonical(domain: str) -> str:
    return domain.strip().lower().removesuffix(".")


def _rendered(state: State, ingress: Ingress) -> dict[str, Any]:
    """Returns an ingress as the API responds with it. An empty string is omitted.

    Must be called without the lock, because it may query DNS.
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
