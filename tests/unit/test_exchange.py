"""One request over a real network that does what it likes: an answer, or what is known where none came."""

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
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
from requests.auth import HTTPBasicAuth

from pulumi_agin.api import exchange as module
from pulumi_agin.api import proxies
from pulumi_agin.api.exchange import Answer, Exchanges, NoAnswer
from tests.support.ports import free_port
from tests.support.wire import Handle, drip_on, receive, reply, serve, trickle

# Enough for what comes at once, on a busy machine too.
SECONDS = 20.0

# Real, and short: only time ends what is endless. An exchange is where the clock's time becomes the network's.
SHORT = 0.3

# On a busy machine, even sending can take longer than that.
LONGER = 4.0

# So long a thread waits for another one at most.
AT_LAST = 10

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

MAYBE_CARRIED_OUT, NEVER_SENT = True, False
REPEATED, NOT_REPEATED = True, False


def exchange(
    url: str,
    method: str = "POST",
    seconds: float = SECONDS,
    exchanges: Exchanges | None = None,
    use_proxies: bool = False,
) -> Answer | NoAnswer:
    exchanges = exchanges or Exchanges(HTTPBasicAuth("x", "y"), {}, str, use_proxies=use_proxies)
    return exchanges.exchange(
        method,
        url,
        query=None,
        body={"domain": "connect.acme.com"} if method == "POST" else None,
        seconds=seconds,
        connect_seconds=seconds,
        read_seconds=seconds,
    )


def outcome(url: str, **options: Any) -> tuple[bool, bool]:
    """Whether the request may have been carried out, and whether it is repeated, where there is no answer."""
    result = exchange(url, **options)
    assert isinstance(result, NoAnswer)
    return result.may_have_arrived, result.is_transient


def given_up(url: str, reason: str = "", **options: Any) -> tuple[bool, bool]:
    """The outcome of an exchange that only its time ends. It is given more if nothing was sent in a short one."""

    def outcome_within(seconds: float) -> tuple[bool, bool]:
        result = exchange(url, seconds=seconds, **options)
        assert isinstance(result, NoAnswer)
        assert result.reason.startswith(reason)
        assert result.reason.endswith(f"within {seconds:g} seconds")
        return result.may_have_arrived, result.is_transient

    first = outcome_within(SHORT)
    return first if first[0] == MAYBE_CARRIED_OUT else outcome_within(LONGER)


# -- no answer --------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert outcome(f"http://127.0.0.1:{port}") == (NEVER_SENT, REPEATED)
    assert outcome("http://ngrok.invalid") == (NEVER_SENT, REPEATED)


def test_a_connection_that_does_not_come_about() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        # Whoever comes once the queue is full waits.
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        result = exchange(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=SHORT)
    assert isinstance(result, NoAnswer)
    assert (result.may_have_arrived, result.is_transient) == (NEVER_SENT, REPEATED)


def reset(connection: socket.socket) -> None:
    receive(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


BROKEN: dict[str, Handle] = {
    "closed": reply(),
    "reset": reset,
    "cut in the status line": reply(OK[:10]),
    "cut in the first header": reply(OK[:22]),
    "cut between the headers": reply(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
    "cut in the length's name": reply(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Len"),
    "cut before the body": reply(OK[:-2]),
    "cut in the body": reply(OK[:-1]),
    "cut in a chunk": reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"),
    "cut between chunks": reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    "a chunk of a negative size": reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n"),
    "two lengths": reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    "no HTTP": reply(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "a strange version": reply(b"HTTP/9.9 200 OK\r\n\r\n"),
    "too many headers": reply(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
    "a header without an end": reply(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000),
    "an interim answer alone": reply(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("handle", BROKEN.values(), ids=BROKEN)
def test_after_it_was_sent_a_request_may_have_been_carried_out_whatever_comes_back(handle: Handle) -> None:
    with serve(handle) as place:
        assert outcome(f"http://{place}") == (MAYBE_CARRIED_OUT, REPEATED)


def hang(connection: socket.socket) -> None:
    receive(connection)
    connection.recv(1)


def test_an_answer_that_never_begins() -> None:
    with serve(hang) as place:
        assert given_up(f"http://{place}", "it did not answer") == (MAYBE_CARRIED_OUT, REPEATED)


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS: dict[str, Handle] = {
    "status line": trickle(b"HTTP/1.1 200 O", b"K"),
    "header": trickle(HEAD + b"X-Y: ", b"z"),
    "headers": trickle(HEAD, b"\tz\r\n"),
    "body": trickle(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "body without a length": trickle(HEAD + b"\r\n", b" "),
    "chunks": trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a chunk's size": trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "100 Continue": trickle(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "102 Processing": trickle(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
}


@pytest.mark.parametrize("handle", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_that_never_ends_is_given_up_in_time(handle: Handle) -> None:
    with serve(handle) as place:
        assert given_up(f"http://{place}") == (MAYBE_CARRIED_OUT, REPEATED)


def test_an_answer_that_cant_be_decoded_is_not_repeated() -> None:
    whole = gzip.compress(b"{}")
    for encoding, body in (("gzip", b"no gzip"), ("gzip", whole + b"x" * 200_000), ("gzip", whole * 2), ("br", b"{}")):
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
        with serve(reply(head.encode() + body)) as place:
            result = exchange(f"http://{place}")
        assert result == NoAnswer("its answer can't be decoded", MAYBE_CARRIED_OUT, NOT_REPEATED)


# -- certificates and proxies -----------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The one that is trusted."""
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


def test_a_certificate(authority: trustme.CA) -> None:
    with serve(encrypt(authority, reply(OK))) as place:
        assert isinstance(exchange(f"https://{place}"), Answer)
    with serve(encrypt(authority, reply())) as place:
        assert outcome(f"https://{place}") == (MAYBE_CARRIED_OUT, REPEATED)
    with serve(encrypt(trustme.CA(), reply(OK))) as place:
        assert outcome(f"https://{place}") == (NEVER_SENT, NOT_REPEATED)


def test_a_handshake_that_breaks_off_or_never_ends(authority: trustme.CA) -> None:
    with serve(close) as place:
        assert outcome(f"https://{place}") == (NEVER_SENT, REPEATED)
    with serve(trickle_handshake) as place:
        result = exchange(f"https://{place}", seconds=SHORT)
    assert result == NoAnswer("timed out after 0.3 seconds", NEVER_SENT, REPEATED)


def close(connection: socket.socket) -> None:
    connection.recv(65536)


def trickle_handshake(connection: socket.socket) -> None:
    connection.recv(65536)
    # The header of a record of 16 KB, which then trickles in.
    connection.sendall(b"\x16\x03\x03\x40\x00")
    drip_on(connection, b"\x02")


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    result = exchange("https://127.0.0.1:1")
    assert isinstance(result, NoAnswer)
    assert (result.may_have_arrived, result.is_transient) == (NEVER_SENT, NOT_REPEATED)
    assert "/nonexistent" in result.reason


@contextlib.contextmanager
def proxy(handle: Handle, monkeypatch: pytest.MonkeyPatch, userinfo: str = "") -> Iterator[str]:
    with serve(handle) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{userinfo}{place}")
        yield place


@pytest.mark.parametrize(
    ("said", "repeated"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", REPEATED),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", NOT_REPEATED),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", NOT_REPEATED),
        (b"HTTP/1.1 20", REPEATED),
        (b"", REPEATED),
    ],
)
def test_a_proxy_that_does_not_connect(said: bytes, repeated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(reply(said), monkeypatch):
        assert outcome("https://ngrok.invalid", use_proxies=True) == (NEVER_SENT, repeated)


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://someone:sesame@127.0.0.1:{free_port()}")
    result = exchange("https://api.ngrok.com", use_proxies=True)
    reason = "Connection refused (through the proxy that HTTPS_PROXY or ALL_PROXY names)"
    assert result == NoAnswer(reason, NEVER_SENT, REPEATED)


def test_a_request_that_was_given_up_is_not_sent_later(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up, went_on = threading.Event(), threading.Event()
    sent: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("ngrok.invalid").configure_cert(context)

    def handle(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not given_up.wait(0.1):
            connection.sendall(b"y")
        with contextlib.suppress(OSError):
            connection.sendall(b"\r\n\r\n")
            # Not where it has ended: ssl would then leave a socket open.
            if connection.recv(1, socket.MSG_PEEK):
                with context.wrap_socket(connection, server_side=True) as tunnel:
                    sent.append(receive(tunnel))
        went_on.set()

    with proxy(handle, monkeypatch):
        result = exchange("https://ngrok.invalid", use_proxies=True, seconds=SHORT)
        given_up.set()
        assert went_on.wait(AT_LAST)
    assert isinstance(result, NoAnswer)
    assert (result.may_have_arrived, result.is_transient) == (NEVER_SENT, REPEATED)
    assert sent in ([], [b""])


def test_an_answer_that_trickles_in_behind_a_proxy_with_tls_of_its_own(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("ngrok.invalid", "127.0.0.1").configure_cert(context)
    inner = encrypt(authority, trickle(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "), "ngrok.invalid")

    def handle(connection: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with context.wrap_socket(connection, server_side=True) as tunnel, ours, theirs:
            receive(tunnel)
            tunnel.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            api = threading.Thread(target=suppress_failures, args=(inner, theirs), daemon=True)
            api.start()
            # What comes goes on, in both directions.
            tunnel.settimeout(0.005)
            ours.settimeout(0.005)
            try:
                while api.is_alive():
                    for source, sink in ((tunnel, ours), (ours, tunnel)):
                        with contextlib.suppress(TimeoutError):
                            data = source.recv(65536)
                            if not data:
                                return
                            sink.sendall(data)
            finally:
                ours.close()
                api.join(AT_LAST)

    with serve(handle) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{place}")
        # On a busy machine, the two handshakes take their time.
        for seconds in (SHORT, LONGER):
            result = exchange("https://ngrok.invalid", use_proxies=True, seconds=seconds)
            if result == NoAnswer(f"its answer did not end within {seconds:g} seconds", MAYBE_CARRIED_OUT, REPEATED):
                break
        else:
            pytest.fail(str(result))


def suppress_failures(handle: Handle, connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        handle(connection)


def test_a_request_that_was_interrupted_is_not_sent_later(authority: trustme.CA) -> None:
    sent: list[bytes] = []
    went_on = threading.Event()

    def handle(connection: socket.socket) -> None:
        # In the handshake: before anything of the request.
        connection.recv(1, socket.MSG_PEEK)
        os.kill(os.getpid(), signal.SIGINT)
        interrupted.wait(AT_LAST)
        with contextlib.suppress(OSError):
            encrypt(authority, lambda inner: sent.append(receive(inner)))(connection)
        went_on.set()

    interrupted = threading.Event()
    with serve(handle) as place:
        with pytest.raises(KeyboardInterrupt):
            exchange(f"https://{place}")
        interrupted.set()
        assert went_on.wait(AT_LAST)
    assert sent in ([], [b""])


def test_a_malformed_proxy_that_is_not_used_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", MALFORMED_PROXIES["port"])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for scheme in ("http", "https"):
        result = exchange(f"{scheme}://127.0.0.1:1", use_proxies=scheme == "https")
        assert result == NoAnswer("Connection refused", NEVER_SENT, REPEATED)


MALFORMED_PROXIES = {
    "port": "http://someone:sesame-opens@127.0.0.1:99999",
    "hash": "http://someone:ses#ame-opens@127.0.0.1:1",
    "slash": "http://someone:ses/ame-opens@127.0.0.1:1",
    "question mark": "http://someone:ses?ame-opens@127.0.0.1:1",
    "bracket": "http://someone:ses[ame-opens@127.0.0.1:1",
    "both brackets": "http://someone:[sesame-opens]@127.0.0.1:1",
    "no Latin-1": "http://someone:sesame%98opens@127.0.0.1:1",
    "no host": "http://someone:sesame-opens@",
    "another host": "http://127.0.0.1:1#sesame-opens@127.0.0.1:1",
}


@pytest.mark.parametrize("url", MALFORMED_PROXIES.values(), ids=MALFORMED_PROXIES)
def test_a_proxy_whose_url_is_malformed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    result = exchange("https://ngrok.invalid", use_proxies=True)
    assert result == NoAnswer(proxies.WRONG_URL, NEVER_SENT, NOT_REPEATED)


def test_what_the_proxies_urls_hold_is_known_in_each_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://some%20one:ses%23ame/opens@127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "other:hunter22@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "me@example.com")
    found = proxies.credentials()
    sent = b64encode(b"some one:ses#ame/opens").decode().rstrip("=")
    assert {"some%20one", "some one", "ses%23ame/opens", "ses#ame/opens", sent, "other", "hunter22"} <= set(found)
    assert "me" not in found


# -- an answer --------------------------------------------------------------------------------------------


def answer_to(*pieces: bytes) -> Answer:
    with serve(reply(*pieces)) as place:
        result = exchange(f"http://{place}")
    assert isinstance(result, Answer)
    return result


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nLink: <x>; rel=y"])
def test_interim_answers_are_skipped(interim: bytes) -> None:
    result = answer_to((b"HTTP/1.1 " + interim + b"\r\n\r\n") * 3 + OK)
    assert (result.status_code, result.content, result.headers.get("Link")) == (200, b"{}", None)


def test_an_answer_comes_whole_whatever_it_is_framed_by() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    for answer in (OK, chunked, b"HTTP/1.1 200 OK\r\n\r\n{}", b"HTTP/1.0 200 OK\r\n\r\n{}"):
        assert answer_to(answer).content == b"{}"
    assert answer_to(b"HTTP/1.1 204 No Content\r\n\r\n").status_code == 204
    for length in (b"Content-Length: 0\r\n", b"", b"Connection: close\r\n"):
        result = answer_to(b"HTTP/1.1 404 Not Found\r\n" + length + b"\r\n")
        assert (result.status_code, result.content) == (404, b"")


def test_an_answer_may_be_compressed() -> None:
    for body in (gzip.compress(b"{}" * 100_000), gzip.compress(b"")):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert answer_to(head + body).content == gzip.decompress(body)
    assert answer_to(b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n").content == b""
    assert answer_to(OK.replace(b"\r\n\r\n", b"\r\nContent-Encoding:\r\n\r\n")).content == b"{}"
    body = gzip.compress(b"{}" * 100_000)[:-9]
    with serve(reply(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + body)) as place:
        assert outcome(f"http://{place}") == (MAYBE_CARRIED_OUT, REPEATED)


def blanks(size: int) -> Iterator[bytes]:
    """So many blanks as gzip, in pieces."""
    compressor = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    for _ in range(size // 2**20):
        yield compressor.compress(b" " * 2**20)
    yield compressor.flush()


@pytest.mark.parametrize("is_compressed", [False, True])
def test_of_a_huge_answer_the_beginning_is_read(is_compressed: bool) -> None:
    if is_compressed:
        body = b"".join(blanks(2**27))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        pieces = [head, body]
    else:
        pieces = [b"HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n", *[b" " * 2**20] * 200]
    tracemalloc.start()
    try:
        result = answer_to(*pieces)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not result.is_whole
    assert len(result.content) == module.LONGEST_ANSWER_BYTES
    assert peak < 8 * module.LONGEST_ANSWER_BYTES


def test_an_answer_of_just_the_longest_length_is_whole() -> None:
    body = b" " * module.LONGEST_ANSWER_BYTES
    result = answer_to(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)
    assert result.is_whole
    assert len(result.content) == len(body)


# -- connections ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    ],
)
def test_after_an_answer_that_makes_no_sense_the_next_request_is_answered(bad: bytes) -> None:
    answers = [bad, OK]

    def handle(connection: socket.socket) -> None:
        while receive(connection):
            connection.sendall(answers.pop(0))

    exchanges = Exchanges(HTTPBasicAuth("x", "y"), {}, str, use_proxies=False)
    with serve(handle) as place:
        assert isinstance(exchange(f"http://{place}", exchanges=exchanges), NoAnswer)
        assert isinstance(exchange(f"http://{place}", exchanges=exchanges), Answer)


def test_what_is_no_header_is_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    answer = OK.replace(b"\r\nContent-Type", b"\r\nno header\r\nAuthorization: Bearer sesame-opens\r\nContent-Type")
    with serve(reply(answer)) as place:
        exchange(f"http://{place}")
    assert "sesame" not in caplog.text


def test_a_connection_is_kept_and_no_cookie_is() -> None:
    seen: list[bytes] = []
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        while request := receive(connection):
            seen.append(request)
            connection.sendall(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: id=1; Path=/\r\n\r\n"))

    exchanges = Exchanges(HTTPBasicAuth("x", "y"), {}, str, use_proxies=False)
    with serve(handle) as place:
        for _ in range(3):
            assert isinstance(exchange(f"http://{place}", "GET", exchanges=exchanges), Answer)
        exchange(f"http://{place}", "GET", exchanges=exchanges)
    assert (len(seen), len(connections)) == (4, 1)
    assert not any(b"cookie" in request.lower() for request in seen)


class Counting:
    """A server that answers OK, or breaks off where it is to, and counts its connections.

    `at_once` requests are answered together, so that as many are under way at the same time.
    """

    def __init__(self, at_once: int) -> None:
        self.connections = 0
        self.together = threading.Barrier(at_once)
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        while request := receive(connection):
            with contextlib.suppress(threading.BrokenBarrierError):
                self.together.wait(AT_LAST)
            if b"/break" in request:
                return
            connection.sendall(OK)


def test_there_are_no_more_connections_than_calls_at_once() -> None:
    server = Counting(32)
    exchanges = Exchanges(HTTPBasicAuth("x", "y"), {}, str, use_proxies=False)
    with serve(server) as place, ThreadPoolExecutor(32) as threads:

        def ask(paths: list[str]) -> list[type]:
            return [type(exchange(f"http://{place}{path}", "GET", exchanges=exchanges)) for path in paths]

        for results in threads.map(ask, [["/"] * 3] * 32):
            assert results == [Answer] * 3
        assert server.connections == 32
        # Each failure costs the connection that it had, and no other.
        for results in threads.map(ask, [["/", "/break", "/"]] * 8 + [["/"] * 3] * 24):
            assert results in ([Answer, NoAnswer, Answer], [Answer] * 3)
        assert server.connections == 32 + 8
        # Fewer calls use fewer of them, and none is new.
        server.together.abort()
        for results in threads.map(ask, [["/"] * 3] * 4):
            assert results == [Answer] * 3
        assert server.connections == 32 + 8


def test_one_call_after_another_uses_the_connection_that_was_used_last() -> None:
    used: list[int] = []
    both_are_there = threading.Barrier(2)

    def handle(connection: socket.socket) -> None:
        while receive(connection):
            used.append(connection.fileno())
            with contextlib.suppress(threading.BrokenBarrierError):
                both_are_there.wait(AT_LAST)
            connection.sendall(OK)

    exchanges = Exchanges(HTTPBasicAuth("x", "y"), {}, str, use_proxies=False)
    with serve(handle) as place, ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: exchange(f"http://{place}", exchanges=exchanges), range(2)))
        assert len(set(used)) == 2
        both_are_there.abort()
        for _ in range(5):
            exchange(f"http://{place}", exchanges=exchanges)
        # The other one may be closed by the API, which costs nobody anything.
        assert len(set(used[2:])) == 1
