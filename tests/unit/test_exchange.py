"""One request over a real network: a whole response, or whether the request may have been carried out."""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import socket
import ssl
import threading
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
from requests.auth import HTTPBasicAuth

from pulumi_agin.api import proxies
from pulumi_agin.api.http import LONGEST_ANSWER_BYTES, HttpClient, NoResponse, Response
from tests.support.ports import free_port
from tests.support.wire import Handle, drip_on, receive, reply, serve, trickle

SECONDS = 20.0

# A real time limit, tried one after the other until the request was sent: only time ends an endless response.
SHORT = (0.2, 2.0, 10.0)

# The limit of waits for another thread.
AT_LAST = 10

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

# The two facts about a request without a response.
MAYBE_CARRIED_OUT, NEVER_SENT = True, False
TRANSIENT, PERMANENT = True, False


def make_exchanges(*, use_proxies: bool = False) -> HttpClient:
    return HttpClient(HTTPBasicAuth("x", "y"), {}, str, use_proxies=use_proxies)


def exchange(url: str, method: str = "POST", seconds: float = SECONDS, exchanges: HttpClient | None = None) -> Any:
    """An Answer or NoAnswer."""
    return (exchanges or make_exchanges()).exchange(
        method,
        url,
        query=None,
        body={"domain": "connect.acme.com"} if method == "POST" else None,
        seconds=seconds,
        connect_seconds=seconds,
        read_seconds=seconds,
    )


def outcome(result: Response | NoResponse) -> tuple[bool, bool]:
    """Whether the request may have been carried out, and whether the failure is transient."""
    assert isinstance(result, NoResponse)
    return result.may_have_arrived, result.is_transient


def outcome_of_endless(url: str) -> tuple[bool, bool]:
    """The outcome of an exchange that only its time limit ends, with enough time to send the request."""
    for seconds in SHORT:
        result = outcome(exchange(url, seconds=seconds))
        if result[0] == MAYBE_CARRIED_OUT:
            return result
    pytest.fail("the request was not sent in time")


# -- no response ------------------------------------------------------------------------------------------


def test_refused_connection_and_unknown_host() -> None:
    assert outcome(exchange(f"http://127.0.0.1:{free_port()}")) == (NEVER_SENT, TRANSIENT)
    assert outcome(exchange("http://ngrok.invalid")) == (NEVER_SENT, TRANSIENT)


def test_connection_that_is_never_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        # Once the queue is full, further connections wait.
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        result = exchange(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.2)
    assert outcome(result) == (NEVER_SENT, TRANSIENT)


def reset(connection: socket.socket) -> None:
    receive(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


BROKEN: dict[str, Handle] = {
    "closed": reply(),
    "reset": reset,
    "cut in the status line": reply(OK[:10]),
    "cut between the headers": reply(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
    "cut in the length's name": reply(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Len"),
    "cut in the body": reply(OK[:-1]),
    "cut between chunks": reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    "cut in gzip": reply(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"{}" * 99)[:-9]),
    "a chunk of a negative size": reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n"),
    "two lengths": reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    "no HTTP": reply(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "too many headers": reply(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
    "a header without an end": reply(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000),
    "only an interim response": reply(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("handle", BROKEN.values(), ids=BROKEN)
def test_request_with_a_broken_response_may_have_been_carried_out(handle: Handle) -> None:
    with serve(handle) as place:
        assert outcome(exchange(f"http://{place}")) == (MAYBE_CARRIED_OUT, TRANSIENT)


def hang(connection: socket.socket) -> None:
    receive(connection)
    connection.recv(1)


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS: dict[str, Handle] = {
    "nothing": hang,
    "status line": trickle(b"HTTP/1.1 200 O", b"K"),
    "headers": trickle(HEAD, b"\tz\r\n"),
    "body": trickle(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "102 Processing": trickle(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
}


@pytest.mark.parametrize("handle", ENDLESS.values(), ids=ENDLESS)
def test_endless_response_ends_with_the_time_limit(handle: Handle) -> None:
    with serve(handle) as place:
        assert outcome_of_endless(f"http://{place}") == (MAYBE_CARRIED_OUT, TRANSIENT)


def test_response_that_can_not_be_decoded_is_permanent() -> None:
    whole = gzip.compress(b"{}")
    for encoding, body in (("gzip", b"no gzip"), ("gzip", whole + b"x" * 200_000), ("gzip", whole * 2), ("br", b"{}")):
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
        with serve(reply(head.encode() + body)) as place:
            result = exchange(f"http://{place}")
        assert result == NoResponse("its answer can't be decoded", MAYBE_CARRIED_OUT, PERMANENT)


# -- TLS --------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The trusted certificate authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    return authority


def encrypt(authority: trustme.CA, handle: Handle, name: str = "127.0.0.1") -> Handle:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    def encrypted(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            handle(inner)

    return encrypted


def test_certificate_is_verified(authority: trustme.CA) -> None:
    with serve(encrypt(authority, reply(OK))) as place:
        assert isinstance(exchange(f"https://{place}"), Response)
    with serve(encrypt(authority, reply())) as place:
        assert outcome(exchange(f"https://{place}")) == (MAYBE_CARRIED_OUT, TRANSIENT)
    with serve(encrypt(trustme.CA(), reply(OK))) as place:
        assert outcome(exchange(f"https://{place}")) == (NEVER_SENT, PERMANENT)


def test_missing_certificate_bundle_is_permanent_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    result = exchange("https://127.0.0.1:1")
    assert outcome(result) == (NEVER_SENT, PERMANENT)
    assert "/nonexistent" in result.reason


def close(connection: socket.socket) -> None:
    connection.recv(65536)


def trickle_handshake(connection: socket.socket) -> None:
    connection.recv(65536)
    # The header of a record of 16 KB.
    connection.sendall(b"\x16\x03\x03\x40\x00")
    drip_on(connection, b"\x02")


def test_broken_or_endless_handshake_sends_nothing(authority: trustme.CA) -> None:
    with serve(close) as place:
        assert outcome(exchange(f"https://{place}")) == (NEVER_SENT, TRANSIENT)
    with serve(trickle_handshake) as place:
        result = exchange(f"https://{place}", seconds=0.2)
    assert result == NoResponse("timed out after 0.2 seconds", NEVER_SENT, TRANSIENT)


def test_interrupted_request_is_not_sent_later(authority: trustme.CA) -> None:
    sent: list[bytes] = []
    interrupted, ended = threading.Event(), threading.Event()

    def handle(connection: socket.socket) -> None:
        # In the handshake, before the request.
        connection.recv(1, socket.MSG_PEEK)
        os.kill(os.getpid(), signal.SIGINT)
        interrupted.wait(AT_LAST)
        with contextlib.suppress(OSError):
            encrypt(authority, lambda inner: sent.append(receive(inner)))(connection)
        ended.set()

    with serve(handle) as place:
        with pytest.raises(KeyboardInterrupt):
            exchange(f"https://{place}")
        interrupted.set()
        assert ended.wait(AT_LAST)
    assert sent in ([], [b""])


# -- proxies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "is_transient"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", TRANSIENT),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", PERMANENT),
        (b"HTTP/1.1 20", TRANSIENT),
        (b"", TRANSIENT),
    ],
    ids=["503", "407", "cut short", "closed"],
)
def test_proxy_that_does_not_connect_sends_nothing(
    response: bytes, is_transient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(reply(response)) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        result = exchange("https://ngrok.invalid", exchanges=make_exchanges(use_proxies=True))
    assert outcome(result) == (NEVER_SENT, is_transient)


def test_refusing_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:sesame@127.0.0.1:{free_port()}")
    result = exchange("https://api.ngrok.com", exchanges=make_exchanges(use_proxies=True))
    reason = "Connection refused (through the proxy that HTTPS_PROXY or ALL_PROXY names)"
    assert result == NoResponse(reason, NEVER_SENT, TRANSIENT)


MALFORMED_PROXIES = {
    "port": "http://someone:sesame-opens@127.0.0.1:99999",
    "hash": "http://someone:ses#ame-opens@127.0.0.1:1",
    "slash": "http://someone:ses/ame-opens@127.0.0.1:1",
    "bracket": "http://someone:ses[ame-opens@127.0.0.1:1",
    "both brackets": "http://someone:[sesame-opens]@127.0.0.1:1",
    "no Latin-1": "http://someone:sesame%98opens@127.0.0.1:1",
    "no host": "http://someone:sesame-opens@",
    "another host": "http://127.0.0.1:1#sesame-opens@127.0.0.1:1",
}


@pytest.mark.parametrize("url", MALFORMED_PROXIES.values(), ids=MALFORMED_PROXIES)
def test_malformed_proxy_url_is_permanent_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    result = exchange("https://ngrok.invalid", exchanges=make_exchanges(use_proxies=True))
    assert result == NoResponse(proxies.WRONG_URL, NEVER_SENT, PERMANENT)


# -- a response -------------------------------------------------------------------------------------------


def response_to(*pieces: bytes) -> Response:
    with serve(reply(*pieces)) as place:
        result = exchange(f"http://{place}")
    assert isinstance(result, Response)
    return result


@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints\r\nLink: <x>; rel=y"])
def test_interim_responses_are_skipped(interim: bytes) -> None:
    result = response_to((b"HTTP/1.1 " + interim + b"\r\n\r\n") * 3 + OK)
    assert (result.status_code, result.content, result.headers.get("Link")) == (200, b"{}", None)


def test_response_is_whole_in_every_framing() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    for response in (OK, chunked, b"HTTP/1.1 200 OK\r\n\r\n{}", b"HTTP/1.0 200 OK\r\n\r\n{}"):
        assert response_to(response).content == b"{}"
    assert response_to(b"HTTP/1.1 204 No Content\r\n\r\n").status_code == 204
    for length in (b"Content-Length: 0\r\n", b"", b"Connection: close\r\n"):
        result = response_to(b"HTTP/1.1 404 Not Found\r\n" + length + b"\r\n")
        assert (result.status_code, result.content) == (404, b"")


def test_response_can_be_compressed() -> None:
    for body in (gzip.compress(b"{}" * 100_000), gzip.compress(b"")):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert response_to(head + body).content == gzip.decompress(body)
    assert response_to(b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n").content == b""
    assert response_to(OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding:\r\n\r\n")).content == b"{}"


def compressed_blanks(size: int) -> bytes:
    compressor = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    pieces = [compressor.compress(b" " * 2**20) for _ in range(size // 2**20)]
    return b"".join([*pieces, compressor.flush()])


def test_only_the_beginning_of_a_huge_response_is_read() -> None:
    body = compressed_blanks(2**27)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    tracemalloc.start()
    try:
        result = response_to(head, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not result.is_whole
    assert len(result.content) == LONGEST_ANSWER_BYTES
    assert peak < 8 * LONGEST_ANSWER_BYTES


def test_malformed_header_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    response = OK.replace(b"\r\nContent-Type", b"\r\nno header\r\nAuthorization: Bearer sesame-opens\r\nContent-Type")
    assert response_to(response).status_code == 200
    assert "sesame" not in caplog.text


def test_connection_is_kept_until_a_bad_response_and_no_cookie_is() -> None:
    bad = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip"
    seen: list[bytes] = []
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        while request := receive(connection):
            seen.append(request)
            with_cookie = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: id=1; Path=/\r\n\r\n")
            connection.sendall(bad if b"/bad" in request else with_cookie)

    exchanges = make_exchanges()
    with serve(handle) as place:
        paths = ["/", "/", "/bad", "/", "/"]
        results = [type(exchange(f"http://{place}{path}", "GET", exchanges=exchanges)) for path in paths]
    assert results == [Response, Response, NoResponse, Response, Response]
    assert len(connections) == 2
    assert not any(b"cookie" in request.lower() for request in seen)


def test_as_many_connections_are_kept_as_requests_run_at_once() -> None:
    connections: list[socket.socket] = []
    all_run = threading.Barrier(3)

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        while receive(connection):
            all_run.wait(AT_LAST)
            connection.sendall(OK)

    exchanges = make_exchanges()
    with serve(handle) as place, ThreadPoolExecutor(3) as threads:
        for _ in range(3):
            list(threads.map(lambda _: exchange(f"http://{place}", exchanges=exchanges), range(3)))
    assert len(connections) == 3
