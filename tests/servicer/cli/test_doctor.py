"""`pulumi-agin doctor` with a real BIND, from a missing delegation until all is well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import dns.query
import dns.rcode
import dns.update
import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind
from tests.support.emulator import POLICY
from tests.support.ngrok import create, ns_targets
from tools.bind import Programs

Command = Callable[..., tuple[int, str, str]]

DOMAIN = "connect.acme.com"
CHECKED = ("ns_records", "certificate", "caa_records")


@pytest.fixture
def bind(bind_programs: Programs, tmp_path: Path) -> Iterator[Bind]:
    """A server of acme.com, which anyone may change."""
    with Bind(bind_programs, tmp_path, [], unsigned=True) as running:
        yield running


def set_records(bind: Bind, name: str, kind: str, values: Iterable[str]) -> None:
    update = dns.update.UpdateMessage(bind.zone)
    update.delete(f"{name}.", kind)
    for value in values:
        update.add(f"{name}.", 300, kind, value)
    assert dns.query.tcp(update, "127.0.0.1", 10, bind.port).rcode() == dns.rcode.NOERROR


@pytest.mark.usefixtures("settings_of_emulator")
def test_each_problem_is_found_until_all_is_well(pulumi_agin: Command, emulator: Emulator, bind: Bind) -> None:
    def doctor(domain: str = DOMAIN) -> tuple[int, dict[str, str]]:
        status, out, _ = pulumi_agin("doctor", "--dns", bind.address, "--json", domain)
        return status, {each["check"]: each["verdict"] for each in json.loads(out) if each["check"] in CHECKED}

    id_ = create(emulator, DOMAIN, certificate_management_policy=POLICY)
    emulator.set_certificate(id_, "in_progress")
    set_records(bind, "acme.com", "CAA", ['0 issue "digicert.com"'])
    assert doctor() == (1, {"ns_records": "wrong", "certificate": "unknown", "caa_records": "wrong"})

    set_records(bind, "acme.com", "CAA", ['0 issue "digicert.com"', '0 issue "letsencrypt.org"'])
    set_records(bind, DOMAIN, "NS", [*ns_targets(emulator, DOMAIN)[1:], "ns1.old.net."])
    assert doctor() == (1, {"ns_records": "wrong", "certificate": "unknown", "caa_records": "ok"})

    set_records(bind, DOMAIN, "NS", ns_targets(emulator, DOMAIN))
    assert doctor() == (3, {"ns_records": "ok", "certificate": "unknown", "caa_records": "ok"})
    emulator.set_certificate(id_, "dns_error")
    assert doctor() == (1, {"ns_records": "ok", "certificate": "wrong", "caa_records": "ok"})
    emulator.set_certificate(id_, "issued")
    assert doctor() == (0, {"ns_records": "ok", "certificate": "ok", "caa_records": "ok"})

    # The server does not have this zone.
    create(emulator, "connect.other.com")
    assert doctor("connect.other.com")[1]["ns_records"] == "unknown"
