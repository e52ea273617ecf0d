"""Servers on a free port of this machine that send given bytes, and networks instead of the real one."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from pulumi_agin.api.http import HttpClient
from pulumi_agin.api.messages import NoResponse, Request, Response
from pulumi_agin.base.redaction import Secret
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY

Handle = Callable[[socket.socket], None]


@contextlib.contextmanager
def serve(handle: Handle) -> Iterator[str]:
    """Yields HOST:PORT of a server that passes each connection to `handle` in a new thread, and then closes it."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            handle(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=answer, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Wakes the threads that wait for one of them.
            for each in (listener, *connections):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def receive(connection: socket.socket) -> bytes:
    """Returns a whole request with headers and body, or its beginning if the connection ends first."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        more = connection.recv(65536)
        if not more:
            break
        body += more
    return head + b"\r\n\r\n" + body


def reply(*pieces: bytes) -> Handle:
    """Reads a request, sends these pieces, and closes the connection."""

    def handle(connection: socket.socket) -> None:
        receive(connection)
        for piece in pieces:
            connection.sendall(piece)

    return handle


def trickle(beginning: bytes, piece: bytes) -> Handle:
    """Reads a request, and sends an endless response: the beginning, and then one piece after another."""

    def handle(connection: socket.socket) -> None:
        receive(connection)
        drip(beginning, piece)(connection)

    return handle


def drip(beginning: bytes, piece: bytes) -> Handle:
    """Sends bytes without an end, and without a request."""

    def handle(connection: socket.socket) -> None:
        connection.sendall(beginning)
        # For 20 seconds, much longer than any test waits.
        for _ in range(200):
            time.sleep(0.1)
            connection.sendall(piece)

    return handle


class Slow(HttpClient):
    """A network that returns these outcomes one after another, each after a number of seconds of the clock.

    `methods` has the methods of the requests so far.
    """

    def __init__(self, clock: Clock, *outcomes: tuple[float, Response | NoResponse]) -> None:
        self.methods: list[str] = []
        self._clock = clock
        self._outcomes = list(outcomes)

    def send(self, request: Request, *_: object, connect_seconds: float) -> Response | NoResponse:
        self.methods.append(request.method)
        seconds, outcome = self._outcomes.pop(0)
        self._clock.sleep(seconds)
        return outcome


class Responding(HttpClient):
    """A network that returns the same response to each request."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def send(self, *_: object, connect_seconds: float) -> Response:
        return self._response


class Held(HttpClient):
    """A network to the emulator that delays requests by one method, or their responses, until `may_go_on`."""

    def __init__(self, emulator: Emulator, method: str, *, after: bool) -> None:
        self.is_held, self.may_go_on = threading.Event(), threading.Event()
        self._network = HttpClient(Secret(API_KEY), str, use_proxies=False)
        self._method = method
        self._after = after

    def send(self, request: Request, base_url: str, seconds: float, *, connect_seconds: float) -> Response | NoResponse:
        def pass_on() -> Response | NoResponse:
            return self._network.send(request, base_url, seconds, connect_seconds=connect_seconds)

        if request.method != self._method:
            return pass_on()
        response = pass_on() if self._after else None
        self.is_held.set()
        assert self.may_go_on.wait(20)
        return response or pass_on()
