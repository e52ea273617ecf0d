"""What the provider plugin has of its own: its configuration, exact previews, its names, and how it ends."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.engine import ANSWER_SECONDS, Engine
from pulumi_agin.native.server import GRACE_SECONDS, LOOK_SECONDS
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.plugin import (
    CERTIFICATE_VALIDATION,
    PROVIDER_URN,
    RFC2136_DELEGATION,
    NativePlugin,
    Plugin,
    PluginError,
    Plugins,
)
from tests.support.slow_api import slow_api
from tests.support.waiting import until

DOMAIN = "connect.acme.com"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
POLICY = {"authority": "letsencrypt", "privateKeyType": "rsa"}
ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"

NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME
KIND = provider_pb2.PropertyDiff


@pytest.fixture(scope="module")
def front_end() -> type[Plugin]:
    return NativePlugin


def sent(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as the engine sends them: by the names of a program."""
    struct = struct_pb2.Struct()
    struct.update(dict(values))
    return struct


def seen(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Properties as the engine sees them in an answer."""
    values: dict[str, Any] = json_format.MessageToDict(struct)
    return values


def secret(value: Any) -> Any:
    return rpc.wrap_rpc_secret(value)


def check(plugin: Plugin, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    answer = plugin.call(plugin.stub.Check, provider_pb2.CheckRequest(urn=plugin.urn, news=sent(inputs)))
    return seen(answer.inputs), [failure.reason for failure in answer.failures]


def diff(plugin: Plugin, outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    request = provider_pb2.DiffRequest(id=ID, urn=plugin.urn, olds=sent(outputs), news=sent(inputs))
    return plugin.call(plugin.stub.Diff, request)


def kinds(answer: Any) -> dict[str, Any]:
    assert answer.changes == (SOME if answer.detailedDiff else NONE)
    return {name: detail.kind for name, detail in answer.detailedDiff.items()}


def create(plugin: Plugin, inputs: Mapping[str, Any], preview: bool = False) -> tuple[str, dict[str, Any]]:
    request = provider_pb2.CreateRequest(urn=plugin.urn, properties=sent(inputs), preview=preview)
    answer = plugin.call(plugin.stub.Create, request)
    return answer.id, seen(answer.properties)


def read(
    plugin: Plugin, id_: str, outputs: Mapping[str, Any] | None = None, inputs: Mapping[str, Any] | None = None
) -> Any:
    request = provider_pb2.ReadRequest(
        id=id_, urn=plugin.urn, properties=sent(outputs or {}), inputs=sent(inputs or {})
    )
    return plugin.call(plugin.stub.Read, request)


def refused(call: Callable[[], object]) -> str:
    """The sentence that a call fails with."""
    with pytest.raises(PluginError) as caught:
        call()
    assert caught.value.clean
    assert caught.value.kept is None
    assert caught.value.message.isprintable()
    for start in range(len(API_KEY) - 7):
        assert API_KEY[start : start + 8] not in caught.value.message + caught.value.text
    return caught.value.message


# -- the configuration ------------------------------------------------------------------------------------


def test_the_stack_config_wins_over_the_environment(plugins: Plugins, emulator: Emulator) -> None:
    config = {"ngrok:apiKey": API_KEY, "ngrok:apiBaseUrl": emulator.url, "ngrok:timeoutSeconds": "0.5"}
    nowhere = {"NGROK_API_BASE_URL": "https://127.0.0.1:1", "NGROK_API_TIMEOUT_SECONDS": "-1"}
    plugin = plugins(OTHER_ACCOUNTS_KEY, config, **nowhere)
    assert check(plugin, {"domain": DOMAIN}) == ({"domain": DOMAIN}, [])
    id_, _ = create(plugin, {"domain": DOMAIN})
    assert [ingress["id"] for ingress in emulator.ingresses()] == [id_]
    emulator.add_fault("GET", "hang")
    assert re.search(r"did not answer within 0\.\d+ seconds", refused(lambda: read(plugin, id_)))


def test_settings_come_from_the_environment_where_the_stack_config_has_none(plugins: Plugins) -> None:
    plugin = plugins(f"{API_KEY} ", NGROK_API_BASE_URL="http://api.ngrok.com", NGROK_API_TIMEOUT_SECONDS="-1")
    _, failures = check(plugin, {"domain": DOMAIN})
    assert [failure.partition(" must ")[0].partition(" contains ")[0] for failure in failures] == [
        "the API key from the environment variable NGROK_API_KEY",
        "the base URL from the environment variable NGROK_API_BASE_URL",
        "the time from the environment variable NGROK_API_TIMEOUT_SECONDS",
    ]


def test_wrong_settings_are_called_by_their_names_in_the_stack_config(plugins: Plugins) -> None:
    config = {"ngrok:apiKey": f"{API_KEY} ", "ngrok:apiBaseUrl": "http://api.ngrok.com", "ngrok:timeoutSeconds": "x"}
    _, failures = check(plugins(config=config), {"domain": DOMAIN})
    assert [failure.partition(" of the stack config ")[0] for failure in failures] == [
        "the API key from agin:apiKey",
        "the base URL from agin:apiBaseUrl",
        "the time from agin:timeoutSeconds",
    ]


def test_without_any_key_a_preview_says_how_to_set_one(plugins: Plugins) -> None:
    [failure] = check(plugins(api_key=None), {"domain": DOMAIN})[1]
    assert failure == (
        "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`, or in the environment "
        "variable NGROK_API_KEY"
    )


@pytest.fixture
def explicit(emulator: Emulator) -> Iterator[Callable[..., NativePlugin]]:
    """Starts plugins of an explicit provider, in an environment that has the key of the emulator's account."""
    environment = {**os.environ, "NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    with ExitStack() as running:
        yield lambda config, name="theirs": running.enter_context(NativePlugin(environment, config, provider_name=name))


def test_an_explicit_provider_takes_no_key_from_the_environment(
    explicit: Callable[..., NativePlugin], emulator: Emulator
) -> None:
    plugin = explicit({})
    expected = (
        'apiKey of the Provider "theirs" is empty: an explicit Provider takes no key from the stack config or the '
        "environment, because that may belong to another account; give it the key of its account"
    )
    assert check(plugin, {"domain": DOMAIN})[1] == [expected]
    assert refused(lambda: create(plugin, {"domain": DOMAIN})) == expected
    assert refused(lambda: read(plugin, ID)) == expected
    assert emulator.requests() == []


def test_an_explicit_provider_has_the_account_of_its_own_key(
    explicit: Callable[..., NativePlugin], emulator: Emulator
) -> None:
    id_, _ = create(explicit({"ngrok:apiKey": API_KEY}), {"domain": DOMAIN})
    message = refused(lambda: read(explicit({"ngrok:apiKey": OTHER_ACCOUNTS_KEY}), id_))
    assert message.endswith("there is no such Agent Ingress in the account of this key")
    assert [ingress["id"] for ingress in emulator.ingresses()] == [id_]


def test_a_default_provider_of_a_version_is_none_that_a_program_made(explicit: Callable[..., NativePlugin]) -> None:
    assert check(explicit({}, "default_0_3_0"), {"domain": DOMAIN})[1] == []


def test_a_name_of_the_configuration_that_is_nearly_right_is_refused(offline: Plugin) -> None:
    def check_config(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        request = provider_pb2.CheckRequest(urn=f"{PROVIDER_URN}::theirs", news=sent(config))
        answer = offline.call(offline.stub.CheckConfig, request)
        return seen(answer.inputs), [failure.reason for failure in answer.failures]

    assert sorted(check_config({"apikey": API_KEY, "timeoutSecond": "5"})[1]) == [
        'property apikey is not known; did you mean "apiKey"?',
        'property timeoutSecond is not known; did you mean "timeoutSeconds"?',
    ]
    # The engine has names of its own in it.
    right = {"apiKey": API_KEY, "apiBaseUrl": "https://x", "timeoutSeconds": "5", "version": "1.0.0"}
    assert check_config(right) == ({**right, "apiKey": secret(API_KEY)}, [])
    assert check_config({"apiKey": UNKNOWN})[1] == []
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    wrong = "property apiKey must be a plain value, not an asset, an archive or a resource"
    assert check_config({"apiKey": asset, "timeoutSeconds": "5"}) == ({"timeoutSeconds": "5"}, [wrong])


def test_no_change_of_the_configuration_replaces_the_provider(offline: Plugin) -> None:
    before = {"apiKey": API_KEY, "timeoutSeconds": "5"}
    after = {"apiKey": UNKNOWN, "apiBaseUrl": "https://x"}
    request = provider_pb2.DiffRequest(urn=f"{PROVIDER_URN}::theirs", olds=sent(before), news=sent(after))
    answer = offline.call(offline.stub.DiffConfig, request)
    assert kinds(answer) == {"apiKey": KIND.UPDATE, "apiBaseUrl": KIND.ADD, "timeoutSeconds": KIND.DELETE}
    assert not answer.replaces
    assert not answer.deleteBeforeReplace
    request.news.CopyFrom(request.olds)
    assert kinds(offline.call(offline.stub.DiffConfig, request)) == {}


# -- check ------------------------------------------------------------------------------------------------


def test_check_finds_everything_at_once_by_the_names_of_the_program(offline: Plugin) -> None:
    wrong = {
        "domain": "connect..acme.com",
        "description": "x" * 256,
        "metadata": True,
        "certificateManagementPolicy": {"private_key_type": "rsa"},
        "ns_targets": [],
    }
    _, failures = check(offline, wrong)
    assert sorted(failures) == [
        'property certificateManagementPolicy.authority is required in a policy: "letsencrypt"',
        'property certificateManagementPolicy.private_key_type is not known; did you mean "privateKeyType"?',
        "property description has 256 bytes of UTF-8; ngrok takes 255 at most",
        "property metadata must be text, but is true or false",
        "property ns_targets is not known; the names are domain, description, metadata, certificateManagementPolicy",
        "the domain has an empty label: two dots in a row, or one at the start",
    ]
    [failure] = check(offline, {"domain": DOMAIN, "certificate_management_policy": POLICY})[1]
    assert failure == (
        'property certificate_management_policy is not known; did you mean "certificateManagementPolicy"?'
    )
    [failure] = check(offline, {"domain": DOMAIN, "certificateManagementPolicy": "letsencrypt"})[1]
    assert failure == "property certificateManagementPolicy must be an object, but is text"
    [failure] = check(offline, {"domain": DOMAIN, "metadata": {"team": "iot"}})[1]
    assert failure == (
        "property metadata must be text, but is an object; `fn::toJSON` in YAML and `JSON.stringify(…)` in TypeScript "
        "make text of it"
    )


def test_check_makes_everything_canonical_and_adds_what_has_a_default(plugin: Plugin, emulator: Emulator) -> None:
    given = {"domain": " Connect.ACME.com. ", "certificateManagementPolicy": POLICY, "metadata": None}
    assert check(plugin, given) == ({"domain": DOMAIN, "certificateManagementPolicy": POLICY}, [])
    assert check(plugin.of(CERTIFICATE_VALIDATION), {"agentIngressId": ID}) == (
        {"agentIngressId": ID, "timeoutSeconds": 2700, "dnsErrorGraceSeconds": 600},
        [],
    )
    unknown = {"domain": UNKNOWN, "certificateManagementPolicy": {"authority": UNKNOWN, "privateKeyType": "rsa"}}
    assert check(plugin, unknown) == (unknown, [])
    assert emulator.requests() == []


RECORDS = {
    "domain": DOMAIN,
    "zone": "acme.com",
    "nsTargets": ["ns-1.awsdns-38.org."],
    "ttl": 300,
    "server": "127.0.0.1",
    "port": 53,
    "tsigKeyName": "agin",
    "tsigSecret": "c2VjcmV0",
    "tsigAlgorithm": "hmac-sha256",
}


def test_the_secret_of_a_tsig_key_is_secret_in_inputs_and_outputs(offline: Plugin) -> None:
    offline = offline.of(RFC2136_DELEGATION)
    with_secret = {**RECORDS, "tsigSecret": secret("c2VjcmV0")}
    given = {name: value for name, value in RECORDS.items() if name not in ("port", "tsigAlgorithm")}
    assert check(offline, given) == ({**with_secret, "takeOver": False}, [])
    request = provider_pb2.UpdateRequest(
        id=DOMAIN, urn=offline.urn, olds=sent(RECORDS), news=sent({**RECORDS, "ttl": 60}), preview=True
    )
    assert seen(offline.call(offline.stub.Update, request).properties) == {**with_secret, "ttl": 60}


# -- diff -------------------------------------------------------------------------------------------------


def test_diff_tells_how_each_property_differs(offline: Plugin) -> None:
    outputs = {"domain": DOMAIN, "description": "old", "metadata": "", "certificateManagementPolicy": None}
    inputs = {"domain": DOMAIN, "description": "old"}
    assert kinds(diff(offline, outputs, inputs)) == {}
    changed = {"domain": DOMAIN, "metadata": "new", "certificateManagementPolicy": POLICY}
    assert kinds(diff(offline, outputs, changed)) == {
        "description": KIND.DELETE,
        "metadata": KIND.ADD,
        "certificateManagementPolicy": KIND.ADD,
    }
    with_policy = {**outputs, "certificateManagementPolicy": {"authority": "letsencrypt", "privateKeyType": "ecdsa"}}
    answer = diff(offline, with_policy, {**changed, "domain": "other.acme.com", "description": UNKNOWN})
    assert kinds(answer) == {
        "domain": KIND.UPDATE_REPLACE,
        "description": KIND.UPDATE,
        "metadata": KIND.ADD,
        "certificateManagementPolicy": KIND.UPDATE,
    }
    assert list(answer.replaces) == ["domain"]
    answer = diff(offline, outputs, {"domain": UNKNOWN, "certificateManagementPolicy": {"authority": UNKNOWN}})
    assert kinds(answer)["domain"] == KIND.UPDATE_REPLACE
    assert kinds(answer)["certificateManagementPolicy"] == KIND.ADD


def test_a_number_that_is_0_is_there(offline: Plugin) -> None:
    offline = offline.of(RFC2136_DELEGATION)
    assert kinds(diff(offline, {**RECORDS, "ttl": 0}, RECORDS)) == {"ttl": KIND.UPDATE}
    assert kinds(diff(offline, RECORDS, {**RECORDS, "ttl": 0})) == {"ttl": KIND.UPDATE}


# -- previews ---------------------------------------------------------------------------------------------


def test_a_preview_of_a_create_knows_what_the_program_gives(plugin: Plugin, emulator: Emulator) -> None:
    unknown = ["nsTargets", "regionDomains", "createdAt", "uri", "certificateManagementStatus"]
    given = {"domain": DOMAIN, "description": "ours", "certificateManagementPolicy": POLICY}
    expected: dict[str, Any] = {**given, "metadata": "", **dict.fromkeys(unknown, UNKNOWN)}
    assert create(plugin, given, preview=True) == ("", expected)
    without: dict[str, Any] = {"domain": DOMAIN, "description": UNKNOWN}
    expected = {**without, "metadata": "", "certificateManagementPolicy": None, **dict.fromkeys(unknown, UNKNOWN)}
    # Without a policy there is no status either.
    expected["certificateManagementStatus"] = None
    assert create(plugin, without, preview=True) == ("", expected)
    assert create(plugin.of(CERTIFICATE_VALIDATION), {"agentIngressId": UNKNOWN}, preview=True) == (
        "",
        {"agentIngressId": UNKNOWN, "domain": UNKNOWN, "renewsAt": UNKNOWN},
    )
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_a_preview_of_an_update_knows_what_it_will_leave(plugin: Plugin, emulator: Emulator) -> None:
    given = {"domain": DOMAIN, "metadata": "{}", "certificateManagementPolicy": {"authority": "letsencrypt"}}
    id_, outputs = create(plugin, given)
    emulator.clear_requests()

    def update(news: Mapping[str, Any]) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            id=id_, urn=plugin.urn, olds=sent(outputs), news=sent(news), old_inputs=sent(given), preview=True
        )
        return seen(plugin.call(plugin.stub.Update, request).properties)

    assert update({**given, "description": "new"}) == {**outputs, "description": "new"}
    assert update({**given, "metadata": UNKNOWN}) == {**outputs, "metadata": UNKNOWN}
    # Nobody knows whether ngrok removes a policy.
    assert update({"domain": DOMAIN}) == {
        **outputs,
        "metadata": "",
        "certificateManagementPolicy": UNKNOWN,
        "certificateManagementStatus": UNKNOWN,
    }
    assert emulator.requests() == []


def test_a_preview_of_an_update_of_records_and_waits_knows_all_that_stays(offline: Plugin) -> None:
    def update(plugin: Plugin, outputs: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(id=ID, urn=plugin.urn, olds=sent(outputs), news=sent(news), preview=True)
        return seen(plugin.call(plugin.stub.Update, request).properties)

    without_key = {name: value for name, value in RECORDS.items() if not name.startswith("tsig")}
    none = dict.fromkeys(("tsigKeyName", "tsigSecret", "tsigAlgorithm"))
    new = {**without_key, "ttl": 600}
    assert update(offline.of(RFC2136_DELEGATION), without_key, new) == {**new, **none}
    wait = {"agentIngressId": ID, "timeoutSeconds": 5, "dnsErrorGraceSeconds": 5}
    before = {"agentIngressId": ID, "domain": DOMAIN, "renewsAt": None, "_was_ready": False}
    assert update(offline.of(CERTIFICATE_VALIDATION), before, wait) == {
        "agentIngressId": ID,
        "domain": DOMAIN,
        "renewsAt": UNKNOWN,
    }


# -- read -------------------------------------------------------------------------------------------------


def test_an_import_gives_the_inputs_that_would_make_the_same(plugin: Plugin, emulator: Emulator) -> None:
    given = {"domain": DOMAIN, "description": "ours", "certificateManagementPolicy": POLICY}
    id_, outputs = create(plugin, given)
    answer = read(plugin, id_)
    assert (answer.id, seen(answer.properties), seen(answer.inputs)) == (id_, outputs, given)
    assert outputs["metadata"] == ""
    assert set(outputs) == {
        *("domain", "description", "metadata", "certificateManagementPolicy", "certificateManagementStatus"),
        *("nsTargets", "regionDomains", "createdAt", "uri", "_key_fingerprint"),
    }
    bare, outputs = create(plugin, {"domain": "bare.acme.com"})
    assert outputs["certificateManagementPolicy"] is None
    assert seen(read(plugin, bare).inputs) == {"domain": "bare.acme.com"}
    message = refused(lambda: read(plugin, ID))
    assert message.endswith("there is no such Agent Ingress in the account of this key")
    emulator.delete_ingress(id_)
    assert refused(lambda: read(plugin, id_)).endswith("there is no such Agent Ingress in the account of this key")
    message = refused(lambda: read(plugin.of(CERTIFICATE_VALIDATION), ID))
    assert message.endswith("is a wait, so there is nothing to read or import: create it")


def test_only_the_key_that_saw_an_ingress_last_finds_it_gone(plugins: Plugins, emulator: Emulator) -> None:
    plugin, stranger = plugins(), plugins(OTHER_ACCOUNTS_KEY)
    id_, outputs = create(plugin, {"domain": DOMAIN})
    inputs = {"domain": DOMAIN}
    with pytest.raises(PluginError, match="That need not mean that it is gone: the API key, from the environment"):
        read(stranger, id_, outputs, inputs)
    emulator.delete_ingress(id_)
    with pytest.raises(PluginError, match="That need not mean that it is gone"):
        read(stranger, id_, outputs, inputs)
    assert read(plugin, id_, outputs, inputs) == provider_pb2.ReadResponse()


def test_the_state_of_a_python_program_is_unchanged_and_a_refresh_gives_it_the_names_of_the_plugin(
    plugin: Plugin, emulator: Emulator
) -> None:
    given = {"domain": DOMAIN, "certificateManagementPolicy": {"authority": "letsencrypt"}}
    id_, outputs = create(plugin, given)
    policy = outputs["certificateManagementPolicy"]
    old = {
        "__provider": serialize_provider(AgentIngressProvider()),
        "_key_fingerprint": outputs["_key_fingerprint"],
        "domain": DOMAIN,
        "description": "",
        "metadata": "",
        "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": policy["privateKeyType"]},
        "ns_targets": outputs["nsTargets"],
        "region_domains": outputs["regionDomains"],
        "created_at": outputs["createdAt"],
        "uri": outputs["uri"],
    }
    old_inputs = {
        "__provider": old["__provider"],
        "domain": DOMAIN,
        "certificate_management_policy": given["certificateManagementPolicy"],
    }
    emulator.clear_requests()
    assert kinds(diff(plugin, old, given)) == {}
    assert kinds(diff(plugin, old, {**given, "description": "new"})) == {"description": KIND.ADD}
    assert kinds(diff(plugin, old, {**given, "domain": "other.acme.com"})) == {"domain": KIND.UPDATE_REPLACE}
    assert emulator.requests() == []
    answer = read(plugin, id_, old, old_inputs)
    refreshed = seen(answer.properties)
    assert {**refreshed, "certificateManagementStatus": ""} == {**outputs, "certificateManagementStatus": ""}
    assert seen(answer.inputs) == given
    plugin.call(plugin.stub.Delete, provider_pb2.DeleteRequest(id=id_, urn=plugin.urn, properties=sent(old)))
    assert emulator.ingresses() == []
    assert read(plugin, id_, old, old_inputs) == provider_pb2.ReadResponse()


# -- what fails -------------------------------------------------------------------------------------------


def test_what_is_partly_done_stays_in_the_state_by_the_names_of_the_plugin(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = create(plugin, {"domain": DOMAIN, "certificateManagementPolicy": POLICY})
    request = provider_pb2.UpdateRequest(
        id=id_, urn=plugin.urn, olds=sent(outputs), news=sent({"domain": DOMAIN, "metadata": "new"})
    )
    with pytest.raises(PluginError) as caught:
        plugin.call(plugin.stub.Update, request)
    assert caught.value.clean
    assert "remove the certificateManagementPolicy of the Agent Ingress connect.acme.com" in caught.value.message
    assert "give the resource the option `deleteBeforeReplace: true`, because" in caught.value.message
    assert caught.value.text == caught.value.message
    kept = caught.value.kept
    assert kept is not None
    assert (kept.id, kept.reasons) == (id_, [caught.value.message])
    assert {**seen(kept.struct), "certificateManagementStatus": ""} == {
        **outputs,
        "metadata": "new",
        "certificateManagementStatus": "",
    }
    # The next update gets it as it is.
    assert kinds(diff(plugin, seen(kept.struct), {"domain": DOMAIN, "certificateManagementPolicy": POLICY})) == {
        "metadata": KIND.DELETE
    }


def test_what_this_version_does_not_have_is_a_sentence(offline: Plugin) -> None:
    other = offline.of("AgentIngressPolicy")
    resource = "has no resource agin:index:AgentIngressPolicy. Its resources are agin:index:AgentIngress, "
    calls: list[Callable[[], object]] = [
        lambda: check(other, {}),
        lambda: diff(other, {}, {}),
        lambda: create(other, {}),
        lambda: read(other, ID),
        lambda: other.update(ID, {}, {}),
        lambda: other.delete(ID, {}),
    ]
    for call in calls:
        message = refused(call)
        assert resource in message
        assert message.endswith("If the name is right, a newer version of the plugin has it")
    message = refused(lambda: invoke(offline, "getAgentIngres", {}))
    assert "has no function agin:index:getAgentIngres. Its functions are agin:index:getAgentIngress, " in message


def invoke(plugin: Plugin, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    request = provider_pb2.InvokeRequest(tok=f"agin:index:{name}", args=sent(arguments))
    return seen(getattr(plugin.call(plugin.stub.Invoke, request), "return"))


def test_functions_have_the_names_of_the_program(plugin: Plugin) -> None:
    id_, outputs = create(plugin, {"domain": DOMAIN, "certificateManagementPolicy": POLICY})
    found = invoke(plugin, "getAgentIngress", {"domain": "Connect.ACME.com."})
    assert (found["id"], found["nsTargets"]) == (id_, outputs["nsTargets"])
    assert found["certificateManagementPolicy"] == POLICY
    [listed] = invoke(plugin, "getAgentIngresses", {})["agentIngresses"]
    assert listed["createdAt"] == outputs["createdAt"]
    assert refused(lambda: invoke(plugin, "getAgentIngress", {"Domain": DOMAIN, "id": 5})) == (
        'getAgentIngress: id must be text, but is a number; Domain is not known; did you mean "domain"?'
    )
    new, urn = "new.acme.com", f"{plugin.urn}2"
    plugin.call(plugin.stub.Check, provider_pb2.CheckRequest(urn=urn, news=sent({"domain": new})))
    creator = f"because {urn} is still to be created. Use the outputs of that resource in place of the lookup"
    assert creator in refused(lambda: invoke(plugin, "getAgentIngress", {"domain": new}))
    assert creator not in refused(lambda: invoke(plugin, "getAgentIngress", {"domain": new, "id": id_}))
    configuration = {"domain": DOMAIN, "certificateManagementPolicy": POLICY, "regionDomains": outputs["regionDomains"]}
    assert refused(lambda: invoke(plugin, "agentConfig", {"domain": DOMAIN, "region": "eu"})) == (
        "agentConfig: with a region, it needs the regionDomains of the ingress"
    )
    # The engine leaves out what it does not know yet.
    assert refused(lambda: invoke(plugin, "agentConfig", {"domain": UNKNOWN})).startswith("agentConfig: domain ")
    [(name, yaml)] = invoke(plugin, "agentConfig", configuration).items()
    assert name == "yaml"
    assert DOMAIN in yaml
    with_token = invoke(plugin, "agentConfig", {**configuration, "authtoken": "2tst_token"})["yaml"]
    assert with_token == secret(with_token["value"])
    assert "2tst_token" in with_token["value"]


def test_functions_accept_the_names_of_pythons_sdk(plugin: Plugin) -> None:
    domains = [f"tunnel.eu.{DOMAIN}"]
    policy = {"authority": "letsencrypt", "private_key_type": "rsa"}
    given = {"domain": DOMAIN, "certificate_management_policy": policy, "region_domains": domains, "region": "eu"}
    yaml = invoke(plugin, "agentConfig", given)["yaml"]
    in_camel_case = {"certificateManagementPolicy": POLICY, "regionDomains": domains}
    assert yaml == invoke(plugin, "agentConfig", {"domain": DOMAIN, "region": "eu", **in_camel_case})["yaml"]
    assert "connect_cas" in yaml
    wrong = {**given, "certificate_management_policy": {"authority": 5, "private_key_typ": "rsa"}}
    assert refused(lambda: invoke(plugin, "agentConfig", wrong)) == (
        "agentConfig: certificateManagementPolicy.authority must be text, but is a number; "
        'certificateManagementPolicy.privateKeyTyp is not known; did you mean "privateKeyType"?'
    )


# A bug of this package, in a process that has it.
BUGGY = f"""
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle

def create(self, call, wanted):
    raise AttributeError("of the key {API_KEY}")

AgentIngressLifecycle.create = create
"""


def test_a_bug_of_our_own_is_a_sentence_that_names_the_place(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUGGY)
    plugin = plugins(PYTHONPATH=str(tmp_path))
    assert refused(lambda: create(plugin, {"domain": DOMAIN})) == (
        f"pulumi-agin has a bug: AttributeError at create, line 5 of {tmp_path / 'sitecustomize.py'}. Please report it"
    )


def test_the_key_is_in_nothing_that_is_answered_or_shown(emulator: Emulator) -> None:
    environment = {**os.environ, "NGROK_API_BASE_URL": emulator.url, "PULUMI_AGIN_LOG": "debug"}
    answers: list[Any] = []
    with NativePlugin(environment, {"ngrok:apiKey": API_KEY}) as plugin:
        (
            id_,
            outputs,
        ) = create(plugin, {"domain": DOMAIN})
        answers += [outputs, read(plugin, id_), check(plugin, {"domain": DOMAIN}), diff(plugin, outputs, {})]
        echo = {"status_code": 400, "error_code": "ERR_NGROK_1", "msg": "no: {api_key}", "details": {}}
        emulator.add_fault(None, "answer", status=400, json_body=echo, times=None)
        calls: list[Callable[[], object]] = [
            lambda: create(plugin, {"domain": "other.acme.com"}),
            lambda: read(plugin, id_),
            lambda: plugin.update(id_, plugin.plain(sent(outputs)), {"domain": DOMAIN, "metadata": "new"}),
            lambda: plugin.delete(id_, plugin.plain(sent(outputs))),
            lambda: invoke(plugin, "getAgentIngresses", {}),
        ]
        assert all("ngrok answered 400 ERR_NGROK_1: no: [key]" in refused(call) for call in calls)
    assert "POST /agent_ingresses 201" in plugin.printed
    for start in range(len(API_KEY) - 7):
        assert API_KEY[start : start + 8] not in plugin.printed + str(answers)


# -- Ctrl-C -----------------------------------------------------------------------------------------------


def cancelled(plugin: Plugin, call: Callable[[], object]) -> str:
    """What a call fails with if the user presses Ctrl-C once the CLI shows what it waits for."""
    with ThreadPoolExecutor(1) as threads:
        failing = threads.submit(refused, call)
        plugin.shown_line()
        plugin.call(plugin.stub.Cancel, empty_pb2.Empty())
        return failing.result()


@pytest.mark.parametrize("status", [503, 429])
def test_ctrl_c_ends_the_pause_before_a_repetition(status: int, plugin: Plugin, emulator: Emulator) -> None:
    emulator.add_fault(None, "answer", status=status, headers={"Retry-After": "3600"}, times=None)
    # Longer than the call of a test may take.
    timeout = 100_000
    message = cancelled(plugin, lambda: plugin.create({"domain": DOMAIN}, timeout=timeout))
    assert "it was interrupted" in message
    # After a 503, nobody knows whether the ingress was made. One look may tell.
    expected = ["POST", "GET"] if status == 503 else ["POST"]
    assert [request["method"] for request in emulator.requests()] == expected
    assert "it was interrupted" in refused(lambda: create(plugin, {"domain": "later.acme.com"}))
    assert len(emulator.requests()) == len(expected)


def test_ctrl_c_ends_the_wait_for_a_certificate(plugin: Plugin, emulator: Emulator) -> None:
    id_, _ = create(plugin, {"domain": DOMAIN, "certificateManagementPolicy": POLICY})
    emulator.set_certificate(id_, "in_progress")
    emulator.clear_requests()
    wait = plugin.of(CERTIFICATE_VALIDATION)
    inputs = {"agentIngressId": id_, "timeoutSeconds": 2700, "dnsErrorGraceSeconds": 600}
    message = cancelled(plugin, lambda: create(wait, inputs))
    assert message == "the wait for the certificate was interrupted; the next `pulumi up` waits again"


def test_ctrl_c_loses_nothing_that_is_under_way(plugins: Plugins) -> None:
    with slow_api(2) as api, ThreadPoolExecutor(1) as threads:
        plugin = plugins(NGROK_API_BASE_URL=api.url)
        creating = threads.submit(create, plugin, {"domain": DOMAIN})
        until("the request comes", lambda: api.all_have_come.n_waiting)
        plugin.call(plugin.stub.Cancel, empty_pb2.Empty())
        api.all_have_come.wait(30)
        id_, outputs = creating.result()
    assert id_ == "agin_connect"
    assert outputs["nsTargets"]


def test_ctrl_c_leaves_time_to_find_out_what_a_lost_answer_said(plugin: Plugin, emulator: Emulator) -> None:
    emulator.add_fault("POST", "reset_after", times=None)
    with ThreadPoolExecutor(1) as threads:
        creating = threads.submit(create, plugin, {"domain": DOMAIN})
        until("it is made", emulator.ingresses)
        plugin.call(plugin.stub.Cancel, empty_pb2.Empty())
        id_, _ = creating.result()
    assert [ingress["id"] for ingress in emulator.ingresses()] == [id_]


# -- the end of the process -------------------------------------------------------------------------------


class Hurried(NativePlugin):
    """A process that looks for its engine all the time, and gives calls under way hardly any time at its end."""

    command = ("-c", "from pulumi_agin.native.server import serve; serve(look_seconds=0.05, grace_seconds=0.05)")


class Blind(NativePlugin):
    """A process that does not notice that its engine is gone."""

    command = ("-c", "from pulumi_agin.native.server import serve; serve(look_seconds=86400, grace_seconds=0.05)")


# A call that never ends.
STUCK = """
import time

from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle


def create(self, call, wanted):
    time.sleep(86400)


AgentIngressLifecycle.create = create
"""


def test_an_engine_that_is_gone_is_noticed_within_a_minute() -> None:
    assert LOOK_SECONDS + ANSWER_SECONDS + GRACE_SECONDS <= 60
    with Hurried(os.environ) as plugin:
        assert plugin.process.poll() is None
        plugin.engine.end()
        plugin.wait_for_end()
        assert plugin.process.returncode == 0
    assert plugin.printed == ""


class Traced(Hurried):
    """A process that the engine starts with more arguments than its address."""

    def _begin(self) -> Sequence[str]:
        *command, address = super()._begin()
        return [*command, "--logtostderr", "-v=9", "--tracing", "http://collector.invalid/api/v1/spans", address]


def test_the_address_of_the_engine_comes_after_its_flags(emulator: Emulator) -> None:
    environment = {**os.environ, "NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    with Traced(environment) as plugin:
        create(plugin, {"domain": DOMAIN})
        plugin.engine.end()
        plugin.wait_for_end()
    assert plugin.printed == ""


def test_the_engine_is_gone_if_nobody_listens_where_the_process_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{gone.getsockname()[1]}"
    assert Engine(address).is_there()

    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", refuse)
        assert Engine(address).is_there()
    gone.close()
    assert not Engine(address).is_there()
    # In a debugger, the process serves one engine after the other.
    debugged = Engine(None)
    debugged.attach(address)
    assert debugged.is_there()


def test_the_domains_of_one_engine_are_none_of_the_next_ones(plugin: Plugin) -> None:
    assert plugin.check({"domain": DOMAIN})[1] == []
    plugin.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
    assert plugin.of(name="second").check({"domain": DOMAIN})[1] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_told_to_end_does_so_at_once(number: signal.Signals) -> None:
    with Blind(os.environ) as plugin:
        plugin.process.send_signal(number)
        plugin.wait_for_end()
        assert plugin.process.returncode == 0
    assert plugin.printed == ""


def test_no_call_keeps_a_process_alive_whose_engine_is_gone(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(STUCK)
    with Hurried({**os.environ, "PYTHONPATH": str(tmp_path)}) as plugin:
        request = provider_pb2.CreateRequest(urn=plugin.urn, properties=sent({"domain": DOMAIN}))
        call = plugin.stub.Create.future(request)
        plugin.engine.end()
        plugin.wait_for_end()
        assert call.exception() is not None


def test_a_call_that_is_under_way_is_answered_before_the_process_ends(plugins: Plugins) -> None:
    with slow_api(2) as api, ThreadPoolExecutor(1) as threads:
        plugin = plugins(NGROK_API_BASE_URL=api.url)
        creating = threads.submit(create, plugin, {"domain": DOMAIN})
        until("the request comes", lambda: api.all_have_come.n_waiting)
        plugin.process.send_signal(signal.SIGINT)
        # gRPC may leave a call unanswered that comes just when it stops. So a connection asks for this, and not a call.
        until("it has begun to end", lambda: not plugin.listens())
        api.all_have_come.wait(30)
        assert creating.result()[0] == "agin_connect"
        plugin.wait_for_end()
