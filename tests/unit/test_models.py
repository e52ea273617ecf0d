"""Responses of ngrok in canonical form."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pulumi_agin.api.models import LONGEST_NAME, IngressModel

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
        {"domain": None},
        {"domain": "a" * (LONGEST_NAME + 1)},
        {"ns_targets": None},
        {"ns_targets": ["a\nb"]},
        {"ns_targets": ["."]},
        {"created_at": ""},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_response_with_a_wrong_or_absent_value_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IngressModel.model_validate({**INGRESS, **wrong})


def test_lone_surrogates_are_replaced() -> None:
    status = {"provisioning_job": {"msg": "\udfff"}}
    ingress = IngressModel.model_validate({**INGRESS, "metadata": "a\ud800b", "certificate_management_status": status})
    assert ingress.metadata == "a?b"
    assert '"msg":"?"' in ingress.model_dump_json()
