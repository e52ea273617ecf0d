"""Mapping of error responses and transport failures to exceptions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from pulumi_agin.base.attempts import Attempts
from pulumi_agin.base.budget import format_duration
from pulumi_agin.base.facts import PUBLIC_API, RATE_LIMITED

from . import errors
from .messages import NoResponse, Outcome, Request, Response

# Codes of this form are never redacted: decisions depend on them, and they are too short to reveal a key.
_CODE = re.compile(r"ERR_NGROK_[0-9]{1,5}")

_DOMAIN_EXISTS = "ERR_NGROK_6706"

# Rejections because of the account's plan or the key's permissions, although the key is valid.
_ALLOWANCE = ("ERR_NGROK_1219", "ERR_NGROK_6707")

# 404s for a malformed ID.
_MALFORMED_ID = ("ERR_NGROK_222", "ERR_NGROK_227")


class _Rejection(NamedTuple):
    """The content of a response of 400 and above, safe to show.

    Attributes:
        is_from_ngrok: Whether it is an ngrok error. Otherwise, it has a description alone.
        names_path: Whether it is ngrok's error about a path that its API does not have.
    """

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
    base_url_hint: str
    """An addition to messages that tell to change the base URL; may be empty."""
    api_key_source: str
    sanitize: Callable[..., str]

    def reason(self, outcome: Outcome) -> str:
        """Returns the reason that a request failed, as a clause."""
        if isinstance(outcome, Response):
            return f"ngrok responded {self._read(outcome).description}"
        source = "" if self.base_url == PUBLIC_API else f" (the base URL from {self.base_url_source})"
        missing = "no response from" if outcome.may_have_arrived else "no connection to"
        return f"{missing} {self.base_url}{source}: {outcome.reason}"

    def error(self, request: Request, outcome: Outcome, attempts: Attempts) -> errors.NgrokError:
        """Returns the error for the outcome of the last attempt: a status of 300 and above, or no response."""
        could_not = f"could not {request.doing}{attempts.effort}: {self.reason(outcome)}"
        if isinstance(outcome, NoResponse):
            if outcome.may_have_arrived or attempts.is_possibly_applied:
                return errors.UnreachableError(could_not)
            # Nothing can have changed at ngrok.
            hint = f"; {self._connection_hint()}" if outcome.is_transient else ""
            return errors.NotConnectedError(f"{could_not}{hint}")
        if outcome.status_code < 400:
            return self._redirect_error(request, outcome)
        rejection = self._read(outcome)
        # Of 404s, only ngrok's own about an ID is about an Agent Ingress.
        is_of_ingress = rejection.is_from_ngrok and not rejection.names_path and request.id_ is not None
        if outcome.status_code == 404 and not is_of_ingress:
            return self._wrong_base_url_error(request, rejection)
        if outcome.is_transient and outcome.retry_after:
            could_not += f"; its Retry-After is {format_duration(outcome.retry_after)}"
        return self._api_error(outcome.status_code, rejection, could_not)

    def _redirect_error(self, request: Request, response: Response) -> errors.RedirectError:
        # Only the host: a path and a query may contain the login of a user.
        host = re.sub(r"^(\w*:)?//([^/?#]*@)?|[/?#].*", "", response.headers.get("Location", ""), flags=re.DOTALL)
        target = self.sanitize(host, 100) or "another path"
        return errors.RedirectError(
            f"could not {request.doing}: {self.base_url} redirects to {target}, and redirects are not followed, "
            f"because they would pass on the API key; {self._base_url_origin}"
        )

    def _wrong_base_url_error(self, request: Request, rejection: _Rejection) -> errors.WrongBaseUrlError:
        path = f", and has no path {request.path}" if rejection.is_from_ngrok else ""
        return errors.WrongBaseUrlError(
            f"could not {request.doing}: {self.base_url} responded {rejection.description}{path}; "
            f"{self._base_url_origin}"
        )

    def _api_error(self, status: int, rejection: _Rejection, message: str) -> errors.ApiError:
        """Returns the error of the class for a status and a code."""
        kind = errors.ApiError
        if status in (401, 403):
            kind = errors.AuthenticationError
            message += f". The API key came from {self.api_key_source}"
            if rejection.code not in _ALLOWANCE:
                message += "; check that it is a valid API key of your account, not an authtoken"
        elif status == RATE_LIMITED:
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
        """Returns the content of a response of 300 and above, of which anything may be missing or malformed."""
        body = response.ngrok_error
        if body is None:
            description = f"{response.status_code}, without an ngrok error ({self._body_excerpt(response)})"
            return _Rejection(description, is_from_ngrok=False)
        details = body.get("details")
        details = details if isinstance(details, dict) else {}
        code = str(body.get("error_code") or "")
        if not _CODE.fullmatch(code):
            code = self.sanitize(code, 40)
        operation_id = self.sanitize(str(details.get("operation_id") or response.operation_id), 60)
        description = f"{response.status_code} {code}".rstrip() + f": {self.sanitize(body['msg'])}"
        if operation_id:
            description += f" (operation {operation_id})"
        return _Rejection(
            description, is_from_ngrok=True, code=code, operation_id=operation_id, names_path="path" in details
        )

    @property
    def _base_url_origin(self) -> str:
        return f"the base URL came from {self.base_url_source}, and ngrok's is {PUBLIC_API}{self.base_url_hint}"

    def _connection_hint(self) -> str:
        """Returns the next step if no connection can be made."""
        if self.base_url == PUBLIC_API:
            return "check the network, and the proxy if there is one"
        url = urlsplit(self.base_url)
        # The emulator supports neither TLS nor a path prefix.
        if url.scheme != "http" or url.path:
            return f"check that its service is running, and that the base URL is right{self.base_url_hint}"
        flags = f"{'--host ::1 ' if url.hostname == '::1' else ''}--port {url.port or 80}"
        return (
            f"start the emulator there with `pulumi-agin emulator {flags}` (and its --file, if any), or correct the "
            f"base URL{self.base_url_hint}"
        )

    def _body_excerpt(self, response: Response) -> str:
        excerpt = self.sanitize(response.content[:400].decode("utf-8", "replace"), 80)
        return f'body begins "{excerpt}"' if excerpt else "empty body"
