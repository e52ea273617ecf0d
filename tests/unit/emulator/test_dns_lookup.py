"""The emulator with a simulated DNS server. The tests with a real BIND are in tests/servicer."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import dns.message
import dns.rcode
import pytest
import requests

from pulumi_agin.emulator import Emulator, dns_lookup
from tests.support.dns_server import dns_server, referral
from tests.support.emulator import POLICY, Api, EmulatorClock
from tests.support.keys import API_KEY

ENDED = "could not be queried: it closed the connection."
MALFORMED = "could not be queried: its response is malformed."


def test_delegation_is_queried_without_recursion(emulator_clock: EmulatorClock) -> None:
    with (
        dns_server(referral, tcp=True) as server,
        Emulator(API_KEY, clock=emulator_clock, dns=str(server)) as emulator,
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

    with dns_server(reject, tcp=True) as server, Emulator(API_KEY, clock=emulator_clock, dns=str(server)) as emulator:
        ingress = Api(emulator).create(certificate_management_policy=POLICY)
        emulator_clock.advance(2)
        code, message = Api(emulator).job(ingress)
        assert (code, message.rpartition(", returned ")[2]) == ("DNS_ERROR", "REFUSED.")


@pytest.mark.parametrize(("sent", "problem"), [(b"", ENDED), (b"\x00\x04junk", MALFORMED)])
def test_malformed_response_is_a_dns_error(emulator_clock: EmulatorClock, sent: bytes, problem: str) -> None:
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
            assert Api(emulator).job(ingress) == ("DNS_ERROR", f"The DNS server {address} {problem}")


def test_silent_server_blocks_no_other_request(emulator_clock: EmulatorClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_lookup, "LOOKUP_SECONDS", 0.5)
    # Emulators that other tests share have threads, too.
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with Emulator(API_KEY, clock=emulator_clock, dns=address) as emulator:
            api = Api(emulator)
            ingress = api.create(certificate_management_policy=POLICY)
            unmanaged = api.create("unmanaged.acme.com")
            emulator_clock.advance(2)
            waiting = threads.submit(Api(emulator).job, ingress)
            with server.accept()[0]:
                assert api.certificate(unmanaged) is None
                assert not waiting.done()
                problem = f"The DNS server {address} could not be queried: timed out after 0.5 seconds."
                assert waiting.result(20) == ("DNS_ERROR", problem)
            stopped = threads.submit(Api(emulator).job, ingress)
            with server.accept()[0]:
                emulator.stop()
                # No thread is left, although one had begun to wait for DNS.
                new = set(threading.enumerate()) - before
                assert not [each for each in new if "process_request_thread" in each.name]
            assert isinstance(stopped.exception(20), requests.ConnectionError)
