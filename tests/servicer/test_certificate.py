"""A certificate validation in the plugin process of each front end, called as the engine calls it."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.keys import API_KEY, assert_without_key
from tests.support.plugin import (
    AGENT_INGRESS,
    CERTIFICATE_VALIDATION,
    UNKNOWN,
    DynamicPlugin,
    Plugin,
    Plugins,
    both_front_ends,
    failure,
)

DOMAIN = "connect.acme.com"


@pytest.fixture
def resource() -> str:
    return CERTIFICATE_VALIDATION


def created_ingress(emulator: Emulator, state: Any, domain: str = DOMAIN) -> str:
    """Creates an ingress with a certificate in a state, and returns its ID. Clears the log of requests."""
    id_ = ngrok.create(emulator, domain, certificate_management_policy={"authority": "letsencrypt"})
    emulator.set_certificate(id_, state)
    emulator.clear_requests()
    return id_


def inputs(id_: Any, timeout: Any = 2700, grace: Any = 600) -> dict[str, Any]:
    return {"agent_ingress_id": id_, "timeout_seconds": timeout, "dns_error_grace_seconds": grace}


def test_check_adds_defaults_and_accepts_unknown_values(plugin: Plugin, emulator: Emulator) -> None:
    assert plugin.check({"agent_ingress_id": "agin_1"}) == (inputs("agin_1"), [])
    assert plugin.check(inputs("agin_1", 0.5, 0)) == (inputs("agin_1", 0.5, 0), [])
    checked, failures = plugin.check(inputs(UNKNOWN, UNKNOWN, UNKNOWN))
    assert (set(checked), failures) == (set(inputs("agin_1")), [])
    assert emulator.requests() == []


@both_front_ends
def test_check_reports_all_problems_at_once(new_plugin: Plugins) -> None:
    plugin = new_plugin(api_key="")
    settings, *failures = plugin.check(inputs("connect.acme.com", 0, -1))[1]
    assert settings.startswith("there is no ngrok API key: set it with `pulumi config set --secret ")
    assert len(failures) == 3
    if isinstance(plugin, DynamicPlugin):
        assert failures == [
            "property agent_ingress_id is not the ID of an Agent Ingress; "
            "an ID looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
            "property timeout_seconds must be a number, greater than 0",
            "property dns_error_grace_seconds must be a number, at least 0",
        ]


@pytest.mark.parametrize("wrong", ["", None, 5, ["agin_1"], {"a": 1.0}, "../x", API_KEY, API_KEY[4:30]])
def test_check_rejects_wrong_types_without_repeating_an_id(wrong: Any, plugin: Plugin) -> None:
    of_id, *of_times = sorted(plugin.check(inputs(wrong, str(wrong), True))[1])
    assert of_id.startswith("property agent_ingress_id ")
    assert len(of_times) == 2
    assert_without_key(f"{of_id} {of_times}")


@both_front_ends
def test_diff_finds_another_ingress_and_a_certificate_that_was_not_ready(plugin: Plugin, emulator: Emulator) -> None:
    id_ = created_ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    assert plugin.diff(outputs, inputs(id_), id_) == (False, [])
    assert plugin.diff(outputs, inputs(id_, 60, 5), id_) == (False, [])
    assert plugin.diff(outputs, inputs("agin_2"), id_) == (True, ["agent_ingress_id"])
    assert plugin.diff(outputs, inputs(UNKNOWN), id_) == (True, ["agent_ingress_id"])
    emulator.set_certificate(id_, "in_progress")
    _, refreshed, _ = plugin.read(id_, outputs, {})
    assert plugin.diff(refreshed, inputs(id_), id_) == (True, [])


@both_front_ends
def test_diff_finds_another_policy_in_the_program(plugin: Plugin, emulator: Emulator) -> None:
    id_ = created_ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    policies = ({"authority": "letsencrypt", "private_key_type": each} for each in ("rsa", "ecdsa"))
    same, other = ({"domain": DOMAIN, "certificate_management_policy": policy} for policy in policies)
    # The engine compares the ingress before its certificate validation.
    plugin.of(AGENT_INGRESS).diff(same, same, id_)
    assert plugin.diff(outputs, inputs(id_), id_) == (False, [])
    plugin.of(AGENT_INGRESS).diff(same, other, id_)
    assert plugin.diff(outputs, inputs(id_), id_) == (True, [])


@both_front_ends
def test_create_for_an_issued_certificate_is_one_request(plugin: Plugin, emulator: Emulator) -> None:
    id_ = created_ingress(emulator, "issued")
    created, outputs = plugin.create(inputs(id_))
    assert created == outputs["agent_ingress_id"] == id_
    assert outputs["domain"] == DOMAIN
    assert outputs["renews_at"] > "2024"
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}


@both_front_ends
def test_create_fails_after_its_limit_and_stores_nothing(plugin: Plugin, emulator: Emulator) -> None:
    id_ = created_ingress(emulator, "in_progress")
    error = failure(lambda: plugin.create(inputs(id_), timeout=60))
    assert error.kept is None
    limit = "custom_timeouts" if isinstance(plugin, DynamicPlugin) else "customTimeouts"
    assert f"was not issued within 60 seconds ({limit}). It is being issued" in error.message
    emulator.set_certificate(id_, "dns_error")
    error = failure(lambda: plugin.create(inputs(id_, grace=0)))
    assert error.kept is None
    assert f"({plugin.spell('dns_error_grace_seconds')}). It is blocked by a DNS error (DNS_ERROR)" in error.message


def test_process_ends_with_the_wait_if_the_engine_is_gone(new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin(has_quick_clock=True)
    plugin.abandon_create(inputs(created_ingress(emulator, "in_progress"), timeout=100_000), when=emulator.requests)
    plugin.wait_for_end()


def test_refresh_does_not_wait_and_the_next_update_does(plugin: Plugin, emulator: Emulator) -> None:
    id_ = created_ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    emulator.set_certificate(id_, "pending")
    read, refreshed, _ = plugin.read(id_, outputs, inputs(id_))
    assert (read, refreshed["domain"], refreshed.get("renews_at") or "") == (id_, DOMAIN, "")
    assert "It is not being issued yet" in failure(lambda: plugin.update(id_, refreshed, inputs(id_, 60))).message
    emulator.set_certificate(id_, "issued")
    assert plugin.update(id_, refreshed, inputs(id_)) == outputs


def test_only_a_404_that_proves_a_delete_removes_a_validation(
    plugin: Plugin, plugin_of_other_account: Plugin, emulator: Emulator
) -> None:
    # test_agent_ingress.py has every reason for which a 404 may prove nothing.
    id_ = created_ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    other = plugin_of_other_account
    for call in (lambda: other.read(id_, outputs, inputs(id_)), lambda: other.update(id_, outputs, inputs(id_))):
        assert "This does not prove that it was deleted" in failure(call).message
    # A new wait has no state to compare with.
    assert "If it belongs to another account" in failure(lambda: other.create(inputs(id_))).message
    emulator.delete_ingress(id_)
    assert plugin.read(id_, outputs, inputs(id_))[0] == ""


def test_edited_state_is_repaired(plugin: Plugin, emulator: Emulator) -> None:
    id_ = created_ingress(emulator, "issued")
    _, outputs = plugin.create(inputs(id_))
    # After this, the process has recorded the program's policy.
    wanted = {"domain": DOMAIN, "certificate_management_policy": {"authority": "letsencrypt"}}
    assert plugin.of(AGENT_INGRESS).diff(wanted, wanted, id_) == (False, [])
    # In a refresh the engine compares with the inputs that the state had.
    assert plugin.diff(outputs, {"agent_ingress_id": 5}, id_) == (True, ["agent_ingress_id"])
    for name in outputs:
        for wrong in (None, 5, "wrong", ["wrong"]):
            state = {key: value for key, value in outputs.items() if key != name}
            state |= {} if wrong is None else {name: wrong}
            # If the state is uncertain, another validation does no harm.
            changes, replaces = plugin.diff(state, inputs(id_), id_)
            assert (replaces == ["agent_ingress_id"]) == (name == "agent_ingress_id")
            assert changes or name not in ("_was_ready", "agent_ingress_id")
            assert plugin.update(id_, state, inputs(id_)) == outputs
            # An ingress of another domain must not be confused with this one.
            if (name, wrong) != ("domain", "wrong"):
                assert plugin.read(id_, state, inputs(id_))[:2] == (id_, outputs), (name, wrong)
    plugin.of(AGENT_INGRESS).diff(wanted, {**wanted, "certificate_management_policy": 5}, id_)
    assert plugin.diff(outputs, inputs(id_), id_) == (True, [])


def test_delete_sends_nothing_and_needs_no_key(new_plugin: Plugins, emulator: Emulator) -> None:
    new_plugin(api_key="").delete("agin_1", {})
    assert emulator.requests() == []
