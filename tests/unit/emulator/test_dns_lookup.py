"""The emulator with a simulated DNS server. The tests with a real BIND are in tests/servicer."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import dns.message
import dns.rcode
import pytest

from pulumi_agin.emulator import Emulator, dns_lookup
from tests.support.dns_stub import dns_server, referral
from tests.support.emulator import POLICY, Api, EmulatorClock
from tests.support.keys import API_KEY


def test_delegation_is_queried_without_recursion(emulator_clock: EmulatorClock) -> None:
    with (
        dns_server(referral, tcp=True) as server,
        Emulator(API_KEY, clock=emulator_clock, dns=server) as emulator,
    ):
        api = Api(emulator)
        ingress = api.create(certificate_management_policy=POLICY)
        emulator.set_ingress(ingress["id"], {"ns_targets": ["ns1.awsdns.org"]})
        emulator_clock.advance(2)
        assert api.job(ingress) == (None, "Managed certificate provisioning in progress.")


def test_rejection_without_the_question_is_a_dns_error(emulator_clock: EmulatorClock) -> None:
    def reject(query: dns.message.Message, response: dns.message.Message) -> None:
        response.question.clear()
        response.set_rcode(dns.rcode.REFUSED)

    with dns_server(reject, tcp=True) as server, Emulator(API_KEY, clock=emulator_clock, dns=server) as emulator:
        ingress = Api(emulator).create(certificate_management_policy=POLICY)
        emulator_clock.advance(2)
        code, message = Api(emulator).job(ingress)
        assert (code, message.rpartition(", returned ")[2]) == ("DNS_ERROR", "REFUSED.")


@pytest.mark.parametrize("sent", [b"", b"\x00\x04junk"])
def test_malformed_response_is_a_dns_error(emulator_clock: EmulatorClock, sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:

        def respond() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(sent)

        address = f"127.0.0.1:{server.getsockname()[1]}"
        with Emulator(API_KEY, clock=emulator_clock, dns=address) as emulator:
            ingress = Api(emulator).create(certificate_management_policy=POLICY)
            emulator_clock.advance(2)
            threads.submit(respond)
            code, message = Api(emulator).job(ingress)
            assert (code, message.startswith(f"The DNS server {address} could not be queried: ")) == ("DNS_ERROR", True)


def test_silent_server_blocks_no_other_request(emulator_clock: EmulatorClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_lookup, "LOOKUP_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with Emulator(API_KEY, clock=emulator_clock, dns=address) as emulator:
            ingress = Api(emulator).create(certificate_management_policy=POLICY)
            emulator_clock.advance(2)
            waiting = threads.submit(Api(emulator).job, ingress)
            with server.accept()[0]:
                unmanaged = Api(emulator).create("unmanaged.acme.com")
                assert Api(emulator).certificate(unmanaged) is None
                assert not waiting.done()
                code, message = waiting.result(20)
            assert (code, "could not be queried: " in message, "timed out" in message) == ("DNS_ERROR", True, True)


@pytest.mark.parametrize("address", ["nowhere", "a..b:53", ":53", "ns1.acme.com:", "http://ns1.acme.com:53"])
def test_invalid_address_is_rejected(address: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a DNS server: use HOST:PORT"):
        Emulator(dns=address)
