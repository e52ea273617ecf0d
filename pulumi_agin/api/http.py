"""One HTTP request and its answer, within a bounded time and up to a bounded size.

If no answer comes, an exchange can tell whether the request may have arrived.

This builds on requests, which takes care of certificates, proxies and kept-alive connections. But its timeouts
apply to each read and not to the whole exchange, it can't tell whether a request was sent, and it mistakes interim
answers for final ones. The subclasses at the end of this module add what is missing.
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
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, LifoQueue
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Timeout
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError, ReadTimeoutError

from . import proxies
from .retry import in_words

# How much of an answer is read, after decompression. The largest answer that ngrok can give has 3 MB: a list of 100
# Agent Ingresses with the longest metadata, all of it escaped.
LONGEST_ANSWER_BYTES = 8 * 2**20

_CHUNK_BYTES = 2**16


class Response(NamedTuple):
    """An answer.

    Attributes:
        status_code: The HTTP status.
        headers: The headers. Their names are case-insensitive.
        content: The body after decompression, or its beginning if it is longer than LONGEST_ANSWER_BYTES.
        is_whole: Whether `content` is the whole body.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    is_whole: bool = True


class NoResponse(NamedTuple):
    """Why there is no answer.

    Attributes:
        reason: A clause that is safe to show.
        may_have_arrived: Whether the request may have been carried out, or may be yet.
        is_transient: Whether the same request may be answered a little later.
    """

    reason: str
    may_have_arrived: bool
    is_transient: bool

    @property
    def is_unconnected(self) -> bool:
        """Whether no connection could be made, so that nothing was sent. It may be possible a little later."""
        return self.is_transient and not self.may_have_arrived


class HttpClient:
    """Exchanges with one API, over kept-alive connections. Threads may share it.

    There is one pool of connections for all threads, and never more connections than exchanges at the same time.
    """

    def __init__(
        self, auth: AuthBase, headers: Mapping[str, str], sanitize: Callable[[str], str], *, use_proxies: bool
    ) -> None:
        """Connects to nothing yet.

        Args:
            auth: Puts the API key into a request.
            headers: The other headers of each request.
            fit_to_show: Makes the text of others safe to show.
            use_proxies: Whether to use the proxies that the environment names.
        """
        self._auth = auth
        self._headers = headers
        self._fit_to_show = sanitize
        self._use_proxies = use_proxies
        # Last in, first out: a few calls at a time then use only a few connections, and the API may close the others.
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
    ) -> Response | NoResponse:
        """Sends one request and reads its answer. It does not raise the exceptions of requests.

        Args:
            method: The HTTP method.
            url: The URL, without a query.
            query: The parameters of the query.
            body: The values to send as JSON.
            seconds: How long all of it may take.
            connect_seconds: How long connecting may take, as a whole and for each step.
            read_seconds: How long the API may pause between two bytes.

        Returns:
            The answer, or why there is none and whether the request may have arrived.
        """
        session = self._take_session()
        under_way = session.exchange = _Exchange()
        outcome: list[Response | Exception] = []
        # Locked until the exchange has ended.
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
                    # A Timeout also bounds the sum of the two. requests accepts it, but its type stubs don't.
                    timeout=Timeout(seconds, connect_seconds, read_seconds),  # type: ignore[arg-type]
                    allow_redirects=False,
                    stream=True,
                    proxies=None if self._use_proxies else {"http": "", "https": ""},
                )
                under_way.is_answered = True
                outcome.append(_read_answer(response))
            except Exception as error:  # noqa: BLE001 - whatever it is, there is no answer
                # Not every failure of urllib3 closes the connection.
                under_way.close()
                outcome.append(error)
            finally:
                ended.release()

        is_late = True
        try:
            # A thread of its own, because no timeout of a socket bounds an answer that trickles in, or a DNS lookup.
            # `threading` would cost a millisecond to start and end it when several calls are under way.
            _thread.start_new_thread(contextvars.copy_context().run, (run,))
            is_late = not ended.acquire(timeout=seconds)
        finally:
            # This also runs if the user interrupts us.
            if is_late:
                under_way.give_up()
        if is_late:
            time = in_words(seconds)
            reason = f"it did not answer within {time}" if under_way.is_sent else f"timed out after {time}"
            if under_way.is_answered:
                reason = f"its answer did not end within {time}"
            return NoResponse(reason, under_way.is_sent, is_transient=True)
        [result] = outcome
        if isinstance(result, Response):
            # After any other outcome its connection can't be trusted.
            self._idle.put(session)
            return result
        session.close()
        proxy = proxies.proxy_for(url) if self._use_proxies else None
        failure = _Failure(result, under_way, proxy is not None and proxies.is_malformed(proxy))
        reason = failure.reason(self._fit_to_show, connect_seconds, read_seconds)
        no_answer = NoResponse(reason, under_way.is_sent, failure.is_transient())
        if no_answer.is_unconnected and proxy is not None:
            return no_answer._replace(reason=f"{reason} (through the proxy that HTTPS_PROXY or ALL_PROXY names)")
        return no_answer

    def _take_session(self) -> _Session:
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
    """The body does not have the encoding that the answer names, or it has one that we did not ask for."""


def _read_answer(response: requests.Response) -> Response:
    """Reads the body, up to LONGEST_ANSWER_BYTES."""
    content = bytearray()
    try:
        for piece in _decode(response):
            content += piece
            if len(content) > LONGEST_ANSWER_BYTES:
                beginning = bytes(content[:LONGEST_ANSWER_BYTES])
                return Response(response.status_code, response.headers, beginning, is_whole=False)
    finally:
        # If the body was read to its end, this keeps the connection.
        response.raw.close()
    return Response(response.status_code, response.headers, bytes(content))


def _decode(response: requests.Response) -> Iterator[bytes]:
    """Yields the body piece by piece. No piece is longer than the longest answer."""
    pieces = response.raw.stream(_CHUNK_BYTES, decode_content=False)
    encoding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding == "identity":
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip"):
        raise _UndecodableError
    # urllib3 does not do this, because not all of its versions limit the length of a piece.
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


# Failures of a connection that may succeed a little later, such as a handshake that breaks off.
_TRANSIENT = (
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
    """An exception in place of an answer, and how far the exchange had got."""

    def __init__(self, error: Exception, exchange: _Exchange, has_malformed_proxy: bool) -> None:
        self._error = error
        self._causes = list(_causes(error))
        self._exchange = exchange
        self._has_malformed_proxy = has_malformed_proxy and not exchange.is_sent

    def is_transient(self) -> bool:
        """Tells whether the next try may succeed."""
        if self._exchange.is_sent:
            return not isinstance(self._error, _UndecodableError)
        if self._has_malformed_proxy:
            return False
        # http.client tells this only in its message, and older urllib3 uses the same type for other errors.
        begin = "Tunnel connection failed: "
        tunnel = next((str(each).removeprefix(begin) for each in self._causes if str(each).startswith(begin)), None)
        if tunnel is not None:
            return not tunnel.startswith("4")
        return any(isinstance(each, _TRANSIENT) for each in self._causes)

    def reason(self, sanitize: Callable[[str], str], connect_seconds: float, read_seconds: float) -> str:
        """Returns why there was no answer, in the words of the operating system if it has some."""
        if self._has_malformed_proxy:
            # The library's own words would show parts of the URL.
            return proxies.WRONG_URL
        if isinstance(self._error, _UndecodableError):
            return "its answer can't be decoded"
        is_read_timeout = any(isinstance(each, ReadTimeoutError) for each in self._causes)
        if is_read_timeout and self._exchange.is_sent:
            return f"it did not answer within {in_words(read_seconds)}"
        # A handshake that takes too long is a read that times out, too.
        if is_read_timeout or isinstance(self._error, requests.ConnectTimeout):
            return f"timed out after {in_words(connect_seconds)}"
        if self._exchange.is_answered or any(isinstance(each, _CutShortError) for each in self._causes):
            return "the answer was cut short"
        innermost = self._causes[-1]
        if isinstance(innermost, OSError) and innermost.strerror:
            return sanitize(innermost.strerror)
        return sanitize(str(innermost)) or type(innermost).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an exception and its causes, which urllib3 keeps in arguments and attributes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        inside: list[object] = [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        cause = next((inner for inner in inside if isinstance(inner, BaseException)), None)


# -- what requests, urllib3 and http.client lack ----------------------------------------------------------


class _Exchange:
    """How far an exchange got.

    Attributes:
        is_sent: Whether any part of the request was given to a connection to the API.
        is_answered: Whether the headers of the answer came.
        response: What reads the answer.
    """

    def __init__(self) -> None:
        self.is_sent = False
        self.is_answered = False
        self.response: http.client.HTTPResponse | None = None
        self._lock = threading.Lock()
        self._is_given_up = False
        self._socket: Any = None

    def begin_to_send(self, connected: Any, *, to_proxy: bool) -> None:
        """Must be called before anything is sent.

        Args:
            connected: What sends it: a socket, or urllib3's object for a TLS connection inside another one.
            to_proxy: Whether it goes to a proxy, and not yet to the API.

        Raises:
            ConnectionAbortedError: Nobody waits for the exchange any more.
        """
        with self._lock:
            if self._is_given_up:
                raise ConnectionAbortedError
            self.is_sent = self.is_sent or not to_proxy
            self._socket = connected

    def close(self) -> None:
        """Closes the connection. Must be called by the thread that uses it."""
        for each in (self.response, self._socket):
            if each is not None:
                each.close()

    def give_up(self) -> None:
        """Ends the exchange: nothing more is sent, and reading ends."""
        with self._lock:
            self._is_given_up = True
            connected = self._socket
        while connected is not None and not isinstance(connected, socket.socket):
            connected = connected.socket
        if connected is not None:
            with suppress(OSError):
                # SSLSocket.shutdown would remove the TLS layer, and the other thread would go on in plain text.
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
        # These are proxies and CA bundles. requests would search the whole environment again for each request.
        if self._environment is None:
            self._environment = super().merge_environment_settings(*args, **kwargs)
        return self._environment

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # requests prepares the next request even if it is told not to follow redirects, and fails if it can't.
        return None


class _Adapter(HTTPAdapter):
    """An adapter whose connections tell the session's exchange when they begin to send."""

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
        # This covers every kind of manager: that of a SOCKS proxy has its own classes.
        manager.pool_classes_by_scheme = {
            scheme: self._reporting_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _reporting_pool(self, pool: Any) -> Any:
        # urllib3 only takes a class for its connections, so the session must be an attribute of the class.
        response = type("Response", (_Response,), {"session": self._session})
        members = {"session": self._session, "response_class": response}
        connection = type(pool.ConnectionCls.__name__, (_ReportingConnection, pool.ConnectionCls), members)
        return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _ReportingConnection(http.client.HTTPConnection):
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
    """Skips interim answers, such as 103 Early Hints, and notices if the connection ends within the headers.

    http.client only skips 100, and takes the end of the connection for the end of the headers.
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
        # urllib3 would log malformed header lines unchanged, and a service may repeat the API key in them.
        self.headers.defects.clear()
        self.headers.set_payload("")


class _Lines:
    """Reads the lines of a file. `last` is the line that was read last. It is empty at the end of the file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._file.readline(limit)
        return self.last
