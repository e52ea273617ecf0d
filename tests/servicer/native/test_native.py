"""Features of the provider plugin only: configuration, exact previews, names, phrasing, and shutdown."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.emulator import Emulator
from pulumi_agin.engine.connection import RESPONSE_SECONDS, Engine
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.outputs import STRINGS
from pulumi_agin.lifecycle.schema import compared_fields
from pulumi_agin.native.process import CHECK_SECONDS, GRACE_SECONDS
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, THEIRS
from tests.support.plugin import (
    AGENT_INGRESS,
    CERTIFICATE_VALIDATION,
    PROVIDER_URN,
    PROVIDERS,
    RFC2136_DELEGATION,
    UNKNOWN,
    DynamicPlugin,
    NativePlugin,
    Plugin,
    PluginError,
    Plugins,
    camel_case,
    failure,
)
from tests.support.waiting import until

DOMAIN = "connect.acme.com"
POLICY = {"authority": "letsencrypt", "privateKeyType": "rsa"}
ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
KIND = provider_pb2.PropertyDiff
EMPTY_STRINGS = {camel_case(name): "" for name in STRINGS}


class ExactPlugin(NativePlugin):
    """A plugin whose calls have properties in the engine's form: camelCase, nulls, secrets."""

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        return json_format.MessageToDict(struct)

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        struct = struct_pb2.Struct()
        struct.update(dict(values))
        return struct


@pytest.fixture(scope="module")
def front_end() -> type[Plugin]:
    return ExactPlugin


def secret(value: Any) -> Any:
    return rpc.wrap_rpc_secret(value)


def diff(plugin: Plugin, outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    request = provider_pb2.DiffRequest(id=ID, urn=plugin.urn, olds=plugin._struct(outputs), news=plugin._struct(inputs))
    return kinds(plugin.call(plugin.stub.Diff, request))


def kinds(response: Any) -> dict[str, Any]:
    assert response.hasDetailedDiff
    assert response.changes == (response.DIFF_SOME if response.detailedDiff else response.DIFF_NONE)
    found = {name: detail.kind for name, detail in response.detailedDiff.items()}
    assert sorted(response.diffs) == sorted(found)
    replacing = (KIND.ADD_REPLACE, KIND.DELETE_REPLACE, KIND.UPDATE_REPLACE)
    assert sorted(response.replaces) == sorted(name for name, kind in found.items() if kind in replacing)
    return found


def invoke(plugin: Plugin, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    request = provider_pb2.InvokeRequest(tok=f"agin:index:{name}", args=plugin._struct(arguments))
    return plugin.plain(getattr(plugin.call(plugin.stub.Invoke, request), "return"))


def test_stack_config_wins_over_the_environment(new_plugin: Plugins, emulator: Emulator) -> None:
    config = {"agin:apiKey": API_KEY, "agin:apiBaseUrl": emulator.url, "agin:timeoutSeconds": "50"}
    nowhere = {"NGROK_API_BASE_URL": "https://127.0.0.1:1", "NGROK_API_TIMEOUT_SECONDS": "-1"}
    plugin = new_plugin(OTHER_ACCOUNTS_KEY, config, has_quick_clock=True, **nowhere)
    assert plugin.check({"domain": DOMAIN}) == ({"domain": DOMAIN}, [])
    id_, _ = plugin.create({"domain": DOMAIN})
    assert [ingress["id"] for ingress in emulator.ingresses()] == [id_]
    emulator.add_fault("GET", "respond", status=503, times=None)
    assert "(limit: 50 seconds)" in failure(lambda: plugin.read(id_, None, {})).message


def test_call_can_be_larger_than_the_default_of_grpc(plugin: Plugin) -> None:
    megabytes = "x" * 5 * 2**20
    _, failures = plugin.check({"domain": DOMAIN, "metadata": megabytes})
    assert failures == ["property metadata is 5242880 bytes in UTF-8; the limit is 4096"]


def test_wrong_settings_have_their_names_in_the_stack_config(new_plugin: Plugins) -> None:
    config = {"agin:apiBaseUrl": "http://api.ngrok.com", "agin:timeoutSeconds": "x"}
    _, failures = new_plugin(api_key="", config=config).check({"domain": DOMAIN})
    assert [reason.partition(" in the stack config ")[0] for reason in failures] == [
        "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`, or in the environment "
        "variable NGROK_API_KEY",
        "the base URL from agin:apiBaseUrl",
        "the timeout from agin:timeoutSeconds",
    ]


def test_explicit_provider_uses_only_its_own_key(new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    plugin.configure({}, provider_name="theirs")
    expected = (
        'apiKey of the Provider "theirs" is empty: an explicit Provider does not use the key in the stack config or '
        "the environment, because that key may belong to another account; set the key of its account"
    )
    assert plugin.check({"domain": DOMAIN})[1] == [expected]
    assert failure(lambda: plugin.create({"domain": DOMAIN})).message == expected
    assert failure(lambda: plugin.read(ID, None, {})).message == expected
    assert emulator.requests() == []
    plugin.configure({"agin:apiKey": OTHER_ACCOUNTS_KEY}, provider_name="theirs")
    plugin.create({"domain": DOMAIN})
    assert [ingress["account"] for ingress in emulator.ingresses()] == [THEIRS]
    plugin.configure({}, provider_name="default_eu")
    assert plugin.check({"domain": DOMAIN})[1] == [expected.replace("theirs", "default_eu")]
    # The engine names its default providers by the version and the URL of the plugin.
    for name in ("default", "default_0_3_0", "default_0_3_0_rc_1", "default_0_3_0_github_/x", "default_https_//x/y"):
        plugin.configure({}, provider_name=name)
        assert plugin.check({"domain": DOMAIN})[1] == []


def test_check_of_the_configuration_rejects_misspelled_names(plugin: Plugin) -> None:
    def check_config(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        request = provider_pb2.CheckRequest(urn=f"{PROVIDER_URN}::theirs", news=plugin._struct(config))
        response = plugin.call(plugin.stub.CheckConfig, request)
        return plugin.plain(response.inputs), sorted(failure.reason for failure in response.failures)

    # The engine adds its own names, such as `version`.
    right = {"apiKey": API_KEY, "apiBaseUrl": "https://x", "timeoutSeconds": "5", "version": "1.0.0"}
    assert check_config(right) == ({**right, "apiKey": secret(API_KEY)}, [])
    assert check_config({"apiKey": UNKNOWN})[1] == []
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    assert check_config({"apiKey": asset, "apikey": API_KEY, "timeoutSecond": "5"})[1] == [
        "property apiKey must be a plain value, not an asset, an archive or a resource",
        'property apikey is not known; did you mean "apiKey"?',
        'property timeoutSecond is not known; did you mean "timeoutSeconds"?',
    ]


def test_no_change_of_the_configuration_replaces_the_provider(plugin: Plugin) -> None:
    before = plugin._struct({"apiKey": API_KEY, "timeoutSeconds": "5"})
    after = plugin._struct({"apiKey": UNKNOWN, "apiBaseUrl": "https://x"})
    request = provider_pb2.DiffRequest(urn=f"{PROVIDER_URN}::theirs", olds=before, news=after)
    response = plugin.call(plugin.stub.DiffConfig, request)
    assert kinds(response) == {"apiKey": KIND.UPDATE, "apiBaseUrl": KIND.ADD, "timeoutSeconds": KIND.DELETE}
    assert not response.replaces
    assert not response.deleteBeforeReplace
    request.news.CopyFrom(before)
    assert kinds(plugin.call(plugin.stub.DiffConfig, request)) == {}


def test_check_returns_canonical_values_and_defaults(plugin: Plugin, emulator: Emulator) -> None:
    given = {"domain": " Connect.ACME.com. ", "certificateManagementPolicy": POLICY, "metadata": None}
    assert plugin.check(given) == ({"domain": DOMAIN, "certificateManagementPolicy": POLICY}, [])
    assert plugin.of(CERTIFICATE_VALIDATION).check({"agentIngressId": ID}) == (
        {"agentIngressId": ID, "timeoutSeconds": 2700, "dnsErrorGraceSeconds": 600},
        [],
    )
    unknown = {"domain": UNKNOWN, "certificateManagementPolicy": {"authority": UNKNOWN, "privateKeyType": "rsa"}}
    assert plugin.check(unknown) == (unknown, [])
    assert emulator.requests() == []


RECORDS = {
    "domain": DOMAIN,
    "zone": "acme.com",
    "nsTargets": ["a.x."],
    "ttl": 300,
    "server": "127.0.0.1",
    "port": 53,
    "tsigAlgorithm": "hmac-sha256",
}


def test_diff_has_the_kind_of_each_change(plugin: Plugin) -> None:
    outputs = {"domain": DOMAIN, "description": "old", "metadata": "", "certificateManagementPolicy": None}
    assert diff(plugin, outputs, {"domain": DOMAIN, "description": "old"}) == {}
    changed = {"domain": DOMAIN, "metadata": "new", "certificateManagementPolicy": POLICY}
    assert diff(plugin, outputs, changed) == {
        "description": KIND.DELETE,
        "metadata": KIND.ADD,
        "certificateManagementPolicy": KIND.ADD,
    }
    with_policy = {**outputs, "certificateManagementPolicy": {"authority": "letsencrypt", "privateKeyType": "ecdsa"}}
    replaced = {**changed, "domain": UNKNOWN, "description": UNKNOWN}
    assert plugin.diff(with_policy, replaced) == (True, ["domain"])
    assert diff(plugin, with_policy, replaced) == {
        "domain": KIND.UPDATE_REPLACE,
        "description": KIND.UPDATE,
        "metadata": KIND.ADD,
        "certificateManagementPolicy": KIND.UPDATE,
    }
    # The number 0 is a value.
    records = plugin.of(RFC2136_DELEGATION)
    assert diff(records, {**RECORDS, "ttl": 0}, RECORDS) == {"ttl": KIND.UPDATE}
    assert diff(records, RECORDS, {**RECORDS, "ttl": 0}) == {"ttl": KIND.UPDATE}
    # The next wait renews an output.
    wait = plugin.of(CERTIFICATE_VALIDATION)
    assert diff(wait, {"agentIngressId": ID, "_was_ready": False}, {"agentIngressId": ID}) == {"renewsAt": KIND.UPDATE}


def test_preview_of_a_create_has_the_inputs_and_unknown_outputs(new_plugin: Plugins, emulator: Emulator) -> None:
    # A process that is used before may have the list already.
    plugin = new_plugin()
    unknown = dict.fromkeys(["nsTargets", "regionDomains", "createdAt", "uri", "certificateManagementStatus"], UNKNOWN)
    inputs: dict[str, Any] = {"domain": DOMAIN, "description": "ours", "certificateManagementPolicy": POLICY}
    assert plugin.create(inputs, preview=True) == ("", {**EMPTY_STRINGS, **inputs, **unknown})
    # Without a policy, there is no status.
    none = {"certificateManagementPolicy": None, "certificateManagementStatus": None}
    inputs = {"domain": DOMAIN, "description": UNKNOWN}
    assert plugin.create(inputs, preview=True) == ("", {**EMPTY_STRINGS, **inputs, **unknown, **none})
    wait = plugin.of(CERTIFICATE_VALIDATION).create({"agentIngressId": UNKNOWN}, preview=True)
    assert wait == ("", {"agentIngressId": UNKNOWN, "domain": UNKNOWN, "renewsAt": UNKNOWN})
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_preview_of_an_update_has_unchanged_outputs(plugin: Plugin, emulator: Emulator) -> None:
    inputs = {"domain": DOMAIN, "metadata": "{}", "certificateManagementPolicy": {"authority": "letsencrypt"}}
    id_, outputs = plugin.create(inputs)
    emulator.clear_requests()
    update = partial(plugin.update, id_, outputs, preview=True)
    assert update({**inputs, "description": "new"}) == {**outputs, "description": "new"}
    assert update({**inputs, "metadata": UNKNOWN}) == {**outputs, "metadata": UNKNOWN}
    # ngrok may keep a policy, or remove it.
    unknown = {"certificateManagementPolicy": UNKNOWN, "certificateManagementStatus": UNKNOWN}
    assert update({"domain": DOMAIN}) == {**outputs, **unknown, "metadata": ""}

    new = {**RECORDS, "ttl": 600}
    unsigned = {"tsigKeyName": None, "tsigSecret": None}
    assert plugin.of(RFC2136_DELEGATION).update(ID, RECORDS, new, preview=True) == {**new, **unsigned}
    wait = {"agentIngressId": ID, "timeoutSeconds": 5, "dnsErrorGraceSeconds": 5}
    before = {"agentIngressId": ID, "domain": DOMAIN, "renewsAt": None, "_was_ready": False}
    after = {"agentIngressId": ID, "domain": DOMAIN, "renewsAt": UNKNOWN}
    assert plugin.of(CERTIFICATE_VALIDATION).update(ID, before, wait, preview=True) == after
    assert emulator.requests() == []


def test_import_returns_the_inputs_that_would_create_the_same(plugin: Plugin, emulator: Emulator) -> None:
    inputs = {"domain": DOMAIN, "description": "ours", "certificateManagementPolicy": POLICY}
    id_, outputs = plugin.create(inputs)
    assert plugin.read(id_, {}, {}) == (id_, outputs, inputs)
    assert outputs["metadata"] == ""
    bare, outputs = plugin.create({"domain": "bare.acme.com"})
    assert outputs["certificateManagementPolicy"] is None
    assert plugin.read(bare, {}, {})[2] == {"domain": "bare.acme.com"}
    emulator.delete_ingress(id_)
    message = failure(lambda: plugin.read(id_, {}, {})).message
    assert "there is no such Agent Ingress in the account of this key. Another account may have it\n" in message
    message = failure(lambda: plugin.of(CERTIFICATE_VALIDATION).read(ID, {}, {})).message
    assert message.endswith("can't be read or imported, because it only waits: declare it")


def test_state_of_a_python_program_gets_the_names_of_the_plugin(
    plugin: Plugin, shared_plugins: Callable[[type[Plugin], str], Plugin], emulator: Emulator
) -> None:
    dynamic = shared_plugins(DynamicPlugin, API_KEY)
    policy = {"authority": "letsencrypt"}
    old_inputs = {"domain": DOMAIN, "certificate_management_policy": policy, "__provider": PROVIDERS[AGENT_INGRESS]}
    inputs = {"domain": DOMAIN, "certificateManagementPolicy": policy}
    id_, old_outputs = dynamic.create(old_inputs)
    old_outputs["__provider"] = old_inputs["__provider"]
    assert diff(plugin, old_outputs, inputs) == {}
    assert diff(plugin, old_outputs, {**inputs, "description": "new"}) == {"description": KIND.ADD}
    assert diff(plugin, old_outputs, {**inputs, "domain": "other.acme.com"}) == {"domain": KIND.UPDATE_REPLACE}
    _, outputs, _ = plugin.read(id_, {}, {})
    assert plugin.read(id_, old_outputs, old_inputs) == (id_, outputs, inputs)
    plugin.delete(id_, old_outputs)
    assert plugin.read(id_, old_outputs, old_inputs)[0] == ""


def test_messages_have_the_names_and_options_of_the_program(plugin: Plugin, emulator: Emulator) -> None:
    wrong = {
        "domain": "connect..acme.com",
        "description": "x" * 256,
        "metadata": {"team": "iot"},
        "certificateManagementPolicy": {"private_key_type": "rsa"},
        "ns_targets": [],
    }
    names = ", ".join(map(camel_case, compared_fields(AgentIngressInputs)))
    assert sorted(plugin.check(wrong)[1]) == [
        "domain: the domain has an empty label: two dots in a row, or one at the start",
        'property certificateManagementPolicy.authority is required: the certificate authority, such as "letsencrypt"',
        'property certificateManagementPolicy.private_key_type is not known; did you mean "privateKeyType"?',
        "property description is 256 bytes in UTF-8; the limit is 255",
        "property metadata must be a string; got an object: use `fn::toJSON` in YAML or `JSON.stringify(…)` in "
        "TypeScript",
        f"property nsTargets is not known; valid names are {names}",
    ]
    assert plugin.check({"domain": DOMAIN, "certificate_management_policy": POLICY})[1] == [
        'property certificate_management_policy is not known; did you mean "certificateManagementPolicy"?'
    ]
    assert plugin.check({"domain": DOMAIN, "metadata": True, "certificateManagementPolicy": "letsencrypt"})[1] == [
        "property metadata must be a string; got a boolean",
        "property certificateManagementPolicy must be an object; got a string",
    ]
    id_, outputs = plugin.create({"domain": DOMAIN, "certificateManagementPolicy": POLICY})
    emulator.configure(null_policy="ignored")
    error = failure(lambda: plugin.update(id_, outputs, {"domain": DOMAIN, "metadata": "new"}))
    assert error.message == error.text
    assert "remove the certificateManagementPolicy of the Agent Ingress connect.acme.com" in error.message
    assert "`certificateManagementPolicy: { authority: " in error.message
    assert error.message.endswith("pulumi-agin explain removed-policy")
    assert error.kept
    assert error.kept.outputs == {**outputs, "metadata": "new"}


def test_unknown_resource_or_function_may_need_a_newer_version(plugin: Plugin) -> None:
    other = plugin.of("AgentIngressPolicy")
    calls: list[Callable[[], object]] = [
        partial(other.check, {}),
        partial(other.diff, {}, {}),
        partial(other.create, {}),
        partial(other.read, ID, {}, {}),
        partial(other.update, ID, {}, {}),
        partial(other.delete, ID, {}),
    ]
    for call in calls:
        message = failure(call).message
        assert "has no resource agin:index:AgentIngressPolicy. Its resources are agin:index:AgentIngress, " in message
        assert message.endswith("If the name is correct, update the plugin")
    message = failure(partial(invoke, plugin, "getAgentIngres", {})).message
    assert "has no function agin:index:getAgentIngres. Its functions are agin:index:getAgentIngress, " in message


def test_functions_return_the_names_of_the_program(plugin: Plugin) -> None:
    id_, outputs = plugin.create({"domain": DOMAIN, "certificateManagementPolicy": POLICY})
    found = invoke(plugin, "getAgentIngress", {"domain": "Connect.ACME.com."})
    assert (found["id"], found["nsTargets"]) == (id_, outputs["nsTargets"])
    assert found["certificateManagementPolicy"] == POLICY
    [listed] = invoke(plugin, "getAgentIngresses", {})["agentIngresses"]
    assert listed["createdAt"] == outputs["createdAt"]
    arguments = {"domain": DOMAIN, "certificateManagementPolicy": POLICY, "regionDomains": outputs["regionDomains"]}
    [(name, yaml)] = invoke(plugin, "agentConfig", arguments).items()
    assert name == "yaml"
    assert DOMAIN in yaml
    with_token = invoke(plugin, "agentConfig", {**arguments, "authtoken": "2tst_token"})["yaml"]
    assert with_token == secret(with_token["value"])
    assert "2tst_token" in with_token["value"]


def test_functions_reject_wrong_arguments(plugin: Plugin) -> None:
    def message(name: str, arguments: Mapping[str, Any]) -> str:
        return failure(lambda: invoke(plugin, name, arguments)).message

    assert message("getAgentIngress", {"Domain": DOMAIN, "id": 5}) == (
        'getAgentIngress: id must be a string; got a number; Domain is not known; did you mean "domain"?'
    )
    assert message("agentConfig", {"domain": DOMAIN, "region": "eu"}) == (
        "agentConfig: regionDomains is required with a region"
    )
    # The engine leaves out arguments that are not known yet.
    assert message("agentConfig", {"domain": UNKNOWN}).startswith("agentConfig: domain ")
    assert message("getAgentIngress", {"domain": "new.acme.com"}).startswith(
        "there is no Agent Ingress with the domain new.acme.com in the account"
    )


def test_functions_accept_the_names_of_the_python_sdk(plugin: Plugin) -> None:
    domains = [f"tunnel.eu.{DOMAIN}"]
    policy: dict[str, Any] = {"authority": "letsencrypt", "private_key_type": "rsa"}
    given = {"domain": DOMAIN, "certificate_management_policy": policy, "region_domains": domains, "region": "eu"}
    in_camel_case = {"domain": DOMAIN, "certificateManagementPolicy": POLICY, "regionDomains": domains, "region": "eu"}
    assert invoke(plugin, "agentConfig", given) == invoke(plugin, "agentConfig", in_camel_case)
    wrong = {**given, "certificate_management_policy": {"authority": 5, "private_key_typ": "rsa"}}
    assert failure(lambda: invoke(plugin, "agentConfig", wrong)).message == (
        'agentConfig: certificateManagementPolicy.authority must be "letsencrypt"; '
        'certificateManagementPolicy.privateKeyTyp is not known; did you mean "privateKeyType"?'
    )


def interrupted(plugin: Plugin, call: Callable[[], object], when: Callable[[], object]) -> Future[Any]:
    """Makes a call during which the user presses Ctrl-C."""
    with ThreadPoolExecutor(1) as threads:
        called = threads.submit(call)
        until("the call is under way", when)
        plugin.call(plugin.stub.Cancel, empty_pb2.Empty())
    return called


@pytest.mark.parametrize("status", [503, 429])
def test_ctrl_c_ends_the_pause_before_a_retry(status: int, new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    emulator.add_fault(None, "respond", status=status, headers={"Retry-After": "3600"}, times=None)
    # Longer than the call of a test may take.
    create = partial(failure, lambda: plugin.create({"domain": DOMAIN}, timeout=100_000))
    error = interrupted(plugin, create, when=emulator.requests).result()
    assert "it was interrupted" in error.message
    # Only after a 503, it is unknown whether the ingress was created.
    assert ("it is unknown whether" in error.message) is (status == 503)
    assert "it was interrupted" in failure(lambda: plugin.create({"domain": "later.acme.com"})).message
    assert emulator.counts() == {"POST /agent_ingresses": 1}


def test_ctrl_c_ends_the_wait_for_a_certificate(new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    id_, _ = plugin.create({"domain": DOMAIN, "certificateManagementPolicy": POLICY})
    emulator.set_certificate(id_, "in_progress")
    emulator.clear_requests()
    inputs = {"agentIngressId": id_, "timeoutSeconds": 2700, "dnsErrorGraceSeconds": 600}
    create = partial(failure, lambda: plugin.of(CERTIFICATE_VALIDATION).create(inputs))
    error = interrupted(plugin, create, when=emulator.requests).result()
    assert error.message == "the certificate validation was interrupted; the next `pulumi up` validates again"


@pytest.mark.parametrize("ends", [False, True], ids=["Ctrl-C", "SIGINT"])
def test_pending_create_completes_before_the_end(ends: bool, new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    emulator.add_fault("POST", "delay", seconds=1, after=True)
    with ThreadPoolExecutor(1) as threads:
        creating = threads.submit(plugin.create, {"domain": DOMAIN})
        until("it is made", emulator.ingresses)
        if ends:
            plugin.process.send_signal(signal.SIGINT)
            # gRPC may drop a call that comes just when it stops, so only a connection shows that it has stopped.
            until("the process has begun to end", lambda: not plugin.listens())
        else:
            plugin.call(plugin.stub.Cancel, empty_pb2.Empty())
        assert [ingress["id"] for ingress in emulator.ingresses()] == [creating.result()[0]]


@dataclass
class ServingPlugin(NativePlugin):
    """A process with short times for tests. Calls have little time left at its end."""

    check_seconds: float = 0.05
    """The interval of the checks whether its engine is gone."""
    flags: Sequence[str] = ()
    """The engine's flags before its address."""

    def _arguments(self) -> Sequence[str]:
        serve = f"serve(check_seconds={self.check_seconds}, grace_seconds=0.05)"
        return ["-c", f"from pulumi_agin.native.process import serve; {serve}", *self.flags]


# A bug of this package: a create that never ends.
ENDLESS_CREATE = """
import time
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle

AgentIngressLifecycle.create = lambda self, call, wanted: time.sleep(86400)
"""


def test_process_ends_when_the_engine_is_gone() -> None:
    assert CHECK_SECONDS + RESPONSE_SECONDS + GRACE_SECONDS <= 60
    flags = ["--logtostderr", "-v=9", "--tracing", "http://collector.invalid/api/v1/spans"]
    with ServingPlugin(os.environ, flags=flags) as plugin:
        assert plugin.process.poll() is None
        plugin.engine.end()
        plugin.wait_for_end()
        assert plugin.process.returncode == 0
    assert plugin.printed == ""


def test_endless_call_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ENDLESS_CREATE)
    with ServingPlugin({**os.environ, "PYTHONPATH": str(tmp_path)}) as plugin, ThreadPoolExecutor(1) as threads:
        creating = threads.submit(plugin.create, {"domain": DOMAIN})
        plugin.engine.end()
        plugin.wait_for_end()
        assert isinstance(creating.exception(), PluginError)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_ends_immediately_on_a_signal(number: signal.Signals) -> None:
    with ServingPlugin(os.environ, check_seconds=86400) as plugin:
        plugin.process.send_signal(number)
        plugin.wait_for_end()
        assert plugin.process.returncode == 0
    assert plugin.printed == ""


def test_engine_is_gone_only_if_the_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        engine = Engine([f"127.0.0.1:{listener.getsockname()[1]}"])
        assert engine.is_there()
    assert not engine.is_there()

    def fail(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "create_connection", fail)
    assert engine.is_there()
