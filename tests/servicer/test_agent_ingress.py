"""An Agent Ingress in the plugin process of each front end, called as the engine calls it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from typing import Any

import pytest
from pulumi.runtime.proto import engine_pb2

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.outputs import STRINGS
from tests.support import ngrok
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.plugin import (
    UNKNOWN,
    DynamicPlugin,
    NativePlugin,
    Plugin,
    PluginError,
    Plugins,
    both_front_ends,
    failure,
)

DOMAIN = "connect.acme.com"
POLICY = {"authority": "letsencrypt", "private_key_type": "rsa"}
ECDSA = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
FULL: dict[str, Any] = {
    "domain": DOMAIN,
    "description": "acme devices",
    "metadata": "{}",
    "certificate_management_policy": {"authority": "letsencrypt"},
}


def created(plugin: Plugin, emulator: Emulator, **inputs: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Returns the ID, outputs and inputs of a new ingress. Clears the log of requests."""
    checked, failures = plugin.check({"domain": DOMAIN, **inputs})
    assert failures == []
    id_, outputs = plugin.create(checked)
    emulator.clear_requests()
    return id_, outputs, checked


CALLS: dict[str, Callable[[Plugin, str, dict[str, Any]], object]] = {
    "refresh": lambda plugin, id_, outputs: plugin.read(id_, outputs, {"domain": DOMAIN}),
    "get": lambda plugin, id_, outputs: plugin.read(id_, None, {}),
    "update": lambda plugin, id_, outputs: plugin.update(id_, outputs, {"domain": DOMAIN, "description": "new"}),
    "delete": lambda plugin, id_, outputs: plugin.delete(id_, outputs),
}


def test_check_normalizes_without_a_request(plugin: Plugin, emulator: Emulator) -> None:
    assert plugin.check({**FULL, "domain": " Connect.ACME.com. "}) == (FULL, [])
    assert emulator.requests() == []


@both_front_ends
def test_hidden_input_of_earlier_versions_is_dropped(plugin: Plugin, emulator: Emulator) -> None:
    in_state = {**FULL, "__creating_since": "2026-11-29T22:49:00Z"}
    # `ignore_changes: ["*"]` puts it into the program's inputs.
    for sent in (FULL, in_state):
        assert plugin.check(sent, in_state) == (FULL, [])
    id_, outputs = plugin.create(in_state)
    assert [request["body"] for request in emulator.requests()] == [FULL]
    assert plugin.diff(outputs, in_state) == (False, [])
    assert plugin.update(id_, outputs, in_state) == outputs


def test_check_reports_all_problems_at_once(plugin: Plugin) -> None:
    wrong = {
        "domain": "https://connect.acme.com",
        "description": "x" * 300,
        "metadata": {"team": "iot"},
        "certificate_management_policy": {"privateKeyType": "rsa"},
    }
    assert plugin.check(wrong)[1] == [
        "domain: the domain is a URL; use only the domain, such as connect.acme.com",
        "property description is 300 bytes in UTF-8; the limit is 255",
        "property metadata must be a string; got a dict: use `json.dumps(…)`",
        "property certificate_management_policy.authority is required: the certificate authority, such as "
        '"letsencrypt"',
        'property certificate_management_policy.privateKeyType is not known; did you mean "private_key_type"?',
    ]
    assert plugin.check({"domain": DOMAIN, "certificate_management_policy": "letsencrypt"})[1] == [
        "property certificate_management_policy must be a dict or AgentIngressCertPolicyArgs; got a string"
    ]


@pytest.mark.parametrize(
    "domain", ["https://me:password@acme.com", "x" * 200, "a\n    error: forged", "a\x1b[31m.acme.com", "a\u2028b"]
)
def test_check_hides_a_domain_that_may_be_secret_or_forge_a_line(domain: str, plugin: Plugin) -> None:
    # The engine prints the value of a property that the failure names.
    [reason] = plugin.check({"domain": domain})[1]
    assert reason.startswith("property domain ")
    assert reason.isprintable()


def test_check_reports_wrong_settings_with_their_origin(new_plugin: Plugins) -> None:
    plugin = new_plugin(config={"agin:apiKey": f"{API_KEY} "}, NGROK_API_BASE_URL="http://api.ngrok.com")
    of_key, of_url = plugin.check({"domain": DOMAIN})[1]
    assert "agin:apiKey in the stack config contains whitespace" in of_key
    assert API_KEY[:8] not in of_key
    assert "from the environment variable NGROK_API_BASE_URL must begin with https://" in of_url


@both_front_ends
def test_check_finds_two_resources_with_one_domain(plugin: Plugin) -> None:
    second = plugin.of(name="second")
    assert plugin.check({"domain": DOMAIN})[1] == []
    [reason] = second.check({"domain": " Connect.ACME.com. "})[1]
    assert reason.startswith(f"domain: {plugin.urn} also has this domain, and a domain can have only one Agent Ing")
    assert second.check({"domain": UNKNOWN})[1] == []
    assert second.check({"domain": "other.acme.com"})[1] == []


def test_check_accepts_unknown_values(plugin: Plugin) -> None:
    policy = {"authority": UNKNOWN, "private_key_type": "rsa"}
    checked, failures = plugin.check({"domain": UNKNOWN, "certificate_management_policy": policy})
    assert (set(checked["certificate_management_policy"]), failures) == (set(policy), [])
    assert plugin.check({"domain": UNKNOWN, "metadata": "x" * 4097})[1] == [
        "property metadata is 4097 bytes in UTF-8; the limit is 4096"
    ]


OUTPUTS = {
    **FULL,
    "certificate_management_policy": POLICY,
    "ns_targets": ["a.x."],
    "created_at": "2024-08-02T07:15:39Z",
}


@both_front_ends
@pytest.mark.parametrize(
    ("inputs", "changes", "replaces"),
    [
        (FULL, False, []),
        ({**FULL, "certificate_management_policy": POLICY}, False, []),
        ({**FULL, "domain": "Connect.ACME.com."}, False, []),
        ({**FULL, "description": ""}, True, []),
        ({**FULL, "metadata": "x"}, True, []),
        ({**FULL, "certificate_management_policy": ECDSA}, True, []),
        ({"domain": DOMAIN, "description": "acme devices", "metadata": "{}"}, True, []),
        ({**FULL, "domain": "other.acme.com"}, True, ["domain"]),
        ({**FULL, "domain": UNKNOWN}, True, ["domain"]),
        ({**FULL, "description": UNKNOWN}, True, []),
        ({**FULL, "certificate_management_policy": UNKNOWN}, True, []),
        ({**FULL, "certificate_management_policy": {"authority": UNKNOWN}}, True, []),
    ],
)
def test_diff_reports_changes_and_replacements(
    inputs: dict[str, Any], changes: bool, replaces: list[str], plugin: Plugin
) -> None:
    assert plugin.diff(OUTPUTS, inputs) == (changes, replaces)


@both_front_ends
def test_create_is_one_request_with_canonical_outputs(plugin: Plugin, emulator: OddEmulator) -> None:
    emulator.oddities = Oddities(order="reversed", upper_case=True, unknown_keys=True)
    id_, outputs = plugin.create(FULL)
    assert emulator.counts() == {"POST /agent_ingresses": 1}
    emulator.oddities = Oddities(order="shuffled", trailing_dots=True)
    assert plugin.read(id_, outputs, FULL) == (id_, outputs, FULL)
    [stored] = emulator.ingresses()
    assert re.fullmatch(f"[0-9a-f]{{8}} {emulator.url}", outputs.pop("_key_fingerprint"))
    assert outputs == {
        **dict.fromkeys(STRINGS, ""),
        **FULL,
        "certificate_management_policy": POLICY,
        "ns_targets": sorted(f"{target}." for target in stored["ns_targets"]),
        "region_domains": sorted(stored["region_domains"]),
        "created_at": stored["created_at"],
        "uri": f"/agent_ingresses/{id_}",
    }


@both_front_ends
def test_update_is_one_request_with_what_changed(plugin: Plugin, emulator: Emulator) -> None:
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"description": "new"}, {"description": "new"}),
        ({"metadata": "new"}, {"metadata": "new"}),
        ({"description": None}, {"description": ""}),
        ({"description": "", "metadata": None}, {"description": "", "metadata": ""}),
        ({"certificate_management_policy": ECDSA}, {"certificate_management_policy": ECDSA}),
    ]
    for number, (change, sent) in enumerate(changes):
        id_, outputs, inputs = created(plugin, emulator, **{**FULL, "domain": f"d{number}.acme.com"})
        given = {name: value for name, value in {**inputs, **change}.items() if value is not None}
        assert {**plugin.update(id_, outputs, given), **sent} == {**outputs, **sent}
        assert ngrok.requests(emulator) == [("PATCH", sent)]


def test_update_without_changes_only_reads(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator, **FULL)
    incomplete = {name: value for name, value in outputs.items() if name != "ns_targets"}
    assert plugin.update(id_, incomplete, inputs) == outputs
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}


@both_front_ends
def test_update_that_removes_a_policy_fails_if_ngrok_keeps_it(plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(null_policy="ignored")
    id_, outputs, _ = created(plugin, emulator, **FULL)
    without_policy = {"domain": DOMAIN, "description": "new"}
    error = failure(lambda: plugin.update(id_, outputs, without_policy))
    sent = {"description": "new", "metadata": "", "certificate_management_policy": None}
    assert ngrok.requests(emulator)[0] == ("PATCH", sent)
    # The state keeps the changed values, with the reason.
    assert error.kept
    assert error.kept.id == id_
    assert error.kept.reasons == [error.message]
    assert error.kept.outputs == {**outputs, "description": "new", "metadata": ""}
    if isinstance(plugin, DynamicPlugin):
        assert "__provider" in error.kept.struct
        sentences, command = error.message.split("\n")
        assert sentences == (
            f"ngrok did not remove the certificate_management_policy of the Agent Ingress {DOMAIN} ({id_}). "
            "To keep the policy, declare it in the program: "
            '`certificate_management_policy={"authority": "letsencrypt", "private_key_type": "rsa"}`'
        )
        assert command.endswith("pulumi-agin explain removed-policy")
    emulator.configure(null_policy="removes")
    updated = plugin.update(id_, error.kept.outputs, without_policy)
    assert "certificate_management_policy" not in updated


def test_update_fails_if_the_response_has_another_value(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator, **FULL)
    emulator.add_fault("PATCH", "respond", status=200, json_body={**outputs, "id": id_})
    error = failure(lambda: plugin.update(id_, outputs, {**inputs, "description": "new"}))
    assert "set description on the Agent Ingress " in error.message
    assert error.kept
    assert error.kept.outputs["description"] == "acme devices"


def test_update_ignores_drift_of_unchanged_fields(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator)
    emulator.set_ingress(id_, {"certificate_management_policy": POLICY})
    inputs = {**inputs, "description": "new"}
    updated = plugin.update(id_, outputs, inputs)
    assert (updated["description"], updated["certificate_management_policy"]) == ("new", POLICY)
    # The next preview shows it.
    assert plugin.diff(updated, inputs) == (True, [])


WITH_POLICY = {"certificate_management_policy": {"authority": "letsencrypt"}}
WITH_RSA = {"certificate_management_policy": POLICY}

# Inputs of the program, changes by another user, and the inputs after a refresh.
DRIFT: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "changed text": ({"description": "ours"}, {"description": "theirs"}, {"description": "theirs"}),
    "added text": ({}, {"metadata": "theirs"}, {"metadata": "theirs"}),
    "removed text": ({"description": "ours"}, {"description": ""}, {"description": ""}),
    "added policy": ({}, WITH_RSA, WITH_RSA),
    "removed policy": (WITH_POLICY, {"certificate_management_policy": None}, {}),
    "changed key type": (WITH_RSA, {"certificate_management_policy": ECDSA}, {"certificate_management_policy": ECDSA}),
    "key type that is no input": (WITH_POLICY, {"certificate_management_policy": ECDSA}, WITH_POLICY),
}


@both_front_ends
def test_refresh_returns_drift_in_outputs_and_inputs(plugin: Plugin, emulator: Emulator) -> None:
    resources = {
        name: created(plugin, emulator, domain=f"d{number}.acme.com", **inputs)
        for number, (name, (inputs, _, _)) in enumerate(DRIFT.items())
    }
    for name, (id_, _, _) in resources.items():
        emulator.set_ingress(id_, DRIFT[name][1])  # type: ignore[arg-type]
    stored = {ingress["id"]: ingress for ingress in emulator.ingresses()}
    for name, (id_, outputs, inputs) in resources.items():
        _, outputs_after, inputs_after = plugin.read(id_, outputs, inputs)
        assert inputs_after == {"domain": inputs["domain"], **DRIFT[name][2]}, name
        assert plugin.diff(outputs_after, inputs) == (inputs_after != inputs, []), name
        policy = stored[id_]["certificate_management_policy"]
        assert outputs_after.get("certificate_management_policy") == policy, name


@pytest.mark.parametrize(
    ("front_end", "number", "account"),
    [(DynamicPlugin, 1, 2), (DynamicPlugin, 30, 120), (NativePlugin, 120, 120)],
    indirect=["front_end"],
)
def test_refresh_of_many_sends_one_read_and_one_list(
    number: int, account: int, new_plugin: Plugins, emulator: Emulator
) -> None:
    plugin = new_plugin()
    inputs = [{"domain": f"d{each}.acme.com"} for each in range(account)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(plugin.create, inputs))
        emulator.clear_requests()
        reads = list(threads.map(lambda n: plugin.read(made[n][0], made[n][1], inputs[n])[:2], range(number)))
    assert reads == made[:number]
    lists = {} if number == 1 else {"GET /agent_ingresses": ceil(account / 100)}
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1, **lists}


@both_front_ends
def test_ingress_deleted_outside_of_pulumi_is_gone(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator)
    emulator.delete_ingress(id_)
    assert plugin.read(id_, outputs, inputs)[0] == ""
    plugin.delete(id_, outputs)
    error = failure(lambda: plugin.update(id_, outputs, {**inputs, "description": "new"}))
    assert "deleted outside Pulumi. `pulumi refresh` removes it from the state" in error.message


@both_front_ends
def test_refresh_of_an_odd_ingress_changes_nothing(new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    id_, outputs, inputs = created(plugin, emulator, **FULL)
    emulator.set_ingress(id_, {"ns_targets": [""], "description": "theirs"})
    for _ in range(2):
        assert plugin.read(id_, outputs, inputs) == (id_, outputs, inputs)
    [(urn, warning)] = [(line.urn, line.message) for line in plugin.engine.lines if line.severity == engine_pb2.WARNING]
    assert urn == plugin.urn
    assert warning.startswith(f"could not read the Agent Ingress {DOMAIN} ({id_}): ngrok's response is invalid: ns_tar")


@both_front_ends
def test_404_with_the_key_of_another_account_is_not_a_delete(
    plugin: Plugin, plugin_of_other_account: Plugin, emulator: Emulator
) -> None:
    id_, outputs, _ = created(plugin, emulator)
    other = plugin_of_other_account
    # After this, a delete that finds nothing may have been its own.
    emulator.add_fault("DELETE", "reset_before")
    for operation in ("refresh", "update", "delete"):
        sentence, command = failure(partial(CALLS[operation], other, id_, outputs)).message.split("\n")
        assert (
            "This does not prove that it was deleted: the API key from the environment variable NGROK_API_KEY"
            in sentence
        )
        assert sentence.endswith(
            "Set the key of its account (set the environment variable NGROK_API_KEY), or use the provider that it had "
            "before"
        )
        # Not a line that forgets: the key may be the wrong one for a whole fleet.
        assert command.endswith("pulumi-agin explain other-account")
    message = failure(partial(CALLS["get"], other, id_, outputs)).message
    assert "there is no such Agent Ingress in the account of this key. Another account may have it\n" in message
    assert message.endswith("pulumi-agin explain other-account")
    assert [ingress["id"] for ingress in emulator.ingresses()] == [id_]


@both_front_ends
def test_404_at_another_base_url_is_not_a_delete(plugin: Plugin, new_plugin: Plugins, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator)
    of_ngrok = {**outputs, "_key_fingerprint": outputs["_key_fingerprint"].partition(" ")[0]}
    # The same emulator and the same key, with another name of the host.
    url = emulator.url.replace("127.0.0.1", "localhost")
    other = new_plugin(NGROK_API_BASE_URL=url)
    _, outputs_there, _ = other.read(id_, outputs, inputs)
    emulator.delete_ingress(id_)
    emulator.add_fault("DELETE", "reset_before", times=2)
    source = "from the environment variable NGROK_API_BASE_URL"
    for state, last in ((outputs, emulator.url), (of_ngrok, "https://api.ngrok.com")):
        change = f"it was last read at {last}, but the base URL is now {url}, {source}"
        for operation in ("refresh", "update", "delete"):
            sentences, command = failure(partial(CALLS[operation], other, id_, state)).message.split("\n")
            assert f". This does not prove that it was deleted: according to the state, {change}. To use" in sentences
            assert command.endswith("pulumi-agin explain other-account")
    # The read there is recorded.
    assert outputs_there == {**outputs, "_key_fingerprint": f"{of_ngrok['_key_fingerprint']} {url}"}
    assert other.read(id_, outputs_there, inputs)[0] == ""
    announcement = f"pulumi-agin: this command does not use ngrok itself: the base URL is {url}, {source}"
    assert [line.message for line in other.engine.lines] == [announcement]


@both_front_ends
def test_diff_warns_of_an_ingress_of_another_account(plugin: Plugin, new_plugin: Plugins, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator)
    other = new_plugin(OTHER_ACCOUNTS_KEY)
    for _ in range(2):
        assert other.diff(outputs, inputs, id_=id_) == (False, [])
    [(urn, warning)] = [(line.urn, line.message) for line in other.engine.lines if line.severity == engine_pb2.WARNING]
    assert urn == other.urn
    assert warning.startswith(f"could not read the Agent Ingress {DOMAIN} ({id_}): ngrok responded 404")
    assert "To prevent that, use the provider and the key that it had before, and run `pulumi up`\n" in warning


def without_fingerprint(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns states that do not show who read the ingress last, as after an edit or an import by hand."""
    others = {name: value for name, value in outputs.items() if name != "_key_fingerprint"}
    return [others, *({**others, "_key_fingerprint": wrong} for wrong in ("", 5))]


@both_front_ends
def test_refresh_of_a_state_without_a_fingerprint_is_like_any_other(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator)
    emulator.set_ingress(id_, {"description": "theirs"})
    for state in without_fingerprint(outputs):
        _, outputs_after, inputs_after = plugin.read(id_, state, inputs)
        assert outputs_after == {**outputs, "description": "theirs"}
        assert inputs_after == {**inputs, "description": "theirs"}


@both_front_ends
def test_404_for_a_state_without_a_fingerprint_is_not_a_delete(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, _ = created(plugin, emulator)
    emulator.delete_ingress(id_)
    variable = "the environment variable NGROK_API"
    for state in without_fingerprint(outputs):
        for operation in ("refresh", "update", "delete"):
            sentence, command = failure(partial(CALLS[operation], plugin, id_, state)).message.split("\n")
            assert (
                "This does not prove that it was deleted: the state does not show with which API key and base URL "
                f"it was last read. Check that the API key from {variable}_KEY and the base URL {emulator.url}, from "
                f"{variable}_BASE_URL, are those of its account"
            ) in sentence
            assert command.endswith("pulumi-agin explain other-account")


def test_rotated_key_of_the_same_account_is_recorded(plugin: Plugin, emulator: Emulator, new_plugin: Plugins) -> None:
    id_, outputs, inputs = created(plugin, emulator)
    rotated = OTHER_ACCOUNTS_KEY[::-1]
    emulator.add_key(rotated, account_of=API_KEY)
    new = new_plugin(rotated)
    _, read, _ = new.read(id_, outputs, inputs)
    assert {**read, "_key_fingerprint": ""} == {**outputs, "_key_fingerprint": ""}
    emulator.delete_ingress(id_)
    new.delete(id_, read)
    with pytest.raises(PluginError, match="does not prove that it was deleted"):
        plugin.delete(id_, read)


def message_or_none(call: Callable[[], object]) -> str | None:
    """Returns the message of a call that fails; None if it succeeds."""
    try:
        call()
    except PluginError as error:
        return error.message
    return None


@both_front_ends
def test_refresh_repairs_an_edited_state_and_nothing_crashes(new_plugin: Plugins, emulator: Emulator) -> None:
    # In a process of its own: without its domain, a resource is not deleted if any create has failed in the process.
    plugin = new_plugin()
    id_, outputs, inputs = created(plugin, emulator, **FULL)
    for name in outputs:
        for wrong in (None, 5, ["wrong"], {"authority": 5}):
            others = {key: value for key, value in outputs.items() if key != name}
            state = others if wrong is None else {**others, name: wrong}
            assert plugin.read(id_, state, inputs)[:2] == (id_, outputs), (name, wrong)
            for call in (partial(plugin.diff, state, inputs), partial(plugin.update, id_, state, inputs)):
                message = message_or_none(call)
                assert message is None or "run `pulumi refresh`, which reads both" in message, (name, wrong)
    for name in inputs:
        read, refreshed, _ = plugin.read(id_, outputs, {**inputs, name: 5})
        assert (read, refreshed) == (id_, outputs), name
    plugin.delete(id_, {"domain": 5})
    assert emulator.ingresses() == []


@both_front_ends
def test_asset_in_an_edited_state_is_reported(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = created(plugin, emulator, **FULL)
    # The engine sends no content.
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17"}
    expected = (
        "the state of this resource is invalid: it has an asset, an archive or a resource as a value. Correct it with "
        "`pulumi state edit`"
    )
    if isinstance(plugin, DynamicPlugin):
        # The SDK itself fails if it is in the outputs.
        assert failure(lambda: plugin.read(id_, outputs, {**inputs, "description": asset})).message == expected
        return
    for wrong in ({"ns_targets": asset}, {"_key_fingerprint": asset}, {"region_domains": [asset]}):
        update = partial(plugin.update, id_, {**outputs, **wrong}, {**inputs, "description": "new"}, preview=True)
        assert failure(update).message == expected
        assert plugin.read(id_, {**outputs, **wrong}, inputs)[:2] == (id_, outputs)


@both_front_ends
def test_command_to_paste_quotes_the_name_of_a_resource(plugin: Plugin, emulator: Emulator) -> None:
    # The ingress of a resource that was renamed and imported, whose delete fails with a command to forget the old name.
    id_, outputs, inputs = created(plugin, emulator, **FULL)
    plugin.diff(outputs, inputs, id_)
    for name in ("it's", "a'; echo forged; '"):
        named = plugin.of(name=name)
        _, command = failure(partial(named.delete, id_, outputs)).message.split("\n")
        assert shlex.split(command)[-1] == named.urn
