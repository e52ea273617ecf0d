"""An HTTP request and its response, with a limit of size and time, by requests."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import select_proxy
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ReadTimeoutError,
)

from .retry import in_words

# How much of a body is read, after decompression. ngrok's largest response has 3 MB: a list of 100 Agent Ingresses with
# the longest metadata, all of it escaped.
LONGEST_BODY_BYTES = 8 * 2**20

# As many as the calls that Pulumi can make at once, and more.
_MOST_IDLE_CONNECTIONS = 64

_CHUNK_BYTES = 2**16

# The beginning of http.client's message about a proxy that does not connect us.
_TUNNEL_FAILED = "Tunnel connection failed: "

# urllib3 logs malformed header lines unchanged, and a service may repeat the API key in them.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(lambda record: "parse headers" not in str(record.msg))


@dataclass
class Request:
    """A request, which may be sent several times until there is a response.

    Attributes:
        method: The HTTP method.
        doing: What the request is for, as it follows "could not" in a message.
        id_: The id of the Agent Ingress that it is about, if there is one.
        domain: The domain of that Agent Ingress, if it is known.
        query: The parameters of the query.
        body: The values that are sent as JSON.
        tries: How often it was sent so far.
        last_sent: When it was sent last, by the monotonic clock.
        possibly_applied_since: When it was first sent in a way that may have had an effect; None if none may have.
    """

    method: str
    doing: str
    id_: str | None = None
    domain: str | None = None
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    tries: int = 0
    last_sent: float = 0.0
    possibly_applied_since: float | None = None

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return "/agent_ingresses" if self.id_ is None else f"/agent_ingresses/{self.id_}"


class Response(NamedTuple):
    """A response.

    Attributes:
        status_code: The HTTP status.
        headers: The headers. Their names are case-insensitive.
        content: The body after decompression, or its beginning if it is longer than LONGEST_BODY_BYTES.
        is_whole: Whether `content` is the whole body.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    is_whole: bool = True


class NoResponse(NamedTuple):
    """Why there is no response.

    Attributes:
        reason: A clause that is safe to show.
        may_have_arrived: Whether the request may have been carried out, or may be yet.
        is_transient: Whether the same request may succeed a little later.
    """

    reason: str
    may_have_arrived: bool
    is_transient: bool

    @property
    def is_unconnected(self) -> bool:
        """Whether no connection could be made, so that nothing was sent. It may be possible a little later."""
        return self.is_transient and not self.may_have_arrived


class _UnfinishedError(Exception):
    """The response is not complete. The message says why."""


class HttpClient:
    """Sends requests over kept-alive connections, which all threads share."""

    def __init__(
        self, auth: AuthBase, headers: Mapping[str, str], sanitize: Callable[[str], str], *, use_proxies: bool
    ) -> None:
        self._auth = auth
        self._sanitize = sanitize
        self._use_proxies = use_proxies
        self._session = requests.Session()
        self._session.headers.update(headers)
        self._adapter = HTTPAdapter(pool_maxsize=_MOST_IDLE_CONNECTIONS, max_retries=0)

    def send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        seconds: float,
        connect_seconds: float,
        read_seconds: float,
    ) -> Response | NoResponse:
        """Sends one request and reads its response. Fails with a NoResponse, never with an exception of requests."""
        began = time.monotonic()
        is_answered = False
        # Proxies and CA bundles of the environment.
        settings: Any = self._session.merge_environment_settings(url, {}, True, None, None)
        if not self._use_proxies:
            settings["proxies"] = {}
        proxy = select_proxy(url, settings["proxies"])
        try:
            request = self._session.prepare_request(
                requests.Request(method, url, params=query, json=body, auth=self._auth)
            )
            # Without the session, which would read the body of a redirect without a limit, and keep cookies.
            response = self._adapter.send(request, timeout=(connect_seconds, read_seconds), **settings)
            is_answered = True
            return _read(response, began, seconds)
        except _UnfinishedError as error:
            return NoResponse(str(error), may_have_arrived=True, is_transient=True)
        except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
            failure = self._failure(error, is_answered, in_words(time.monotonic() - began))
        if failure.is_unconnected and proxy:
            return failure._replace(reason=f"{failure.reason} (through the proxy that HTTPS_PROXY or ALL_PROXY names)")
        return failure

    def _failure(self, error: Exception, is_answered: bool, time_spent: str) -> NoResponse:
        causes = list(_causes(error))
        innermost = causes[-1]
        reason = self._sanitize(getattr(innermost, "strerror", None) or str(innermost)) or type(innermost).__name__
        if any(isinstance(each, ReadTimeoutError) for each in causes):
            return NoResponse(f"it did not respond within {time_spent}", may_have_arrived=True, is_transient=True)
        if is_answered:
            is_undecodable = isinstance(error, DecodeError)
            reason = "the response can't be decoded" if is_undecodable else "the response was cut short"
            return NoResponse(reason, may_have_arrived=True, is_transient=not is_undecodable)
        unconnected = next((each for each in causes if isinstance(each, ConnectTimeoutError)), None)
        if unconnected is not None:
            # A NewConnectionError is one, too.
            reason = reason if isinstance(unconnected, NewConnectionError) else f"timed out after {time_spent}"
            return NoResponse(reason, may_have_arrived=False, is_transient=True)
        if isinstance(innermost, OSError) and str(innermost).startswith(_TUNNEL_FAILED):
            is_rejected = str(innermost).startswith(f"{_TUNNEL_FAILED}4")
            return NoResponse(reason, may_have_arrived=False, is_transient=not is_rejected)
        # A certificate, the URL of a proxy or a missing CA bundle. Only requests' own errors come after connecting.
        if (
            isinstance(innermost, ssl.SSLCertVerificationError)
            or isinstance(error, (requests.exceptions.InvalidURL, LocationValueError, UnicodeError))
            or not isinstance(error, (requests.RequestException, HTTPError))
        ):
            return NoResponse(reason, may_have_arrived=False, is_transient=False)
        is_wrong_tls = isinstance(error, requests.exceptions.SSLError) and not isinstance(innermost, ssl.SSLEOFError)
        return NoResponse(reason, may_have_arrived=True, is_transient=not is_wrong_tls)


def _read(response: requests.Response, began: float, seconds: float) -> Response:
    """Reads the body in pieces, until it is too long or the time is over."""
    content = bytearray()
    try:
        if response.status_code < 200:
            # Another response follows on this connection, and would be taken for that of the next request.
            raise _UnfinishedError("an interim response came")
        for piece in _pieces(response.raw):
            content += piece
            if len(content) > LONGEST_BODY_BYTES:
                beginning = bytes(content[:LONGEST_BODY_BYTES])
                return Response(response.status_code, response.headers, beginning, is_whole=False)
            if time.monotonic() - began > seconds:
                raise _UnfinishedError(f"the response was not complete after {in_words(seconds)}")
        return Response(response.status_code, response.headers, bytes(content))
    finally:
        # If the body was read to its end, this keeps the connection.
        response.raw.close()


def _pieces(raw: Any) -> Iterator[bytes]:
    # urllib3 1.26 would take a body that was cut short for a whole one.
    raw.enforce_content_length = True
    if not hasattr(raw, "read1"):
        # Before urllib3 2.1, a piece that trickles in is read to its end.
        yield from raw.stream(_CHUNK_BYTES, decode_content=True)
        return
    while piece := raw.read1(_CHUNK_BYTES, decode_content=True):
        yield piece


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception and its causes, which urllib3 keeps in arguments and attributes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inside: list[object] = [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        cause = next((inner for inner in inside if isinstance(inner, BaseException)), None)
