"""What only the plugin does: its configuration, exact previews, functions, kinds of changes, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf import empty_pb2, json_format
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.emulator import Emulator
from tests.servicer.front_ends.conftest import Start
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, THEIRS
from tests.support.ngrok import create, requests
from tests.support.plugin import CallError, NativePlugin, Plugin
from tests.support.waiting import until

POLICY = {"authority": "letsencrypt", "private_key_type": "rsa"}
PLAIN = {"domain": "connect.acme.com"}
UNKNOWN = rpc.UNKNOWN
KIND = provider_pb2.PropertyDiff.Kind


@pytest.fixture
def front_end() -> type[Plugin]:
    return NativePlugin


@pytest.fixture
def new_plugin(emulator: Emulator) -> Iterator[NativePlugin]:
    """A process of its own, for a test that ends it or makes it remember something."""
    settings = {"agin:apiKey": API_KEY, "agin:apiBaseUrl": emulator.url}
    plugin = NativePlugin(dict(os.environ), settings)
    yield plugin
    plugin.end()


def previewed(plugin: Plugin, method: str, **fields: Any) -> dict[str, Any]:
    """Returns the outputs in the engine's form, where null is known and what is absent is not."""
    response = plugin.call(method, urn=plugin.urn, preview=True, **fields)
    outputs: dict[str, Any] = json_format.MessageToDict(response.properties)
    return outputs


def invoke(plugin: Plugin, name: str, **arguments: Any) -> dict[str, Any]:
    response = plugin.call("Invoke", tok=f"agin:index:{name}", args=plugin.packed(arguments))
    outputs: dict[str, Any] = rpc.deserialize_properties(getattr(response, "return"))
    return outputs


def test_start_does_not_load_the_sdk() -> None:
    program = "import sys, pulumi_agin.native.process; print('pulumi' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed == "False\n"


# -- the configuration ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "default_0_9_0", "default_0_9_0_rc_1", "default_0_9_0_github_/x"])
def test_default_provider_uses_the_key_of_the_environment(start: Start, emulator: Emulator, name: str) -> None:
    plugin = start(config={}, NGROK_API_KEY=API_KEY, NGROK_API_BASE_URL=emulator.url)
    assert isinstance(plugin, NativePlugin)
    plugin.configure({}, name)
    assert plugin.check(PLAIN)[1] == []


@pytest.mark.parametrize("name", ["theirs", "default_eu"])
def test_explicit_provider_uses_only_its_own_key(start: Start, emulator: Emulator, name: str) -> None:
    plugin = start(config={}, NGROK_API_KEY=API_KEY, NGROK_API_BASE_URL=emulator.url)
    assert isinstance(plugin, NativePlugin)
    plugin.configure({}, name)
    assert plugin.check(PLAIN)[1] == [f'agin:apiKey of the Provider "{name}" is empty; set the key of its account']
    plugin.configure({"agin:apiKey": OTHER_ACCOUNTS_KEY}, name)
    plugin.create(PLAIN)
    assert [each["account"] for each in emulator.ingresses()] == [THEIRS]


def test_check_of_the_configuration_finds_misspelled_names(plugin: Plugin) -> None:
    # The engine adds names of its own, such as `version`.
    config = {"apiKey": API_KEY, "apikey": API_KEY, "timeoutSecond": 5, "version": "0.9.0"}
    failures = plugin.stub.CheckConfig(provider_pb2.CheckRequest(news=plugin.packed(config))).failures
    assert sorted(each.reason for each in failures) == [
        'property apikey is not known; did you mean "apiKey"?',
        'property timeoutSecond is not known; did you mean "timeoutSeconds"?',
    ]


def test_no_change_of_the_configuration_replaces_the_provider(plugin: Plugin) -> None:
    before = plugin.packed({"apiKey": API_KEY, "timeoutSeconds": "5"})
    after = plugin.packed({"apiKey": UNKNOWN, "apiBaseUrl": "https://x"})
    diff = plugin.stub.DiffConfig
    response = diff(provider_pb2.DiffRequest(olds=before, news=after))
    assert set(response.diffs) == {"apiKey", "apiBaseUrl", "timeoutSeconds"}
    assert not response.replaces
    assert diff(provider_pb2.DiffRequest(olds=before, news=before)).changes == response.DIFF_NONE


# -- previews -------------------------------------------------------------------------------------------------


def test_preview_of_a_create_is_exact(plugin: Plugin) -> None:
    def create(**inputs: Any) -> dict[str, Any]:
        return previewed(plugin, "Create", properties=plugin.packed({**PLAIN, **inputs}))

    computed = dict.fromkeys(("nsTargets", "regionDomains", "createdAt", "uri"), UNKNOWN)
    # Without a policy, there is no status.
    empty = {"description": "", "certificateManagementPolicy": None, "certificateManagementStatus": None}
    assert create(metadata=UNKNOWN) == {**PLAIN, "metadata": UNKNOWN, **empty, **computed}
    with_policy = create(certificate_management_policy={"authority": "letsencrypt"})
    assert with_policy["certificateManagementPolicy"] == {"authority": "letsencrypt", "privateKeyType": UNKNOWN}
    assert with_policy["certificateManagementStatus"] == UNKNOWN


def test_preview_of_an_update_has_what_the_update_leaves(plugin: Plugin, emulator: Emulator) -> None:
    inputs = {**PLAIN, "metadata": "m", "certificate_management_policy": {"authority": "letsencrypt"}}
    created = plugin.call("Create", urn=plugin.urn, properties=plugin.packed(inputs))
    outputs = json_format.MessageToDict(created.properties)
    del outputs["_key_fingerprint"]
    requests(emulator)

    def update(**changes: Any) -> dict[str, Any]:
        news = plugin.packed({**inputs, **changes})
        return previewed(plugin, "Update", id=created.id, olds=created.properties, news=news)

    assert update(description="new") == {**outputs, "description": "new"}
    assert update(metadata=None) == {**outputs, "metadata": ""}
    assert update(metadata=UNKNOWN) == {**outputs, "metadata": UNKNOWN}
    for policy in (None, UNKNOWN):
        changed = {"certificateManagementPolicy": policy, "certificateManagementStatus": UNKNOWN}
        assert update(certificate_management_policy=policy) == {**outputs, **changed}
    assert requests(emulator) == []


def test_preview_of_a_repeated_validation_keeps_its_domain(start: Start) -> None:
    plugin = start("AgentIngressCertificateValidation")
    news = plugin.packed({"agent_ingress_id": "agin_1", "timeout_seconds": 5, "dns_error_grace_seconds": 5})
    before = {"agent_ingress_id": "agin_1", "domain": "connect.acme.com", "renews_at": "", "_was_ready": False}
    after = {"agentIngressId": "agin_1", "domain": "connect.acme.com", "renewsAt": UNKNOWN, "triggers": None}
    assert previewed(plugin, "Update", id="agin_1", olds=plugin.packed(before), news=news) == after


def test_preview_warns_of_a_taken_domain(new_plugin: NativePlugin, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    requests(emulator)
    for domain in ("connect.acme.com", "new.acme.com", UNKNOWN):
        new_plugin.create({"domain": domain}, preview=True)
    [warning] = new_plugin.warnings()
    assert warning.startswith(f"connect.acme.com already has the Agent Ingress {id_}: ")
    assert [method for method, _ in requests(emulator)] == ["GET"]


@pytest.mark.parametrize(("status", "warnings"), [(401, 1), (400, 0)])
def test_preview_reports_only_a_rejected_key_once_for_all(
    status: int, warnings: int, new_plugin: NativePlugin, emulator: Emulator
) -> None:
    emulator.add_fault("GET", "respond", status=status, times=None)
    with ThreadPoolExecutor(4) as threads:
        creates = [threads.submit(new_plugin.create, {"domain": f"{n}.acme.com"}, preview=True) for n in range(4)]
    assert [each.result()[0] for each in creates] == [""] * 4
    assert len(new_plugin.warnings()) == warnings
    assert [method for method, _ in requests(emulator)] == ["GET"]
    emulator.clear_faults()


# -- the lifecycle --------------------------------------------------------------------------------------------


def test_diff_has_the_kind_of_each_change(plugin: Plugin, start: Start, new_plugin: NativePlugin) -> None:
    def kinds(of: Plugin, outputs: dict[str, Any], inputs: dict[str, Any]) -> dict[str, str]:
        response = of.diff(outputs, inputs)
        assert response.hasDetailedDiff
        return {name: KIND.Name(each.kind) for name, each in response.detailedDiff.items()}

    outputs = {**PLAIN, "description": "old", "metadata": "", "certificate_management_policy": POLICY}
    inputs = {"domain": "other.acme.com", "metadata": "m", "certificate_management_policy": UNKNOWN}
    assert kinds(plugin, outputs, inputs) == {
        "domain": "UPDATE_REPLACE",
        "description": "DELETE",
        "metadata": "ADD",
        "certificateManagementPolicy": "UPDATE",
    }
    # The number 0 is a value.
    records = {**PLAIN, "zone": "acme.com", "ns_targets": ["a.x."], "ttl": 300, "server": "127.0.0.1", "port": 53}
    new_plugin.urn = new_plugin.urn.replace("AgentIngress", "Rfc2136Delegation")
    assert kinds(new_plugin, {**records, "ttl": 0}, records) == {"ttl": "UPDATE"}
    # A validation that is to be repeated is an update without a changed input.
    validation = start("AgentIngressCertificateValidation")
    inputs = {"agent_ingress_id": "agin_1"}
    repeated = validation.diff({**inputs, "_was_ready": False}, inputs)
    assert (repeated.changes, dict(repeated.detailedDiff)) == (repeated.DIFF_SOME, {})


def test_import_returns_the_inputs_that_would_create_the_same(plugin: Plugin, emulator: Emulator) -> None:
    inputs = {**PLAIN, "description": "ours", "certificate_management_policy": POLICY}
    id_, outputs = plugin.create(inputs)
    assert plugin.read(id_, {}, {}) == (id_, outputs, inputs)


def test_unknown_resource_or_function_may_need_a_newer_version(new_plugin: NativePlugin) -> None:
    new_plugin.urn = new_plugin.urn.replace("AgentIngress", "AgentIngressPolicy")
    with pytest.raises(CallError, match=r"has no resource agin:index:AgentIngressPolicy; if .* correct, update it"):
        new_plugin.check({})
    with pytest.raises(CallError, match="has no function agin:index:getAgent; if"):
        invoke(new_plugin, "getAgent")


def test_secret_of_a_tsig_key_is_always_a_secret(new_plugin: NativePlugin) -> None:
    new_plugin.urn = new_plugin.urn.replace("AgentIngress", "Rfc2136Delegation")
    where = {**PLAIN, "zone": "acme.com", "server": "127.0.0.1", "ns_targets": ["a.x."], "ttl": 300}
    news = new_plugin.packed({**where, "tsig_key_name": "agin", "tsig_secret": "c2VjcmV0"})
    response = new_plugin.call("Check", urn=new_plugin.urn, news=news)
    assert not response.failures
    assert rpc.is_rpc_secret(rpc.deserialize_properties(response.inputs)["tsigSecret"])


# -- functions ------------------------------------------------------------------------------------------------


def test_functions_return_the_names_of_the_program(plugin: Plugin) -> None:
    id_, outputs = plugin.create(PLAIN)
    found = invoke(plugin, "getAgentIngress", domain="Connect.ACME.com.")
    assert (found["id"], found["nsTargets"]) == (id_, outputs["ns_targets"])
    [listed] = invoke(plugin, "getAgentIngresses")["agentIngresses"]
    assert listed["createdAt"] == outputs["created_at"]
    with pytest.raises(CallError, match=r'^getAgentIngress: property domian is not known; did you mean "domain"\?$'):
        invoke(plugin, "getAgentIngress", domian="connect.acme.com")
    with pytest.raises(CallError, match="needs exactly one of id and domain"):
        invoke(plugin, "getAgentIngress")


def test_agent_config_needs_no_key_and_is_secret_with_an_authtoken(start: Start) -> None:
    plugin = start(config={})
    file = invoke(plugin, "agentConfig", **PLAIN, certificate_management_policy=POLICY)["yaml"]
    assert 'connect_cas: "host"' in file
    secret = invoke(plugin, "agentConfig", **PLAIN, authtoken="2tst_token")["yaml"]
    assert rpc.is_rpc_secret(secret)
    assert "2tst_token" in rpc.unwrap_rpc_secret(secret)


# -- the end of the process -----------------------------------------------------------------------------------


def test_ctrl_c_ends_the_pause_before_a_retry(new_plugin: NativePlugin, emulator: Emulator) -> None:
    emulator.add_fault("POST", "respond", status=429, headers={"Retry-After": "3600"}, times=None)
    with ThreadPoolExecutor(1) as threads:
        creating = threads.submit(new_plugin.create, PLAIN, timeout=100_000)
        until("the request is sent", emulator.requests)
        new_plugin.stub.Cancel(empty_pb2.Empty())
    with pytest.raises(CallError, match="it was interrupted"):
        creating.result()
    emulator.clear_faults()


def test_signal_lets_a_pending_create_complete(new_plugin: NativePlugin, emulator: Emulator) -> None:
    emulator.add_fault("POST", "delay", seconds=1)
    with ThreadPoolExecutor(1) as threads:
        creating = threads.submit(new_plugin.create, PLAIN)
        until("it is carried out", emulator.ingresses)
        new_plugin.process.send_signal(signal.SIGTERM)
        assert [each["id"] for each in emulator.ingresses()] == [creating.result()[0]]
    assert new_plugin.process.wait(timeout=30) == 0


class OftenChecking(NativePlugin):
    """A process that does not wait for ten seconds before it checks whether its engine is gone."""

    command = ("-c", "from pulumi_agin.native import process; process.CHECK_SECONDS = 0.05; process.serve()")


def test_process_ends_when_the_engine_is_gone(emulator: Emulator) -> None:
    plugin = OftenChecking(dict(os.environ), {"agin:apiKey": API_KEY, "agin:apiBaseUrl": emulator.url})
    assert plugin.check(PLAIN)[1] == []
    assert plugin.process.poll() is None
    plugin.engine.server.stop(None).wait()
    assert plugin.process.wait(timeout=30) == 0
    plugin.end()
