"""The emulator's HTTP with clients other than ours."""

from __future__ import annotations

import socket

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY

HEADERS = f"Host: localhost\r\nAuthorization: Bearer {API_KEY}\r\nNgrok-Version: 2\r\n"
LIST = "/agent_ingresses"


def exchange(emulator: Emulator, *requests: str) -> str:
    """Sends requests unchanged, each one after a response to the previous one begins."""
    received = b""
    with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=20) as connection:
        for request in requests:
            connection.sendall(request.encode("latin-1"))
            received += connection.recv(65536)
        return (received + b"".join(iter(lambda: connection.recv(65536), b""))).decode()


def test_connection_carries_many_requests(emulator: Emulator) -> None:
    head = f"HTTP/1.1\r\n{HEADERS}"
    received = exchange(
        emulator, f"GET {LIST} {head}\r\nGET /nowhere {head}\r\nHEAD {LIST} {head}Connection: close\r\n\r\n"
    )
    first, second, third = received.split("HTTP/1.1 ")[1:]
    assert [int(response[:3]) for response in (first, second, third)] == [200, 404, 405]
    # The response to HEAD has no body.
    assert third.endswith("\r\n\r\n")
    assert emulator.connections() == 1


@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: x"])
def test_body_without_a_length_gets_411(emulator: Emulator, length: str) -> None:
    assert exchange(emulator, f"POST {LIST} HTTP/1.1\r\n{HEADERS}{length}\r\n\r\n").startswith("HTTP/1.1 411 ")
    assert emulator.requests() == []


@pytest.mark.parametrize("length", ["9" * 9, "9" * 5000])
def test_huge_body_gets_413_and_is_not_read(emulator: Emulator, length: str) -> None:
    request = f"POST {LIST} HTTP/1.1\r\n{HEADERS}Content-Length: {length}\r\n\r\n"
    assert exchange(emulator, request).startswith("HTTP/1.1 413 ")
    assert emulator.requests() == []
