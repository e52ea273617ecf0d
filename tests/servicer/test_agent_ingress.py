"""An Agent Ingress in the plugin process of each front end, called as the engine calls it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pulumi.runtime.proto import engine_pb2

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.call import Call
from pulumi_agin.lifecycle.process import Process
from pulumi_agin.lifecycle.results import Created
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.plugin import UNKNOWN, DynamicPlugin, Plugin, PluginError, Plugins, both_front_ends

DOMAIN = "connect.acme.com"
POLICY = {"authority": "letsencrypt", "private_key_type": "rsa"}
FULL = {
    "domain": DOMAIN,
    "description": "acme devices",
    "metadata": "{}",
    "certificate_management_policy": {"authority": "letsencrypt"},
}


def made(plugin: Plugin, emulator: Emulator, **inputs: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """An ingress: its id, its outputs, its inputs. The requests so far are forgotten."""
    checked, failures = plugin.check({"domain": DOMAIN, **inputs})
    assert failures == []
    id_, outputs = plugin.create(checked)
    emulator.clear_requests()
    return id_, outputs, checked


# -- check ------------------------------------------------------------------------------------------------


def test_check_normalizes_and_asks_nothing(plugin: Plugin, emulator: Emulator) -> None:
    inputs = {**FULL, "domain": " Connect.ACME.com. "}
    assert plugin.check(inputs) == ({**inputs, "domain": DOMAIN}, [])
    assert emulator.requests() == []


def test_check_finds_everything_at_once_and_prints_no_long_or_telling_value(plugin: Plugin) -> None:
    _, failures = plugin.check(
        {
            "domain": "https://connect.acme.com",
            "description": "x" * 300,
            "metadata": 5,
            "certificate_management_policy": {"privateKeyType": "rsa"},
        }
    )
    assert failures == [
        "domain: the domain is a URL; give the domain alone, such as connect.acme.com",
        "property description has 300 bytes of UTF-8; ngrok takes 255 at most",
        "property metadata must be text, but is a number",
        'property certificate_management_policy.authority is required in a policy: "letsencrypt"',
        'property certificate_management_policy.privateKeyType is not known; did you mean "private_key_type"?',
    ]
    # The engine prints the value of a property that is named to it.
    assert plugin.check({"domain": "https://me:password@acme.com"})[1][0].startswith("property domain is a URL")
    assert plugin.check({"domain": "x" * 200})[1][0].startswith("property domain has a label")
    assert plugin.check({})[1][0].startswith("property domain is required")
    assert plugin.check({"domain": DOMAIN, "certificate_management_policy": "letsencrypt"})[1] == [
        "property certificate_management_policy must be a dict or AgentIngressCertPolicyArgs, but is text"
    ]
    assert plugin.check({"domain": DOMAIN, "metadata": {"team": "iot"}})[1] == [
        "property metadata must be text, but is a dictionary; `json.dumps(…)` makes text of it"
    ]


def test_check_judges_the_settings_too(plugins: Plugins) -> None:
    plugin = plugins(api_key=None)
    _, failures = plugin.check({"domain": ""})
    assert len(failures) == 2
    assert plugin.in_words("`pulumi config set --secret ngrok:apiKey`") in failures[0]
    assert "NGROK_API_KEY" in failures[0]
    [failure] = plugins(NGROK_API_BASE_URL="http://api.ngrok.com").check({"domain": DOMAIN})[1]
    assert "from the environment variable NGROK_API_BASE_URL must begin with https://" in failure
    plugin = plugins(config={"ngrok:apiKey": f"{API_KEY} "})
    [failure] = plugin.check({"domain": DOMAIN})[1]
    assert plugin.in_words("ngrok:apiKey of the stack config contains white space") in failure
    assert API_KEY[:8] not in failure


@both_front_ends
def test_check_finds_two_resources_with_one_domain_in_whatever_spelling(plugin: Plugin) -> None:
    second = plugin.of(name="second")
    assert plugin.check({"domain": DOMAIN})[1] == []
    [failure] = second.check({"domain": " Connect.ACME.com. "})[1]
    assert failure.startswith(f"domain: {plugin.urn} has this domain too, and a domain has at most one Agent Ingress.")
    assert second.check({"domain": UNKNOWN})[1] == []
    assert second.check({"domain": "other.acme.com"})[1] == []


def test_check_leaves_alone_what_is_unknown(offline: Plugin) -> None:
    inputs = {
        "domain": UNKNOWN,
        "description": UNKNOWN,
        "certificate_management_policy": {"authority": UNKNOWN, "private_key_type": "rsa"},
    }
    checked, failures = offline.check(inputs)
    assert failures == []
    assert set(checked) == set(inputs)
    assert set(checked["certificate_management_policy"]) == {"authority", "private_key_type"}
    checked, failures = offline.check({"domain": DOMAIN, "certificate_management_policy": UNKNOWN})
    assert (failures, set(checked)) == ([], {"domain", "certificate_management_policy"})
    assert offline.check({"domain": UNKNOWN, "metadata": "x" * 4097})[1] == [
        "property metadata has 4097 bytes of UTF-8; ngrok takes 4096 at most"
    ]


# -- diff -------------------------------------------------------------------------------------------------

OUTPUTS: dict[str, Any] = {
    "domain": DOMAIN,
    "description": "acme devices",
    "metadata": "",
    "certificate_management_policy": POLICY,
    "ns_targets": ["a.x."],
    "created_at": "2024-08-02T07:15:39Z",
}
SAME: dict[str, Any] = {
    "domain": DOMAIN,
    "description": "acme devices",
    "certificate_management_policy": {"authority": "letsencrypt"},
}


@both_front_ends
@pytest.mark.parametrize(
    ("news", "changes", "replaces"),
    [
        (SAME, False, []),
        ({**SAME, "metadata": ""}, False, []),
        ({**SAME, "certificate_management_policy": POLICY}, False, []),
        ({**SAME, "domain": "Connect.ACME.com."}, False, []),
        ({**SAME, "description": ""}, True, []),
        ({**SAME, "metadata": "x"}, True, []),
        ({**SAME, "certificate_management_policy": {**POLICY, "private_key_type": "ecdsa"}}, True, []),
        ({"domain": DOMAIN, "description": "acme devices"}, True, []),
        ({**SAME, "domain": "other.acme.com"}, True, ["domain"]),
        ({**SAME, "domain": UNKNOWN}, True, ["domain"]),
        ({**SAME, "description": UNKNOWN}, True, []),
        ({**SAME, "certificate_management_policy": UNKNOWN}, True, []),
        ({**SAME, "certificate_management_policy": {"authority": UNKNOWN}}, True, []),
    ],
)
def test_diff_compares_four_fields(news: dict[str, Any], changes: bool, replaces: list[str], offline: Plugin) -> None:
    assert offline.diff(OUTPUTS, news) == (changes, replaces)


@pytest.mark.parametrize(
    ("is_preview", "news", "warns"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"certificate_management_policy": POLICY, "description": "new"}, False),
        (True, {"domain": "other.acme.com"}, False),
    ],
    ids=["preview", "update", "kept", "replaced"],
)
def test_the_diff_of_a_preview_warns_of_a_policy_that_ngrok_keeps(
    is_preview: bool, news: dict[str, Any], warns: bool
) -> None:
    with DynamicPlugin({**os.environ, "NGROK_API_KEY": API_KEY}) as plugin:
        flag = {"_is_preview": True} if is_preview else {}
        checked, failures = plugin.check({"domain": DOMAIN, **news, **flag}, SAME)
        assert (checked, failures) == ({"domain": DOMAIN, **news}, [])
        assert plugin.diff(OUTPUTS, checked)[0]
    shown = [(line.severity, line.urn, line.ephemeral) for line in plugin.engine.lines]
    assert shown == ([(engine_pb2.WARNING, plugin.urn, False)] if warns else [])
    assert (
        "ngrok will keep the certificate_management_policy that this update is to remove" in plugin.printed
    ) == warns


# -- create, read, update, delete -------------------------------------------------------------------------


@both_front_ends
def test_create_is_one_post_and_gives_every_output_in_canonical_form(plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(order="reversed", upper_case=True, unknown_keys=True)
    id_, outputs = plugin.create(FULL)
    assert emulator.counts() == {"POST /agent_ingresses": 1}
    [stored] = emulator.ingresses()
    fingerprint = outputs.pop("_key_fingerprint")
    assert len(fingerprint) == 8
    assert outputs == {
        "domain": DOMAIN,
        "description": "acme devices",
        "metadata": "{}",
        "certificate_management_policy": POLICY,
        "ns_targets": sorted(f"{target}." for target in stored["ns_targets"]),
        "region_domains": sorted(stored["region_domains"]),
        "created_at": stored["created_at"],
        "uri": f"/agent_ingresses/{id_}",
    }


SHAPES: list[dict[str, Any]] = [
    {"trailing_dots": True},
    {"order": "reversed"},
    {"order": "shuffled"},
    {"empty_keys": "null"},
    {"empty_keys": "empty"},
    {"upper_case": True},
    {"unknown_keys": True},
]


def test_answers_that_mean_the_same_leave_the_state_as_it_is(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator, certificate_management_policy={"authority": "letsencrypt"})
    # Each comes to those before it.
    for shape in SHAPES:
        emulator.configure(**shape)
        assert plugin.read(id_, outputs, inputs) == (id_, outputs, inputs), shape
        assert plugin.kept_inputs
        assert plugin.diff(outputs, inputs) == (False, [])


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"description": "new"}, {"description": "new"}),
    ({"metadata": "new"}, {"metadata": "new"}),
    ({"description": None}, {"description": ""}),
    ({"description": "", "metadata": None}, {"description": "", "metadata": ""}),
    (
        {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"}},
        {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"}},
    ),
]


@both_front_ends
def test_update_is_one_patch_with_what_changed(plugin: Plugin, emulator: Emulator) -> None:
    for number, (news, sent) in enumerate(CHANGES):
        id_, outputs, inputs = made(plugin, emulator, **{**FULL, "domain": f"d{number}.acme.com"})
        updated = plugin.update(id_, outputs, {name: v for name, v in {**inputs, **news}.items() if v is not None})
        [request] = emulator.requests()
        assert (request["method"], request["body"]) == ("PATCH", sent)
        assert {name: updated[name] for name in sent} == sent
        assert {**updated, **sent} == {**outputs, **sent}


def test_update_with_nothing_to_change_reads_and_never_writes(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator, **FULL)
    half_made = {name: value for name, value in outputs.items() if name != "ns_targets"}
    assert plugin.update(id_, half_made, inputs) == outputs
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}


@both_front_ends
def test_a_policy_that_ngrok_keeps_is_never_reported_as_removed(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, _ = made(plugin, emulator, **FULL)
    with pytest.raises(PluginError) as caught:
        plugin.update(id_, outputs, {"domain": DOMAIN, "description": "new"})
    assert emulator.requests()[0]["body"] == {
        "description": "new",
        "metadata": "",
        "certificate_management_policy": None,
    }
    sentence, command = caught.value.message.split("\n")
    assert "kept it" in sentence
    assert plugin.in_words("ResourceOptions(delete_before_replace=True)") in sentence
    assert command == plugin.in_words(f"pulumi up --stack dev --replace {plugin.urn}")
    # What did change is kept in the state, with the reason.
    assert caught.value.kept
    assert caught.value.kept.id == id_
    kept = caught.value.kept.outputs
    assert {"_key_fingerprint", "ns_targets"} <= set(kept)
    assert ("__provider" in caught.value.kept.struct) == isinstance(plugin, DynamicPlugin)
    assert (kept["description"], kept["certificate_management_policy"]["authority"]) == ("new", "letsencrypt")
    assert caught.value.kept.reasons == [caught.value.message]


@both_front_ends
def test_a_policy_that_ngrok_removes_is_removed(plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(null_policy="removes")
    id_, outputs, _ = made(plugin, emulator, **FULL)
    updated = plugin.update(id_, outputs, {"domain": DOMAIN})
    assert "certificate_management_policy" not in updated


def test_a_policy_that_ngrok_did_not_take_keeps_the_ingress_and_fails(plugin: Plugin, emulator: Emulator) -> None:
    _, outputs, _ = made(plugin, emulator, description="acme devices", metadata="{}")
    answer = {**outputs, "id": "agin_0ujsszwN8NRY24YaXiTIE2VWDTS", "certificate_management_policy": None}
    emulator.add_fault("POST", "answer", status=201, json_body=answer)
    asked = plugin.in_words("set certificate_management_policy of ")
    with pytest.raises(PluginError, match=f"{asked}.* has another value") as caught:
        plugin.create(FULL)
    assert caught.value.kept
    assert caught.value.kept.id == answer["id"]


def test_a_text_that_ngrok_did_not_take_is_never_reported_as_changed(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator, **FULL)
    emulator.add_fault("PATCH", "answer", status=200, json_body={**outputs, "id": id_})
    with pytest.raises(PluginError, match=r"set description of the Agent Ingress .* has another value") as caught:
        plugin.update(id_, outputs, {**inputs, "description": "new"})
    assert caught.value.kept
    assert caught.value.kept.outputs["description"] == "acme devices"


def test_what_was_not_asked_for_fails_no_update(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    emulator.set_ingress(id_, {"certificate_management_policy": POLICY})
    updated = plugin.update(id_, outputs, {**inputs, "description": "new"})
    assert (updated["description"], updated["certificate_management_policy"]) == ("new", POLICY)
    # The next preview shows it.
    assert plugin.diff(updated, {**inputs, "description": "new"}) == (True, [])


@both_front_ends
def test_a_policy_added_or_removed_outside_is_followed(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    emulator.set_ingress(id_, {"certificate_management_policy": POLICY})
    _, read, followed = plugin.read(id_, outputs, inputs)
    assert followed == {**inputs, "certificate_management_policy": POLICY}
    emulator.set_ingress(id_, {"certificate_management_policy": None})
    _, read, followed = plugin.read(id_, read, followed)
    assert followed == inputs
    assert "certificate_management_policy" not in read


def test_an_answer_that_is_short_or_about_another_never_reaches_the_state(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    whole = {**outputs, "id": id_}
    calls: list[Callable[[], object]] = [
        lambda: plugin.read(id_, outputs, inputs),
        lambda: plugin.update(id_, outputs, {**inputs, "description": "new"}),
    ]
    for answer, what in (
        ({name: value for name, value in whole.items() if name != "ns_targets"}, "ns_targets"),
        ({name: value for name, value in whole.items() if name != "created_at"}, "created_at"),
        ({**whole, "domain": "evil.example"}, "it is about another Agent Ingress"),
    ):
        emulator.clear_faults()
        emulator.add_fault(None, "answer", status=200, json_body=answer, times=None)
        for call in calls:
            with pytest.raises(PluginError, match=f"makes no sense .{what}"):
                call()


@both_front_ends
def test_drift_reaches_the_inputs_in_the_keys_that_the_user_set(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(
        plugin, emulator, description="ours", certificate_management_policy={"authority": "letsencrypt"}
    )
    emulator.set_ingress(id_, {"description": "theirs", "metadata": "theirs", "private_key_type": "ecdsa"})
    _, read, followed = plugin.read(id_, outputs, inputs)
    assert read["certificate_management_policy"]["private_key_type"] == "ecdsa"
    assert followed == {**inputs, "description": "theirs", "metadata": "theirs"}
    assert not plugin.kept_inputs
    assert plugin.diff(read, inputs) == (True, [])
    emulator.set_ingress(id_, {"description": "", "metadata": ""})
    assert plugin.read(id_, outputs, inputs)[2] == {**inputs, "description": ""}


def test_a_key_type_that_the_user_set_drifts(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator, certificate_management_policy=POLICY)
    emulator.set_ingress(id_, {"private_key_type": "ecdsa"})
    _, read, followed = plugin.read(id_, outputs, inputs)
    assert followed["certificate_management_policy"]["private_key_type"] == "ecdsa"
    assert plugin.diff(read, inputs) == (True, [])


def test_a_get_reads_and_fails_where_there_is_none(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, _ = made(plugin, emulator)
    assert plugin.read(id_, None, {})[:2] == (id_, outputs)
    with pytest.raises(PluginError, match="there is no such Agent Ingress in the account of this key"):
        plugin.read("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", None, {})
    with pytest.raises(PluginError, match="is not the id of an Agent Ingress"):
        plugin.read("../x", None, {})


@both_front_ends
def test_gone_is_gone(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    emulator.delete_ingress(id_)
    assert plugin.read(id_, outputs, inputs)[0] == ""
    plugin.delete(id_, outputs)
    with pytest.raises(PluginError, match="deleted outside of Pulumi\\. `pulumi refresh` removes it from the state"):
        plugin.update(id_, outputs, {**inputs, "description": "new"})


def test_a_delete_whose_answer_was_lost_is_done(plugins: Plugins, emulator: Emulator) -> None:
    plugin = plugins()
    id_, outputs, _ = made(plugin, emulator)
    emulator.add_fault("DELETE", "reset_after")
    plugin.delete(id_, outputs)
    assert emulator.ingresses() == []

    # But not for a key of another account, to which nothing exists.
    id_, outputs, _ = made(plugin, emulator)
    emulator.add_fault("DELETE", "reset_before")
    with pytest.raises(PluginError, match="need not mean that it is gone"):
        plugins(api_key=OTHER_ACCOUNTS_KEY).delete(id_, outputs)
    assert len(emulator.ingresses()) == 1


@both_front_ends
def test_another_accounts_key_never_makes_an_ingress_gone(plugins: Plugins, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugins(), emulator)
    stranger = plugins(api_key=None, config={"ngrok:apiKey": OTHER_ACCOUNTS_KEY})
    calls: list[Callable[[], object]] = [
        lambda: stranger.read(id_, outputs, inputs),
        lambda: stranger.update(id_, outputs, {**inputs, "description": "new"}),
        lambda: stranger.delete(id_, outputs),
    ]
    for call in calls:
        with pytest.raises(PluginError) as caught:
            call()
        origin = stranger.in_words("ngrok:apiKey of the stack config")
        assert f"need not mean that it is gone: the API key, from {origin}, is not" in caught.value.message
        way = stranger.in_words("Set the key of its account: run `pulumi config set --secret ngrok:apiKey`")
        assert f"{way} (refresh and destroy use that of the last `pulumi up`" in caught.value.message
        assert re.search(rf"\npulumi state delete .*{re.escape(stranger.urn)}'?$", caught.value.message)
    assert len(emulator.ingresses()) == 1


def test_a_rotated_key_of_the_same_account_takes_over(plugins: Plugins, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugins(), emulator)
    rotated = OTHER_ACCOUNTS_KEY[::-1]
    emulator.add_key(rotated, account_of=API_KEY)
    _, read, _ = plugins(api_key=rotated).read(id_, outputs, inputs)
    assert {**read, "_key_fingerprint": ""} == {**outputs, "_key_fingerprint": ""}
    emulator.delete_ingress(id_)
    assert plugins(api_key=rotated).read(id_, read, inputs)[0] == ""


def test_a_404_of_something_else_never_makes_an_ingress_gone(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    faults: list[dict[str, Any]] = [
        {"status": 404, "body": "<html>nothing here</html>"},
        {"status": 404, "json_body": {"message": "no Route matched with those values"}},
        {"status": 404, "json_body": {"status_code": 404, "msg": "Not Found", "details": {"path": "/x"}}},
    ]
    calls: list[Callable[[], object]] = [
        lambda: plugin.read(id_, outputs, inputs),
        lambda: plugin.update(id_, outputs, {**inputs, "description": "new"}),
        lambda: plugin.delete(id_, outputs),
    ]
    for fault in faults:
        emulator.clear_faults()
        emulator.add_fault(None, "answer", times=None, **fault)
        for call in calls:
            with pytest.raises(PluginError, match="the base URL came from the environment variable NGROK_API_BASE_URL"):
                call()


@both_front_ends
def test_custom_timeouts_bound_the_calls(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    emulator.add_fault(None, "hang", times=None)
    calls: list[Callable[[], object]] = [
        lambda: plugin.create({"domain": "other.acme.com"}, timeout=0.4),
        lambda: plugin.update(id_, outputs, {**inputs, "description": "new"}, timeout=0.4),
        lambda: plugin.delete(id_, outputs, timeout=0.4),
    ]
    for call in calls:
        with pytest.raises(PluginError, match=r"did not answer within 0\.\d+ seconds"):
            call()


# -- a state that somebody edited ---------------------------------------------------------------------------

WRONG: list[Any] = [None, 5, True, "wrong", "", [], ["wrong"], {}, {"authority": 5}]


def edited(values: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Each property with each wrong value, and the values with that; None is a property that is missing."""
    for name in values:
        for wrong in WRONG:
            others = {key: value for key, value in values.items() if key != name}
            yield name, wrong, others if wrong is None else {**others, name: wrong}


@both_front_ends
def test_a_refresh_puts_right_whatever_the_state_has(plugin: Plugin, emulator: Emulator) -> None:
    # The certificate stays as it is meanwhile.
    emulator.configure(job_after_seconds=3600)
    id_, outputs, inputs = made(plugin, emulator, **FULL)
    for name, wrong, state in edited(outputs):
        # Another domain's ingress is none that may be taken for this one.
        if (name, wrong) == ("domain", "wrong"):
            continue
        read, refreshed, followed = plugin.read(id_, state, inputs)
        assert (read, refreshed) == (id_, outputs), (name, wrong)
        # Without a fingerprint it is as good as a `get`.
        assert followed == inputs or (name, wrong) == ("_key_fingerprint", None), (name, wrong)
    for name, wrong, state in edited(inputs):
        # With it, the engine finds out what the refresh has changed.
        plugin.diff(outputs, state)
        read, refreshed, followed = plugin.read(id_, outputs, state)
        assert (read, refreshed) == (id_, outputs), (name, wrong)
        expected = (
            inputs if name != "certificate_management_policy" or wrong == {"authority": 5} else {**inputs, name: POLICY}
        )
        assert followed == expected, (name, wrong)


@both_front_ends
def test_a_preview_names_what_the_state_has_wrong_and_never_replaces_for_it(plugin: Plugin, emulator: Emulator) -> None:
    # The certificate stays as it is meanwhile.
    emulator.configure(job_after_seconds=3600)
    id_, outputs, inputs = made(plugin, emulator, **FULL)
    refused = set()
    for name, wrong, state in edited(outputs):
        failure: PluginError | None = None
        replaces: list[str] = []
        try:
            _, replaces = plugin.diff(state, inputs)
        except PluginError as error:
            failure = error
        assert replaces == (["domain"] if (name, wrong) == ("domain", "wrong") else []), (name, wrong)
        if failure:
            assert failure.clean
            assert plugin.in_words(name) in failure.message
            assert "run `pulumi refresh`, which reads the values from ngrok again" in failure.message
            with pytest.raises(PluginError) as caught:
                plugin.update(id_, state, inputs)
            assert caught.value.message == failure.message
            refused.add((name, str(wrong)))
        elif not replaces:
            assert plugin.update(id_, state, inputs) == outputs, (name, wrong)
    assert refused == {
        *(("domain", str(wrong)) for wrong in WRONG if wrong != "wrong"),
        *(("certificate_management_policy", str(wrong)) for wrong in (5, True, "wrong", ["wrong"])),
    }
    both = plugin.in_words("domain is not text and certificate_management_policy is not an object")
    with pytest.raises(PluginError, match=both):
        plugin.diff({**outputs, "domain": 5, "certificate_management_policy": "wrong"}, inputs)


def test_whatever_the_state_has_an_ingress_can_be_deleted(plugin: Plugin, emulator: Emulator) -> None:
    _, outputs, _ = made(plugin, emulator, **FULL)
    emulator.configure(limit=0)
    [first] = emulator.ingresses()
    plugin.delete(first["id"], outputs)
    for name, wrong, state in edited(outputs):
        id_, _ = plugin.create(FULL)
        plugin.delete(id_, state)
        assert emulator.ingresses() == [], (name, wrong)


def test_a_domain_that_is_taken_is_told_whatever_the_state_has(plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    _, outputs, inputs = made(plugin, emulator, **FULL)
    for _, _, state in edited(outputs):
        assert plugin.check(inputs, state)[1] == []
        with pytest.raises(PluginError, match="ERR_NGROK_6706") as caught:
            plugin.create(FULL)
        assert "The one that has it is" in caught.value.message


# -- errors -----------------------------------------------------------------------------------------------


def test_an_error_is_one_sentence_without_traceback_or_key(plugins: Plugins, emulator: Emulator) -> None:
    plugin = plugins(api_key="2tstAbCdEfGhIjKlMn_not_a_key_of_the_emulator")
    with pytest.raises(PluginError) as caught:
        plugin.create({"domain": DOMAIN})
    assert caught.value.clean
    message = caught.value.message
    assert message.startswith("could not create the Agent Ingress connect.acme.com: ngrok answered 403 ERR_NGROK_202:")
    assert message.endswith(
        "The API key came from the environment variable NGROK_API_KEY; check that it is a valid key of your account"
    )
    assert "Your credential: '[key]'" in message
    assert "(operation op_" in message
    for text in (message, caught.value.text):
        assert "2tstAbCd" not in text
    assert "Traceback" not in message


class BuggyLifecycle(AgentIngressLifecycle):
    """Has a bug."""

    def create(self, call: Call, wanted: Mapping[str, Any]) -> Created:
        raise AttributeError(f"of the key {API_KEY}")


class BuggyProvider(AgentIngressProvider):
    def make_lifecycle(self, settings: Settings, process: Process) -> AgentIngressLifecycle:
        return BuggyLifecycle(settings, process)


def test_a_bug_of_our_own_is_a_sentence_too(plugin: DynamicPlugin) -> None:
    plugin.provider = BuggyProvider()
    with pytest.raises(PluginError) as caught:
        plugin.create(FULL)
    assert caught.value.clean
    assert caught.value.message.startswith("pulumi-agin has a bug: AttributeError at create, line ")
    assert caught.value.message.endswith(f"of {__file__}. Please report it")
    # Nobody has looked at what it may hold.
    assert API_KEY[:8] not in caught.value.message


def test_two_hundred_updates_open_no_more_connections_than_calls_at_once(plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    id_, outputs, inputs = made(plugin, emulator)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: plugin.update(id_, outputs, {**inputs, "description": str(n)}), range(200)))
    assert emulator.counts() == {"PATCH /agent_ingresses/{id}": 200}
    assert emulator.connections() <= 8


def test_two_hundred_refreshes_are_answered_by_one_list(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs, inputs = made(plugin, emulator)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: plugin.read(id_, outputs, inputs), range(200)))
    assert sum(emulator.counts().values()) <= 2
