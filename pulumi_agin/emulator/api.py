"""The rules of the API, without HTTP.

`respond` holds the lock of the state while it carries out a request. The functions that it calls raise
RejectedRequestError, which becomes the response, before they change anything.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast, get_args
from urllib.parse import parse_qs, urlencode

from . import certificates, dns_lookup
from .configuration import PrivateKeyType
from .error_codes import NO_CHANGE, RejectedRequestError, coded
from .filters import parse_filter
from .request_log import parse_body
from .state import State
from .store import Ingress, StoreError

COLLECTION = "/agent_ingresses"
MAX_PAGE = 100
"""The largest page of a list, and the default, as ngrok documents it."""

_CREATE_FIELDS = ("description", "metadata", "domain", "certificate_management_policy")
_UPDATE_FIELDS = ("id", "description", "metadata", "certificate_management_policy")
# The limits in bytes of UTF-8, as ngrok documents them, and the error code of a longer string.
_LIMITS = {"description": (255, 6700), "metadata": (4096, 6701)}
_LIST_PARAMETERS = ("before_id", "limit", "filter")
_ID = re.compile(r"agin_[0-9A-Za-z]{27}")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}|\*")
# ngrok does not document which domains it counts as its own. These are known to be among them.
_NGROK_DOMAINS = (
    "ngrok.com",
    "ngrok.io",
    "ngrok.app",
    "ngrok.dev",
    "ngrok-free.app",
    "ngrok-free.dev",
    "ngrok.pizza",
    "ngrok.pro",
    "ngrok-agent.com",
)


@dataclass(frozen=True)
class ApiRequest:
    """A request to the API. Its path has no percent-escapes, and its headers have names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    base_url: str
    """The scheme and host that the request was sent to."""

    def api_key(self) -> str | None:
        """Returns the key of a Bearer authorization, or None if there is none."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" and key.strip() else None


@dataclass(frozen=True)
class ApiResponse:
    """A whole response. `headers` has only the headers that are not common to all responses."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, status: int, content: object, headers: Mapping[str, str] | None = None) -> ApiResponse:
        return cls(status, json.dumps(content).encode(), {"content-type": "application/json", **(headers or {})})


def respond(state: State, request: ApiRequest) -> ApiResponse:
    """Carries out a request. If it fails, no ingress has changed."""
    found = _look_up(state, request)
    with state.lock:
        operation_id = f"op_{secrets.token_hex(16)}"
        try:
            _store_records(state, found)
            status, content = _dispatch(state, request)
        except RejectedRequestError as error:
            status, content = error.status, error.content(operation_id)
        except StoreError as error:
            msg = f"This is the emulator, not ngrok: it could not save the change. {error} {NO_CHANGE}"
            status, content = 500, RejectedRequestError(500, msg).content(operation_id)
    headers = {"ngrok-operation-id": operation_id}
    return ApiResponse(status, b"", headers) if content is None else ApiResponse.of(status, content, headers)


def _look_up(state: State, request: ApiRequest) -> dict[str, dns_lookup.LookupResult]:
    """Looks up the domains of the ingresses in the response whose certificate job is running.

    The caller must not hold the lock, so that other requests are handled in the meantime.
    """
    if state.dns is None or request.method not in ("GET", "PATCH"):
        return {}
    with state.lock:
        now = state.clock()
        account = state.accounts.get(request.api_key() or "")
        own = [] if account is None else state.store.newest_first(account)
        domains = [
            ingress.domain
            for ingress in own
            if request.path in (COLLECTION, f"{COLLECTION}/{ingress.id}")
            and certificates.is_job_running(ingress, now, state.settings)
        ]
    return state.dns.lookup(domains) if domains else {}


def is_about(state: State, request: ApiRequest, domain: str) -> bool:
    """Returns whether a request creates a domain's ingress, names its ID, or lists with a filter for the domain."""
    if request.path != COLLECTION:
        ingress = state.store.ingresses.get(request.path.removeprefix(f"{COLLECTION}/"))
        return ingress is not None and ingress.domain == domain
    if request.method == "GET":
        filters = parse_qs(request.query).get("filter", [])
        return any(f"{quote}{domain}{quote}" in each for each in filters for quote in "\"'")
    body = parse_body(request.body)
    with suppress(RejectedRequestError):
        return isinstance(body, dict) and _domain(body) == domain
    return False


def _store_records(state: State, found: Mapping[str, dns_lookup.LookupResult]) -> None:
    """Stores the results of `_look_up` with their ingresses, for the certificates' states."""
    now, is_changed = state.clock(), False
    for ingress in state.store.ingresses.values():
        # The certificate may have been issued since.
        if ingress.domain in found and certificates.is_job_running(ingress, now, state.settings):
            problem = dns_lookup.problem(ingress.domain, found[ingress.domain], ingress.ns_targets)
            is_changed |= ingress.set_records(problem, now)
    if is_changed:
        state.store.save()


def _dispatch(state: State, request: ApiRequest) -> tuple[int, dict[str, Any] | None]:
    """Checks a request, in the order in which the page of the emulator lists the checks, and carries it out.

    Returns the status and the content of the response; None has no body.
    """
    ingress_id = _ingress_id(request.path)
    if request.method not in (("GET", "POST") if ingress_id is None else ("GET", "PATCH", "DELETE")):
        raise RejectedRequestError(405, "Method Not Allowed")
    account = _authenticate(state, request)
    _check_version(request.headers.get("ngrok-version", ""))
    if not state.spend(account):
        raise coded(226, limit=state.settings.limit)
    is_list = ingress_id is None and request.method == "GET"
    query = _query(request.query, _LIST_PARAMETERS if is_list else ())
    if request.method in ("GET", "DELETE") and request.body:
        raise coded(211, method=request.method)

    if is_list:
        return 200, _list(state, account, query, request.base_url)
    if ingress_id is None:
        return 201, _create(state, account, _body(request, _CREATE_FIELDS))
    ingress = _find(state, account, ingress_id)
    if request.method == "PATCH":
        return 200, _update(state, ingress, _body(request, _UPDATE_FIELDS))
    if request.method == "DELETE":
        del state.store.ingresses[ingress_id]
        state.store.save()
        return 204, None
    return 200, render(state, ingress)


def is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


# The checks of all requests


def _ingress_id(path: str) -> str | None:
    """Returns the ID in a path, which may be malformed; None for the path of all ingresses."""
    if path == COLLECTION:
        return None
    ingress_id = path.removeprefix(COLLECTION + "/")
    if ingress_id == path or not ingress_id or "/" in ingress_id:
        # Only the path distinguishes it from the error of an unknown ID.
        raise RejectedRequestError(404, "Not Found", path=path)
    return ingress_id


def _authenticate(state: State, request: ApiRequest) -> int:
    """Returns the number of the account of the key."""
    header = request.headers.get("authorization")
    if header is None:
        raise coded(200)
    key = request.api_key()
    if key is None:
        raise coded(201, header=header)
    if key not in state.accounts:
        raise coded(202, key=key)
    return state.accounts[key]


def _check_version(version: str) -> None:
    if not version:
        raise coded(218)
    if version != "2":
        raise coded(217, version=version)


def _query(query: str, supported: Collection[str]) -> dict[str, str]:
    """Returns the parameters of the query. An empty parameter counts as absent."""
    parameters = parse_qs(query, keep_blank_values=True)
    unknown = [name for name in parameters if name not in supported]
    if unknown:
        raise coded(231, unknown=", ".join(unknown), supported=", ".join(supported))
    for name, values in parameters.items():
        if len(values) > 1:
            raise coded(232, name=name, count=len(values), values=", ".join(values))
    return {name: values[0] for name, values in parameters.items() if values[0]}


def _body(request: ApiRequest, supported: Collection[str]) -> dict[str, Any]:
    """Returns the parameters of the body. There may be no body."""
    if not request.body:
        return {}
    content_type = request.headers.get("content-type", "")
    if not content_type:
        raise coded(216)
    if not is_json(content_type):
        raise coded(210, content_type=content_type)
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise coded(213) from None
    if not isinstance(body, dict):
        raise coded(213)
    parameters = cast("dict[str, Any]", body)
    for name in parameters:
        if name not in supported:
            raise coded(214, name=name, supported=", ".join(supported))
    return parameters


def _check_id(value: str) -> None:
    if _ID.fullmatch(value):
        return
    prefix, underscore, _ = value.partition("_")
    raise coded(227 if underscore and prefix != "agin" else 222, id=value)


def _find(state: State, account: int, ingress_id: str) -> Ingress:
    _check_id(ingress_id)
    ingress = state.store.ingresses.get(ingress_id)
    if ingress is None or ingress.account != account:
        raise RejectedRequestError(404, "Resource not found")
    return ingress


# The operations


def _create(state: State, account: int, body: dict[str, Any]) -> dict[str, Any]:
    description, metadata = _string(body, "description") or "", _string(body, "metadata") or ""
    policy = _policy(state, body)
    domain = _domain(body)
    if any(other.domain == domain for other in state.store.ingresses.values()):
        raise coded(6706, domain=domain)
    ingress = state.store.create(account, state.clock(), domain)
    ingress.description, ingress.metadata = description, metadata
    ingress.set_policy(policy, state.clock())
    state.store.save()
    return render(state, ingress)


def _update(state: State, ingress: Ingress, body: dict[str, Any]) -> dict[str, Any]:
    """Changes an ingress. Everything is checked before anything changes."""
    if _string(body, "id") not in (None, ingress.id):
        raise coded(215, name="id")
    description, metadata = _string(body, "description"), _string(body, "metadata")
    policy = _policy(state, body)
    if description is not None:
        ingress.description = description
    if metadata is not None:
        ingress.metadata = metadata
    removes = "certificate_management_policy" in body and state.settings.null_policy == "removes"
    if policy is not None or removes:
        ingress.set_policy(policy, state.clock())
    state.store.save()
    return render(state, ingress)


def _list(state: State, account: int, query: dict[str, str], base_url: str) -> dict[str, Any]:
    limit = _page_size(query)
    before_id = query.get("before_id")
    if before_id is not None:
        _check_id(before_id)
    matches = parse_filter(query["filter"], state.clock()) if "filter" in query else None
    ingresses = [
        ingress
        for ingress in state.store.newest_first(account)
        if (before_id is None or ingress.id < before_id) and (matches is None or matches(ingress))
    ][:limit]
    uri = (state.settings.base_url or base_url) + COLLECTION
    next_page_uri = None
    # As ngrok documents, the page after a full one may be empty: nothing checks whether there are more ingresses.
    if len(ingresses) == limit:
        next_page_uri = f"{uri}?{urlencode({**query, 'before_id': ingresses[-1].id, 'limit': limit})}"
    return {
        "ingresses": [render(state, ingress) for ingress in ingresses],
        "uri": uri,
        "next_page_uri": next_page_uri,
    }


def _page_size(query: dict[str, str]) -> int:
    given = query.get("limit")
    if given is None:
        return MAX_PAGE
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", given):
        raise coded(244, maximum=MAX_PAGE, value=given)
    if not 1 <= int(given) <= MAX_PAGE:
        raise coded(233, maximum=MAX_PAGE, value=given)
    return int(given)


# Values


def _string(body: dict[str, Any], name: str) -> str | None:
    """Returns the string of a parameter; None if it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise coded(215, name=name)
    if name in _LIMITS:
        maximum, code = _LIMITS[name]
        # JSON can contain half a surrogate pair.
        length = len(value.encode(errors="surrogatepass"))
        if length > maximum:
            raise coded(code, maximum=maximum, length=length)
    return value


def _policy(state: State, body: dict[str, Any]) -> dict[str, str] | None:
    """Returns the policy with its private key type, which may be the default; None if it is absent or null."""
    name = "certificate_management_policy"
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise coded(215, name=name)
    given = cast("dict[str, Any]", value)
    for key in given:
        if key not in ("authority", "private_key_type"):
            raise coded(214, name=f"{name}.{key}", supported="authority, private_key_type")
    if given.get("authority") != "letsencrypt":
        raise coded(215, name=f"{name}.authority")
    # The official clients send an omitted value as an empty string.
    key_type = given.get("private_key_type")
    if key_type in (None, ""):
        key_type = state.settings.default_private_key_type
    if key_type not in get_args(PrivateKeyType):
        raise coded(215, name=f"{name}.private_key_type")
    return {"authority": given["authority"], "private_key_type": key_type}


def _domain(body: dict[str, Any]) -> str:
    """Returns the domain in canonical form."""
    given = _string(body, "domain") or ""
    domain = given.strip().lower().removesuffix(".")
    is_name = all(_LABEL.fullmatch(label) for label in domain.split(".")) and len(domain) <= 253
    # Checked before the conversion to lower case, which turns some other letters into ASCII.
    if not is_name or not given.strip().isascii() or dns_lookup.is_ip(domain):
        raise coded(6704, domain=given)
    if any(domain == own or domain.endswith("." + own) for own in _NGROK_DOMAINS):
        raise coded(6705, domain=domain)
    return domain


# Responses


def render(state: State, ingress: Ingress) -> dict[str, Any]:
    """Returns an ingress as the API responds with it. An empty description or metadata is omitted."""
    texts = {"description": ingress.description, "metadata": ingress.metadata}
    return {
        "id": ingress.id,
        "uri": f"{COLLECTION}/{ingress.id}",
        **{name: value for name, value in texts.items() if value},
        "domain": ingress.domain,
        "ns_targets": ingress.ns_targets,
        "region_domains": ingress.region_domains,
        "created_at": certificates.timestamp(ingress.created_at),
        "certificate_management_policy": ingress.certificate_management_policy,
        "certificate_management_status": certificates.status(
            ingress, state.clock(), state.settings, needs_records=state.dns is not None
        ),
    }
