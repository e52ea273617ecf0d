"""HTTP/1.1 on one TCP connection, by h11. The connection can also be broken in the ways that networks do it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import h11

from .api import Answer

READ_BYTES = 16 * 1024
"""How much is read at once. It is little, so that parsing it does not block the event loop, even in tiny chunks."""

_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class BadRequestError(Exception):
    """What the client sent is not HTTP/1.1, its head is too long, or the client went away before the end."""


class TooLargeError(Exception):
    """The body is longer than the limit."""


@dataclass(frozen=True)
class Request:
    """The head of a request."""

    method: str
    """The HTTP method."""
    path: str
    """The path, without percent-escapes."""
    query: str
    """The query, without the question mark."""
    headers: Mapping[str, list[str]]
    """All values of each header, by its name in lower case."""

    def header(self, name: str, default: str = "") -> str:
        """Returns the first value of a header.

        Args:
            name: The name of the header, in lower case.
            default: The value to return if the request does not have the header.
        """
        return self.headers.get(name, [default])[0]


class Connection:
    """One TCP connection, which carries one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads nothing yet.

        Args:
            reader: The stream of the client's bytes.
            writer: The stream to the client.
        """
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        self.request: Request | None = None
        """The request that is not answered yet, if there is one."""
        self.number = 0
        """The number of the connection, from 1; 0 until it carries a request to the API."""

    async def next_request(self) -> Request | None:
        """Waits for a request.

        Returns:
            Its head; None if there will be no more requests on this connection.

        Raises:
            BadRequestError: The client did not send a request.
        """
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        if self._http.our_state is not h11.IDLE:
            return None
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        path, _, query = event.target.decode("ascii").partition("?")
        headers: dict[str, list[str]] = {}
        for name, value in event.headers:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        self.request = Request(event.method.decode("ascii"), unquote(path), query, headers)
        return self.request

    async def read_body(self, request: Request, max_bytes: int) -> bytes:
        """Reads the body of a request.

        Args:
            request: The request, which must be the newest.
            max_bytes: The longest body that is read.

        Raises:
            BadRequestError: The client went away before the end, or the body is malformed.
            TooLargeError: The body is longer than `max_bytes`. The rest of it stays unread.
        """
        if int(request.header("content-length", "0")) > max_bytes:
            raise TooLargeError
        body = bytearray()
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > max_bytes:
                raise TooLargeError
        return bytes(body)

    async def send(self, answer: Answer) -> None:
        """Answers the newest request.

        Args:
            answer: The answer. If it has no `content-length`, the header is added.
        """
        is_without_body = answer.status in _WITHOUT_BODY or (self.request and self.request.method == "HEAD")
        self.request = None
        try:
            body = [] if is_without_body else [h11.Data(data=answer.body)]
            self._send(_head(answer), *body, h11.EndOfMessage())
        except h11.LocalProtocolError:
            # A fault may have headers that HTTP does not allow, or that contradict the body.
            self.close()
        await self._drain()

    async def send_half(self, answer: Answer) -> None:
        """Sends an answer with half of its body, and ends the connection.

        Args:
            answer: The answer.
        """
        with suppress(h11.LocalProtocolError):
            self._send(_head(answer), h11.Data(data=answer.body[: len(answer.body) // 2]))
        await self._drain()
        self.close()

    async def wait_until_closed(self) -> None:
        """Waits until the client has closed the connection, or it was ended here."""
        while await self._read():
            pass

    def close(self) -> None:
        """Ends the connection after what was sent."""
        # Closing a socket with unread data resets the connection. If the client sees the end first, it can still read
        # the answer.
        with suppress(OSError):
            self._writer.write_eof()
        self._writer.close()

    async def wait_closed(self) -> None:
        """Waits until everything is sent and the connection is closed, or was aborted."""
        with suppress(OSError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """Ends the connection by RST, as a crashed server or a firewall does."""
        sock = self._writer.get_extra_info("socket")
        if sock is not None and not self._writer.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    async def _next_event(self) -> Any:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue"))
                self._http.receive_data(await self._read())
        except h11.RemoteProtocolError as error:
            raise BadRequestError from error
        return event

    async def _read(self) -> bytes:
        """Returns what has arrived; b"" if the connection has ended."""
        try:
            return await self._reader.read(READ_BYTES)
        except OSError:
            return b""

    def _send(self, *events: h11.Event) -> None:
        """Sends events in one piece. A second one would wait 40 ms for the client's acknowledgement of the first."""
        data = b""
        try:
            for event in events:
                data += self._http.send(event) or b""
        finally:
            # If an event is not allowed, the ones before it are sent.
            self._writer.write(data)

    async def _drain(self) -> None:
        # A client that is gone needs no answer.
        with suppress(OSError):
            await self._writer.drain()


def _head(answer: Answer) -> h11.Response:
    headers = dict(answer.headers)
    if answer.status not in _WITHOUT_BODY:
        headers.setdefault("content-length", str(len(answer.body)))
    pairs = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()]
    return h11.Response(status_code=answer.status, headers=pairs, reason=_reason(answer.status))


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
