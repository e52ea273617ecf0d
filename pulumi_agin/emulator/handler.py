"""HTTP on one connection: the API with its faults, and the control plane under `/_emulator/`."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from . import control, rules
from .api_request import ApiRequest, ApiResponse
from .faults import Fault
from .host_check import HostCheck
from .state import State

CONTROL_PREFIX = "/_emulator/"
# Less than 100 MB.
_LENGTH = re.compile("[0-9]{1,8}")
_WAKE_SECONDS = 0.02


class HttpServer(ThreadingHTTPServer):
    """A port of this machine and its connections. `Emulator.start` makes it and `Emulator.stop` ends it."""

    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], state: State, host_check: HostCheck, controls: control.Control
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.state = state
        self.host_check = host_check
        self.controls = controls
        self.ending = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Handler)
        self._listener = threading.Thread(target=self.serve_forever, args=(_WAKE_SECONDS,), daemon=True)
        self._listener.start()

    def server_bind(self) -> None:
        """Binds the socket. HTTPServer's method also looks up the host name, which may take seconds."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts the thread of a connection, and records it for `end`, which ThreadingMixIn does not."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections = {other: its for other, its in self._connections.items() if other.is_alive()}
        self._connections[thread] = request
        thread.start()

    def end(self) -> None:
        """Ends all connections, even if a request hangs, and releases the port. It can't be used again."""
        self.shutdown()
        self._listener.join()
        for connection in self._connections.values():
            with suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
        self.ending.set()
        for thread in self._connections:
            thread.join()
        self.server_close()

    def carry_out(self, request: ApiRequest) -> ApiResponse:
        return rules.respond(self.state, request)


class Handler(BaseHTTPRequestHandler):
    """One connection, which carries one request after another."""

    server: HttpServer  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    # Otherwise the body is sent 40 ms later, after the client has acknowledged the headers.
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Prints nothing."""

    def respond(self) -> None:
        """Reads the body of a request, whose line and headers the base class has read, and sends a response."""
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not _LENGTH.fullmatch(length):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # The client has ended the connection.
            self.close_connection = True
            return
        target, _, query = self.path.partition("?")
        path = unquote(target)
        if rejection := self.server.host_check.rejection(self.headers):
            status, msg = rejection
            self._send(ApiResponse.of(status, {"status_code": status, "msg": msg, "details": {}}))
        elif path.startswith(CONTROL_PREFIX):
            self._send(control.respond(self.server.controls, self.command, path.removeprefix(CONTROL_PREFIX), body))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._respond_as_api(ApiRequest(self.command, path, query, headers, body, f"http://{headers['host']}"))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond  # noqa: N815

    def _respond_as_api(self, request: ApiRequest) -> None:
        """Logs a request, carries it out as far as its fault allows, and sends the response, if there is one."""
        with self.server.state.lock:
            seen = self._log(request)
            fault = self._take_fault(request)
        if fault is None:
            response: ApiResponse | None = self.server.carry_out(request)
        else:
            response = fault.respond(request, self.server.carry_out, self.server.ending)
        if response is None:
            self._reset()
        else:
            seen["status"] = response.status
            self._send(response)

    def _log(self, request: ApiRequest) -> dict[str, Any]:
        """Adds a request to the log, and returns the entry. `Control.requests` documents it."""
        seen = {
            "method": request.method,
            "path": request.path,
            "query": dict(parse_qsl(request.query, keep_blank_values=True)),
            "headers": {name: value for name, value in request.headers.items() if name != "authorization"},
            "body": request.content,
            "status": None,
            "account": self.server.state.accounts.get(request.api_key),
            "client_port": self.client_address[1],
            "time": time.monotonic(),
        }
        self.server.state.requests.append(seen)
        return seen

    def _take_fault(self, request: ApiRequest) -> Fault | None:
        """Returns the oldest fault that affects a request. It has one request less, and ends with the last one."""
        state = self.server.state
        for fault in state.faults:
            is_about_it = fault.domain is None or rules.is_about(state, request, fault.domain)
            if fault.method in (None, request.method) and is_about_it:
                if fault.times is not None:
                    fault.times -= 1
                if fault.times == 0:
                    state.faults.remove(fault)
                return fault
        return None

    def _send(self, response: ApiResponse) -> None:
        self.send_response_only(response.status)
        headers = {"date": self.date_time_string(self.server.state.now())}
        has_body = response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if has_body:
            headers["content-length"] = str(len(response.body))
        for name, value in {**headers, **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if response.is_cut:
            self.wfile.write(response.body[: len(response.body) // 2])
            self.close_connection = True
        elif has_body:
            self.wfile.write(response.body)

    def _reset(self) -> None:
        """Ends the connection by RST, as a crashed server or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The socket is closed with the last of the two.
        self.rfile.close()
        self.connection.close()
