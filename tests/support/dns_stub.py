"""A DNS server whose responses a test writes itself."""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.support.background import in_background

Respond = Callable[[dns.message.Message, dns.message.Message], None]
"""Fills in the response to a query."""


@contextmanager
def dns_server(respond: Respond, *, tcp: bool = False) -> Iterator[str]:
    """Runs a server on UDP, or on TCP."""

    def response_to(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        respond(query, response)
        return response.to_wire()

    class UdpHandler(socketserver.DatagramRequestHandler):
        def handle(self) -> None:
            self.wfile.write(response_to(self.rfile.read()))

    class TcpHandler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = int.from_bytes(self.rfile.read(2), "big")
            response = response_to(self.rfile.read(length))
            self.wfile.write(len(response).to_bytes(2, "big") + response)

    address = ("127.0.0.1", 0)
    server = socketserver.TCPServer(address, TcpHandler) if tcp else socketserver.UDPServer(address, UdpHandler)
    with in_background(server):
        yield f"127.0.0.1:{server.server_address[1]}"


def referral(query: dns.message.Message, response: dns.message.Message) -> None:
    """Responds as a server of the parent zone and a resolver, whose delegation names nonexistent servers."""
    response.flags |= dns.flags.RA
    if query.flags & dns.flags.RD:
        response.set_rcode(dns.rcode.SERVFAIL)
        return
    response.authority.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "NS", "ns1.awsdns.org."))
