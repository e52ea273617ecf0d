"""A line to a DNS server that loses, forges and delays what goes over it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.bind import Bind

Rule = Callable[[bytes, Callable[[], bytes]], bytes | None]


@contextlib.contextmanager
def between(bind: Bind, rule: Rule) -> Iterator[int]:
    """A port whose answers are what `rule` makes of a message and of BIND's answer; None ends the connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            message = received(self.request)

            def ask() -> bytes:
                with socket.create_connection(("127.0.0.1", bind.port), 5) as connection:
                    connection.sendall(struct.pack("!H", len(message)) + message)
                    return received(connection)

            answer = rule(message, ask)
            if answer is not None:
                self.request.sendall(struct.pack("!H", len(answer)) + answer)

    def received(connection: socket.socket) -> bytes:
        with connection.makefile("rb") as stream:
            return stream.read(int.from_bytes(stream.read(2), "big"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def is_update(message: bytes) -> bool:
    return message[2] >> 3 & 15 == 5


@dataclass
class Outage:
    """A rule for `between`: from the first update on, answers are lost until `is_over` is set.

    of_looks: whether those to reads are lost too. arrives: whether the updates themselves get through.
    """

    of_looks: bool = True
    arrives: bool = True
    is_over: bool = False
    _began: bool = False

    def begin_anew(self) -> None:
        """The next update is the first that is lost."""
        self.is_over = self._began = False

    def __call__(self, message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if self.is_over:
            return ask()
        if is_update(message):
            self._began = True
            if self.arrives:
                ask()
            return None
        return None if self._began and self.of_looks else ask()
