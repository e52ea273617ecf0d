"""What a run of a program finds out itself. The engine's side of a run is Pulumi's mocks."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin import sdk_names
from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.mocks import Mocks, run
from tests.support.ngrok import create

POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}


@pytest.fixture(autouse=True)
def real_run(monkeypatch: pytest.MonkeyPatch, mocks: Mocks, settings_of_emulator: None) -> None:
    """Makes a run under mocks count as one of the engine's."""
    monkeypatch.setattr(sdk_names, "is_real_run", lambda: True)


def test_lookup_returns_the_output_types(emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", certificate_management_policy=POLICY)

    def program() -> None:
        one = agin.get_agent_ingress(domain="Connect.ACME.com.")
        assert one.id == id_
        assert isinstance(one.certificate_management_policy, agin.AgentIngressCertPolicy)
        assert one.certificate_management_policy.private_key_type == "ecdsa"
        many = agin.get_agent_ingresses("obj.domain != 'x'").agent_ingresses
        assert [each.id for each in many] == [id_]

    run(program)


def test_lookup_uses_the_account_of_its_provider_or_of_its_parents(emulator: Emulator) -> None:
    ours, theirs = create(emulator, "a.acme.com"), create(emulator, "b.acme.com", OTHER_ACCOUNTS_KEY)

    def program() -> Any:
        provider = agin.Provider("theirs", pulumi.Output.secret(OTHER_ACCOUNTS_KEY), emulator.url)
        parent = pulumi.ComponentResource("a:b:C", "site", opts=pulumi.ResourceOptions(providers=[provider]))
        each = (None, pulumi.InvokeOptions(provider=provider), pulumi.InvokeOptions(parent=parent))
        found = [agin.get_agent_ingresses_output(opts=opts).agent_ingresses[0].id for opts in each]
        return pulumi.Output.all(*found, found[1].is_secret())

    *found, is_secret = run(program)
    assert found == [ours, theirs, theirs]
    # Only the key is a secret.
    assert is_secret is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs exactly one of id and domain"),
        ({"domain": 7}, "get_agent_ingress: domain must be a string; got int"),
        ({"domain": "other.acme.com"}, "has no Agent Ingress with the domain other.acme.com"),
    ],
)
def test_failed_lookup_is_one_sentence(arguments: dict[str, Any], words: str) -> None:
    lookup: Any = agin.get_agent_ingress
    with pytest.raises(pulumi.RunError, match=words):
        run(lambda: lookup(**arguments))
    output_lookup: Any = agin.get_agent_ingress_output
    with pytest.raises(pulumi.RunError, match=words):
        run(lambda: output_lookup(**arguments))


def test_provider_that_a_lookup_can_not_use_is_an_error() -> None:
    def invoke() -> Any:
        ours = pulumi.InvokeOptions(provider=agin.Provider("theirs", OTHER_ACCOUNTS_KEY))
        return agin.get_agent_ingress(domain="connect.acme.com", opts=ours)

    with pytest.raises(pulumi.RunError, match="use get_agent_ingress_output"):
        run(invoke)

    def invoke_output() -> Any:
        foreign = pulumi.InvokeOptions(provider=pulumi.ProviderResource("aws", "aws"))
        return agin.get_agent_ingresses_output(opts=foreign)

    with pytest.raises(pulumi.RunError, match=r"get_agent_ingresses needs a pulumi_agin\.Provider of this program"):
        run(invoke_output)


def test_missing_key_is_one_error_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGROK_API_KEY")
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", "[]")

    def program() -> Any:
        # Its resources need no key of the program.
        theirs = agin.Provider("theirs", OTHER_ACCOUNTS_KEY)
        agin.AgentIngress("a", domain="a.acme.com", opts=pulumi.ResourceOptions(provider=theirs))
        return agin.AgentIngress("b", domain="b.acme.com").id

    with pytest.raises(pulumi.RunError, match=r"^there is no ngrok API key"):
        run(program)


@pytest.mark.parametrize("mocks", [False], indirect=True)
def test_validations_are_registered_one_after_another(mocks: Mocks) -> None:
    def program() -> Any:
        validations = [agin.AgentIngressCertificateValidation(name, "agin_1") for name in "abc"]
        return pulumi.Output.all(*(each.id for each in validations))

    run(program)
    assert [each.name for each in mocks.registered] == ["a", "b", "c"]
