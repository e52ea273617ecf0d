"""An API that holds its answers back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SlowApi(ThreadingHTTPServer):
    """An API that answers a create when so many have come to `all_have_come`: creates, and tests that wait for them."""

    daemon_threads = True

    def __init__(self, many: int) -> None:
        # Their connections may come at once.
        self.request_queue_size = many
        super().__init__(("127.0.0.1", 0), _Handler)
        self.all_have_come = threading.Barrier(many)
        self.connections = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def slow_api(many: int) -> Iterator[SlowApi]:
    """Runs one."""
    with SlowApi(many) as api:
        thread = threading.Thread(target=api.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            # What still waits is refused.
            api.all_have_come.abort()
            api.shutdown()
            thread.join()


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
