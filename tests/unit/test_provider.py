"""AgentIngressProvider on its own, without the SDK's servicer around it: less well, but it works."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.servicer import ProviderError
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY


@pytest.fixture
def provider(emulator: Emulator) -> AgentIngressProvider:
    provider = AgentIngressProvider()
    config = {"ngrok:apiKey": API_KEY, "ngrok:apiBaseUrl": emulator.url}
    provider.configure(ConfigureRequest(Config(config, "test")))
    return provider


def test_a_whole_life_without_the_engines_request(provider: AgentIngressProvider, emulator: Emulator) -> None:
    checked = provider.check({}, {"domain": "Connect.ACME.com.", "description": "d"})
    assert checked.failures == []
    created = provider.create(checked.inputs)
    outputs: dict[str, Any] = created.outs or {}
    emulator.set_ingress(created.id, {"description": "theirs"})
    read = provider.read(created.id, outputs)
    assert read.inputs == {"domain": "connect.acme.com", "description": "theirs", "metadata": ""}
    assert provider.diff(created.id, read.outs or {}, checked.inputs).changes is True
    updated = provider.update(created.id, read.outs or {}, checked.inputs)
    assert (updated.outs or {})["description"] == "d"
    with pytest.raises(ProviderError, match="already exists"):
        provider.create(checked.inputs)
    provider.delete(created.id, outputs)
    assert emulator.ingresses() == []
    assert provider.read(created.id, outputs).id is None


def test_a_partial_failure_is_an_error_too(provider: AgentIngressProvider) -> None:
    created = provider.create({"domain": "a.acme.com", "certificate_management_policy": {"authority": "letsencrypt"}})
    with pytest.raises(ProviderError, match="kept it"):
        provider.update(created.id, created.outs or {}, {"domain": "a.acme.com"})


def test_a_configured_provider_is_pickled_without_its_key(provider: AgentIngressProvider) -> None:
    provider.check({}, {"domain": "a.acme.com"})
    assert serialize_provider(provider) == serialize_provider(AgentIngressProvider())
