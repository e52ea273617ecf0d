"""Rfc2136Delegation in the process of each front end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pulumi.runtime import rpc

from pulumi_agin.rfc2136.records import UNSETTLED
from tests.support.bind import Bind
from tests.support.flaky_proxy import Lossy, between
from tests.support.plugin import CallError, NativePlugin, Plugin
from tests.support.records import DOMAIN, KEY, OTHERS, TARGETS, delegate, inputs, records


@pytest.fixture(params=[Plugin, NativePlugin])
def plugin(request: pytest.FixtureRequest) -> Iterator[Plugin]:
    plugin: Plugin = request.param(dict(os.environ), {"agin:apiKey": "unused"}, "Rfc2136Delegation")
    yield plugin
    assert not any(KEY.secret in line.message for line in plugin.engine.lines)
    plugin.end()


def test_values_of_unknown_outcome_are_in_the_state(plugin: Plugin, bind: Bind) -> None:
    with between(bind, Lossy(loses_reads=True)) as port:
        checked, failures = plugin.check(inputs(port))
        assert failures == []
        # In a process, the clock is the system's.
        id_, outputs = plugin.create(checked, timeout=3)
    assert (id_, outputs) == (DOMAIN, {**inputs(port), UNSETTLED: TARGETS})
    [warning] = plugin.warnings()
    assert warning.startswith(f"it is unknown whether the server has the new NS records of {DOMAIN}: could not create")
    state, given = {**outputs, "port": bind.port}, inputs(bind.port)
    difference = plugin.diff(state, given, DOMAIN)
    assert difference.changes == difference.DIFF_SOME
    assert plugin.read(DOMAIN, state, given)[:2] == (DOMAIN, given)
    assert plugin.update(DOMAIN, state, given) == given
    plugin.delete(DOMAIN, state)
    assert records(bind) == ([], 0)


def test_failure_is_a_sentence(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, OTHERS)
    with pytest.raises(CallError, match=f"^{DOMAIN} already has NS records at the server, .*Otherwise, import them$"):
        plugin.create(inputs(bind.port))


@pytest.mark.parametrize("plugin", [NativePlugin], indirect=True)
def test_preview_of_the_plugin_warns(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, OTHERS)
    plugin.create(inputs(bind.port), preview=True)
    [warning] = plugin.warnings()
    assert warning.startswith(
        f"{DOMAIN} already has NS records at the server, which are left unchanged: ns1.other.net."
    )


@pytest.mark.parametrize("plugin", [NativePlugin], indirect=True)
def test_plugin_marks_the_secret_of_the_key(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, OTHERS)
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
