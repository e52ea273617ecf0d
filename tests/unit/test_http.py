"""One request over a real network: a whole response, or a failure after which it may have been carried out."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter

from pulumi_agin.api.http import LONGEST_BODY_BYTES, HttpClient
from pulumi_agin.api.messages import NoResponse, Request, Response
from pulumi_agin.base.redaction import Secret
from tests.support.keys import API_KEY
from tests.support.ports import free_port
from tests.support.wire import Handle, drip, receive, reply, serve, trickle

SECONDS = 20.0

# The limit of waits for another thread.
AT_LAST = 10

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

# The two facts about a request without a response.
MAYBE_CARRIED_OUT, NEVER_SENT = True, False
TRANSIENT, PERMANENT = True, False


def make_client(*, use_proxies: bool = False) -> HttpClient:
    return HttpClient(Secret(API_KEY), str, use_proxies=use_proxies)


def send(url: str, method: str = "POST", seconds: float = SECONDS, client: HttpClient | None = None) -> Any:
    body = {"domain": "connect.acme.com"} if method == "POST" else None
    return (client or make_client()).send(Request(method, "try", body=body), url, seconds, connect_seconds=seconds)


def outcome(result: Response | NoResponse) -> tuple[bool, bool]:
    """Returns whether the request may have been carried out, and whether the failure is transient."""
    assert isinstance(result, NoResponse)
    return result.may_have_arrived, result.is_transient


def test_refused_connection_and_unknown_host() -> None:
    assert outcome(send(f"http://127.0.0.1:{free_port()}")) == (NEVER_SENT, TRANSIENT)
    assert outcome(send("http://ngrok.invalid")) == (NEVER_SENT, TRANSIENT)


def test_connection_that_is_never_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        # Once the queue is full, further connections wait.
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        result = send(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.2)
    assert outcome(result) == (NEVER_SENT, TRANSIENT)


def reset(connection: socket.socket) -> None:
    receive(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


BROKEN: dict[str, Handle] = {
    "closed": reply(),
    "reset": reset,
    "cut in the status line": reply(OK[:10]),
    "cut in the body": reply(OK[:-1]),
    "cut between chunks": reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    "an interim response": reply(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK),
    "two lengths": reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "no HTTP": reply(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
}


@pytest.mark.parametrize("handle", BROKEN.values(), ids=BROKEN)
def test_request_with_a_broken_response_may_have_been_carried_out(handle: Handle) -> None:
    with serve(handle) as place:
        assert outcome(send(f"http://{place}")) == (MAYBE_CARRIED_OUT, TRANSIENT)


def hang(connection: socket.socket) -> None:
    receive(connection)
    connection.recv(1)


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS: dict[str, Handle] = {
    "nothing": hang,
    "status line": trickle(b"HTTP", b"/"),
    "interim responses": trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    # Its end looks like that of complete headers.
    "headers": trickle(HEAD, b"X: y\r\n"),
    "body": trickle(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    # Its end looks like that of a complete body.
    "body without a length": trickle(HEAD + b"\r\n", b" "),
}


def assert_timed_out(result: Any) -> None:
    assert outcome(result) == (MAYBE_CARRIED_OUT, TRANSIENT)
    # On a busy machine, the time may be over before the beginning of the response arrives.
    assert re.fullmatch(r"(timed out|the response was not complete) after [\d.]+ seconds?", result.reason)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return authority


def encrypt(authority: trustme.CA, handle: Handle) -> Handle:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def encrypted(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            handle(inner)

    return encrypted


@pytest.mark.parametrize("handle", ENDLESS.values(), ids=ENDLESS)
def test_endless_response_ends_with_the_time_limit(handle: Handle) -> None:
    with serve(handle) as place:
        assert_timed_out(send(f"http://{place}", seconds=0.5))


def test_endless_response_to_a_reused_connection_ends_with_the_time_limit() -> None:
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        reply(OK)(connection)
        ENDLESS["headers"](connection)

    client = make_client()
    with serve(handle) as place:
        assert isinstance(send(f"http://{place}", client=client), Response)
        assert_timed_out(send(f"http://{place}", seconds=0.5, client=client))
    assert len(connections) == 1


def test_lack_of_threads_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    class FailingTimer(threading.Timer):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr("pulumi_agin.api.time_limit.threading.Timer", FailingTimer)
    with serve(reply(OK)) as place:
        result = send(f"http://{place}")
    assert result == NoResponse("can't start new thread", MAYBE_CARRIED_OUT, TRANSIENT)


# The beginning of a record of TLS with a message of the handshake.
RECORD = b"\x16\x03\x03\x3f\xff"


def test_endless_tls_ends_with_the_time_limit(authority: trustme.CA) -> None:
    # After a shutdown inside TLS, the error looks like a permanent one.
    inside = (encrypt(authority, ENDLESS[name]) for name in ("status line", "headers", "body without a length"))
    for handle in (*inside, drip(RECORD, b"\0")):
        with serve(handle) as place:
            assert_timed_out(send(f"https://{place}", seconds=0.5))


CONNECTED = b"HTTP/1.1 200 OK\r\n\r\n"


def tunnel(handle: Handle) -> Handle:
    """Accepts a CONNECT, and passes the connection on."""

    def handle_connection(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(CONNECTED)
        handle(connection)

    return handle_connection


def test_endless_connection_through_a_proxy_ends_with_the_time_limit(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, handshake = trickle(CONNECTED[:10], b" "), tunnel(drip(RECORD, b"\0"))
    headers = tunnel(encrypt(authority, ENDLESS["headers"]))
    proxies = [
        ("http", connect),
        ("http", handshake),
        ("http", headers),
        # The second is a handshake inside TLS.
        ("https", encrypt(authority, connect)),
        ("https", encrypt(authority, handshake)),
    ]
    for scheme, handle in proxies:
        with serve(handle) as place:
            monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{place}")
            assert_timed_out(send("https://127.0.0.1", seconds=0.5, client=make_client(use_proxies=True)))


def test_late_timer_of_a_request_leaves_the_next_one_on_its_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fire: list[Callable[[], None]] = []

    class LateTimer(threading.Timer):
        """Fires as if its thread had been late, just before it would have been canceled."""

        def __init__(self, _: float, function: Callable[[], None]) -> None:
            super().__init__(SECONDS, lambda: None)
            fire.append(function)

    def handle(connection: socket.socket) -> None:
        reply(OK)(connection)
        receive(connection)
        fire[0]()
        connection.sendall(OK)

    client = make_client()
    with serve(handle) as place, ThreadPoolExecutor(1) as threads:

        def respond(*values: Any) -> Response:
            """Runs when the first body is complete, and its connection is idle again, but its request goes on."""
            monkeypatch.setattr("pulumi_agin.api.http.Response", Response)
            second.append(threads.submit(send, f"http://{place}", client=client).result(AT_LAST))
            return Response(*values)

        second: list[object] = []
        monkeypatch.setattr("pulumi_agin.api.time_limit.threading.Timer", LateTimer)
        monkeypatch.setattr("pulumi_agin.api.http.Response", respond)
        first = send(f"http://{place}", client=client)
    assert [type(first), *map(type, second)] == [Response, Response]
    assert len(fire) == 2


@pytest.mark.parametrize(("seconds", "read_seconds"), [(300, 30), (7, 7)])
def test_read_times_out_after_30_seconds_or_with_the_call(
    seconds: float, read_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts: list[tuple[float, float]] = []

    def time_out(adapter: HTTPAdapter, request: object, *, timeout: tuple[float, float], **_: object) -> None:
        timeouts.append(timeout)
        raise requests.ReadTimeout

    monkeypatch.setattr(HTTPAdapter, "send", time_out)
    result = make_client().send(Request("GET", "try"), "http://127.0.0.1:1", seconds, connect_seconds=5)
    assert outcome(result) == (MAYBE_CARRIED_OUT, TRANSIENT)
    assert timeouts == [(5, read_seconds)]


def test_response_that_can_not_be_decoded_is_permanent() -> None:
    with serve(reply(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip")) as place:
        result = send(f"http://{place}")
    assert result == NoResponse("the response can't be decoded", MAYBE_CARRIED_OUT, PERMANENT)


def test_certificate_is_verified(authority: trustme.CA) -> None:
    with serve(encrypt(authority, reply(OK))) as place:
        assert isinstance(send(f"https://{place}"), Response)
    with serve(encrypt(authority, reply())) as place:
        assert outcome(send(f"https://{place}")) == (MAYBE_CARRIED_OUT, TRANSIENT)
    with serve(encrypt(trustme.CA(), reply(OK))) as place:
        assert outcome(send(f"https://{place}")) == (NEVER_SENT, PERMANENT)


def test_missing_certificate_bundle_is_permanent_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    result = send("https://127.0.0.1:1")
    assert outcome(result) == (NEVER_SENT, PERMANENT)
    assert "/nonexistent" in result.reason


def close(connection: socket.socket) -> None:
    connection.recv(65536)


def test_broken_handshake_may_have_been_carried_out(authority: trustme.CA) -> None:
    # To requests, it looks like a connection that broke later.
    with serve(close) as place:
        assert outcome(send(f"https://{place}")) == (MAYBE_CARRIED_OUT, TRANSIENT)
    with serve(lambda connection: connection.sendall(OK)) as place:
        assert outcome(send(f"https://{place}")) == (MAYBE_CARRIED_OUT, PERMANENT)


@pytest.mark.parametrize(
    ("response", "is_transient"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", TRANSIENT),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", PERMANENT),
    ],
    ids=["503", "407"],
)
def test_proxy_that_does_not_connect_sends_nothing(
    response: bytes, is_transient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(reply(response)) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        result = send("https://ngrok.invalid", client=make_client(use_proxies=True))
    assert outcome(result) == (NEVER_SENT, is_transient)


def test_unreachable_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:sesame@127.0.0.1:{free_port()}")
    result = send("https://api.ngrok.com", client=make_client(use_proxies=True))
    reason = "Connection refused (through the proxy in HTTPS_PROXY or ALL_PROXY)"
    assert result == NoResponse(reason, NEVER_SENT, TRANSIENT)


@pytest.mark.parametrize(
    "url",
    [
        "socks5://127.0.0.1:1",
        "ftp://127.0.0.1:1",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://me:pass#word@127.0.0.1:1",
        "http://a..b:80",
        "http://\u2028:80",
    ],
    ids=ascii,
)
def test_proxy_that_can_not_be_used_sends_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", url)
    result = send("https://ngrok.invalid", client=make_client(use_proxies=True))
    assert outcome(result) == (NEVER_SENT, PERMANENT)
    assert result.reason.endswith(" (through the proxy in HTTPS_PROXY or ALL_PROXY)")


def test_only_the_beginning_of_a_huge_response_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * LONGEST_BODY_BYTES)
    with serve(reply(head, b" " * 2 * LONGEST_BODY_BYTES)) as place:
        result = send(f"http://{place}")
    assert result == NoResponse("the response is larger than 8 MiB", MAYBE_CARRIED_OUT, PERMANENT)


def test_malformed_header_of_our_requests_alone_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    response = OK.replace(b"\r\nContent-Type", b"\r\nno header\r\nAuthorization: Bearer sesame-opens\r\nContent-Type")
    with serve(reply(response)) as place:
        assert send(f"http://{place}").status_code == 200
        assert "sesame" not in caplog.text
        # Another dynamic provider, or the user's program, in the same process.
        assert requests.get(f"http://{place}", timeout=SECONDS).status_code == 200
    assert "sesame-opens" in caplog.text


def test_connection_is_reused_without_cookies() -> None:
    seen: list[bytes] = []
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        while request := receive(connection):
            seen.append(request)
            connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: id=1; Path=/\r\n\r\n"))

    client = make_client()
    with serve(handle) as place:
        results = [type(send(f"http://{place}", "GET", client=client)) for _ in range(3)]
    assert results == [Response] * 3
    assert len(connections) == 1
    assert not any(b"cookie" in request.lower() for request in seen)


def test_connection_of_each_concurrent_request_is_reused() -> None:
    connections: list[socket.socket] = []
    all_run = threading.Barrier(3)

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        while receive(connection):
            all_run.wait(AT_LAST)
            connection.sendall(OK)

    client = make_client()
    with serve(handle) as place, ThreadPoolExecutor(3) as threads:
        for _ in range(3):
            list(threads.map(lambda _: send(f"http://{place}", client=client), range(3)))
    assert len(connections) == 3
