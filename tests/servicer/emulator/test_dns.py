"""The emulator with a real BIND: a certificate waits for the NS records of its domain."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator, certificate_jobs
from tests.support.bind import Bind
from tests.support.emulator import POLICY, Api, EmulatorClock
from tests.support.keys import API_KEY
from tests.support.records import DOMAIN, delegate

IN_PROGRESS = (None, "Managed certificate provisioning in progress.")
NO_RECORDS = ("DNS_ERROR", f"No DNS records were returned when querying for an NS record for the domain `{DOMAIN}`.")


@pytest.fixture
def emulator(emulator_clock: EmulatorClock, bind: Bind) -> Iterator[Emulator]:
    with Emulator(API_KEY, clock=emulator_clock, dns=bind.address) as emulator:
        yield emulator


@pytest.fixture
def ingress(api: Api) -> dict[str, Any]:
    return api.create(DOMAIN, certificate_management_policy=POLICY)


def test_certificate_waits_for_its_records(
    api: Api, ingress: dict[str, Any], bind: Bind, emulator_clock: EmulatorClock
) -> None:
    targets = ingress["ns_targets"]
    emulator_clock.advance(1)
    assert api.certificate(ingress) is None
    emulator_clock.advance(1)
    assert api.job(ingress) == NO_RECORDS
    assert api.certificate(ingress)["provisioning_job"]["retries_at"] == "2026-03-02T12:00:02Z"
    # One record too few, and one too many.
    for records in (targets[:3], [*targets, "NS1.old.net"]):
        delegate(bind, DOMAIN, records)
        found = ", ".join(sorted(name.lower() for name in records))
        reason = f'"`{found}`" do not match the expected targets "`{", ".join(targets)}`".'
        assert api.job(ingress) == ("DNS_ERROR", f"The NS records for the domain `{DOMAIN}` {reason}")
    delegate(bind, DOMAIN, [name.upper() for name in targets])
    assert api.job(ingress) == IN_PROGRESS
    emulator_clock.advance(19)
    # If the records are deleted before it is issued, the time starts again.
    delegate(bind, DOMAIN, [])
    assert api.job(ingress) == NO_RECORDS
    delegate(bind, DOMAIN, targets)
    emulator_clock.advance(19)
    assert api.job(ingress) == IN_PROGRESS
    emulator_clock.advance(1)
    issued = api.certificate(ingress)
    assert issued == {"renews_at": "2026-04-30T12:00:41Z", "provisioning_job": None}
    # Afterwards, the records make no difference.
    delegate(bind, DOMAIN, [])
    assert api.certificate(ingress) == issued


def test_time_to_a_certificate_does_not_start_at_the_first_read(
    api: Api, ingress: dict[str, Any], bind: Bind, emulator_clock: EmulatorClock
) -> None:
    delegate(bind, DOMAIN, ingress["ns_targets"])
    emulator_clock.advance(20)
    # It is issued once the records were seen.
    assert api.certificate(ingress) == {"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": None}


def test_new_policy_and_new_targets_are_checked_again(
    api: Api, emulator: Emulator, ingress: dict[str, Any], bind: Bind, emulator_clock: EmulatorClock
) -> None:
    emulator_clock.advance(2)
    emulator.set_ingress(ingress["id"], {"ns_targets": ["ns1.new.net"]})
    assert api.job(ingress)[0] == "DNS_ERROR"
    delegate(bind, DOMAIN, ["ns1.new.net"])
    # A PATCH checks, as a GET does.
    patched = api("PATCH", ingress["uri"], json={"description": "d"}).json()
    assert patched["certificate_management_status"]["provisioning_job"]["error_code"] is None
    emulator_clock.advance(20)
    assert api.certificate(ingress)["renews_at"] is not None
    api("PATCH", ingress["uri"], json={"certificate_management_policy": {**POLICY, "private_key_type": "rsa"}})
    delegate(bind, DOMAIN, [])
    emulator_clock.advance(2)
    assert api.job(ingress) == NO_RECORDS
    # A state that is set overrides DNS.
    emulator.set_certificate(ingress["id"], "issued")
    assert api.certificate(ingress)["renews_at"] is not None


def test_server_without_the_zone_has_no_records(api: Api, emulator_clock: EmulatorClock) -> None:
    foreign = api.create("connect.other.com", certificate_management_policy=POLICY)
    emulator_clock.advance(2)
    assert api.job(foreign)[1].startswith("No DNS records were returned")


def test_silent_or_broken_server_is_a_dns_error_and_blocks_no_other_request(
    emulator_clock: EmulatorClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_jobs, "LOOKUP_SECONDS", 60)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with Emulator(API_KEY, clock=emulator_clock, dns=address) as emulator:
            ingress = Api(emulator).create(certificate_management_policy=POLICY)
            emulator_clock.advance(2)
            problem = f"The DNS server {address} could not be queried: "
            for sent in (b"", b"\x00\x04junk"):
                waiting = threads.submit(Api(emulator).job, ingress)
                with server.accept()[0] as connection:
                    assert len(Api(emulator)("GET", "/agent_ingresses", params={"filter": "false"}).json()) == 3
                    assert not waiting.done()
                    connection.recv(1000)
                    connection.sendall(sent)
                code, message = waiting.result(20)
                assert (code, message[: len(problem)]) == ("DNS_ERROR", problem)
            monkeypatch.setattr(certificate_jobs, "LOOKUP_SECONDS", 0.2)
            assert "timed out" in Api(emulator).job(ingress)[1]
            server.close()
            assert "Connection refused" in Api(emulator).job(ingress)[1]
