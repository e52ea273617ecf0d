"""One attempt of a request, on top of the library requests: what came back, or why nothing did."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from pulumi_agin.version import VERSION

from .errors import TRANSIENT_STATUSES
from .redaction import Secret
from .values import LOOPBACK_HOSTS

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 30

# ngrok's largest response is about 3 MB: a page of 100 Agent Ingresses with the longest metadata, all of it escaped.
LONGEST_BODY_BYTES = 8 * 2**20

HEADERS = {"Accept": "application/json", "Ngrok-Version": "2", "User-Agent": f"pulumi-agin/{VERSION}"}


@dataclass(frozen=True)
class Request:
    """A request about all Agent Ingresses, or about the one with an ID.

    `doing` is its purpose as a verb phrase, for messages that begin with "could not".
    """

    method: str
    doing: str
    id_: str = ""
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        return f"/agent_ingresses/{self.id_}" if self.id_ else "/agent_ingresses"


class NgrokFault(NamedTuple):
    """ngrok's own error in the body of a response."""

    message: str
    code: str
    """Such as "ERR_NGROK_6706"; "" without one."""
    operation_id: str
    """What ngrok's support asks for; "" without one."""
    is_about_path: bool
    """Whether ngrok has no such path, rather than no such Agent Ingress."""


@dataclass(frozen=True)
class Response:
    """A complete response with any status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in TRANSIENT_STATUSES

    @property
    def may_have_effect(self) -> bool:
        """Whether ngrok may have carried out a write.

        A 4xx of ngrok is a rejection. One that is not ngrok's comes from something between, which may have passed the
        request on before. A redirect, a 404 and a 429 come before the request is carried out.
        """
        if 300 <= self.status < 400 or self.status in (404, 429):
            return False
        return self.status < 300 or self.status >= 500 or self.fault is None

    @cached_property
    def fault(self) -> NgrokFault | None:
        """ngrok's error, which has a message, and a code or the status; None if the body is anything else."""
        body = self.json()
        if not isinstance(body, dict) or not isinstance(body.get("msg"), str):
            return None
        code = str(body.get("error_code") or "")
        if not code.startswith("ERR_NGROK_") and body.get("status_code") != self.status:
            return None
        details = body.get("details")
        details = details if isinstance(details, dict) else {}
        operation_id = details.get("operation_id") or self.headers.get("ngrok-operation-id", "")
        return NgrokFault(body["msg"], code, str(operation_id), "path" in details)

    @property
    def retry_after(self) -> float:
        """The seconds that the Retry-After header asks to wait; 0 without one, or if it is a date."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isdecimal() else 0.0

    @property
    def date(self) -> datetime | None:
        """The time of the response by the server's clock, if it is known."""
        try:
            return email.utils.parsedate_to_datetime(self.headers.get("Date", "")).astimezone(timezone.utc)
        except (ValueError, OverflowError):
            return None

    def json(self) -> object:
        """Returns the parsed body; None if it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


class NoResponseError(Exception):
    """A request got no complete response. The message is a clause.

    `was_sent` is False only if nothing can have arrived. `is_transient` is whether another attempt may succeed.
    """

    def __init__(self, reason: str, *, was_sent: bool, is_transient: bool = True) -> None:
        super().__init__(reason)
        self.was_sent = was_sent
        self.is_transient = is_transient


class BearerAuth(AuthBase):
    """Sends the API key. Without an AuthBase, requests would let a .netrc entry for the host replace the header."""

    def __init__(self, api_key: Secret) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        return request


class HttpClient:
    """Sends single requests over connections that all threads share."""

    def __init__(self, api_key: Secret, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._session = requests.Session()
        self._session.headers.update(HEADERS)
        self._session.auth = BearerAuth(api_key)
        # Plain http is only for this machine, and a proxy is usually another one.
        self._session.trust_env = urlsplit(base_url).hostname not in LOOPBACK_HOSTS

    def send(self, request: Request, seconds: float) -> Response:
        """Sends a request once. `seconds` is what its call has left. Raises NoResponseError."""
        limit = max(seconds, 0.1)
        try:
            with self._session.request(
                request.method,
                self._base_url + request.path,
                params=request.query,
                json=request.body,
                timeout=(min(CONNECT_TIMEOUT_SECONDS, limit), min(READ_TIMEOUT_SECONDS, limit)),
                # It would pass the key on to another host.
                allow_redirects=False,
                stream=True,
            ) as response:
                return Response(response.status_code, response.headers, _read(response))
        except (requests.RequestException, OSError) as error:
            raise self._no_response(error) from None

    def _no_response(self, error: Exception) -> NoResponseError:
        causes = list(_causes(error))
        innermost = causes[-1]
        reason = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
        reason = self._api_key.sanitize(reason, 150)
        if any(isinstance(each, NewConnectionError | ConnectTimeoutError) for each in causes):
            return NoResponseError(reason, was_sent=False)
        # urllib3 also blames the proxy if the connection ends after the request, which ngrok may have carried out.
        if isinstance(error, requests.exceptions.ProxyError) and not isinstance(innermost, ConnectionError):
            return NoResponseError(f"{reason} (the proxy in HTTPS_PROXY or ALL_PROXY)", was_sent=False)
        if isinstance(error, requests.Timeout):
            return NoResponseError("timed out", was_sent=True)
        if "certificate verify failed" in str(error):
            return NoResponseError(reason, was_sent=False, is_transient=False)
        if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
            return NoResponseError(reason, was_sent=True)
        # A base URL or a proxy that can't be used has one of these classes, and a missing CA bundle is an OSError.
        unusable = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
        is_unusable = isinstance(error, unusable) or not isinstance(error, requests.RequestException)
        return NoResponseError(reason, was_sent=not is_unusable, is_transient=False)


def _read(response: requests.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_content(2**16):
        content += piece
        if len(content) > LONGEST_BODY_BYTES:
            raise requests.RequestException(f"the response is larger than {LONGEST_BODY_BYTES >> 20} MiB")
    return bytes(content)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception and its causes, which urllib3 keeps in arguments and attributes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inside = [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        cause = next((each for each in inside if isinstance(each, BaseException)), None)
