"""Programs under Pulumi's mocks, as in a user's unit tests, which send nothing to ngrok."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.emulator import Emulator
from tests.support.mocks import NS_TARGETS, Mocks, run

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


@pytest.mark.parametrize("mocks", [True, False], indirect=True)
@pytest.mark.usefixtures("settings_of_emulator")
def test_nothing_is_sent_and_the_option_import_stays(mocks: Mocks, emulator: Emulator) -> None:
    def program() -> Any:
        opts = pulumi.ResourceOptions(import_=ID)
        ingress = agin.AgentIngress("connect", domain="connect.acme.com", description="d", opts=opts)
        agin.AgentIngressCertificateValidation("certificate", ingress.id)
        return ingress.ns_targets

    assert run(program) == NS_TARGETS
    assert emulator.requests() == []
    assert mocks.inputs("connect")["domain"] == "connect.acme.com"
    assert "__import" not in mocks.inputs("connect")
    assert [each.resource_id for each in mocks.registered if each.name == "connect"] == [ID]


def test_arguments_are_keywords_or_one_object(mocks: Mocks) -> None:
    policy = agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type=agin.PrivateKeyType.ECDSA)
    arguments = agin.AgentIngressArgs(domain="a.acme.com", certificate_management_policy=policy)
    run(lambda: agin.AgentIngress("a", arguments).urn)
    expected = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert mocks.inputs("a")["certificate_management_policy"] == expected
    wrong: Any = agin.AgentIngress
    with pytest.raises(TypeError, match="no argument descripton"):
        wrong("b", domain="b.acme.com", descripton="d")
    with pytest.raises(TypeError, match="not both"):
        wrong("b", arguments, domain="b.acme.com")


@pytest.mark.parametrize("mocks", [False], indirect=True)
def test_lookups_reach_the_mocks(mocks: Mocks) -> None:
    mocks.answer = {"id": ID, "domain": "shared.acme.com", "ns_targets": NS_TARGETS}
    found = run(lambda: agin.get_agent_ingress_output(domain="shared.acme.com").domain)
    assert found == "shared.acme.com"
    mocks.answer = {"agent_ingresses": []}
    assert run(lambda: agin.get_agent_ingresses_output().agent_ingresses) == []
    assert [call.token for call in mocks.called] == ["agin:index:getAgentIngress", "agin:index:getAgentIngresses"]


def test_provider_rejects_plain_values_that_are_wrong(mocks: Mocks) -> None:
    with pytest.raises(pulumi.RunError, match='agin:apiKey of the Provider "theirs" is empty'):
        agin.Provider("theirs", "")
    with pytest.raises(pulumi.RunError, match="must begin with https://"):
        agin.Provider("theirs", "key", api_base_url="http://acme.com")
