"""Rfc2136Delegation in the process of each front end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pulumi.runtime import rpc

from tests.support.bind import Bind
from tests.support.plugin import CallError, NativePlugin, Plugin
from tests.support.records import DOMAIN, KEY, NEW, OTHERS, TARGETS, delegate, inputs, records


@pytest.fixture(params=[Plugin, NativePlugin])
def plugin(request: pytest.FixtureRequest) -> Iterator[Plugin]:
    plugin: Plugin = request.param(dict(os.environ), {"agin:apiKey": "unused"}, "Rfc2136Delegation")
    yield plugin
    assert not any(KEY.secret in line.message for line in plugin.engine.lines)
    plugin.end()


def test_whole_life(plugin: Plugin, bind: Bind) -> None:
    given, changed = inputs(bind.port), inputs(bind.port, ns_targets=NEW)
    assert plugin.check(given) == (given, [])
    assert plugin.create(given) == (DOMAIN, given)
    difference = plugin.diff(given, changed, DOMAIN)
    assert difference.changes == difference.DIFF_SOME
    assert plugin.update(DOMAIN, given, changed) == changed
    assert plugin.read(DOMAIN, changed, changed)[:2] == (DOMAIN, changed)
    delegate(bind, DOMAIN, [*NEW, *OTHERS])
    plugin.delete(DOMAIN, changed)
    assert records(bind) == (OTHERS, 300)
    [warning] = plugin.warnings()
    assert warning.startswith(f"{DOMAIN} still has NS records at the server that are not in the state: {OTHERS[0]}")


def test_failure_is_a_sentence(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, OTHERS)
    with pytest.raises(CallError, match=f"^{DOMAIN} already has NS records at the server, .*import or delete them$"):
        plugin.create(inputs(bind.port))


@pytest.mark.parametrize("plugin", [NativePlugin], indirect=True)
def test_plugin_warns_in_a_preview_and_marks_the_secret_of_the_key(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    properties = plugin.packed(inputs(bind.port))
    read = plugin.call("Read", id=DOMAIN, urn=plugin.urn, properties=properties, inputs=properties)
    for struct in (
        plugin.call("Check", urn=plugin.urn, news=properties).inputs,
        plugin.call("Create", urn=plugin.urn, properties=properties, preview=True).properties,
        read.properties,
        read.inputs,
    ):
        values = rpc.deserialize_properties(struct)
        assert [name for name, value in values.items() if rpc.is_rpc_secret(value)] == ["tsigSecret"]
    [warning] = plugin.warnings()
    assert warning.startswith(f"{DOMAIN} already has NS records at the server, which are left unchanged: {TARGETS[0]}")
