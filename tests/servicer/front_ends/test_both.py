"""Both front ends, in processes of their own: what they make of the engine's calls and of the lifecycle's results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.emulator import Emulator
from tests.servicer.front_ends.conftest import Start
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, requests
from tests.support.plugin import CallError, Plugin
from tests.support.waiting import until

POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
INPUTS: dict[str, Any] = {
    "domain": "connect.acme.com",
    "description": "devices",
    "certificate_management_policy": POLICY,
}
PLAIN = {"domain": "connect.acme.com"}
REJECTION = {"status_code": 400, "error_code": "ERR_NGROK_6707", "msg": "not in your plan"}


def test_life_of_an_ingress(plugin: Plugin, emulator: Emulator) -> None:
    assert plugin.check({**INPUTS, "domain": "Connect.ACME.com."}) == (INPUTS, [])
    id_, outputs = plugin.create(INPUTS)
    assert [each["id"] for each in emulator.ingresses()] == [id_]
    assert (outputs["description"], outputs["certificate_management_policy"]) == ("devices", POLICY)
    assert len(outputs["ns_targets"]) == 4

    emulator.set_ingress(id_, {"description": "drifted"})
    _, drifted, inputs = plugin.read(id_, outputs, INPUTS)
    assert drifted == {**outputs, "description": "drifted"}
    assert inputs == {**INPUTS, "description": "drifted"}

    requests(emulator)
    assert plugin.diff(outputs, INPUTS, id_).changes == 1
    difference = plugin.diff(drifted, PLAIN, id_)
    assert (difference.changes, list(difference.replaces), difference.deleteBeforeReplace) == (2, [], True)
    assert requests(emulator) == []
    updated = plugin.update(id_, drifted, PLAIN)
    assert (updated["description"], updated.get("certificate_management_policy")) == ("", None)
    assert plugin.read(id_, updated, PLAIN)[:2] == (id_, updated)

    plugin.delete(id_, updated)
    assert emulator.ingresses() == []
    assert plugin.read(id_, updated, PLAIN)[0] == ""


def test_replacement_warns_on_the_resource_and_creates_first(plugin: Plugin) -> None:
    difference = plugin.diff({**PLAIN, "description": ""}, {"domain": "other.acme.com"})
    assert (list(difference.replaces), difference.deleteBeforeReplace) == (["domain"], False)
    assert ["cuts off all agents" in each for each in plugin.warnings()] == [True]


def test_check_reports_all_problems_and_passes_unknown_values(plugin: Plugin) -> None:
    _, failures = plugin.check({"domain": "a b", "description": 7, "certificate_management_policy": {}})
    assert failures == [
        "domain: the domain contains ' '; use letters, digits, '-' and '.', as in connect.acme.com",
        "property description must be a string; got a number",
        "property certificate_management_policy.authority is required",
    ]
    unknown = {"domain": rpc.UNKNOWN, "certificate_management_policy": rpc.UNKNOWN}
    checked, failures = plugin.check(unknown)
    assert failures == []
    assert set(checked) == set(unknown)


def test_failure_is_one_sentence(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = plugin.create(PLAIN)
    calls: dict[str, Callable[[], object]] = {
        "POST": lambda: plugin.create({"domain": "other.acme.com"}),
        "PATCH": lambda: plugin.update(id_, outputs, INPUTS),
        "DELETE": lambda: plugin.delete(id_, outputs),
        "GET": lambda: plugin.read(id_, outputs, PLAIN),
    }
    for method, call in calls.items():
        emulator.add_fault(method, "respond", status=400, body={**REJECTION, "msg": f"no {API_KEY}"})
        with pytest.raises(
            CallError, match=r"^could not \w+ .*: ngrok responded 400 ERR_NGROK_6707: no \[key\]"
        ) as error:
            call()
        assert "Traceback" not in str(error.value)
        assert "\n" not in str(error.value)


def test_bug_of_ours_is_one_sentence_without_values(plugin: Plugin) -> None:
    with pytest.raises(CallError, match=r"^pulumi-agin has a bug: KeyError in create, line \d+ of settling.py. Report"):
        plugin.create({"description": "without a domain"})


def test_custom_timeouts_end_a_call(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = plugin.create(PLAIN)
    for method in ("POST", "PATCH", "DELETE"):
        emulator.add_fault(method, "respond", times=None, status=503)
    # Otherwise, each would last for 300 seconds.
    with pytest.raises(CallError, match="responded 503"):
        plugin.create({"domain": "other.acme.com"}, timeout=0.5)
    with pytest.raises(CallError, match="responded 503"):
        plugin.update(id_, outputs, INPUTS, timeout=0.5)
    with pytest.raises(CallError, match="responded 503"):
        plugin.delete(id_, outputs, timeout=0.5)
    emulator.clear_faults()


def test_another_key_does_not_prove_that_an_ingress_is_gone(start: Start, plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = plugin.create(PLAIN)
    others = start(config={"agin:apiKey": OTHER_ACCOUNTS_KEY, "agin:apiBaseUrl": emulator.url})
    with pytest.raises(CallError, match="does not prove that it was deleted"):
        others.read(id_, outputs, PLAIN)
    with pytest.raises(CallError, match="does not prove that it was deleted"):
        others.delete(id_, outputs)
    assert len(emulator.ingresses()) == 1


def test_get_reads_by_the_id(plugin: Plugin, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", description="theirs")
    found, outputs, _ = plugin.read(id_, {}, {})
    assert (found, outputs["description"]) == (id_, "theirs")
    with pytest.raises(CallError, match="the account of the API key from agin:apiKey in the stack config does not"):
        plugin.read("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", {}, {})


def test_settings_come_from_the_environment_and_are_reported(start: Start, emulator: Emulator) -> None:
    settings = {"NGROK_API_KEY": API_KEY, "NGROK_API_BASE_URL": emulator.url}
    plugin = start(config={}, **settings)
    assert plugin.create(PLAIN)[0]
    [line] = [line.message for line in plugin.engine.lines]
    assert "this command does not use ngrok itself" in line
    plugin = start(config={})
    assert plugin.check(PLAIN)[1] == [
        "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`, or in the environment "
        "variable NGROK_API_KEY"
    ]
    # A refresh and a destroy have no check.
    with pytest.raises(CallError, match=r"^there is no ngrok API key"):
        plugin.delete("agin_1", PLAIN)


def test_certificate_validation(start: Start, plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    id_, _ = plugin.create(INPUTS)
    validation = start("AgentIngressCertificateValidation")
    checked, failures = validation.check({"agent_ingress_id": id_, "triggers": ["a"]})
    assert failures == []
    emulator.set_certificate(id_, "issued")
    found, outputs = validation.create(checked)
    assert (found, outputs["domain"], outputs["triggers"]) == (id_, "connect.acme.com", ["a"])
    assert outputs["renews_at"]
    assert validation.diff(outputs, checked, id_).changes == 1
    assert list(validation.diff(outputs, {**checked, "triggers": ["b"]}, id_).replaces) == ["triggers"]
    assert validation.read(id_, outputs, checked)[:2] == (id_, outputs)
    assert validation.update(id_, outputs, checked) == outputs
    without = {**checked, "triggers": []}
    assert validation.diff(validation.create(without)[1], without, id_).changes == 1
    validation.delete(id_, outputs)


def test_ingress_under_two_names_is_kept(start: Start, plugin: Plugin, emulator: Emulator) -> None:
    """A rename without an alias, after an interrupted run."""
    id_, outputs = plugin.create(PLAIN)
    old = plugin.urn
    plugin.urn += "-renamed"
    assert plugin.diff(outputs, PLAIN, id_).changes == 1
    plugin.urn = old
    plugin.delete(id_, outputs)
    assert ["was not deleted at ngrok" in each for each in plugin.warnings()] == [True]
    assert len(emulator.ingresses()) == 1


def test_wait_is_shown_in_the_row_of_the_resource_and_ends_with_the_call(plugin: Plugin, emulator: Emulator) -> None:
    emulator.add_fault("POST", "respond", status=429, headers={"Retry-After": "1000"})
    lines = plugin.engine.lines
    request = provider_pb2.CreateRequest(urn=plugin.urn, properties=plugin.packed(PLAIN), timeout=10_000)
    call = plugin.stub.Create.future(request)
    until("a line is shown", lambda: [line for line in lines if line.urn])
    assert "waiting to create the Agent Ingress connect.acme.com" in lines[-1].message
    assert lines[-1].ephemeral
    # As when the engine is gone, or the user has pressed Ctrl-C. The end of a wait clears its line.
    call.cancel()
    until("the line is cleared", lambda: lines[-1].message == "")
    assert emulator.ingresses() == []
