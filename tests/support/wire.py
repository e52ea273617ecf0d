"""Servers that say what a test has them say, byte by byte, on a free port of this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pulumi_agin.api.access import Secret
from pulumi_agin.api.exchange import Answer, Exchanges, NoAnswer
from pulumi_agin.api.transport import make_exchanges
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY

Handle = Callable[[socket.socket], None]


@contextlib.contextmanager
def serve(handle: Handle) -> Iterator[str]:
    """HOST:PORT of a server that gives each connection to `handle`, in a thread of its own, and then closes it."""
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
            # Wakes whoever waits in one of them.
            for each in (listener, *connections):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def receive(connection: socket.socket) -> bytes:
    """A whole request with its headers and body; what came of it where the connection ended first."""
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


def trickle(beginning: bytes, drip: bytes) -> Handle:
    """Reads a request, and answers as if without an end: the beginning, and then drips."""

    def handle(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(beginning)
        drip_on(connection, drip)

    return handle


def drip_on(connection: socket.socket, drip: bytes) -> None:
    """Sends a drip ten times a second, much longer than any test waits. Then it ends, so that nobody waits forever."""
    for _ in range(200):
        time.sleep(0.1)
        connection.sendall(drip)


class Held(Exchanges):
    """The way to the emulator, on which requests by one method, or their answers, wait for `may_go_on`."""

    def __init__(self, emulator: Emulator, method: str, *, after: bool) -> None:
        self.is_held, self.may_go_on = threading.Event(), threading.Event()
        self._way = make_exchanges(Secret(API_KEY), emulator.url, "a test", str)
        self._method = method
        self._after = after

    def exchange(self, method: str, *where: Any, **how: Any) -> Answer | NoAnswer:
        if method != self._method:
            return self._way.exchange(method, *where, **how)
        answer = self._way.exchange(method, *where, **how) if self._after else None
        self.is_held.set()
        assert self.may_go_on.wait(20)
        return answer or self._way.exchange(method, *where, **how)


@contextlib.contextmanager
def between(emulator: Emulator, alter: Callable[[bytes, bytes], bytes]) -> Iterator[str]:
    """The URL of the emulator through a line that alters its answers: `alter(request, answer)` is what arrives."""
    host, _, port = emulator.url.removeprefix("http://").partition(":")

    def handle(connection: socket.socket) -> None:
        request = receive(connection)
        if not request:
            return
        # So that its end tells the end of the answer, and under the emulator's own name.
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"host:"))]
        lines += [b"Connection: close", b"Host: " + f"{host}:{port}".encode()]
        with socket.create_connection((host, int(port))) as upstream:
            upstream.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            answer = b""
            while more := upstream.recv(65536):
                answer += more
        connection.sendall(alter(request, answer))

    with serve(handle) as place:
        yield f"http://{place}"
