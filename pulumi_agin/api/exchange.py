"""One HTTP request and its answer: in a bounded time, up to a bounded size.

Where no answer came, what is known is whether the request may have arrived, judged by how far the exchange got.

Over requests, which knows certificates, proxies and kept-alive connections. Its timeouts bound each read and not the
exchange, it can't tell whether a request was sent, and it takes interim answers for final ones: the subclasses at the
end of this module add that.
"""

from __future__ import annotations

import _thread
import contextvars
import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, LifoQueue
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Timeout
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError, ReadTimeoutError

from . import proxies
from .retry import rounded

# An answer is read up to here, after decompression. The largest that ngrok can give, a list of 100 Agent Ingresses with
# the longest metadata, all of it escaped, has 3 MB.
LONGEST_ANSWER_BYTES = 8 * 2**20

_CHUNK_BYTES = 2**16


@dataclass(frozen=True)
class Answer:
    """An answer. `is_whole` is False where it is longer than LONGEST_ANSWER_BYTES: `content` is then its beginning."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    is_whole: bool = True


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no answer.

    Attributes:
        reason: A clause that is fit to be shown.
        may_have_arrived: Whether the request may have been carried out, or may be yet.
        may_pass: Whether the same request may be answered a little later.
    """

    reason: str
    may_have_arrived: bool
    may_pass: bool


class Exchanges:
    """Exchanges with one API, each over a kept-alive connection where there is one. Threads may share it.

    Args:
        auth: Puts the API key into a request.
        headers: What each request has besides.
        shown: Makes the text of others fit to be shown.
        use_proxies: Whether the proxies of the environment are used.
    """

    def __init__(
        self, auth: AuthBase, headers: Mapping[str, str], shown: Callable[[str], str], *, use_proxies: bool
    ) -> None:
        self._auth = auth
        self._headers = headers
        self._shown = shown
        self._use_proxies = use_proxies
        # The last one first: the fewer connections are in use, the fewer are kept alive.
        self._idle: LifoQueue[_Session] = LifoQueue()

    def exchange(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        seconds: float,
        connect_seconds: float,
        read_seconds: float,
    ) -> Answer | NoAnswer:
        """Sends one request, and reads its answer. Raises nothing that requests raises.

        Args:
            method: The HTTP method.
            url: Where to, without a query.
            query: The query's parameters.
            body: What is sent as JSON.
            seconds: How long all of it may take.
            connect_seconds: How long connecting may take, and each step of it.
            read_seconds: How long may pass without a byte.

        Returns:
            The answer; or why there is none, and whether the request may have arrived.
        """
        session = self._session()
        under_way = session.exchange = _Exchange()
        outcome: list[Answer | Exception] = []
        # Held until it has ended.
        ended = threading.Lock()
        ended.acquire()

        def run() -> None:
            try:
                response = session.request(
                    method,
                    url,
                    params=query,
                    json=body,
                    auth=self._auth,
                    # Both together take no longer, either. requests takes it, but its type stubs don't know.
                    timeout=Timeout(seconds, connect_seconds, read_seconds),  # type: ignore[arg-type]
                    allow_redirects=False,
                    stream=True,
                    proxies=None if self._use_proxies else {"http": "", "https": ""},
                )
                under_way.is_answered = True
                outcome.append(_read(response))
            except Exception as error:  # noqa: BLE001 - whatever it is, there is no answer
                # Not all of urllib3's failures end the connection.
                under_way.close()
                outcome.append(error)
            finally:
                ended.release()

        is_late = True
        try:
            # In a thread of its own: no timeout of a socket bounds an answer that trickles in, or a look-up.
            # Not by `threading`, whose start and end cost a millisecond where several calls are under way.
            _thread.start_new_thread(contextvars.copy_context().run, (run,))
            is_late = not ended.acquire(timeout=seconds)
        finally:
            # Also where the user interrupted us.
            if is_late:
                under_way.give_up()
        if is_late:
            within = f"within {rounded(seconds)} seconds"
            reason = f"its answer did not end {within}" if under_way.is_answered else f"it did not answer {within}"
            return NoAnswer(reason, under_way.is_sent, may_pass=True)
        [result] = outcome
        if isinstance(result, Answer):
            # After anything else, its connections are not to be trusted.
            self._idle.put(session)
            return result
        session.close()
        proxy = proxies.chosen_for(url) if self._use_proxies else None
        failure = _Failure(result, under_way, proxy is not None and proxies.is_malformed(proxy))
        return NoAnswer(
            failure.reason(self._shown, connect_seconds, read_seconds), under_way.is_sent, failure.may_pass()
        )

    def _session(self) -> _Session:
        try:
            return self._idle.get_nowait()
        except Empty:
            session = _Session()
            session.headers.update(self._headers)
            return session


# -- the answer -------------------------------------------------------------------------------------------


class _CutShortError(http.client.HTTPException):
    """The connection ended before the answer did."""


class _UndecodableError(Exception):
    """The answer's content encoding is not what it says, or none that was asked for."""


def _read(response: requests.Response) -> Answer:
    """The answer, up to LONGEST_ANSWER_BYTES."""
    content = bytearray()
    try:
        for piece in _decoded(response):
            content += piece
            if len(content) > LONGEST_ANSWER_BYTES:
                beginning = bytes(content[:LONGEST_ANSWER_BYTES])
                return Answer(response.status_code, response.headers, beginning, is_whole=False)
    finally:
        # One that was read to its end keeps its connection.
        response.raw.close()
    return Answer(response.status_code, response.headers, bytes(content))


def _decoded(response: requests.Response) -> Iterator[bytes]:
    """The body, piece by piece, each no longer than what may be read in all."""
    pieces = response.raw.stream(_CHUNK_BYTES, decode_content=False)
    encoding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding == "identity":
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip"):
        raise _UndecodableError
    # Not by urllib3, of which not all versions bound what comes of a piece.
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    is_empty = True
    for piece in pieces:
        if inflater.eof:
            raise _UndecodableError
        is_empty = False
        try:
            yield inflater.decompress(piece, LONGEST_ANSWER_BYTES + 1)
        except zlib.error:
            raise _UndecodableError from None
    if inflater.unused_data:
        raise _UndecodableError
    if not is_empty and not inflater.eof:
        raise _CutShortError


# -- no answer --------------------------------------------------------------------------------------------


# What a connection fails with that may succeed a little later. A broken-off handshake is among them.
_OF_THE_NETWORK = (
    NewConnectionError,
    ConnectTimeoutError,
    ReadTimeoutError,
    ProtocolError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    ssl.SSLEOFError,
)


class _Failure:
    """An exception in place of an answer, and where the exchange was when it came."""

    def __init__(self, error: Exception, exchange: _Exchange, has_malformed_proxy: bool) -> None:
        self._error = error
        self._causes = list(_causes(error))
        self._exchange = exchange
        self._has_malformed_proxy = has_malformed_proxy and not exchange.is_sent

    def may_pass(self) -> bool:
        """Whether the next try may go better."""
        if self._exchange.is_sent:
            return not isinstance(self._error, _UndecodableError)
        if self._has_malformed_proxy:
            return False
        # http.client says it in words alone, and older versions of urllib3 have the same type for other errors.
        begin = "Tunnel connection failed: "
        tunnel = next((str(each).removeprefix(begin) for each in self._causes if str(each).startswith(begin)), None)
        if tunnel is not None:
            return not tunnel.startswith("4")
        return any(isinstance(each, _OF_THE_NETWORK) for each in self._causes)

    def reason(self, shown: Callable[[str], str], connect_seconds: float, read_seconds: float) -> str:
        """Why there was no answer, in the operating system's words where it has some. `shown` is for others' words."""
        if self._has_malformed_proxy:
            # The library's words would show parts of its URL.
            return proxies.WRONG_URL
        if isinstance(self._error, _UndecodableError):
            return "its answer can't be decoded"
        if any(isinstance(each, ReadTimeoutError) for each in self._causes):
            return f"it did not answer within {rounded(read_seconds)} seconds"
        if isinstance(self._error, requests.ConnectTimeout):
            return f"no connection within {rounded(connect_seconds)} seconds"
        if self._exchange.is_answered or any(isinstance(each, _CutShortError) for each in self._causes):
            return "the answer was cut short"
        innermost = self._causes[-1]
        if isinstance(innermost, OSError) and innermost.strerror:
            return shown(innermost.strerror)
        return shown(str(innermost)) or type(innermost).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what is behind it: urllib3 keeps that in arguments and attributes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inside: list[object] = [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        cause = next((inner for inner in inside if isinstance(inner, BaseException)), None)


# -- what requests, urllib3 and http.client lack ----------------------------------------------------------


class _Exchange:
    """How far an exchange got."""

    def __init__(self) -> None:
        self.is_sent = False
        """Whether any of the request was given to a connection to the API."""
        self.is_answered = False
        """Whether the headers of the answer came."""
        self.response: http.client.HTTPResponse | None = None
        """What reads the answer."""
        self._lock = threading.Lock()
        self._is_given_up = False
        self._socket: Any = None

    def begin_to_send(self, connected: Any, *, to_proxy: bool) -> None:
        """To be called before anything is sent. Raises ConnectionAbortedError where nobody waits any more.

        Args:
            connected: What it is sent by: a socket, or urllib3's own of a TLS connection within another one.
            to_proxy: Whether it is for a proxy, and not yet for the API.
        """
        with self._lock:
            if self._is_given_up:
                raise ConnectionAbortedError
            self.is_sent = self.is_sent or not to_proxy
            self._socket = connected

    def close(self) -> None:
        """Ends the connection, to be called by its own thread."""
        for each in (self.response, self._socket):
            if each is not None:
                each.close()

    def give_up(self) -> None:
        """Ends the exchange: what was not sent never will be, and what is read ends here."""
        with self._lock:
            self._is_given_up = True
            connected = self._socket
        while connected is not None and not isinstance(connected, socket.socket):
            connected = connected.socket
        if connected is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown: it drops the TLS layer, and the other thread would go on in plain text.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Session(requests.Session):
    """A session for one exchange at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = _Exchange()
        self._environment: Any = None
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for prefix in ("https://", "http://"):
            self.mount(prefix, _Adapter(self))

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        # Proxies and CA bundles: requests looks through the whole environment for each request. For one API they
        # are the same each time.
        if self._environment is None:
            self._environment = super().merge_environment_settings(*args, **kwargs)
        return self._environment

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # requests prepares the next request even where it is told not to follow, and fails where it can't.
        return None


class _Adapter(HTTPAdapter):
    """Its connections tell the session's exchange that they begin to send."""

    def __init__(self, session: _Session) -> None:
        self._session = session
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._report(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._report(manager)
        return manager

    def _report(self, manager: Any) -> None:
        # Of whatever kind they are: of a SOCKS proxy, these are others.
        manager.pool_classes_by_scheme = {
            scheme: self._reporting(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _reporting(self, pool: Any) -> Any:
        # urllib3 makes connections by their class alone, so the session has to be an attribute of one.
        response = type("Response", (_Response,), {"session": self._session})
        members = {"session": self._session, "response_class": response}
        connection = type(pool.ConnectionCls.__name__, (_Reporting, pool.ConnectionCls), members)
        return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _Reporting(http.client.HTTPConnection):
    """Mixed into urllib3's classes of connections."""

    session: _Session
    _is_connecting = False

    def connect(self) -> None:
        self._is_connecting = True
        try:
            super().connect()
        finally:
            self._is_connecting = False

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.session.exchange.begin_to_send(self.sock, to_proxy=self._is_connecting)
        super().send(data)


class _Response(http.client.HTTPResponse):
    """Skips interim answers, such as 103 Early Hints, and notices where the connection ends amid the headers.

    http.client skips 100 alone, and takes the end of the connection for the end of the headers.
    """

    session: _Session

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session.exchange.response = self

    def begin(self) -> None:
        file = self.fp
        lines = _Lines(file)
        self.fp = lines  # type: ignore[assignment]
        try:
            super().begin()
            while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
                # Without headers, it reads the next ones.
                self.headers = None  # type: ignore[assignment]
                super().begin()
        finally:
            self.fp = file
        if not lines.last:
            raise _CutShortError
        # urllib3 would log lines that are no headers, as they are: a service may repeat the API key in them.
        self.headers.defects.clear()
        self.headers.set_payload("")


class _Lines:
    """Reads the lines of a file. `last` is the last one, which is empty at the file's end."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._file.readline(limit)
        return self.last
