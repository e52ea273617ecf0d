"""The lifecycle of a certificate validation, with simulated time."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.api.errors import AuthenticationError, InterruptedCallError, UnreachableError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.certificate import WAS_READY, CertificateValidationLifecycle, Issuance
from pulumi_agin.lifecycle.operation import Call, FailedError
from pulumi_agin.settings import API_KEY as KEY
from pulumi_agin.settings import BASE_URL, Settings
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.ngrok import create

RENEWS = "2026-12-01T00:00:00Z"


@pytest.mark.parametrize(
    ("policy", "status", "issuance"),
    [
        (None, None, Issuance.NOT_MANAGED),
        (None, {"renews_at": RENEWS}, Issuance.NOT_MANAGED),
        ({}, None, Issuance.PENDING),
        ({}, {"renews_at": RENEWS}, Issuance.ISSUED),
        ({}, {"renews_at": RENEWS, "provisioning_job": {"error_code": "DNS_ERROR"}}, Issuance.RENEWING),
        ({}, {"provisioning_job": {}}, Issuance.IN_PROGRESS),
        ({}, {"provisioning_job": {"error_code": "INTERNAL_ERROR"}}, Issuance.INTERNAL_ERROR),
        ({}, {"provisioning_job": {"error_code": "DNS_ERROR"}}, Issuance.DNS_ERROR),
        ({}, {"provisioning_job": {"error_code": "NEW"}}, Issuance.OTHER_ERROR),
        ({}, {}, Issuance.UNKNOWN),
    ],
)
def test_issuance(policy: Any, status: Any, issuance: Issuance) -> None:
    values = {"id": "agin_1", "domain": "a.acme.com", "ns_targets": ["a."], "created_at": RENEWS}
    named = {"certificate_management_policy": policy, "certificate_management_status": status}
    assert Issuance.of(IngressModel.model_validate({**values, **named})) is issuance


@pytest.fixture
def lifecycle(emulator: Emulator, clock: Clock) -> CertificateValidationLifecycle:
    emulator.configure(limit=0, job_after_seconds=10**6, issue_after_seconds=10**6)
    settings = Settings.load({KEY: API_KEY, BASE_URL: emulator.url}.get, {})
    return CertificateValidationLifecycle(Account(settings, clock))


def inputs(id_: str, **others: Any) -> dict[str, Any]:
    return {"agent_ingress_id": id_, "timeout_seconds": 2700, "dns_error_grace_seconds": 600, **others}


def waiting(emulator: Emulator) -> str:
    return create(emulator, "connect.acme.com", certificate_management_policy={"authority": "letsencrypt"})


def test_waits_until_the_certificate_is_issued(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock
) -> None:
    id_ = waiting(emulator)
    shown: list[str] = []

    def show(line: str) -> None:
        shown.append(line)
        emulator.set_certificate(id_, "issued")

    created = lifecycle.create(Call(show=show), inputs(id_, triggers=["a"]))
    assert created.id == id_
    assert created.outputs["domain"] == "connect.acme.com"
    assert created.outputs["renews_at"]
    assert created.outputs[WAS_READY] is True
    assert "validate the certificate of connect.acme.com" in shown[0]
    difference = lifecycle.diff(
        Call(outputs_before=created.outputs), id_, inputs(id_, triggers=["a"], timeout_seconds=1)
    )
    assert not difference.changed
    assert not difference.needs_update
    assert lifecycle.diff(Call(outputs_before=created.outputs), id_, inputs(id_, triggers=["b"])).replacing == [
        "triggers"
    ]


@pytest.mark.parametrize(("custom", "limit"), [(None, 2700), (60, 60), (9000, 2700)])
def test_fails_when_its_time_is_over(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock, custom: float | None, limit: float
) -> None:
    id_ = waiting(emulator)
    with pytest.raises(FailedError, match=r"was not issued within .* the next `pulumi up` validates again"):
        lifecycle.create(Call(timeout_seconds=custom), inputs(id_))
    assert clock.now - 1000 == pytest.approx(limit, abs=20)


def test_dns_error_has_a_grace_period(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock
) -> None:
    id_ = waiting(emulator)
    emulator.set_certificate(id_, "dns_error")
    with pytest.raises(FailedError, match=r"The NS records of connect\.acme\.com must be"):
        lifecycle.create(Call(), inputs(id_))
    assert clock.now - 1000 == pytest.approx(600, abs=20)


def test_outage_does_not_end_a_validation_that_has_begun(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock
) -> None:
    id_ = waiting(emulator)
    reads = 0

    def show(line: str) -> None:
        nonlocal reads
        reads += 1
        if reads == 1:
            emulator.add_fault("GET", "respond", status=503, times=20)
        emulator.set_certificate(id_, "issued")

    assert lifecycle.create(Call(show=show), inputs(id_)).id == id_


def test_dns_error_that_comes_back_has_a_new_grace_period(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock
) -> None:
    id_ = waiting(emulator)
    emulator.set_certificate(id_, "dns_error")

    def show(line: str) -> None:
        emulator.set_certificate(id_, "in_progress" if 400 < clock.now - 1000 < 500 else "dns_error")

    with pytest.raises(FailedError, match=r"The NS records of connect\.acme\.com must be"):
        lifecycle.create(Call(show=show), inputs(id_))
    assert clock.now - 1000 > 1000


@pytest.mark.parametrize(("status", "kind"), [(404, FailedError), (403, AuthenticationError)])
def test_rejection_ends_a_validation_that_has_begun(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock, status: int, kind: type[Exception]
) -> None:
    id_ = waiting(emulator)
    rejection = {"status_code": status, "msg": "no"}

    def show(line: str) -> None:
        if line:
            emulator.add_fault("GET", "respond", status=status, body=rejection, times=None)

    with pytest.raises(kind):
        lifecycle.create(Call(show=show), inputs(id_))
    assert clock.now - 1000 < 60


def test_ngrok_that_is_down_from_the_beginning_is_an_error(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock
) -> None:
    id_ = waiting(emulator)
    emulator.add_fault("GET", "reset_before", times=None)
    with pytest.raises(UnreachableError):
        lifecycle.create(Call(), inputs(id_))
    assert clock.now - 1000 < 60


def test_ends_when_the_engine_is_gone(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator, clock: Clock
) -> None:
    with pytest.raises(InterruptedCallError):
        lifecycle.create(Call(is_cancelled=lambda: clock.now > 1020), inputs(waiting(emulator)))
    assert clock.now < 1030


def test_refresh_that_finds_no_certificate_repeats_the_validation(
    lifecycle: CertificateValidationLifecycle, emulator: Emulator
) -> None:
    id_ = waiting(emulator)
    emulator.set_certificate(id_, "issued")
    outputs = lifecycle.create(Call(), inputs(id_)).outputs
    emulator.set_certificate(id_, "in_progress")
    existing = lifecycle.read(Call(outputs_before=outputs), id_)
    assert existing is not None
    difference = lifecycle.diff(Call(outputs_before=existing.outputs), id_, inputs(id_))
    assert (difference.changed, difference.needs_update) == ([], True)


def test_read_is_for_refreshes_alone(lifecycle: CertificateValidationLifecycle, emulator: Emulator) -> None:
    id_ = create(emulator, "plain.acme.com")
    outputs = lifecycle.create(Call(), inputs(id_)).outputs
    assert outputs["renews_at"] == ""
    existing = lifecycle.read(Call(outputs_before=outputs), id_)
    assert existing is not None
    assert existing.outputs == outputs
    with pytest.raises(FailedError, match="can't be read or imported"):
        lifecycle.read(Call(), id_)
