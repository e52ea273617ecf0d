"""The emulator on a developer's machine: web pages get nothing done, and nobody fills its memory."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any, NamedTuple

import pytest
import requests

from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.limits import Bounds

KEY = "2aBcD_secretsecretsecret"
AUTHORIZED = {"Authorization": f"Bearer {KEY}", "Ngrok-Version": "2"}
EVIL = "https://evil.example"
JSON = "application/json"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(KEY) as started:
        yield started


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def sentence(self) -> str:
        """Of a refusal, by the API or the control plane."""
        content = json.loads(self.body)
        return str(content.get("error") or content["msg"])


def connect(emulator: Emulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=20)


def read(connection: socket.socket) -> Answer:
    response = http.client.HTTPResponse(connection)
    response.begin()
    with closing(response):
        return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, response.read())


def exchange(
    emulator: Emulator, line: str, headers: dict[str, str], body: str = "", *, host: str | None = None
) -> Answer:
    """Sends exactly these headers, besides `Host` (the emulator's own, where none is given) and the length."""
    headers = {"Host": host or emulator.url.removeprefix("http://"), **headers}
    if body:
        headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    with connect(emulator) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\n{head}\r\n{body}".encode())
        return read(connection)


def everything(emulator: Emulator) -> Any:
    """All that a request could change."""
    return (
        emulator.ingresses(),
        emulator.settings(),
        emulator.faults(),
        emulator.requests(),
        emulator.connections(),
        [emulator._state.accounts, dict(emulator._state.recent)],
    )


# Web pages


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        # What a page's fetch or form sends without asking first.
        ("POST /_emulator/reset", {"Origin": EVIL, "Content-Type": "text/plain;charset=UTF-8"}, "{}"),
        ("POST /_emulator/reset", {"Origin": EVIL}, ""),
        ("POST /_emulator/add_key", {"Origin": EVIL, "Content-Type": "text/plain"}, '{"api_key": "mine"}'),
        ("POST /_emulator/configure", {"Origin": "null", "Content-Type": "text/plain"}, '{"limit": 1}'),
        ("POST /agent_ingresses", {"Origin": EVIL, "Content-Type": "text/plain"}, "{}"),
        # What it would send if it were allowed to.
        ("POST /_emulator/reset", {"Origin": EVIL, "Content-Type": JSON}, "{}"),
        ("GET /_emulator/requests", {"Origin": EVIL}, ""),
        ("POST /agent_ingresses", {"Origin": EVIL, "Content-Type": JSON, **AUTHORIZED}, '{"domain": "b.acme.com"}'),
        ("GET /agent_ingresses", {"Origin": "null", **AUTHORIZED}, ""),
        # An image, and a link.
        ("GET /_emulator/requests", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, ""),
        ("GET /agent_ingresses", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, ""),
        # Pages that other servers of this machine show, and one that says two things.
        ("GET /agent_ingresses", {"Origin": "http://127.0.0.1:1", **AUTHORIZED}, ""),
        ("GET /agent_ingresses", {"Origin": "http://127.0.0.1", **AUTHORIZED}, ""),
        ("GET /agent_ingresses", {"Origin": "", **AUTHORIZED}, ""),
    ],
)
def test_a_page_of_another_site_gets_nothing_done(
    emulator: Emulator, line: str, headers: dict[str, str], body: str
) -> None:
    requests.post(
        f"{emulator.url}/agent_ingresses", json={"domain": "connect.acme.com"}, headers=AUTHORIZED, timeout=20
    ).raise_for_status()
    emulator.add_fault(None, "answer", status=418)
    before = everything(emulator)
    answer = exchange(emulator, line, headers, body)
    assert answer.status == 403
    assert "web pages of other sites" in answer.sentence
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert everything(emulator) == before


@pytest.mark.parametrize("path", ["/_emulator/reset", "/agent_ingresses"])
def test_a_page_that_asks_first_gets_no_permission(emulator: Emulator, path: str) -> None:
    headers = {
        "Origin": EVIL,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = exchange(emulator, f"OPTIONS {path}", headers)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("headers", [{"Origin": "{url}"}, {"Origin": "{url}", "Sec-Fetch-Site": "same-origin"}])
def test_its_own_pages_are_answered(emulator: Emulator, headers: dict[str, str]) -> None:
    headers = {name: text.format(url=emulator.url.upper()) for name, text in headers.items()}
    assert exchange(emulator, "GET /_emulator/settings", headers).status == 200
    assert exchange(emulator, "GET /agent_ingresses", {**headers, **AUTHORIZED}).status == 200
    # As the address bar sends it.
    assert exchange(emulator, "GET /_emulator/settings", {"Sec-Fetch-Site": "none"}).status == 200


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/json"])
@pytest.mark.parametrize("body", ["", "{}"])
def test_the_control_plane_takes_json_only(emulator: Emulator, content_type: str | None, body: str) -> None:
    emulator.configure(upper_case=True)
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = exchange(emulator, "POST /_emulator/reset", headers, body)
    assert answer.status == 415
    assert "content-type: application/json" in answer.sentence
    assert emulator.settings()["upper_case"]
    assert (
        exchange(emulator, "POST /_emulator/reset", {"Content-Type": "Application/JSON; charset=utf-8"}).status == 200
    )


# Names that lead here


OWN_HOSTS = ["127.0.0.1", "localhost", "LocalHost", "localhost.", "[::1]", "[0:0:0:0:0:0:0:1]", "127.0.0.2"]
FOREIGN_HOSTS = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example@localhost",
    "localhost@evil.example",
    "localhost evil.example",
    "localhost:1:2",
    "[evil.example]",
    "[::1",
    "",
]


@pytest.mark.parametrize("port", ["", ":", ":{port}"])
@pytest.mark.parametrize("host", OWN_HOSTS)
def test_hosts_that_are_this_machine(emulator: Emulator, host: str, port: str) -> None:
    host += port.format(port=emulator.url.rpartition(":")[2])
    assert exchange(emulator, "GET /_emulator/settings", {}, host=host).status == 200
    assert exchange(emulator, "GET /agent_ingresses", AUTHORIZED, host=host).status == 200


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "192.0.2.1", "0.0.0.0", "emulator"])
def test_a_name_that_somebody_made_lead_here(emulator: Emulator, host: str) -> None:
    before = everything(emulator)
    host += ":" + emulator.url.rpartition(":")[2]
    for line, headers in (("GET /_emulator/requests", {}), ("GET /agent_ingresses", AUTHORIZED)):
        answer = exchange(emulator, line, headers, host=host)
        assert answer.status == 421
        assert answer.sentence == (
            f"The emulator does not answer to the host {host!r}. It answers to 127.0.0.1, [::1], localhost, and to the "
            "names that --allow-host gives (in Python: allowed_hosts)."
        )
        # The page's own name as the origin changes nothing.
        assert exchange(emulator, line, {"Origin": f"http://{host}", **headers}, host=host).status == 421
    assert everything(emulator) == before


def test_requests_with_no_host_or_two(emulator: Emulator) -> None:
    for head, status in (
        ("GET /_emulator/settings HTTP/1.0\r\n", 421),
        ("GET /_emulator/settings HTTP/1.1\r\n", 400),
        ("GET /_emulator/settings HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", 400),
    ):
        with connect(emulator) as connection:
            connection.sendall(f"{head}\r\n".encode())
            answer = read(connection)
        assert answer.status == status
        assert b"limit" not in answer.body
    with connect(emulator) as connection:
        connection.sendall(b"GET /_emulator/settings HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert read(connection).status == 200


def test_a_very_long_host_is_not_repeated(emulator: Emulator) -> None:
    assert len(exchange(emulator, "GET /", {}, host="a" * 20_000).body) < 1000


def test_hosts_of_an_emulator_that_other_machines_reach() -> None:
    with Emulator(KEY, host="0.0.0.0", allow_remote=True) as emulator:
        port = emulator.url.rpartition(":")[2]
        for host in (*OWN_HOSTS, "192.0.2.1", "[2001:db8::1]", "0.0.0.0", socket.gethostname().upper()):
            # Another port, as that of a container that is published under another one.
            for place in (host, f"{host}:{port}", f"{host}:80"):
                assert exchange(emulator, "GET /_emulator/settings", {}, host=place).status == 200, place
        for host in FOREIGN_HOSTS:
            answer = exchange(emulator, "GET /_emulator/settings", {}, host=host or ":")
            assert answer.status == 421
            assert f"It answers to any IP address, localhost, {socket.gethostname().lower()}, and" in answer.sentence
        own = f"192.0.2.1:{port}"
        assert exchange(emulator, "GET /_emulator/settings", {"Origin": f"http://{own}"}, host=own).status == 200
        foreign = {"Origin": f"http://192.0.2.2:{port}"}
        assert exchange(emulator, "GET /_emulator/settings", foreign, host=own).status == 403
        assert requests.get(f"{emulator.url}/_emulator/settings", timeout=20).status_code == 200


def test_further_names_are_allowed() -> None:
    with Emulator(KEY, allowed_hosts=["emulator", "Ngrok.Internal.", "192.0.2.1"]) as emulator:
        for host in ("emulator", "EMULATOR:4040", "ngrok.internal", "192.0.2.1:80", "localhost"):
            assert exchange(emulator, "GET /_emulator/settings", {}, host=host).status == 200
        answer = exchange(emulator, "GET /_emulator/settings", {}, host="evil.example")
        assert "It answers to 127.0.0.1, [::1], localhost, emulator, ngrok.internal, 192.0.2.1, and" in answer.sentence


@pytest.mark.parametrize("name", ["", "http://emulator", "emulator:4040", "a b", "*"])
def test_wrong_names_to_allow(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host name: give it without http:// and without a port"):
        Emulator(allowed_hosts=[name])


def test_the_option_for_further_names() -> None:
    command = [sys.executable, "-m", "pulumi_agin.cli", "emulator", "--allow-host", "first", "--allow-host", "second"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            statuses = [
                requests.get(f"{url}/_emulator/settings", headers={"Host": host}, timeout=20).status_code
                for host in ("first", "second", "third")
            ]
        finally:
            process.kill()
    assert statuses == [200, 200, 421]


# Memory


LIMIT = 1024 * 1024


@pytest.mark.parametrize("path", ["/agent_ingresses", "/_emulator/reset"])
def test_an_endless_body_is_not_read_on(emulator: Emulator, path: str) -> None:
    emulator.configure(upper_case=True)
    sent, head = 0, f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
    with connect(emulator) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with suppress(ConnectionError):
            # The buffers of both ends take some MB.
            while sent < 256 * LIMIT:
                connection.sendall(chunk)
                sent += len(chunk)
        assert sent < 64 * LIMIT
        answer = read(connection)
    assert answer.status == 413
    assert answer.sentence == f"The emulator reads bodies of up to {LIMIT} bytes; this one is longer."
    assert emulator.settings()["upper_case"]
    assert emulator.requests() == []


@pytest.mark.parametrize("path", ["/agent_ingresses", "/_emulator/reset"])
def test_a_length_that_is_too_large_is_refused_before_the_body(emulator: Emulator, path: str) -> None:
    headers = {"Content-Length": str(LIMIT + 1), "Expect": "100-continue", "Content-Type": JSON}
    answer = exchange(emulator, f"POST {path}", headers)
    assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_a_client_that_sends_too_much_reads_why(emulator: Emulator) -> None:
    answer = requests.post(f"{emulator.url}/agent_ingresses", data=b" " * (64 * LIMIT), headers=AUTHORIZED, timeout=20)
    assert answer.status_code == 413
    assert answer.json() == {
        "status_code": 413,
        "msg": f"The emulator reads bodies of up to {LIMIT} bytes; this one is longer.",
        "details": {},
    }


def test_a_body_as_long_as_it_may_be_is_read_and_kept_in_part(emulator: Emulator) -> None:
    body = '{"domain": "connect.acme.com"}'.ljust(LIMIT)
    answer = exchange(emulator, "POST /agent_ingresses", {**AUTHORIZED, "Content-Type": JSON}, body)
    assert answer.status == 201
    [seen] = emulator.requests()
    assert seen["body"] == body[: 64 * 1024] + "…"


def test_a_very_long_head_is_refused(emulator: Emulator) -> None:
    with connect(emulator) as connection:
        connection.sendall(b"GET /_emulator/settings HTTP/1.1\r\nHost: localhost\r\n")
        with suppress(ConnectionError):
            for _ in range(1024):
                connection.sendall(b"X: " + b"x" * 1024 + b"\r\n")
        # The answer has no length, and the connection's end is a reset, as not all was read.
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_the_newest_requests_are_kept() -> None:
    assert Bounds().logged_requests >= 10_000

    def ask(emulator: Emulator, *paths: str) -> list[str]:
        with requests.Session() as session:
            for path in paths:
                session.get(emulator.url + path, timeout=20)
        return [seen["path"] for seen in emulator.requests()]

    with Emulator(KEY, bounds=Bounds(logged_requests=3)) as emulator:
        assert ask(emulator, "/1", "/2", "/3", "/4", "/5") == ["/3", "/4", "/5"]
        assert emulator.counts() == {"GET /3": 1, "GET /4": 1, "GET /5": 1}
    with Emulator(KEY, bounds=Bounds(logged_bytes=12_000)) as emulator:
        assert ask(emulator, "/6?" + "x" * 4000, "/7?" + "x" * 4000, "/8?" + "x" * 4000) == ["/7", "/8"]
        emulator.clear_requests()
        assert ask(emulator, "/9") == ["/9"]


def test_a_body_nested_deeply_is_shown(emulator: Emulator) -> None:
    for depth in (100, 300, 500, 700, 900):
        exchange(emulator, "POST /agent_ingresses", {"Content-Type": JSON}, "[" * depth + "]" * depth)
    answer = requests.get(f"{emulator.url}/_emulator/requests", timeout=20)
    assert answer.status_code == 200
    assert len(emulator.requests()) == 5


@pytest.mark.parametrize(
    "started",
    [
        "POST /agent_ingresses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
        "POST /_emulator/reset HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n",
        "GET /agent_ingresses HTTP/1.1\r\nHost: loc",
    ],
)
def test_a_request_that_never_ends_does_not_hold_the_stop(emulator: Emulator, started: str) -> None:
    with connect(emulator) as connection, connect(emulator) as endless:
        connection.sendall(started.encode())
        endless.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")

        def trickle() -> None:
            with suppress(OSError):
                while True:
                    time.sleep(0.001)
                    endless.sendall(b"1\r\nx\r\n")

        thread = threading.Thread(target=trickle)
        thread.start()
        assert exchange(emulator, "GET /_emulator/settings", {}).status == 200
        emulator.stop()
        # It ends by an error, as the connection has ended.
        thread.join(20)
        assert not thread.is_alive()
