"""A DNS server on this machine that responds as a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from pulumi_agin.nameservers import Server

SECONDS = 10.0

# Real, and short: only time shows that nothing answers by UDP.
UDP_SECONDS = 0.05

Answers = Callable[[dns.message.Message, dns.message.Message], None]


@contextmanager
def answering(answers: Answers, kind: socket.SocketKind = socket.SOCK_DGRAM) -> Iterator[Server]:
    """A server on UDP or TCP alone. `answers` fills in the response to a query."""

    def response(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        made = dns.message.make_response(query)
        answers(query, made)
        return made.to_wire()

    def serve(server: socket.socket) -> None:
        while True:
            if kind == socket.SOCK_DGRAM:
                wire, client = server.recvfrom(2000)
                if not wire:
                    return
                server.sendto(response(wire), client)
                continue
            connection, _ = server.accept()
            with connection:
                size = connection.recv(2)
                if not size:
                    return
                sent = response(connection.recv(2000))
                connection.sendall(len(sent).to_bytes(2, "big") + sent)

    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        try:
            yield Server(*server.getsockname())
        finally:
            with socket.socket(socket.AF_INET, kind) as end:
                end.connect(server.getsockname())
                if kind == socket.SOCK_DGRAM:
                    end.send(b"")
            thread.join(SECONDS)


def resolver(names: Iterable[str], rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Answers:
    """The responses of a resolver: with these NS records, and only to queries with recursion."""

    def answers(query: dns.message.Message, response: dns.message.Message) -> None:
        response.flags |= dns.flags.RA
        if not query.flags & dns.flags.RD:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.set_rcode(rcode)
        if names:
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "NS", *names))

    return answers
