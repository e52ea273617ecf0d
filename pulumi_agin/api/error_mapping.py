"""Mapping of error responses and transport failures to exceptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pulumi_agin.base.budget import format_duration

from . import errors
from .constants import PUBLIC_API
from .http_messages import NoResponse, Request, Response, is_transient, retry_after_seconds

# Codes of this form are never redacted: decisions depend on them, and they are too short to reveal a key.
_CODE = re.compile(r"ERR_NGROK_[0-9]{1,5}")

# The response header with ngrok's operation ID.
OPERATION_ID = "ngrok-operation-id"

_DOMAIN_EXISTS = "ERR_NGROK_6706"

# Rejections because of the account's plan or the key's permissions, although the key is valid.
_ALLOWANCE = ("ERR_NGROK_1219", "ERR_NGROK_6707")

# 404s for a malformed id.
_MALFORMED_ID = ("ERR_NGROK_222", "ERR_NGROK_227")


class _Rejection(NamedTuple):
    """The content of a response of 400 and above, safe to show."""

    description: str
    is_from_ngrok: bool
    code: str = ""
    operation_id: str = ""
    names_path: bool = False


@dataclass(frozen=True)
class ErrorMapping:
    """Maps error responses and transport failures to exceptions, which name the sources of the base URL and the key."""

    base_url: str
    base_url_source: str
    api_key_source: str
    sanitize: Callable[..., str]

    def reason(self, outcome: Response | NoResponse) -> str:
        """Returns the reason that a request failed, as a clause."""
        if isinstance(outcome, Response):
            return f"ngrok responded {self._read(outcome).description}"
        source = "" if self.base_url == PUBLIC_API else f" (the base URL from {self.base_url_source})"
        missing = "no response from" if outcome.may_have_arrived else "no connection to"
        return f"{missing} {self.base_url}{source}: {outcome.reason}"

    def error(self, request: Request, outcome: Response | NoResponse, effort: str) -> errors.NgrokError:
        """Returns the error for a status of 300 and above, or for no response. `effort` is from `effort`."""
        could_not = f"could not {request.doing}"
        message = f"{could_not}{effort}: {self.reason(outcome)}"
        if isinstance(outcome, NoResponse):
            if outcome.may_have_arrived or request.possibly_applied_since is not None:
                return errors.UnreachableError(message)
            hint = f"; {self._connection_hint()}" if outcome.is_transient else ""
            return errors.NotConnectedError(f"{message}{hint}")
        base_url_hint = f"the base URL came from {self.base_url_source}, and ngrok's is {PUBLIC_API}"
        status = outcome.status_code
        if status < 400:
            # Only the host: a path and a query may contain the login of a user.
            host = re.sub(r"^(\w*:)?//([^/?#]*@)?|[/?#].*", "", outcome.headers.get("Location", ""), flags=re.DOTALL)
            target = self.sanitize(host, 100) or "another path"
            return errors.RedirectError(
                f"{could_not}: {self.base_url} redirects to {target}, and redirects are not followed, because "
                f"they would pass on the API key; {base_url_hint}"
            )
        rejection = self._read(outcome)
        if status == 404 and (not rejection.is_from_ngrok or rejection.names_path or request.id_ is None):
            path = f", and has no path {request.path}" if rejection.is_from_ngrok else ""
            return errors.WrongBaseUrlError(
                f"{could_not}: {self.base_url} responded {rejection.description}{path}; {base_url_hint}"
            )
        retry_after = retry_after_seconds(outcome.headers)
        if retry_after and is_transient(status):
            message += f"; its Retry-After is {format_duration(retry_after)}"
        kind = errors.ApiError
        if status in (401, 403):
            kind = errors.AuthenticationError
            message += f". The API key came from {self.api_key_source}"
            if rejection.code not in _ALLOWANCE:
                message += "; check that it is a valid key for your account"
        elif status == 429:
            kind = errors.RateLimitedError
        elif rejection.code == _DOMAIN_EXISTS:
            kind = errors.DomainExistsError
        elif status == 404 and rejection.code not in _MALFORMED_ID:
            kind = errors.NotFoundError
        return kind(
            message,
            status=status,
            error_code=rejection.code,
            operation_id=rejection.operation_id,
            is_from_ngrok=rejection.is_from_ngrok,
        )

    def bad_response(self, request: Request, response: Response, wrong: str) -> errors.BadResponseError:
        """Returns the error for a response without the status and the content that ngrok documents."""
        return errors.BadResponseError(
            f"could not {request.doing}: unexpected response to {request.method} {request.path}: "
            f"{self.sanitize(wrong, 100)} ({self._body_excerpt(response)})"
        )

    def _read(self, response: Response) -> _Rejection:
        body = _error_body(response)
        if body is None:
            description = f"{response.status_code}, without an ngrok error ({self._body_excerpt(response)})"
            return _Rejection(description, is_from_ngrok=False)
        details = body.get("details")
        details = details if isinstance(details, dict) else {}
        code = str(body.get("error_code") or "")
        if not _CODE.fullmatch(code):
            code = self.sanitize(code, 40)
        operation_id = self.sanitize(str(details.get("operation_id") or response.headers.get(OPERATION_ID) or ""), 60)
        description = f"{response.status_code} {code}".rstrip() + f": {self.sanitize(str(body.get('msg')))}"
        if operation_id:
            description += f" (operation {operation_id})"
        return _Rejection(description, True, code, operation_id, names_path="path" in details)

    def _connection_hint(self) -> str:
        """Returns the next step if no connection can be made."""
        if self.base_url == PUBLIC_API:
            return "check the network, and the proxy if there is one"
        url = urlsplit(self.base_url)
        # The emulator supports neither TLS nor a path prefix.
        if url.scheme != "http" or url.path:
            return "check the base URL, and that its service is running"
        flags = f"{'--host ::1 ' if url.hostname == '::1' else ''}--port {url.port or 80}"
        return f"start the emulator there with `pulumi-agin emulator {flags}`, or correct the base URL"

    def _body_excerpt(self, response: Response) -> str:
        excerpt = self.sanitize(response.content[:400].decode("utf-8", "replace"), 80)
        return f'body begins "{excerpt}"' if excerpt else "empty body"


def is_from_gateway(response: Response) -> bool:
    """Returns whether an intermediary such as a proxy rejected a request, possibly after ngrok had carried it out.

    Redirects and 404 don't count, because they usually mean that the base URL is wrong. Nor does 429, because it comes
    before the request is carried out.
    """
    status = response.status_code
    return 400 <= status < 500 and status not in (404, 429) and _error_body(response) is None


def _error_body(response: Response) -> Mapping[str, Any] | None:
    """Returns the body if it is an ngrok error: it has a message, and an ngrok code or the response's status."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("msg"), str):
        return None
    has_code = str(body.get("error_code")).startswith("ERR_NGROK_")
    return body if has_code or body.get("status_code") == response.status_code else None
