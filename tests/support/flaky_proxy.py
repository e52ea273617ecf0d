"""A network between the package and a DNS server that loses and forges messages."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dns.message
import dns.rcode

from tests.support.background import in_background
from tests.support.bind import Bind

Rule = Callable[[bytes, Callable[[], bytes]], bytes | None]


@contextlib.contextmanager
def between(bind: Bind, rule: Rule) -> Iterator[int]:
    """Yields a port whose responses `rule` makes from a message and BIND's response; None ends the connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            message = received(self.request)

            def ask() -> bytes:
                with socket.create_connection(("127.0.0.1", bind.port), 5) as connection:
                    connection.sendall(struct.pack("!H", len(message)) + message)
                    return received(connection)

            response = rule(message, ask)
            if response is not None:
                self.request.sendall(struct.pack("!H", len(response)) + response)

    def received(connection: socket.socket) -> bytes:
        with connection.makefile("rb") as stream:
            return stream.read(int.from_bytes(stream.read(2), "big"))

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        yield int(server.server_address[1])


def is_update(message: bytes) -> bool:
    return message[2] >> 3 & 15 == 5


def unsigned(rcode: dns.rcode.Rcode) -> Callable[[bytes], bytes]:
    """Makes unsigned responses to signed messages, as anyone in between can."""

    def respond(message: bytes) -> bytes:
        query = dns.message.from_wire(message, keyring=False)
        # dnspython before 2.8 would sign the response, for which it lacks the key.
        query.tsig = None
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return response.to_wire()

    return respond


@dataclass
class Lossy:
    """A rule for `between` about updates. They reach the server if `arrives`, and their responses are lost."""

    arrives: bool = True
    times: int = 1000
    """How many updates it is about. All others get the server's responses."""
    response: Callable[[bytes], bytes | None] = lambda message: None
    """What comes in place of the server's response; None ends the connection."""
    meanwhile: Callable[[], object] = lambda: None
    """What happens before each of these updates arrives, or would."""
    loses_reads: bool = False
    """Whether reads are treated likewise from the first of these updates on."""
    seen: int = 0

    def __call__(self, message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if not is_update(message):
            return self.response(message) if self.seen and self.loses_reads else ask()
        if self.seen >= self.times:
            return ask()
        self.seen += 1
        self.meanwhile()
        if self.arrives:
            ask()
        return self.response(message)
