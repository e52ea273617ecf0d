"""A wait for a certificate in the plugin process of each front end, called as the engine calls it."""

from __future__ import annotations

import base64
import pickle
from typing import Any

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.plugin import (
    AGENT_INGRESS,
    CERTIFICATE_VALIDATION,
    UNKNOWN,
    Plugin,
    PluginError,
    Plugins,
    both_front_ends,
)

DOMAIN = "connect.acme.com"
ISSUED = "2024-10-01T07:15:59Z"


@pytest.fixture
def resource() -> str:
    return CERTIFICATE_VALIDATION


def ingress(emulator: Emulator, state: Any, domain: str = DOMAIN) -> str:
    """The id of an ingress with a certificate in a state. The requests so far are forgotten."""
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    id_ = client.create({"domain": domain, "certificate_management_policy": {"authority": "letsencrypt"}}).id
    emulator.set_certificate(id_, state)
    emulator.clear_requests()
    return id_


def inputs(id_: Any, timeout: Any = 2700, grace: Any = 600) -> dict[str, Any]:
    return {"agent_ingress_id": id_, "timeout_seconds": timeout, "dns_error_grace_seconds": grace}


def test_the_provider_stands_in_states_by_this_name_in_every_protocol() -> None:
    for protocol in (4, 5):
        pickled = pickle.dumps(CertificateValidationProvider(), protocol)
        assert b"pulumi_agin.dynamic.certificate" in pickled
        assert b"CertificateValidationProvider" in pickled
        assert len(base64.b64encode(pickled)) < 150


# -- check ------------------------------------------------------------------------------------------------


def test_check_takes_what_is_right_and_what_is_not_known_yet(plugin: Plugin, emulator: Emulator) -> None:
    assert plugin.check({"agent_ingress_id": "agin_1"}) == (inputs("agin_1"), [])
    assert plugin.check(inputs("agin_1", 0.5, 0)) == (inputs("agin_1", 0.5, 0), [])
    checked, failures = plugin.check(inputs(UNKNOWN, UNKNOWN, UNKNOWN))
    assert (set(checked), failures) == ({"agent_ingress_id", "timeout_seconds", "dns_error_grace_seconds"}, [])
    assert emulator.requests() == []


@both_front_ends
def test_check_finds_everything_at_once(plugins: Plugins) -> None:
    plugin = plugins(api_key=None)
    settings, *failures = plugin.check(inputs("connect.acme.com", 0, -1))[1]
    assert settings.startswith("there is no ngrok API key")
    expected = [
        "property agent_ingress_id is not the id of an Agent Ingress; "
        "an id looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
        "property timeout_seconds must be a number of seconds above 0, such as 2700",
        "property dns_error_grace_seconds must be a number of seconds from 0 on, such as 600",
    ]
    assert failures == [plugin.in_words(failure) for failure in expected]


@pytest.mark.parametrize("wrong", ["2700", True, {"a": 1.0}, [], -1])
def test_check_refuses_a_time_that_is_none(wrong: Any, offline: Plugin) -> None:
    assert len(offline.check(inputs("agin_1", wrong, wrong))[1]) == 2


@pytest.mark.parametrize("wrong", ["", None, 5, ["agin_1"], "../x", "agin_1?x", API_KEY, API_KEY[4:30]])
def test_check_refuses_an_id_that_is_none_and_does_not_repeat_it(wrong: Any, offline: Plugin) -> None:
    [failure] = offline.check(inputs(wrong))[1]
    assert failure.startswith(offline.in_words("property agent_ingress_id "))
    assert failure.endswith("an id looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
    assert API_KEY[4:30] not in failure


# -- create -----------------------------------------------------------------------------------------------


@both_front_ends
def test_a_certificate_that_is_issued_takes_one_request(plugin: Plugin, emulator: Emulator) -> None:
    id_ = ingress(emulator, "issued")
    created, outputs = plugin.create(inputs(id_))
    assert created == outputs["agent_ingress_id"] == id_
    assert outputs["domain"] == DOMAIN
    assert outputs["renews_at"] > "2024"
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}


@both_front_ends
def test_a_wait_that_fails_stores_nothing_and_tells_what_it_waited_for(plugin: Plugin, emulator: Emulator) -> None:
    id_ = ingress(emulator, "in_progress")
    with pytest.raises(PluginError) as caught:
        # By then, the first look is over.
        plugin.create(inputs(id_), timeout=0.001)
    assert caught.value.clean
    assert caught.value.kept is None
    limit = plugin.in_words("custom_timeouts")
    assert f"within the time that {limit} allows, 0.001 seconds: it is being issued" in caught.value.message


def test_a_plugin_whose_engine_is_gone_ends_with_the_wait(plugins: Plugins, emulator: Emulator) -> None:
    plugin = plugins()
    id_ = ingress(emulator, "in_progress")
    plugin.abandon_create(inputs(id_), lambda: bool(emulator.requests()))
    plugin.wait_for_end()
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}


# -- diff -------------------------------------------------------------------------------------------------


@both_front_ends
def test_diff_sees_another_ingress_and_a_certificate_that_was_not_ready(plugin: Plugin, emulator: Emulator) -> None:
    id_ = ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    assert plugin.diff(outputs, inputs(id_)) == (False, [])
    assert plugin.diff(outputs, inputs(id_, 60, 5)) == (False, [])
    assert plugin.diff(outputs, inputs("agin_2")) == (True, ["agent_ingress_id"])
    assert plugin.diff(outputs, inputs(UNKNOWN)) == (True, ["agent_ingress_id"])
    emulator.set_certificate(id_, "in_progress")
    _, refreshed, _ = plugin.read(id_, outputs, {})
    assert plugin.diff(refreshed, inputs(id_)) == (True, [])
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 2}


# -- read, update, delete ---------------------------------------------------------------------------------


def test_a_refresh_of_many_takes_a_list_and_waits_for_nothing(plugin: Plugin, emulator: Emulator) -> None:
    ids = [ingress(emulator, "in_progress", f"d{number}.acme.com") for number in range(5)]
    for id_ in ids:
        emulator.set_certificate(id_, "issued")
    made = {id_: plugin.create(inputs(id_))[1] for id_ in ids}
    emulator.set_certificate(ids[0], "dns_error")
    emulator.clear_requests()
    for id_, outputs in made.items():
        read, refreshed, _ = plugin.read(id_, outputs, inputs(id_))
        assert read == id_
        assert (not refreshed.get("renews_at")) == (id_ == ids[0])
        assert refreshed["domain"] == outputs["domain"]
    assert sum(emulator.counts().values()) == 2


def test_the_wait_after_such_a_refresh_gives_all_outputs_anew(plugin: Plugin, emulator: Emulator) -> None:
    id_ = ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    emulator.set_certificate(id_, "pending")
    _, refreshed, _ = plugin.read(id_, outputs, inputs(id_))
    with pytest.raises(PluginError, match="it is not being issued yet"):
        plugin.update(id_, refreshed, inputs(id_, 0.001))
    emulator.set_certificate(id_, "issued")
    assert plugin.update(id_, refreshed, inputs(id_)) == outputs


@both_front_ends
def test_gone_is_believed_with_the_key_that_saw_it_last_alone(plugins: Plugins, emulator: Emulator) -> None:
    id_ = ingress(emulator, "issued")
    _, outputs = plugins().create(inputs(id_))
    stranger = plugins(api_key=OTHER_ACCOUNTS_KEY)
    with pytest.raises(PluginError, match="That need not mean that it is gone"):
        stranger.read(id_, outputs, inputs(id_))
    emulator.delete_ingress(id_)
    assert plugins().read(id_, outputs, inputs(id_))[0] == ""


def test_whatever_a_state_that_somebody_edited_has_is_put_right(plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    id_ = ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    # After it the process knows which policy the program wants.
    wanted = {"domain": DOMAIN, "certificate_management_policy": {"authority": "letsencrypt"}}
    assert plugin.of(AGENT_INGRESS).diff(wanted, wanted) == (False, [])
    wrong_inputs: list[dict[str, Any]] = [{}, {"agent_ingress_id": 5}, {"agent_ingress_id": [id_]}]
    for state in wrong_inputs:
        # In a refresh the engine compares with the inputs that the state had.
        assert plugin.diff(outputs, state) == (True, ["agent_ingress_id"])
    for name in outputs:
        for wrong in (None, 5, False, "wrong", "", [], ["wrong"], {}, {"wrong": 5}):
            state = {key: value for key, value in outputs.items() if key != name}
            state |= {} if wrong is None else {name: wrong}
            # Where it can't be told, another wait does no harm.
            changes, replaces = plugin.diff(state, inputs(id_))
            assert (replaces == ["agent_ingress_id"]) == (name == "agent_ingress_id")
            assert changes or name not in ("_was_ready", "agent_ingress_id")
            assert plugin.update(id_, state, inputs(id_)) == outputs
            # The answer about another domain is none about this ingress.
            if (name, wrong) != ("domain", "wrong"):
                assert plugin.read(id_, state, inputs(id_))[:2] == (id_, outputs), (name, wrong)


def test_a_delete_needs_neither_ngrok_nor_a_key(plugins: Plugins, emulator: Emulator) -> None:
    plugins(api_key=None).delete("agin_1", {})
    assert emulator.requests() == []
