"""The plugin process of all resources: many calls at once, and what it takes from the private ground of the SDK."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.dynamic.servicer import LONGEST_WAIT_SECONDS, _QueueWatch
from pulumi_agin.emulator import Emulator
from tests.engine.project import until
from tests.keys import API_KEY
from tests.servicer.conftest import Plugins
from tests.servicer.plugin import Plugin, PluginError
from tests.unit.clock import Clock

# More than the SDK's own four threads.
AT_ONCE = 20

# The SDK, if it had other names for what this package looks for on the call stack.
OTHER_SDK = """
import pulumi_agin.dynamic.servicer

pulumi_agin.dynamic.servicer._callers = lambda: iter(())
"""


class SlowApi(ThreadingHTTPServer):
    """An API that answers none of so many requests before all of them have come."""

    daemon_threads = True
    request_queue_size = AT_ONCE

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.all_have_come = threading.Barrier(AT_ONCE)
        self.connections = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        with self.api.lock:
            self.api.connections += 1

    @property
    def api(self) -> SlowApi:
        assert isinstance(self.server, SlowApi)
        return self.server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.api.all_have_come.wait(30)
        except threading.BrokenBarrierError:
            self._answer(400, {"status_code": 400, "error_code": "ERR_NGROK_1", "msg": "the others did not come"})
            return
        id_ = f"agin_{asked['domain'].partition('.')[0]}"
        made = {"id": id_, "ns_targets": ["a.x"], "created_at": "2024-08-02T07:15:39Z", **asked}
        self._answer(201, made)

    def _answer(self, status: int, values: dict[str, Any]) -> None:
        body = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Logs nothing."""


@pytest.fixture
def slow_api() -> Iterator[SlowApi]:
    with SlowApi() as api:
        thread = threading.Thread(target=api.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()


def test_as_many_calls_as_the_engine_sends_are_under_way_at_once_each_on_a_kept_connection(
    slow_api: SlowApi, plugins: Plugins
) -> None:
    plugin = plugins(NGROK_API_BASE_URL=slow_api.url)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for round_ in "ab":
            inputs = [{"domain": f"{round_}{number}.acme.com"} for number in range(AT_ONCE)]
            created = list(threads.map(plugin.create, inputs))
            assert [id_ for id_, _ in created] == [f"agin_{round_}{number}" for number in range(AT_ONCE)]
    assert slow_api.connections <= AT_ONCE


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
    with Plugin({**os.environ, **settings}) as plugin:
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
