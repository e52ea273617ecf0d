"""A DNS server whose responses a test chooses: at once the resolver of this machine and the servers of all zones."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from tests.support.background import in_background

Zones = Mapping[tuple[str, str], list[str] | str]
"""By name and type: the values of the records, or the name of the response's status, such as "REFUSED".

NS records of a name without a SOA record are a delegation: a referral for a query without recursion, and SERVFAIL for
another, because nobody has the zone. Other names do not exist.
"""


@contextmanager
def dns_server(
    zones: Zones, *, is_authoritative: bool = True, address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[int]:
    """Runs a server of the zones on UDP. Yields its port."""

    class Handler(socketserver.DatagramRequestHandler):
        def handle(self) -> None:
            query = dns.message.from_wire(self.rfile.read())
            self.wfile.write(respond(query).to_wire())

    def respond(query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        [question] = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text(omit_final_dot=True)
        found = zones.get((name, kind), "NOERROR" if any(each == name for each, _ in zones) else "NXDOMAIN")
        if isinstance(found, str):
            response.set_rcode(dns.rcode.from_text(found))
            response.flags |= dns.flags.AA if is_authoritative else 0
        else:
            is_delegation = kind == "NS" and (name, "SOA") not in zones
            section = response.authority if is_delegation else response.answer
            section.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            if is_delegation and query.flags & dns.flags.RD:
                response.set_rcode(dns.rcode.SERVFAIL)
        return response

    server = socketserver.UDPServer(address, Handler)
    with in_background(server):
        yield server.server_address[1]


def use_as_public_dns(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Makes a server the resolver of this machine, and all other servers be at the same port."""

    def configure(self: dns.resolver.Resolver, file: object) -> None:
        self.nameservers = ["127.0.0.1"]
        self.port = port

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", configure)
