"""The outputs and inputs of an Agent Ingress in the state, and the outputs in a preview of an update."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.api.models import IngressModel
from pulumi_agin.lifecycle.outputs import STRINGS, KeptOutputs, inputs_of, outputs_after, outputs_of

UNKNOWN = object()

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"

EXISTING: dict[str, Any] = {
    "domain": "connect.acme.com",
    **{name: f"its {name}" for name in STRINGS},
    POLICY: {"authority": "letsencrypt", "private_key_type": "rsa"},
    STATUS: {"renews_at": "2026-01-01T00:00:00Z", "provisioning_job": None},
    "ns_targets": ["ns-1.example.net."],
    "region_domains": ["tunnel.eu.connect.acme.com"],
    "created_at": "2024-08-02T07:15:39Z",
    "uri": "https://api.ngrok.com/agent_ingresses/agin_1",
}


def after(wanted: dict[str, Any], existing: dict[str, Any] = EXISTING) -> dict[str, Any]:
    return outputs_after(existing, {"domain": "connect.acme.com", **wanted}, lambda value: value is UNKNOWN)


SAME_POLICY = {POLICY: {"authority": "letsencrypt"}}


def test_edited_outputs_are_put_into_canonical_form_or_left_out() -> None:
    edited = {**EXISTING, "domain": " Connect.ACME.com. ", "description": 7, "_key_fingerprint": ["0badf00d"]}
    kept = KeptOutputs.of(edited)
    assert (kept.values, kept.is_comparable) == ({**EXISTING, "description": 7}, True)
    assert (kept.domain, kept.policy, kept.fingerprint, kept.base_url) == ("connect.acme.com", EXISTING[POLICY], "", "")
    assert not KeptOutputs.of({**EXISTING, POLICY: "letsencrypt"}).is_comparable
    for domain in ("", ".", None, ["connect.acme.com"], [], 0):
        kept = KeptOutputs.of({**EXISTING, "domain": domain})
        assert (kept.domain, kept.is_comparable) == ("", False)
    # Empty is absent.
    kept = KeptOutputs.of({**EXISTING, POLICY: ""})
    assert (kept.policy, kept.is_comparable) == ({}, True)


def test_missing_string_is_removed_and_other_outputs_stay() -> None:
    none = dict.fromkeys(STRINGS, "")
    assert after({"description": "two", **SAME_POLICY}) == {**EXISTING, **none, "description": "two"}
    assert after({"description": None, "metadata": "", **SAME_POLICY}) == {**EXISTING, **none}


@pytest.mark.parametrize("name", ["domain", *STRINGS])
def test_unknown_string_stays_unknown(name: str) -> None:
    assert set(EXISTING) - set(after({name: UNKNOWN, **SAME_POLICY})) == {name}


@pytest.mark.parametrize("policy", [UNKNOWN, {"authority": UNKNOWN}, {"authority": "letsencrypt", "x": UNKNOWN}])
def test_partly_unknown_policy_makes_its_status_unknown(policy: Any) -> None:
    assert set(EXISTING) - set(after({POLICY: policy})) == {POLICY, STATUS}


def test_unchanged_policy_keeps_its_key_type_and_status() -> None:
    assert after(SAME_POLICY)[POLICY] == EXISTING[POLICY]
    assert after({POLICY: EXISTING[POLICY]})[STATUS] == EXISTING[STATUS]
    without = {name: value for name, value in EXISTING.items() if name not in (POLICY, STATUS)}
    # Missing outputs are None for the program.
    assert (after({}, without)[POLICY], after({}, without)[STATUS]) == (None, None)


def test_changed_policy_makes_its_status_unknown() -> None:
    wanted = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert after({POLICY: wanted})[POLICY] == wanted
    assert STATUS not in after({POLICY: wanted})


def test_removed_policy_is_unknown() -> None:
    assert set(EXISTING) - set(after({})) == {POLICY, STATUS}
    assert set(EXISTING) - set(after({POLICY: None})) == {POLICY, STATUS}


def ingress(**values: Any) -> IngressModel:
    return IngressModel.model_validate({"id": "agin_1", **EXISTING, **values})


def test_outputs_of_missing_values() -> None:
    outputs = outputs_of(ingress(description=None, **{POLICY: None, STATUS: None}))
    assert outputs["description"] == ""
    assert not {POLICY, STATUS, "id"} & set(outputs)


def test_inputs_have_values_of_the_program_and_drift() -> None:
    inputs = {name: EXISTING[name] for name in ("domain", *STRINGS, POLICY)}
    del inputs["metadata"]
    assert inputs_of(ingress(metadata=""), shown_by={}) == inputs
    emptied = inputs_of(ingress(description="", metadata=None), shown_by={"description": "one", "metadata": "m"})
    assert (emptied["description"], emptied["metadata"]) == ("", "")


def test_key_type_chosen_by_ngrok_is_not_an_input() -> None:
    assert inputs_of(ingress(), shown_by={POLICY: {"authority": "letsencrypt"}})[POLICY] == {"authority": "letsencrypt"}
    assert inputs_of(ingress(), shown_by={POLICY: EXISTING[POLICY]})[POLICY] == EXISTING[POLICY]
