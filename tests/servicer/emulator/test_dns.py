"""The emulator with a real BIND: a certificate waits for the NS records of its domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind
from tests.support.emulator import POLICY, Api, EmulatorClock
from tests.support.keys import API_KEY
from tests.support.records import DOMAIN, KEY, delegate
from tools.bind import Programs

IN_PROGRESS = (None, "Managed certificate provisioning in progress.")
NO_RECORDS = f"No DNS records were returned when querying for an NS record for the domain `{DOMAIN}`."


@pytest.fixture
def emulator(emulator_clock: EmulatorClock, bind: Bind) -> Iterator[Emulator]:
    with Emulator(API_KEY, clock=emulator_clock, dns=bind.address, limit=0) as emulator:
        yield emulator


def create(api: Api, domain: str = DOMAIN) -> dict[str, Any]:
    return api.create(domain, certificate_management_policy=POLICY)


def test_certificate_waits_for_its_records(api: Api, bind: Bind, emulator_clock: EmulatorClock) -> None:
    ingress = create(api)
    targets = ingress["ns_targets"]
    emulator_clock.advance(1)
    assert api.certificate(ingress) is None
    emulator_clock.advance(1)
    assert api.job(ingress) == ("DNS_ERROR", NO_RECORDS)
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
    assert api.job(ingress) == ("DNS_ERROR", NO_RECORDS)
    delegate(bind, DOMAIN, targets)
    assert api.job(ingress) == IN_PROGRESS
    emulator_clock.advance(19)
    assert api.job(ingress) == IN_PROGRESS
    emulator_clock.advance(1)
    issued = api.certificate(ingress)
    assert issued == {"renews_at": "2026-04-30T12:00:41Z", "provisioning_job": None}
    # Afterwards, the records make no difference.
    delegate(bind, DOMAIN, [])
    assert api.certificate(ingress) == issued
    emulator_clock.advance(60 * 86400 + 1)
    assert api.certificate(ingress)["renews_at"] > "2026-04-30"


def test_time_to_a_certificate_does_not_start_at_the_first_read(
    api: Api, bind: Bind, emulator_clock: EmulatorClock
) -> None:
    ingresses = [create(api), create(api, "new.acme.com")]
    for each in ingresses:
        delegate(bind, each["domain"], each["ns_targets"])
    emulator_clock.advance(19)
    assert api.job(ingresses[0]) == IN_PROGRESS
    emulator_clock.advance(1)
    issued = {"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": None}
    assert [api.certificate(each) for each in ingresses] == [issued, issued]


def test_new_policy_and_new_targets_are_checked_again(
    api: Api, emulator: Emulator, bind: Bind, emulator_clock: EmulatorClock
) -> None:
    ingress = api.create()
    delegate(bind, DOMAIN, ingress["ns_targets"])

    def patch(**changes: Any) -> Any:
        return api("PATCH", ingress["uri"], json=changes).json()["certificate_management_status"]

    assert patch(certificate_management_policy=POLICY) is None
    emulator_clock.advance(2)
    assert api.job(ingress) == IN_PROGRESS
    emulator.set_ingress(ingress["id"], {"ns_targets": ["ns1.new.net"]})
    assert api.job(ingress)[0] == "DNS_ERROR"
    delegate(bind, DOMAIN, ["ns1.new.net"])
    # A PATCH checks, as a GET does.
    assert patch(description="d")["provisioning_job"]["error_code"] is None
    emulator_clock.advance(20)
    assert api.certificate(ingress)["renews_at"] is not None
    assert patch(certificate_management_policy={**POLICY, "private_key_type": "rsa"}) is None
    delegate(bind, DOMAIN, [])
    emulator_clock.advance(2)
    assert api.job(ingress) == ("DNS_ERROR", NO_RECORDS)
    # A state that is set overrides DNS.
    emulator.set_certificate(ingress["id"], "issued")
    assert api.certificate(ingress)["renews_at"] is not None


def test_server_that_is_down_or_lacks_the_zone_is_a_dns_error(
    tmp_path: Path, emulator_clock: EmulatorClock, bind_programs: Programs
) -> None:
    with (
        Bind(bind_programs, tmp_path / "bind", [KEY]) as bind,
        Emulator(API_KEY, clock=emulator_clock, dns=bind.address) as emulator,
    ):
        api = Api(emulator)
        ingress, foreign = create(api), create(api, "connect.other.com")
        delegate(bind, DOMAIN, ingress["ns_targets"])
        bind.stop()
        emulator_clock.advance(2)
        problem = f"The DNS server {bind.address} could not be queried: Connection refused."
        assert api.job(ingress) == ("DNS_ERROR", problem)
        bind.start()
        assert api.job(ingress) == IN_PROGRESS
        problem = f"The DNS server {bind.address}, queried for the NS records of `connect.other.com`, returned REFUSED."
        assert api.job(foreign) == ("DNS_ERROR", problem)


def test_file_keeps_the_result_of_a_check(tmp_path: Path, bind: Bind, emulator_clock: EmulatorClock) -> None:
    file = tmp_path / "ingresses.json"
    with Emulator(API_KEY, clock=emulator_clock, dns=bind.address, file=file) as emulator:
        ingress = create(Api(emulator))
        delegate(bind, DOMAIN, ingress["ns_targets"])
        emulator_clock.advance(2)
        assert Api(emulator).job(ingress) == IN_PROGRESS
    delegate(bind, DOMAIN, [])
    emulator_clock.advance(20)
    with Emulator(API_KEY, clock=emulator_clock, dns=bind.address, file=file) as emulator:
        assert Api(emulator).certificate(ingress)["renews_at"] is not None
