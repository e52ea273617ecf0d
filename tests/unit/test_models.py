"""Parsing of ngrok's responses, and the state of a certificate."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pulumi_agin.api.models import IngressModel, Issuance

INGRESS = {
    "id": "agin_1",
    "domain": "connect.acme.com",
    "ns_targets": ["b.x.", "a.x."],
    "region_domains": ["t.us", "t.ap"],
    "created_at": "2024-08-02T07:15:39Z",
}


@pytest.mark.parametrize(
    "same",
    [
        {"ns_targets": ["B.X.", "a.x", "b.x"]},
        {"region_domains": ["t.ap", "t.us", "T.US."]},
        {"description": None},
        {"description": "", "metadata": ""},
        {"certificate_management_policy": None, "certificate_management_status": None},
        {"domain": "Connect.ACME.com."},
        {"something_new": {"a": [1]}},
    ],
    ids=str,
)
def test_equivalent_responses_are_equal(same: dict[str, Any]) -> None:
    assert IngressModel.model_validate({**INGRESS, **same}) == IngressModel.model_validate(INGRESS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../../x"},
        {"id": ""},
        {"ns_targets": ["a\nb"]},
        {"ns_targets": ["."]},
        {"domain": ""},
        {"created_at": ""},
    ],
    ids=str,
)
def test_response_with_a_wrong_value_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IngressModel.model_validate({**INGRESS, **wrong})


@pytest.mark.parametrize("name", ["id", "domain", "ns_targets", "created_at"])
def test_response_without_a_required_field_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        IngressModel.model_validate({key: value for key, value in INGRESS.items() if key != name})


def test_lone_surrogates_are_replaced() -> None:
    status = {"provisioning_job": {"msg": "\udfff"}}
    ingress = IngressModel.model_validate({**INGRESS, "metadata": "a\ud800b", "certificate_management_status": status})
    assert ingress.metadata == "a?b"
    assert '"msg":"?"' in ingress.model_dump_json()


def with_certificate(status: Any, policy: Any) -> IngressModel:
    values = {"certificate_management_policy": policy, "certificate_management_status": status}
    return IngressModel.model_validate({**INGRESS, **values})


POLICY = {"authority": "letsencrypt"}
DATE = "2024-10-01T07:15:39Z"


@pytest.mark.parametrize(
    ("status", "state", "is_ready"),
    [
        (None, "PENDING", False),
        ({"renews_at": DATE, "provisioning_job": None}, "ISSUED", True),
        ({"renews_at": DATE, "provisioning_job": {"msg": "renewing"}}, "RENEWING", True),
        ({"renews_at": DATE, "provisioning_job": {"error_code": "DNS_ERROR"}}, "RENEWING", True),
        ({"renews_at": None, "provisioning_job": {"error_code": None, "msg": "x"}}, "IN_PROGRESS", False),
        ({"renews_at": "", "provisioning_job": {"error_code": ""}}, "IN_PROGRESS", False),
        ({"renews_at": None, "provisioning_job": {"error_code": "INTERNAL_ERROR"}}, "INTERNAL_ERROR", False),
        ({"renews_at": None, "provisioning_job": {"error_code": "DNS_ERROR"}}, "DNS_ERROR", False),
        ({"renews_at": None, "provisioning_job": {"error_code": "CAA_ERROR"}}, "OTHER_ERROR", False),
        ({"renews_at": None, "provisioning_job": None}, "UNKNOWN", False),
        ({}, "UNKNOWN", False),
    ],
)
def test_issuance(status: Any, state: str, is_ready: bool) -> None:
    found = Issuance.of(with_certificate(status, POLICY))
    assert (found.name, found.is_ready) == (state, is_ready)
    # The status of a removed policy is ignored.
    unmanaged = Issuance.of(with_certificate(status, None))
    assert (unmanaged.name, unmanaged.is_ready) == ("NOT_MANAGED", True)
