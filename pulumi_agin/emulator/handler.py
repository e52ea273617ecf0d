"""HTTP on one connection: the API with its faults, and the control plane under `/_emulator/`."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from . import api
from .access import Access
from .api import ApiRequest, ApiResponse
from .control import ACTIONS, READS, Control
from .error_codes import NO_CHANGE
from .faults import Fault
from .request_log import RequestSeen, parse_body, without_key
from .state import State
from .store import StoreError

CONTROL_PREFIX = "/_emulator/"
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_WAKE_SECONDS = 0.02
# A body is smaller than 100 MB.
_MOST_LENGTH_DIGITS = 8


class HttpServer(ThreadingHTTPServer):
    """A port of this machine, which the constructor binds, and the connections that `listen` accepts."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], state: State, control: Control, access: Access) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.state = state
        self.control = control
        self.access = access
        self.ending = threading.Event()
        self._listener: threading.Thread | None = None
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Binds the socket. HTTPServer's method also looks up the host name, which may take seconds."""
        TCPServer.server_bind(self)

    def server_activate(self) -> None:
        """Does nothing: `listen` does it."""

    def listen(self) -> None:
        """Accepts connections, in a thread of its own, until `end`. Does nothing if it listens already."""
        if self._listener is None:
            self.socket.listen(self.request_queue_size)
            self._listener = threading.Thread(
                target=self.serve_forever, args=(_WAKE_SECONDS,), name="emulator", daemon=True
            )
            self._listener.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts the thread of a connection, and records it for `end`, which ThreadingMixIn does not."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections = {other: its for other, its in self._connections.items() if other.is_alive()}
        self._connections[thread] = request
        thread.start()

    def end(self) -> None:
        """Ends all connections, even if a request hangs, and releases the port. It can't be used again."""
        if self._listener is not None:
            self.shutdown()
            self._listener.join()
        for connection in self._connections.values():
            with suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
        self.ending.set()
        for thread in self._connections:
            thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection, which carries one request after another."""

    server: HttpServer  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    # Otherwise the body is sent 40 ms later, after the client has acknowledged the headers.
    disable_nagle_algorithm = True
    number = 0
    """The number of the connection, from 1; 0 until it carries a request to the API."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Prints nothing."""

    def respond(self) -> None:
        """Reads the body of a request, whose line and headers the base class has read, and sends a response."""
        body = self._read_body()
        if body is None:
            return
        target, _, query = self.path.partition("?")
        path = unquote(target)
        rejection = self.server.access.rejection(self.headers)
        if path.startswith(CONTROL_PREFIX):
            self._send(_error(*rejection) if rejection else self._control(path.removeprefix(CONTROL_PREFIX), body))
        elif rejection:
            status, message = rejection
            self._send(ApiResponse.of(status, {"status_code": status, "msg": message, "details": {}}))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._respond_as_api(ApiRequest(self.command, path, query, headers, body, f"http://{headers['host']}"))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = respond  # noqa: N815

    def _read_body(self) -> bytes | None:
        """Returns the body. Without a usable length, it sends an error response and returns None.

        It returns None, too, if the client ends the connection before the end of the body.
        """
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return None
        if len(length) > _MOST_LENGTH_DIGITS:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    # The API

    def _respond_as_api(self, request: ApiRequest) -> None:
        """Logs a request, carries it out as far as its fault allows, and sends the response, if there is one."""
        state = self.server.state
        with state.lock:
            seen = self._log(request)
            fault = self._take_fault(request)
        response = self._carry_out(request, fault)
        if response is None:
            self._reset()
            return
        with state.lock:
            seen["status"] = response.status
        date = self.date_time_string(state.clock().timestamp())
        self._send(response, {"date": date}, is_cut=fault is not None and fault.kind == "cut_short")

    def _take_fault(self, request: ApiRequest) -> Fault | None:
        """Returns the fault of a request, which then has one request less. The caller holds the lock of the state."""
        state = self.server.state
        is_about = partial(api.is_about, state, request)
        fault = next((each for each in state.faults if each.applies_to(request.method, is_about)), None)
        if fault is not None:
            fault.count_request()
        return fault

    def _log(self, request: ApiRequest) -> RequestSeen:
        """Adds a request to the log, and returns the entry. The caller holds the lock of the state.

        The first request of a connection gives it its number.
        """
        state = self.server.state
        if self.number == 0:
            state.connections += 1
            self.number = state.connections
        seen = RequestSeen(
            method=request.method,
            path=request.path,
            query=dict(parse_qsl(request.query, keep_blank_values=True)),
            headers=without_key(request.headers),
            body=parse_body(request.body),
            status=None,
            account=state.accounts.get(request.api_key() or ""),
            connection=self.number,
            time=time.monotonic(),
        )
        state.requests.append(seen)
        return seen

    def execute(self, request: ApiRequest) -> ApiResponse:
        """Returns the API's response. This package's own tests override it, to change the form of responses."""
        return api.respond(self.server.state, request)

    def _carry_out(self, request: ApiRequest, fault: Fault | None) -> ApiResponse | None:
        """Returns the response, or None if the connection is to be reset without one."""
        if fault is None:
            return self.execute(request)
        if fault.kind == "delay":
            return self._execute_with_delay(request, fault)
        response = self.execute(request) if fault.is_carried_out else None
        if fault.kind in ("respond", "respond_after"):
            return _fault_response(fault, request.api_key() or "")
        if fault.kind == "hang":
            while self.connection.recv(65536):
                pass  # until the client or `HttpServer.end` ends the connection
        # A response without a body can't be cut short. The connection is reset before it instead.
        return response if fault.kind == "cut_short" and response is not None and response.body else None

    def _execute_with_delay(self, request: ApiRequest, fault: Fault) -> ApiResponse | None:
        """Waits before or after the request is carried out. If the server ends before that, it is not."""
        if fault.after:
            response = self.execute(request)
            self.server.ending.wait(fault.seconds)
            return response
        is_ending = self.server.ending.wait(fault.seconds)
        return None if is_ending else self.execute(request)

    def _send(self, response: ApiResponse, headers: Mapping[str, str] | None = None, *, is_cut: bool = False) -> None:
        """Sends a response, or its headers and one half of its body."""
        self.send_response_only(response.status)
        all_headers = {**(headers or {}), **{name.lower(): value for name, value in response.headers.items()}}
        if response.status not in _WITHOUT_BODY:
            all_headers.setdefault("content-length", str(len(response.body)))
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        if is_cut:
            self.wfile.write(response.body[: len(response.body) // 2])
            self.close_connection = True
        elif response.status not in _WITHOUT_BODY and self.command != "HEAD":
            self.wfile.write(response.body)

    def _reset(self) -> None:
        """Ends the connection by RST, as a crashed server or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The socket is closed with the last of the two.
        self.rfile.close()
        self.connection.close()

    # The control plane

    def _control(self, name: str, body: bytes) -> ApiResponse:
        """Calls a method of the control plane, with a JSON object of arguments."""
        if name not in (*READS, *ACTIONS):
            return _error(404, f"The control plane supports GET {', '.join(READS)}; POST {', '.join(ACTIONS)}.")
        method = "GET" if name in READS else "POST"
        if self.command != method:
            return _error(405, f"{name} needs the method {method}.")
        # A web page can send other content types without a preflight request.
        if name in ACTIONS and not api.is_json(self.headers.get("content-type", "")):
            return _error(415, f"{name} needs the header `content-type: application/json`, even without arguments.")
        try:
            return ApiResponse.of(200, getattr(self.server.control, name)(**json.loads(body or b"{}")))
        except StoreError as error:
            return _error(500, f"{error} {NO_CHANGE}")
        except LookupError as error:
            return _error(404, str(error.args[0]))
        # A RecursionError: the arguments are nested too deeply.
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            return _error(400, str(error))


def _error(status: int, message: str) -> ApiResponse:
    return ApiResponse.of(status, {"error": message})


def _fault_response(fault: Fault, api_key: str) -> ApiResponse:
    """Returns the response that a test has given to a fault, with the key of the request in it."""
    headers = {name.lower(): value.replace("{api_key}", api_key) for name, value in fault.headers.items()}
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    return ApiResponse(fault.status, fault.body.replace("{api_key}", api_key).encode(errors="replace"), headers)
