"""HTTP client on top of requests, with limits on the size and duration of a response."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import requests
from requests.utils import select_proxy
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ReadTimeoutError,
)

from pulumi_agin.base.budget import format_duration
from pulumi_agin.base.redaction import Secret
from pulumi_agin.base.version import VERSION

from .messages import NoResponse, Request, Response
from .time_limit import LimitedAdapter, TimeLimit, current_limit

# The size limit of a body after decompression. ngrok's largest response is 3 MB: a list of 100 Agent Ingresses with the
# longest metadata, all of it escaped.
LONGEST_BODY_BYTES = 8 * 2**20

READ_TIMEOUT_SECONDS = 30

HEADERS = {
    "Accept": "application/json",
    # An encoding that every version of requests can decode.
    "Accept-Encoding": "gzip",
    "Ngrok-Version": "2",
    "User-Agent": f"pulumi-agin/{VERSION}",
}

# More than the number of concurrent calls that Pulumi makes.
_MOST_IDLE_CONNECTIONS = 64

_CHUNK_BYTES = 2**16

_CUT_SHORT = NoResponse("the response was cut short", may_have_arrived=True, is_transient=True)

# The beginning of http.client's message after a proxy rejected a connection. The status follows.
_PROXY_REJECTED = "Tunnel connection failed: "


# urllib3 logs malformed header lines unchanged, and a service may repeat the API key in them. In the logs of a thread
# that is sending no request of ours, they stay, because urllib3 may have other users in this process.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(lambda log: not (current_limit() and "parse headers" in str(log.msg)))


class HttpClient:
    """Sends requests with an API key over persistent connections, which all threads share."""

    def __init__(self, api_key: Secret, sanitize: Callable[[str], str], *, use_proxies: bool) -> None:
        self._api_key = api_key
        self._sanitize = sanitize
        self._use_proxies = use_proxies
        self._session = requests.Session()
        self._adapter = LimitedAdapter(pool_maxsize=_MOST_IDLE_CONNECTIONS, max_retries=0)

    def send(
        self, request: Request, base_url: str, seconds: float, /, *, connect_seconds: float
    ) -> Response | NoResponse:
        """Sends a request once and reads its response. Raises no exception of requests.

        `seconds` is the limit of the whole request and response, and `connect_seconds` that of connecting.
        """
        url = base_url + request.path
        # Proxies and CA bundles of the environment.
        settings: Any = self._session.merge_environment_settings(url, proxies={}, stream=True, verify=None, cert=None)
        if not self._use_proxies:
            settings["proxies"] = {}
        with TimeLimit(seconds) as limit:
            try:
                # The adapter, because the session would let a .netrc entry for the host replace the key, read the body
                # of a redirect without a limit, and keep cookies.
                headers = {**HEADERS, "Authorization": f"Bearer {self._api_key.get_secret_value()}"}
                prepared = requests.Request(
                    request.method, url, headers, params=request.query, json=request.body
                ).prepare()
                timeout = (connect_seconds, min(READ_TIMEOUT_SECONDS, seconds))
                return _read(self._adapter.send(prepared, timeout=timeout, **settings), limit)
            except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
                failure = self._failure(error, limit)
            except ValueError as error:
                # urllib3's, if PySocks is installed. Its message has the proxy's password.
                if not str(error).startswith("Unable to determine SOCKS version"):
                    raise
                reason = "the proxy URL must begin with socks5:// or another scheme with the version of SOCKS"
                failure = NoResponse(reason, may_have_arrived=False, is_transient=False)
        if not failure.may_have_arrived and select_proxy(url, settings["proxies"]):
            return failure._replace(reason=f"{failure.reason} (through the proxy in HTTPS_PROXY or ALL_PROXY)")
        return failure

    def _failure(self, error: Exception, limit: TimeLimit) -> NoResponse:
        """Returns the failure for an exception of requests, urllib3 or the operating system, by all of its causes."""
        causes = list(_causes(error))
        # First the limit, because after a shutdown inside TLS, the error looks like a permanent one.
        if limit.is_exceeded or any(isinstance(each, ReadTimeoutError) for each in causes):
            reason = f"timed out after {format_duration(limit.elapsed)}"
            return NoResponse(reason, may_have_arrived=True, is_transient=True)
        innermost = causes[-1]
        reason = self._sanitize(getattr(innermost, "strerror", None) or str(innermost)) or type(innermost).__name__
        if not any(map(_is_from_connection, causes)):
            # Such as a proxy's URL or a CA bundle that can't be used.
            if isinstance(error, requests.exceptions.InvalidSchema):
                reason = "SOCKS proxies need the Python package PySocks: install it, or use an HTTP proxy"
            return NoResponse(reason, may_have_arrived=False, is_transient=False)
        if any(isinstance(each, NewConnectionError | ConnectTimeoutError) for each in causes):
            return NoResponse(reason, may_have_arrived=False, is_transient=True)
        if isinstance(innermost, OSError) and str(innermost).startswith(_PROXY_REJECTED):
            is_permanent = str(innermost).startswith(f"{_PROXY_REJECTED}4")
            return NoResponse(reason, may_have_arrived=False, is_transient=not is_permanent)
        if isinstance(innermost, ssl.SSLCertVerificationError):
            return NoResponse(reason, may_have_arrived=False, is_transient=False)
        # The connection broke, or the service sent something unexpected. In a TLS handshake, that comes before the
        # request is sent, but the exceptions are the same as after it. So the request may have arrived; if it did not,
        # that costs one read. All failures of TLS would recur, except the end of the connection.
        is_permanent = isinstance(error, requests.exceptions.SSLError) and not isinstance(innermost, ssl.SSLEOFError)
        return NoResponse(reason, may_have_arrived=True, is_transient=not is_permanent)


def _read(response: requests.Response, limit: TimeLimit) -> Response | NoResponse:
    """Reads the body of a response in pieces, within the limits of size and time, and closes it."""
    raw: Any = response.raw
    # urllib3 1.26 would treat a truncated body as complete.
    raw.enforce_content_length = True
    content = bytearray()
    result: Response | NoResponse
    try:
        if response.status_code < 200:
            # It is closed unread: another response follows on its connection, which the next request would get.
            return _CUT_SHORT
        while piece := raw.read(_CHUNK_BYTES, decode_content=True):
            content += piece
            if len(content) > LONGEST_BODY_BYTES:
                reason = f"the response is larger than {LONGEST_BODY_BYTES >> 20} MiB"
                return NoResponse(reason, may_have_arrived=True, is_transient=False)
        result = Response(response.status_code, response.headers, bytes(content))
    except ReadTimeoutError:
        result = _incomplete(limit)
    except DecodeError:
        result = NoResponse("the response can't be decoded", may_have_arrived=True, is_transient=False)
    except (HTTPError, OSError):
        result = _CUT_SHORT
    finally:
        # After a complete body, the connection can be reused.
        raw.close()
    # The end of the connection may look like the end of the headers, or of a body without a length.
    return _incomplete(limit) if limit.is_exceeded else result


def _incomplete(limit: TimeLimit) -> NoResponse:
    reason = f"the response was not complete after {format_duration(limit.elapsed)}"
    return NoResponse(reason, may_have_arrived=True, is_transient=True)


def _is_from_connection(error: BaseException) -> bool:
    """Returns whether this error is from a connection or the attempt to make one.

    All other errors of requests come before that, as do those of urllib3 about a URL.
    """
    of_connection = requests.ConnectionError | requests.Timeout | HTTPError
    return isinstance(error, of_connection) and not isinstance(error, LocationValueError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception and its causes, which urllib3 stores in arguments and attributes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inside: list[object] = [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        cause = next((inner for inner in inside if isinstance(inner, BaseException)), None)
