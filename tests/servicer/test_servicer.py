"""The plugin process of all resources: many calls at once, and what it takes from the private ground of the SDK."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pulumi_agin.dynamic.servicer import LONGEST_WAIT_SECONDS, _QueueWatch
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.plugin import DynamicPlugin, PluginError, Plugins, both_front_ends
from tests.support.slow_api import slow_api
from tests.support.waiting import until

# More than the SDK's own four threads.
AT_ONCE = 20

# The SDK, if it had other names for what this package looks for on the call stack.
OTHER_SDK = """
import pulumi_agin.dynamic.servicer

pulumi_agin.dynamic.servicer._callers = lambda: iter(())
"""


@both_front_ends
def test_as_many_calls_as_the_engine_sends_are_under_way_at_once_each_on_a_kept_connection(plugins: Plugins) -> None:
    with slow_api(AT_ONCE) as api, ThreadPoolExecutor(AT_ONCE) as threads:
        plugin = plugins(NGROK_API_BASE_URL=api.url)
        for round_ in "ab":
            inputs = [{"domain": f"{round_}{number}.acme.com"} for number in range(AT_ONCE)]
            created = list(threads.map(plugin.create, inputs))
            assert [id_ for id_, _ in created] == [f"agin_{round_}{number}" for number in range(AT_ONCE)]
        assert api.connections <= AT_ONCE


def test_the_executor_gets_more_threads_only_when_calls_wait_in_a_process_that_is_not_busy() -> None:
    clock = Clock()
    with ThreadPoolExecutor(4) as executor:
        _QueueWatch(executor, clock)
        for _ in range(100):
            executor.submit(int).result()
            clock.sleep(LONGEST_WAIT_SECONDS)
        all_begun = threading.Barrier(AT_ONCE)
        calls = [executor.submit(all_begun.wait, 30) for _ in range(AT_ONCE)]
        # The four threads have something to do, whatever they do it for.
        until("the four wait", lambda: all_begun.n_waiting == 4)
        # The first look may find the probe that was submitted before the calls.
        for _ in range(3):
            clock.used += LONGEST_WAIT_SECONDS
            clock.sleep(LONGEST_WAIT_SECONDS)
        assert all_begun.n_waiting == 4, "a busy process got more threads"
        clock.sleep(LONGEST_WAIT_SECONDS)
        assert sorted(call.result() for call in calls) == list(range(AT_ONCE))


def test_with_a_servicer_that_is_built_in_another_way_everything_works_less_well(
    emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OTHER_SDK)
    settings = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY, "PYTHONPATH": str(tmp_path)}
    with DynamicPlugin({**os.environ, **settings}) as plugin:
        inputs, failures = plugin.check({"domain": "Connect.ACME.com."})
        assert (inputs, failures) == ({"domain": "connect.acme.com"}, [])
        id_, outputs = plugin.create(inputs)
        assert plugin.read(id_, outputs, inputs)[:2] == (id_, outputs)
        assert plugin.read(id_, None, {})[:2] == (id_, outputs)
        news = {**inputs, "description": "new"}
        assert plugin.diff(outputs, news) == (True, [])
        outputs = plugin.update(id_, outputs, news)
        assert outputs["description"] == "new"
        with pytest.raises(PluginError) as caught:
            plugin.create(inputs)
        # The sentence is there, and the SDK's traceback too.
        assert not caught.value.clean
        assert f"The one that has it is {id_}" in caught.value.message
        plugin.delete(id_, outputs)
        assert plugin.read(id_, outputs, news)[0] == ""
        assert emulator.ingresses() == []
