"""A network between the plugin and a DNS server that loses and forges messages."""

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
    """Yields a port whose answers `rule` makes from a message and BIND's answer; None ends the connection."""

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

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with in_background(server):
        yield int(server.server_address[1])


def is_update(message: bytes) -> bool:
    return message[2] >> 3 & 15 == 5


@dataclass
class Outage:
    """A rule for `between`: from the first update on, answers are lost until `is_over` is set.

    loses_reads: whether answers to reads are lost, too. arrives: whether the updates reach the server. response: the
    replacement of a lost answer; None ends the connection.
    """

    loses_reads: bool = True
    arrives: bool = True
    is_over: bool = False
    response: bytes | None = None
    has_begun: bool = False

    def __call__(self, message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if self.is_over:
            return ask()
        if is_update(message):
            self.has_begun = True
            if self.arrives:
                ask()
            return self.response
        return self.response if self.has_begun and self.loses_reads else ask()


def before_updates(change: Callable[[], object]) -> Rule:
    """A rule for `between`: something happens just before each update arrives."""

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        if is_update(message):
            change()
        return ask()

    return rule


def lose_updates(times: int, *, arrives: bool = True, meanwhile: Callable[[], None] = lambda: None) -> Rule:
    """A rule for `between`: the first updates are lost, or BIND's responses to them if they arrive.

    meanwhile: what happens before each one is sent again.
    """
    lost: list[bytes] = []

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if not is_update(message) or len(lost) == times:
            return ask()
        lost.append(message)
        if arrives:
            ask()
        meanwhile()
        return None

    return rule


def respond(rcode: dns.rcode.Rcode, *, times: int | None = None, arrives: bool = False) -> Rule:
    """A rule for `between`: updates get an unsigned response, after BIND carried them out if they arrive."""
    responses: list[bytes] = []

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        if not is_update(message) or len(responses) == times:
            return ask()
        if arrives:
            ask()
        responses.append(unsigned_response(message, rcode))
        return responses[-1]

    return rule


def unsigned_response(message: bytes, rcode: dns.rcode.Rcode) -> bytes:
    query = dns.message.from_wire(message, keyring=False)
    # dnspython before 2.8 would sign the response, for which it lacks the key.
    query.tsig = None
    response = dns.message.make_response(query)
    response.set_rcode(rcode)
    return response.to_wire()
