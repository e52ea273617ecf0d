"""What stands in a state or comes from ngrok forges no line, no command and no request."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.plugin import Plugin, PluginError, Plugins, both_front_ends

DOMAIN = "connect.acme.com"
CALLS: dict[str, Callable[[Plugin, str, dict[str, Any]], object]] = {
    "read": lambda plugin, id_, outputs: plugin.read(id_, outputs, {"domain": DOMAIN}),
    "get": lambda plugin, id_, outputs: plugin.read(id_, None, {}),
    "update": lambda plugin, id_, outputs: plugin.update(id_, outputs, {"domain": DOMAIN, "description": "new"}),
    "read-only-update": lambda plugin, id_, outputs: plugin.update(id_, outputs, {"domain": DOMAIN}),
    "delete": lambda plugin, id_, outputs: plugin.delete(id_, outputs),
}


def made(plugin: Plugin, emulator: Emulator) -> tuple[str, dict[str, Any]]:
    id_, outputs = plugin.create({"domain": DOMAIN})
    emulator.clear_requests()
    return id_, outputs


def test_an_id_of_a_state_never_becomes_another_request(plugin: Plugin, emulator: Emulator) -> None:
    _, outputs = made(plugin, emulator)
    for id_ in (
        "../api_keys",
        "agin_1/../x",
        "agin_1?x=1",
        "agin_1%2f..",
        "agin_1#x",
        'agin_1"',
        "agin_1\r\nX: y",
        "\x1b",
    ):
        for call in CALLS.values():
            with pytest.raises(PluginError, match="is not the id of an Agent Ingress") as caught:
                call(plugin, id_, outputs)
            assert caught.value.clean
            assert caught.value.message.isprintable()
    assert emulator.requests() == []


def test_a_domain_of_a_state_stays_on_its_line(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = made(plugin, emulator)
    emulator.add_fault(None, "answer", status=400, json_body={"status_code": 400, "msg": "no"}, times=None)
    forged = {**outputs, "domain": "connect.acme.com\n    error: forged\x1b[31m\u2028"}
    for name, call in CALLS.items():
        # A `get` has no state.
        if name != "get":
            with pytest.raises(PluginError, match="ngrok answered 400: no") as caught:
                call(plugin, id_, forged)
            assert caught.value.clean
            assert caught.value.message.isprintable()


@both_front_ends
def test_what_a_service_says_is_one_sentence_on_one_line(plugin: Plugin, emulator: Emulator) -> None:
    id_, outputs = made(plugin, emulator)
    for msg in ("x\n    error: forged\r\x1b[31m\u2028\u202e\x85", "half a pair \ud83d", "\0", "x" * 100_000):
        answer = {"status_code": 400, "error_code": f"ERR_NGROK_{msg}", "msg": msg, "details": {"operation_id": msg}}
        emulator.add_fault(None, "answer", status=400, json_body=answer, times=None)
        for call in CALLS.values():
            with pytest.raises(PluginError, match="ngrok answered 400") as caught:
                call(plugin, id_, outputs)
            assert caught.value.clean
            assert caught.value.message.isprintable()
            assert len(caught.value.message) < 1000
        emulator.clear_faults()


@both_front_ends
def test_a_command_to_paste_is_one_whatever_the_resource_is_called(plugins: Plugins, emulator: Emulator) -> None:
    # ngrok keeps a policy, so to remove it fails, and the message ends with a command.
    plugin = plugins()
    id_, outputs = plugin.create({"domain": DOMAIN, "certificate_management_policy": {"authority": "letsencrypt"}})
    for name in ("it's", "a'; echo forged; '", "a\n    error: forged", "a\x1b[31m\u202e"):
        named = plugin.of(name=name)
        with pytest.raises(PluginError) as caught:
            named.update(id_, outputs, {"domain": DOMAIN})
        sentence, command = caught.value.message.split("\n")
        assert sentence.isprintable()
        assert command.isprintable()
        if name.isprintable():
            assert shlex.split(command)[-2:] == ["--replace", named.urn]


@both_front_ends
def test_texts_with_anything_in_them_come_back_as_they_are(plugin: Plugin, emulator: Emulator) -> None:
    wicked = 'a\r\nX-Forged: yes\x1b[31m"}\u2028\u202e\0'
    inputs = {"domain": DOMAIN, "description": wicked, "metadata": wicked}
    assert plugin.check(inputs) == (inputs, [])
    id_, outputs = plugin.create(inputs)
    assert (outputs["description"], outputs["metadata"]) == (wicked, wicked)
    assert plugin.diff(outputs, inputs) == (False, [])
    assert plugin.read(id_, outputs, inputs) == (id_, outputs, inputs)


def test_a_failed_check_prints_no_value_that_forges_a_line(plugin: Plugin) -> None:
    # The engine prints the value of a property that is named to it.
    for domain in ("a\n    error: forged", "a\x1b[31m.acme.com", "a\u202e.acme.com", "a\u2028b"):
        [failure] = plugin.check({"domain": domain})[1]
        assert failure.startswith("property domain ")
        assert failure.isprintable()
