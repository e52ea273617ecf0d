"""The emulator's HTTP, as clients other than ours use it."""

from __future__ import annotations

import socket

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.emulator import Api
from tests.support.keys import API_KEY

HEADERS = f"Host: localhost\r\nAuthorization: Bearer {API_KEY}\r\nNgrok-Version: 2\r\n"
LIST = "/agent_ingresses"
MAX_BODY_BYTES = 1024 * 1024


def exchange(emulator: Emulator, *requests: str) -> str:
    """Sends requests as they are, each one when something was received after the one before it."""
    received = b""
    with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=20) as connection:
        for request in requests:
            connection.sendall(request.encode("latin-1"))
            received += connection.recv(65536)
        return (received + b"".join(iter(lambda: connection.recv(65536), b""))).decode()


def test_pipelined_requests_are_answered_in_order(emulator: Emulator) -> None:
    head = f"HTTP/1.1\r\n{HEADERS}"
    received = exchange(
        emulator, f"GET {LIST} {head}\r\nGET /nowhere {head}\r\nHEAD {LIST} {head}Connection: close\r\n\r\n"
    )
    first, second, third = received.split("HTTP/1.1 ")[1:]
    assert [int(response[:3]) for response in (first, second, third)] == [200, 404, 405]
    # The response to HEAD has no body.
    assert third.endswith("\r\n\r\n")
    assert emulator.connections() == 1


def test_expect_100_continue(emulator: Emulator) -> None:
    body = '{"domain": "connect.acme.com"}'
    head = f"POST {LIST} HTTP/1.1\r\n{HEADERS}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    received = exchange(emulator, f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n", body)
    assert received.startswith("HTTP/1.1 100 ")
    assert "HTTP/1.1 201 " in received


@pytest.mark.parametrize("sent", ["\x16\x03\x01\x02\x00\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_malformed_request_gets_400(emulator: Emulator, sent: str) -> None:
    assert exchange(emulator, sent).startswith("HTTP/1.1 400 ")
    assert emulator.requests() == []


@pytest.mark.parametrize(("path", "is_chunked"), [(LIST, False), ("/_emulator/reset", True)])
def test_body_above_1_mib_gets_413(emulator: Emulator, path: str, is_chunked: bool) -> None:
    emulator.configure(upper_case=True)
    body = b" " * (4 * MAX_BODY_BYTES)
    response = requests.post(emulator.url + path, data=iter([body]) if is_chunked else body, timeout=20)
    assert response.status_code == 413
    assert f"The emulator reads bodies of up to {MAX_BODY_BYTES} bytes; this one is longer." in response.text
    assert (emulator.settings()["upper_case"], emulator.requests()) == (True, [])


def test_log_keeps_64_kib_of_a_body(emulator: Emulator) -> None:
    body = '{"domain": "connect.acme.com"}'.ljust(MAX_BODY_BYTES)
    response = Api(emulator)("POST", LIST, data=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 201
    assert emulator.requests()[0]["body"] == body[: 64 * 1024] + "…"
