"""What of an Agent Ingress reaches the state, and what an update in place leaves of it."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.api.models import AgentIngress
from pulumi_agin.lifecycle.outputs import inputs_of, outputs_after, outputs_of

UNKNOWN = object()

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"

EXISTING: dict[str, Any] = {
    "domain": "connect.acme.com",
    "description": "one",
    "metadata": "m",
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


def test_what_is_no_input_stays_and_a_text_that_is_left_out_is_removed() -> None:
    assert after({"description": "two", **SAME_POLICY}) == {**EXISTING, "description": "two", "metadata": ""}
    assert after({"description": None, "metadata": "", **SAME_POLICY}) == {
        **EXISTING,
        "description": "",
        "metadata": "",
    }


@pytest.mark.parametrize("name", ["domain", "description", "metadata"])
def test_a_text_that_is_not_known_yet_stays_unknown_and_the_others_do_not(name: str) -> None:
    assert set(EXISTING) - set(after({name: UNKNOWN, **SAME_POLICY})) == {name}


@pytest.mark.parametrize("policy", [UNKNOWN, {"authority": UNKNOWN}, {"authority": "letsencrypt", "x": UNKNOWN}])
def test_a_policy_that_is_not_known_whole_leaves_its_status_unknown_too(policy: Any) -> None:
    assert set(EXISTING) - set(after({POLICY: policy})) == {POLICY, STATUS}


def test_a_policy_that_stays_keeps_the_key_type_that_ngrok_chose_and_its_status() -> None:
    assert after(SAME_POLICY)[POLICY] == EXISTING[POLICY]
    assert after({POLICY: EXISTING[POLICY]})[STATUS] == EXISTING[STATUS]
    without = {name: value for name, value in EXISTING.items() if name not in (POLICY, STATUS)}
    # The state lacks what ngrok has none of, and the program sees None.
    assert (after({}, without)[POLICY], after({}, without)[STATUS]) == (None, None)


def test_another_policy_is_known_and_its_status_is_not() -> None:
    wanted = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert after({POLICY: wanted})[POLICY] == wanted
    assert STATUS not in after({POLICY: wanted})


def test_nobody_knows_what_becomes_of_a_policy_that_is_to_be_removed() -> None:
    assert set(EXISTING) - set(after({})) == {POLICY, STATUS}
    assert set(EXISTING) - set(after({POLICY: None})) == {POLICY, STATUS}


def ingress(**values: Any) -> AgentIngress:
    return AgentIngress.from_answer({"id": "agin_1", **EXISTING, **values})


def test_a_text_that_ngrok_has_none_of_is_empty_and_a_policy_is_absent() -> None:
    outputs = outputs_of(ingress(description=None, **{POLICY: None, STATUS: None}))
    assert outputs["description"] == ""
    assert not {POLICY, STATUS, "id"} & set(outputs)


def test_the_inputs_are_those_that_the_program_gives_and_those_that_somebody_set() -> None:
    assert inputs_of(ingress(metadata=""), {}) == {
        "domain": "connect.acme.com",
        "description": "one",
        POLICY: EXISTING[POLICY],
    }
    emptied = inputs_of(ingress(description="", metadata=None), {"description": "one", "metadata": "m"})
    assert (emptied["description"], emptied["metadata"]) == ("", "")


def test_a_key_type_that_ngrok_chose_is_no_input_where_the_program_leaves_it_out() -> None:
    assert inputs_of(ingress(), {POLICY: {"authority": "letsencrypt"}})[POLICY] == {"authority": "letsencrypt"}
    assert inputs_of(ingress(), {POLICY: EXISTING[POLICY]})[POLICY] == EXISTING[POLICY]
