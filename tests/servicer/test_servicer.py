"""The plugin process of all resources: concurrent calls, bugs, and an SDK with other internals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.dynamic import sdk
from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.keys import API_KEY
from tests.support.plugin import DynamicPlugin, NativePlugin, PluginError, Plugins, both_front_ends, failure
from tests.support.waiting import until

# Python runs a sitecustomize.py before the plugin: one with a bug of this package,
BUG = f"""
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle

def create(self, call, wanted):
    raise AttributeError("of the key {API_KEY}")

AgentIngressLifecycle.create = create
"""
# and one as with an SDK that has other names for what this package finds on the call stack.
OTHER_SDK = """
import pulumi_agin.dynamic.sdk

pulumi_agin.dynamic.sdk._callers = lambda: iter(())
"""
# The last one shows changes of the garbage collection.
GARBAGE_COLLECTION = """
import gc

gc.freeze = lambda: print("freeze", flush=True)
gc.disable = gc.set_threshold = lambda *_: print("another change", flush=True)
"""


def test_variables_of_other_code_are_not_the_request() -> None:
    request: object = "of other code"
    context = Mock(spec=grpc.ServicerContext)
    assert sdk.find_request_and_context(provider_pb2.CreateRequest) == (provider_pb2.CreateRequest(), None)
    request = provider_pb2.CreateRequest(urn="ours")
    assert sdk.find_request_and_context(provider_pb2.CreateRequest) == (request, context)


# The servicer of Pulumi's SDK has four threads.
@pytest.mark.parametrize(("front_end", "count"), [(DynamicPlugin, 4), (NativePlugin, 20)], indirect=["front_end"])
def test_calls_run_concurrently(count: int, new_plugin: Plugins, emulator: Emulator) -> None:
    plugin = new_plugin()
    emulator.add_fault("POST", "hang", times=None)
    with ThreadPoolExecutor(count) as threads:
        calls = [threads.submit(plugin.create, {"domain": f"d{number}.acme.com"}) for number in range(count)]
        until("all calls have sent their request", lambda: len(emulator.requests()) == count)
        emulator.clear_faults()
        ngrok.reset_connections(emulator)
        assert {call.result()[0] for call in calls} == {ingress["id"] for ingress in emulator.ingresses()}


def test_process_of_other_providers_keeps_its_garbage_collection(new_plugin: Plugins, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(GARBAGE_COLLECTION)
    plugin = new_plugin(PYTHONPATH=str(tmp_path))
    assert plugin.check({"domain": "connect.acme.com"})[1] == []
    plugin.end()
    assert plugin.process.stdout
    # Only at the exit.
    assert plugin.process.stdout.read() == "freeze\n"


@both_front_ends
def test_bug_is_one_sentence_with_its_place(new_plugin: Plugins, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BUG)
    plugin = new_plugin(PYTHONPATH=str(tmp_path))
    error = failure(lambda: plugin.create({"domain": "connect.acme.com"}))
    assert error.message == (
        f"pulumi-agin has a bug: AttributeError at create, line 5 of {tmp_path / 'sitecustomize.py'}. Please report it"
    )
    # The message of the bug may contain a secret, so it is not in the SDK's traceback either.
    assert "AttributeError: " not in error.text


def test_everything_works_with_an_sdk_with_other_internals(
    new_plugin: Plugins, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OTHER_SDK)
    plugin = new_plugin(PYTHONPATH=str(tmp_path))
    inputs = {"domain": "connect.acme.com"}
    assert plugin.check({"domain": "Connect.ACME.com."}) == (inputs, [])
    id_, outputs = plugin.create(inputs)
    assert plugin.read(id_, outputs, inputs)[:2] == plugin.read(id_, None, {})[:2] == (id_, outputs)
    assert plugin.diff(outputs, {**inputs, "description": "new"}) == (True, [])
    assert plugin.update(id_, outputs, {**inputs, "description": "new"})["description"] == "new"
    with pytest.raises(PluginError, match=f"The domain belongs to {id_}") as caught:
        plugin.create(inputs)
    # The message is in the SDK's traceback.
    assert not caught.value.clean
    plugin.delete(id_, outputs)
    assert emulator.ingresses() == []
    assert plugin.read(id_, outputs, inputs)[0] == ""
