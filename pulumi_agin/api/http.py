"""One attempt of a request, with the library `requests`."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from pulumi_agin.version import VERSION

from .redaction import Secret
from .request import NoResponse, Request, Response
from .values import LOOPBACK_HOSTS

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 30

# ngrok's largest response is about 3 MB: a page of 100 Agent Ingresses with the longest metadata, all of it escaped.
LONGEST_BODY_BYTES = 8 * 2**20

HEADERS = {"Accept": "application/json", "Ngrok-Version": "2", "User-Agent": f"pulumi-agin/{VERSION}"}


class BearerAuth(AuthBase):
    """Sends the API key. Without an AuthBase, `requests` would replace the header with a .netrc entry for the host."""

    def __init__(self, api_key: Secret) -> None:
        self._api_key = api_key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        return request


class HttpClient:
    """Sends requests, each once, over connections that all threads share."""

    def __init__(self, api_key: Secret, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._session = requests.Session()
        self._session.headers.update(HEADERS)
        self._session.auth = BearerAuth(api_key)
        # Requests to this machine may be unencrypted. A proxy is usually another machine, so these requests use none.
        self._session.trust_env = urlsplit(base_url).hostname not in LOOPBACK_HOSTS

    def send(self, request: Request, seconds: float) -> Response | NoResponse:
        """Sends a request once.

        `seconds` is the time that the call has left. It limits the connection attempt and each wait for data, but not
        the total time, which is longer if the server sends its response in pieces.
        """
        limit = max(seconds, 0.1)
        try:
            with self._session.request(
                request.method,
                self._base_url + request.path,
                params=request.query,
                json=request.body,
                timeout=(min(CONNECT_TIMEOUT_SECONDS, limit), min(READ_TIMEOUT_SECONDS, limit)),
                # A redirect would pass the key on to another host.
                allow_redirects=False,
                stream=True,
            ) as response:
                return Response(response.status_code, response.headers, _read(response))
        except (requests.RequestException, OSError) as error:
            return self._no_response(error)

    def _no_response(self, error: Exception) -> NoResponse:
        causes = list(_causes(error))
        innermost = causes[-1]
        reason = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
        reason = self._api_key.sanitize(reason, 150)
        if any(isinstance(each, NewConnectionError | ConnectTimeoutError) for each in causes):
            return NoResponse(reason, was_sent=False)
        # urllib3 also reports a proxy error if the connection ends after the request was sent. ngrok may then have
        # carried out the request.
        if isinstance(error, requests.exceptions.ProxyError) and not isinstance(innermost, builtins.ConnectionError):
            return NoResponse(f"{reason} (the proxy in HTTPS_PROXY or ALL_PROXY)", was_sent=False)
        if isinstance(error, requests.Timeout):
            return NoResponse("timed out", was_sent=True)
        if "certificate verify failed" in str(error):
            hint = "(a proxy that inspects TLS needs its authority in REQUESTS_CA_BUNDLE)"
            return NoResponse(f"{reason} {hint}", was_sent=False, is_transient=False)
        if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
            return NoResponse(reason, was_sent=True)
        # An unusable base URL or proxy raises one of these classes. A missing CA bundle raises an OSError that is not a
        # RequestException.
        unusable = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
        is_unusable = isinstance(error, unusable) or not isinstance(error, requests.RequestException)
        return NoResponse(reason, was_sent=not is_unusable, is_transient=False)


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
