"""What only the provider plugin does: exact previews, functions, and the configuration of a provider."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi import contains_unknowns
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.api.values import NEVER_CHANGE, POLICY, STATUS
from pulumi_agin.emulator import Emulator
from tests.servicer.front_ends.conftest import Start
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, requests
from tests.support.plugin import CallError, NativePlugin, Plugin

PLAIN = {"domain": "connect.acme.com"}
LETSENCRYPT = {"authority": "letsencrypt"}


@pytest.fixture
def front_end() -> type[Plugin]:
    return NativePlugin


def test_preview_of_a_create_shows_what_is_known(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = plugin.create({**PLAIN, POLICY: LETSENCRYPT}, preview=True)
    assert id_ == ""
    assert emulator.ingresses() == []
    unknown = {name for name, value in outputs.items() if contains_unknowns(value)}
    assert unknown == {POLICY, STATUS, *NEVER_CHANGE}
    assert (outputs["domain"], outputs["description"]) == ("connect.acme.com", "")
    assert outputs[POLICY]["authority"] == "letsencrypt"


def test_preview_of_an_update_keeps_what_never_changes(plugin: Plugin, emulator: Emulator) -> None:
    _, before = plugin.create({**PLAIN, POLICY: LETSENCRYPT})
    requests(emulator)
    after = plugin.update("agin_1", before, {**PLAIN, "description": "new", POLICY: LETSENCRYPT}, preview=True)
    before.pop("_key_fingerprint")
    assert after == {**before, "description": "new"}
    assert requests(emulator) == []
    changed = {**LETSENCRYPT, "private_key_type": "ecdsa"}
    after = plugin.update("agin_1", before, {**PLAIN, POLICY: changed}, preview=True)
    assert (after[POLICY], contains_unknowns(after[STATUS])) == (changed, True)


def test_preview_warns_of_a_taken_domain_from_one_list(start: Start, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    plugin = start(NGROK_API_TIMEOUT_SECONDS="30")
    requests(emulator)
    plugin.create(PLAIN, preview=True)
    plugin.create({"domain": "free.acme.com"}, preview=True)
    plugin.create({"domain": rpc.UNKNOWN}, preview=True)
    assert [f"already has the Agent Ingress {id_}" in each for each in plugin.warnings()] == [True]
    assert [method for method, _ in requests(emulator)] == ["GET"]


def test_preview_warns_once_of_a_rejected_key(start: Start, emulator: Emulator) -> None:
    plugin = start(config={"agin:apiKey": "wrong", "agin:apiBaseUrl": emulator.url})
    plugin.create(PLAIN, preview=True)
    plugin.create(PLAIN, preview=True)
    assert ["ERR_NGROK_202" in each for each in plugin.warnings()] == [True]


def test_two_resources_with_one_domain_are_found_by_check(start: Start) -> None:
    plugin = start(NGROK_API_TIMEOUT_SECONDS="31")
    first = plugin.urn
    # A replaced resource is checked twice.
    assert plugin.check(PLAIN)[1] == plugin.check(PLAIN)[1] == []
    plugin.urn = f"{first}-2"
    assert plugin.check({"domain": "Connect.acme.com"})[1] == [
        'domain: the Agent Ingress "connect" has the same domain'
    ]
    plugin.urn = first


def invoke(plugin: Plugin, token: str, **arguments: Any) -> Any:
    request = provider_pb2.InvokeRequest(tok=f"agin:index:{token}", args=plugin.packed(arguments))
    response = plugin.stub.Invoke(request)
    return rpc.deserialize_properties(getattr(response, "return"))


def test_functions(plugin: Plugin, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", description="d")
    assert invoke(plugin, "getAgentIngress", domain="Connect.acme.com")["id"] == id_
    [found] = invoke(plugin, "getAgentIngresses", filter="obj.description == 'd'")["agentIngresses"]
    assert (found["id"], len(found["nsTargets"])) == (id_, 4)
    plain = invoke(plugin, "agentConfig", domain="connect.acme.com", **{POLICY: LETSENCRYPT})
    assert 'connect_cas: "host"' in plain["yaml"]
    secret = invoke(plugin, "agentConfig", domain="connect.acme.com", authtoken="2k5")
    assert rpc.is_rpc_secret(secret["yaml"])


def test_failed_function_is_one_sentence(plugin: Plugin) -> None:
    arguments = plugin.packed({"domain": 7, "regionDomain": []})
    with pytest.raises(
        CallError, match=r"^agentConfig: property domain must be a string; got a number; property region"
    ):
        plugin.call("Invoke", tok="agin:index:agentConfig", args=arguments)
    with pytest.raises(CallError, match=r"has no function agin:index:agentConfigs; if the name is correct, update it"):
        plugin.call("Invoke", tok="agin:index:agentConfigs")


def test_configuration_of_a_provider(start: Start, plugin: Plugin) -> None:
    failures = plugin.stub.CheckConfig(provider_pb2.CheckRequest(news=plugin.packed({"apikey": "x"}))).failures
    assert [each.reason for each in failures] == ['property apikey is not known; did you mean "apiKey"?']
    # The key of the environment may be of another account.
    explicit = start(config={}, NGROK_API_KEY=OTHER_ACCOUNTS_KEY)
    explicit.call("Configure", name="theirs")
    assert explicit.check(PLAIN)[1] == ['agin:apiKey of the Provider "theirs" is empty; set the key of its account']
    for name in ("default", "default_0_9_0"):
        explicit.call("Configure", name=name, args=explicit.packed({"apiKey": API_KEY}))
        assert explicit.check(PLAIN)[1] == []
