"""The emulator's HTTP: what a client other than ours may send, and what it may be sent."""

from __future__ import annotations

import http.client
import socket

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY

HEADERS = f"Host: localhost\r\nAuthorization: Bearer {API_KEY}\r\nNgrok-Version: 2\r\n"


def connect(emulator: Emulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=20)


def everything(connection: socket.socket) -> bytes:
    """All that the emulator sends until it ends the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_requests_that_are_sent_together_are_answered_in_turn(emulator: Emulator) -> None:
    with connect(emulator) as connection:
        connection.sendall(
            f"GET /agent_ingresses HTTP/1.1\r\n{HEADERS}\r\n"
            f"GET /nowhere HTTP/1.1\r\n{HEADERS}\r\n"
            f"GET /agent_ingresses HTTP/1.1\r\n{HEADERS}Connection: close\r\n\r\n".encode()
        )
        answers = everything(connection)
    assert [int(each[:3]) for each in answers.split(b"HTTP/1.1 ")[1:]] == [200, 404, 200]
    assert emulator.connections() == 1


def test_a_client_that_has_no_more_to_say_is_answered(emulator: Emulator) -> None:
    with connect(emulator) as connection:
        connection.sendall(f"GET /agent_ingresses HTTP/1.1\r\n{HEADERS}\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_announced_is_asked_for(emulator: Emulator) -> None:
    body = b'{"domain": "connect.acme.com"}'
    with connect(emulator) as connection:
        connection.sendall(
            f"POST /agent_ingresses HTTP/1.1\r\n{HEADERS}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n".encode()
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert everything(connection).startswith(b"HTTP/1.1 201 ")


def test_the_answer_to_head_has_no_body(emulator: Emulator) -> None:
    with connect(emulator) as connection:
        connection.sendall(f"HEAD /agent_ingresses HTTP/1.1\r\n{HEADERS}Connection: close\r\n\r\n".encode())
        head, _, body = everything(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert body == b""


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_what_is_not_http_is_refused(emulator: Emulator, sent: bytes) -> None:
    with connect(emulator) as connection:
        connection.sendall(sent)
        assert everything(connection).startswith(b"HTTP/1.1 400 ")
    assert emulator.requests() == []


@pytest.mark.parametrize("length", ["1", "100"])
def test_a_made_up_answer_may_contradict_its_length(emulator: Emulator, length: str) -> None:
    emulator.add_fault("GET", "answer", status=200, headers={"content-length": length}, body="ten bytes.")
    with connect(emulator) as connection:
        connection.sendall(f"GET /agent_ingresses HTTP/1.1\r\n{HEADERS}\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.headers["content-length"] == length
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_an_answer_can_be_read_to_its_end_though_not_all_of_the_request_was(emulator: Emulator) -> None:
    body = bytes(150_000)
    with connect(emulator) as connection:
        # All of it is on its way before the answer, so that the connection's end finds some of it unread.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * len(body))
        connection.sendall(
            b"POST /agent_ingresses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n" + body
        )
        assert everything(connection).startswith(b"HTTP/1.1 413 ")
