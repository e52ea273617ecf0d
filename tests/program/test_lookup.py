"""Lookups under Pulumi's mocks: the call goes to `Mocks.call`, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from tests.support.mocks import NS_TARGETS, Mocks, run

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"

ANSWER = {
    "id": ID,
    "domain": "connect.acme.com",
    "ns_targets": NS_TARGETS,
    "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"},
    "certificate_management_status": {"provisioning_job": {"msg": "in progress"}},
}


def test_a_lookup_calls_the_mocks_and_its_result_is_typed(mocks: Mocks) -> None:
    mocks.answer = ANSWER
    seen: list[agin.GetAgentIngressResult] = []

    def program() -> Any:
        seen.append(agin.get_agent_ingress(domain="Connect.acme.com."))
        return agin.get_agent_ingress_output(id=pulumi.Output.from_input(ID)).apply(seen.append)

    run(program)
    assert [(call.token, call.args) for call in mocks.called] == [
        ("agin:index:getAgentIngress", {"domain": "Connect.acme.com."}),
        ("agin:index:getAgentIngress", {"id": ID}),
    ]
    assert seen[0] == seen[1]
    for found in seen:
        assert isinstance(found, agin.GetAgentIngressResult)
        assert (found.domain, found["ns_targets"]) == ("connect.acme.com", NS_TARGETS)
        assert isinstance(found.certificate_management_policy, agin.AgentIngressCertPolicy)
        assert isinstance(found.certificate_management_status, agin.AgentIngressCertStatus)
        assert isinstance(found.certificate_management_status.provisioning_job, agin.AgentIngressCertJob)


def test_a_list_is_typed_too(mocks: Mocks) -> None:
    mocks.answer = {"agent_ingresses": [ANSWER]}
    seen: list[agin.GetAgentIngressesResult] = []

    def program() -> Any:
        seen.append(agin.get_agent_ingresses())
        return agin.get_agent_ingresses_output(filter='obj.metadata == "iot"').apply(seen.append)

    run(program)
    assert [(call.token, call.args) for call in mocks.called] == [
        ("agin:index:getAgentIngresses", {}),
        ("agin:index:getAgentIngresses", {"filter": 'obj.metadata == "iot"'}),
    ]
    for found in seen:
        assert isinstance(found.agent_ingresses[0], agin.GetAgentIngressResult)
        assert found["agent_ingresses"][0]["domain"] == found.agent_ingresses[0].domain == "connect.acme.com"


def test_fields_that_mocks_omit_are_none(mocks: Mocks) -> None:
    def program() -> None:
        assert agin.get_agent_ingress(id=ID).ns_targets is None
        assert agin.get_agent_ingresses().agent_ingresses is None

    run(program)


@pytest.mark.parametrize("look_up", [agin.get_agent_ingress, agin.get_agent_ingress_output])
@pytest.mark.parametrize(("given", "got"), [({}, "neither"), ({"id": ID, "domain": "connect.acme.com"}, "both")])
def test_lookup_needs_id_or_domain(look_up: Any, given: dict[str, str], got: str, mocks: Mocks) -> None:
    with pytest.raises(pulumi.RunError, match=f"^get_agent_ingress requires exactly one of id and domain; got {got}$"):
        look_up(**given)
    assert mocks.called == []


def test_the_plain_form_rejects_outputs(mocks: Mocks) -> None:
    def program() -> None:
        wrong: Any = pulumi.Output.from_input(ID)
        with pytest.raises(
            pulumi.RunError, match=r"must be a string; got Output; get_agent_ingress_output accepts Outputs$"
        ):
            agin.get_agent_ingress(id=wrong)
        number: Any = 5
        with pytest.raises(pulumi.RunError, match=r"^get_agent_ingresses: filter must be a string; got int$"):
            agin.get_agent_ingresses(filter=number)

    run(program)
