"""The emulator that looks at DNS: a certificate waits for the NS records of its domain, in a real BIND."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.records import DOMAIN, KEY, delegate
from tests.unit.test_emulator import Clock
from tests.unit.test_emulator_dns import COMMAND, HEADERS, IN_PROGRESS, NO_RECORDS, POLICY, create, job, send, status
from tools.bind import Bind


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock, bind: Bind) -> Iterator[Emulator]:
    with Emulator(API_KEY, clock=clock, dns=bind.address, limit=0) as started:
        yield started


def test_a_certificate_waits_for_its_records(emulator: Emulator, bind: Bind, clock: Clock) -> None:
    ingress = create(emulator)
    targets = ingress["ns_targets"]
    assert ingress["certificate_management_status"] is None
    clock.advance(1)
    assert status(emulator, ingress) is None
    clock.advance(1)
    assert status(emulator, ingress)["provisioning_job"] == {
        "error_code": "DNS_ERROR",
        "msg": NO_RECORDS,
        "started_at": "2026-03-01T12:00:02Z",
        "retries_at": "2026-03-02T12:00:02Z",
    }
    # Neither some of them nor one more are those that are wanted.
    for records in (targets[:3], [*targets, "NS1.old.net"]):
        delegate(bind, DOMAIN, records)
        clock.advance(3600)
        got = ", ".join(sorted(name.lower() for name in records))
        assert job(emulator, ingress) == (
            "DNS_ERROR",
            f'The NS records for the domain `{DOMAIN}` "`{got}`" do not match the expected targets '
            f'"`{", ".join(targets)}`".',
        )
    delegate(bind, DOMAIN, [name.upper() for name in targets])
    assert job(emulator, ingress) == IN_PROGRESS
    clock.advance(19)
    assert status(emulator, ingress)["provisioning_job"]["started_at"] == "2026-03-01T14:00:02Z"
    # Not issued yet, and so seen: from then on it takes the whole time again.
    delegate(bind, DOMAIN, [])
    assert job(emulator, ingress) == ("DNS_ERROR", NO_RECORDS)
    delegate(bind, DOMAIN, targets)
    assert job(emulator, ingress) == IN_PROGRESS
    clock.advance(19)
    assert job(emulator, ingress) == IN_PROGRESS
    clock.advance(1)
    issued = status(emulator, ingress)
    assert issued == {"renews_at": "2026-04-30T14:00:41Z", "provisioning_job": None}
    # What was issued stays so.
    delegate(bind, DOMAIN, [])
    assert status(emulator, ingress) == issued
    clock.advance(60 * 86400 + 1)
    assert status(emulator, ingress)["renews_at"] > "2026-04-30"


def test_another_policy_and_other_targets_are_looked_at_anew(emulator: Emulator, bind: Bind, clock: Clock) -> None:
    ingress = create(emulator, policy=None)
    delegate(bind, DOMAIN, ingress["ns_targets"])
    changed = send(emulator, "PATCH", ingress["uri"], json={"certificate_management_policy": POLICY})
    assert changed["certificate_management_status"] is None
    clock.advance(2)
    assert job(emulator, ingress) == IN_PROGRESS
    clock.advance(10)
    emulator.set_ingress(ingress["id"], {"ns_targets": ["ns1.new.net"]})
    assert job(emulator, ingress)[0] == "DNS_ERROR"
    delegate(bind, DOMAIN, ["ns1.new.net"])
    # A PATCH shows it as a GET does.
    shown = send(emulator, "PATCH", ingress["uri"], json={"description": "d"})["certificate_management_status"]
    assert shown["provisioning_job"]["error_code"] is None
    clock.advance(20)
    assert status(emulator, ingress)["renews_at"] is not None
    other = {**POLICY, "private_key_type": "rsa"}
    assert send(emulator, "PATCH", ingress["uri"], json={"certificate_management_policy": other})[
        "certificate_management_status"
    ] is None  # fmt: skip
    delegate(bind, DOMAIN, [])
    clock.advance(2)
    assert job(emulator, ingress) == ("DNS_ERROR", NO_RECORDS)


def test_all_of_a_list_are_looked_at(emulator: Emulator, bind: Bind, clock: Clock) -> None:
    ingresses = [create(emulator, f"{number}.acme.com") for number in range(60)]
    ingress, unmanaged = create(emulator), create(emulator, "unmanaged.acme.com", None)
    delegate(bind, DOMAIN, ingress["ns_targets"])
    clock.advance(2)
    listed = send(emulator, "GET", "/agent_ingresses")["ingresses"]
    codes = {
        each["domain"]: each["certificate_management_status"]
        and each["certificate_management_status"]["provisioning_job"]
        for each in listed
    }
    assert codes.pop(unmanaged["domain"]) is None
    assert codes.pop(DOMAIN)["error_code"] is None
    assert len(codes) == len(ingresses)
    assert {each["error_code"] for each in codes.values()} == {"DNS_ERROR"}


def test_the_control_plane_wins(emulator: Emulator, bind: Bind, clock: Clock) -> None:
    ingress = create(emulator)
    clock.advance(2)
    emulator.set_certificate(ingress["id"], "issued")
    assert status(emulator, ingress)["renews_at"] is not None
    delegate(bind, DOMAIN, ingress["ns_targets"])
    emulator.set_certificate(ingress["id"], "dns_error", msg="as was told")
    assert job(emulator, ingress) == ("DNS_ERROR", "as was told")
    clock.advance(60)
    emulator.set_certificate(ingress["id"], None)
    assert job(emulator, ingress) == IN_PROGRESS


def test_a_server_that_can_not_be_asked(tmp_path: Path, clock: Clock) -> None:
    with Bind(tmp_path / "bind", [KEY]) as bind, Emulator(API_KEY, clock=clock, dns=bind.address) as emulator:
        ingress, foreign = create(emulator), create(emulator, "connect.other.com")
        delegate(bind, DOMAIN, ingress["ns_targets"])
        bind.stop()
        clock.advance(2)
        assert job(emulator, ingress) == (
            "DNS_ERROR",
            f"The DNS server {bind.address} could not be asked: Connection refused.",
        )
        bind.start()
        assert job(emulator, ingress) == IN_PROGRESS
        assert job(emulator, foreign) == (
            "DNS_ERROR",
            f"The DNS server {bind.address}, asked for the NS records of `connect.other.com`, answered REFUSED.",
        )


def test_a_file_keeps_what_was_seen_and_older_ones_are_read(tmp_path: Path, bind: Bind, clock: Clock) -> None:
    file = tmp_path / "ingresses.json"
    with Emulator(API_KEY, clock=clock, dns=bind.address, file=file) as emulator:
        ingress = create(emulator)
        delegate(bind, DOMAIN, ingress["ns_targets"])
        clock.advance(2)
        assert job(emulator, ingress) == IN_PROGRESS
        [seen] = emulator.ingresses()
        assert seen["records_right_since"] == "2026-03-01T12:00:02Z"
        assert seen["records_problem"] is None
    delegate(bind, DOMAIN, [])
    clock.advance(20)
    with Emulator(API_KEY, clock=clock, dns=bind.address, file=file) as emulator:
        assert status(emulator, ingress)["renews_at"] is not None

    document = json.loads(file.read_text())
    for record in document["ingresses"]:
        del record["records_right_since"], record["records_problem"]
    file.write_text(json.dumps(document))
    with Emulator(API_KEY, clock=clock, file=file) as emulator:
        assert status(emulator, ingress)["renews_at"] is not None
    with Emulator(API_KEY, clock=clock, dns=bind.address, file=file) as emulator:
        assert job(emulator, ingress) == ("DNS_ERROR", NO_RECORDS)


def test_what_was_seen_and_cannot_be_saved_was_not_seen(tmp_path: Path, bind: Bind, clock: Clock) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Emulator(API_KEY, clock=clock, dns=bind.address, file=folder / "ingresses.json") as emulator:
        ingress = create(emulator)
        delegate(bind, DOMAIN, ingress["ns_targets"])
        clock.advance(2)
        folder.rename(tmp_path / "away")
        for path in (ingress["uri"], "/agent_ingresses"):
            answer = send(emulator, "GET", path)
            assert answer["status_code"] == 500
            assert f"The file {folder}/ingresses.json cannot be written" in answer["msg"]
        assert emulator.ingresses()[0]["records_right_since"] is None
        (tmp_path / "away").rename(folder)
        clock.advance(20)
        assert job(emulator, ingress) == IN_PROGRESS
        clock.advance(20)
        assert status(emulator, ingress)["renews_at"] is not None


def test_the_option(bind: Bind) -> None:
    delegate(bind, DOMAIN, ["ns1.old.net"])
    with subprocess.Popen(
        [*COMMAND, "--api-key", API_KEY, "--dns", bind.address], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        requests.post(f"{url}/_emulator/configure", json={"job_after_seconds": 0}, timeout=20)
        body = {"domain": DOMAIN, "certificate_management_policy": POLICY}
        made = requests.post(f"{url}/agent_ingresses", json=body, headers=HEADERS, timeout=20).json()
        shown = requests.get(url + made["uri"], headers=HEADERS, timeout=20).json()
        process.terminate()
    assert "ns1.old.net" in shown["certificate_management_status"]["provisioning_job"]["msg"]
