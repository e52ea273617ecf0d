"""Connections of the API client: TLS, proxies and timeouts, as requests' own environment variables set them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from pulumi_agin.api.http import HttpClient
from pulumi_agin.api.redaction import Secret
from pulumi_agin.api.request import NoResponse, Request, Response
from pulumi_agin.emulator import Emulator
from tests.support.background import in_background
from tests.support.keys import API_KEY
from tests.support.ports import free_port

# A name that leads to this machine, but is not a loopback host.
HOST = "api.acme.com"
LIST = Request("GET", "list the Agent Ingresses")


class Handler(BaseHTTPRequestHandler):
    """Responds with the path of the request, which is a URL at a proxy, or with one of its headers."""

    header = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write((self.headers[self.header] if self.header else self.path).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """A server of this machine, also by the name HOST."""
    original = socket.getaddrinfo

    def resolve(host: str, *arguments: object, **named: object) -> object:
        return original("127.0.0.1" if host == HOST else host, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with in_background(listening):
        yield listening


def send(url: str, seconds: float = 20) -> bytes:
    response = HttpClient(Secret(API_KEY), url).send(LIST, seconds)
    assert isinstance(response, Response)
    return response.content


def failure(url: str, seconds: float = 20) -> NoResponse:
    failed = HttpClient(Secret(API_KEY), url).send(LIST, seconds)
    assert isinstance(failed, NoResponse)
    return failed


def test_tls_is_verified_with_the_ca_bundle_of_requests(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://{HOST}:{server.server_address[1]}"
    error = failure(url)
    assert "certificate verify failed" in error.reason
    assert "REQUESTS_CA_BUNDLE" in error.reason
    # The key was not sent, and another attempt would fail, too.
    assert (error.was_sent, error.is_transient) == (False, False)

    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert send(url) == b"/agent_ingresses"


def test_proxy_is_for_other_machines(server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    port = server.server_address[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    assert send(f"http://{HOST}:1") == f"http://{HOST}:1/agent_ingresses".encode()
    assert send(f"http://127.0.0.1:{port}") == b"/agent_ingresses"

    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    error = failure(f"http://{HOST}:1")
    assert "Connection refused" in error.reason
    assert (error.was_sent, error.is_transient) == (False, True)
    monkeypatch.setenv("HTTP_PROXY", "http://[")
    assert not failure(f"http://{HOST}:1").is_transient


class Proxy(Handler):
    """Ends each connection after a request, and rejects tunnels."""

    def do_GET(self) -> None:
        pass

    def do_CONNECT(self) -> None:
        self.send_error(403)


def test_response_that_a_proxy_loses_may_have_been_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    with in_background(proxy):
        for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.server_address[1]}")
        lost, rejected = failure(f"http://{HOST}"), failure(f"https://{HOST}")
    assert (lost.was_sent, lost.is_transient) == (True, True)
    assert (rejected.was_sent, rejected.is_transient) == (False, True)
    assert "403" in rejected.reason


def test_key_is_sent_in_place_of_what_netrc_has(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text(f"machine {HOST} login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(Handler, "header", "Authorization")
    assert send(f"http://{HOST}:{server.server_address[1]}") == f"Bearer {API_KEY}".encode()


def test_response_that_does_not_come_times_out(emulator: Emulator) -> None:
    emulator.add_fault("GET", "delay", seconds=3600)
    error = failure(emulator.url, 0.3)
    assert error.reason == "timed out"
    # A write could have arrived.
    assert (error.was_sent, error.is_transient) == (True, True)
