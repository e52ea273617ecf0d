"""HTTP server: rejects requests of web pages, logs each other request, and responds as its fault allows."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import suppress
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .faults import Fault
from .rules import Request, Response, respond
from .state import State

_POLL_SECONDS = 0.02
"""The longest time that `end` waits for the listener."""


class HttpServer(ThreadingHTTPServer):
    """The server on a port of this machine. `Emulator.start` creates the server, and `Emulator.stop` ends it."""

    request_queue_size = 128

    def __init__(self, address: tuple[str, int], state: State) -> None:
        self.state = state
        self.ending = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Handler)
        self._listener = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._listener.start()

    def server_bind(self) -> None:
        """Binds the socket. HTTPServer's method also looks up the host name, which may take seconds."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts the thread of a connection, and records both for `end`. ThreadingMixIn records neither."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections = {other: its for other, its in self._connections.items() if other.is_alive()}
        self._connections[thread] = request
        thread.start()

    def end(self) -> None:
        """Ends all connections, even if a request hangs, and releases the port. This object can't be used again."""
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
    # Otherwise, the body is sent 40 ms later, after the client has acknowledged the headers.
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of the base class
        """Prints nothing."""

    def serve(self) -> None:
        """Reads the body of a request, and sends a response. The base class has read the request line and the headers.

        An exception, such as an OSError of the file of ingresses, ends the connection without a response.
        """
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if rejection := _rejection(self.headers):
            self._send(rejection)
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        self._carry_out(Request(self.command, unquote(path), parameters, headers, body))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815

    def _carry_out(self, request: Request) -> None:
        """Logs a request, and handles it according to its fault."""
        with self.server.state.lock:
            entry = self._log(request)
            fault = self._take_fault(request)
        if fault.kind in ("respond", "reset_before"):
            response = _response_of(fault)
        else:
            response = respond(self.server.state, request)
        if fault.kind in ("reset_before", "reset_after"):
            self._reset()
            return
        if fault.kind == "respond_after":
            response = _response_of(fault)
        self.server.ending.wait(fault.seconds)
        entry["status"] = response.status
        self._send(response, is_cut=fault.kind == "cut_short")

    def _log(self, request: Request) -> dict[str, Any]:
        """Adds a request to the log, and returns the entry. `Emulator.requests` documents it."""
        entry = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": request.content,
            "status": None,
            "account": self.server.state.accounts.get(request.api_key),
            "time": time.monotonic(),
        }
        self.server.state.requests.append(entry)
        return entry

    def _take_fault(self, request: Request) -> Fault:
        """Returns the oldest fault that affects a request, and reduces `times` of the fault by 1.

        If no fault affects the request, returns a delay of 0 seconds.
        """
        faults = self.server.state.faults
        domains = _text_with_domains(self.server.state, request)
        for fault in faults:
            is_about_it = fault.domain is None or f'"{fault.domain}"' in domains
            if fault.method in (None, request.method) and is_about_it:
                if fault.times is not None:
                    fault.times -= 1
                if fault.times == 0:
                    faults.remove(fault)
                return fault
        return Fault(None, "delay")

    def _send(self, response: Response, *, is_cut: bool = False) -> None:
        """Sends a response. If `is_cut`, sends only half of the body, and then ends the connection."""
        self.send_response_only(response.status)
        headers = {"date": self.date_time_string(self.server.state.now()), **response.headers}
        if response.status != HTTPStatus.NO_CONTENT:
            headers["content-length"] = str(len(response.body))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = self.close_connection or is_cut
        self.wfile.write(response.body[: len(response.body) // 2] if is_cut else response.body)

    def _reset(self) -> None:
        """Ends the connection by RST, as a crashed server or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The socket closes only after both of these calls.
        self.rfile.close()
        self.connection.close()


def _rejection(headers: Message) -> Response | None:
    """Returns the response to a request of a web page in a developer's browser; None for other requests.

    A page can send requests to this machine, and the browser then sends `Origin`. The host name of a page can point to
    this machine (DNS rebinding), and the browser then sends that name as `Host`. No page can change these headers.
    """
    if not _is_loopback(headers.get("host", "")):
        status, msg = 421, "The emulator accepts only requests whose Host is localhost or a loopback address."
    elif "origin" in headers:
        status, msg = 403, "The emulator does not respond to web pages. Use, for example, curl."
    else:
        return None
    return Response(status, json.dumps({"status_code": status, "msg": msg, "details": {}}).encode())


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _text_with_domains(state: State, request: Request) -> str:
    """Returns a string that contains the domains that a request is about, each in quotation marks."""
    ingress = state.ingresses.get(request.path.rpartition("/")[2])
    if ingress is not None:
        return f'"{ingress.domain}"'
    return request.query.get("filter", "") + request.body.decode("utf-8", "replace")


def _response_of(fault: Fault) -> Response:
    """Returns the response that a test has set in a fault."""
    body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
    return Response(fault.status, body.encode(), fault.headers)
