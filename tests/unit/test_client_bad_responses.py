"""AgentIngressClient and a network that breaks answers, drags them out or makes them huge."""

from __future__ import annotations

import contextlib
import html
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from pulumi_agin.api import errors
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.exchange import LONGEST_ANSWER_BYTES, Answer, Exchanges
from pulumi_agin.api.snapshot import LONGEST_LIST_BYTES
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.wire import Handle, between, drip_on, receive, reply, serve
from tests.unit.test_client import CALLS, DOMAIN
from tests.unit.test_exchange import ENDLESS, MALFORMED_PROXIES

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"

# So long a test waits for another thread or process at most.
AT_LAST = 20


def client_of(url: str, seconds: float = 20) -> AgentIngressClient:
    """Its pauses take no time."""
    return AgentIngressClient(Secret(API_KEY), url, seconds, clock=Clock())


def failure(call: Callable[[], object]) -> str:
    with pytest.raises(errors.NgrokError) as caught:
        call()
    return str(caught.value)


# -- answers that break -----------------------------------------------------------------------------------


def with_another_head(add: bytes, *without: bytes) -> Callable[[bytes], bytes]:
    """The same answer with a line more in its head, and without the lines of these names."""

    def alter(answer: bytes) -> bytes:
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(without)]
        return b"\r\n".join([*lines, add]) + b"\r\n\r\n" + body

    return alter


def in_a_chunk_of_a_negative_size(answer: bytes) -> bytes:
    head, _, body = with_another_head(b"Transfer-Encoding: chunked", b"content-length")(answer).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n-5\r\n" + body + b"\r\n0\r\n\r\n"


BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "a chunk of a negative size": in_a_chunk_of_a_negative_size,
    "two lengths": with_another_head(b"Content-Length: 1"),
    "cut in the headers": lambda answer: answer[:40],
    "cut in the body": lambda answer: answer[:-1],
    "an interim answer alone": lambda answer: b"HTTP/1.1 103 Early Hints\r\n\r\n",
}


def break_first(breaks: Callable[[bytes], bytes]) -> tuple[Callable[[bytes, bytes], bytes], list[bytes]]:
    """A line that breaks the answer to the first request, and a list that has that request afterwards."""
    broken: list[bytes] = []

    def alter(request: bytes, answer: bytes) -> bytes:
        if broken:
            return answer
        broken.append(request)
        return breaks(answer)

    return alter, broken


@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
def test_a_create_whose_answer_breaks_is_settled(breaks: Callable[[bytes], bytes], emulator: Emulator) -> None:
    alter, broken = break_first(breaks)
    with between(emulator, alter) as url:
        created = client_of(url).create({"domain": DOMAIN, "description": "acme devices"})
    assert broken[0].startswith(b"POST")
    assert [ingress["id"] for ingress in emulator.ingresses()] == [created.id]


def test_a_create_of_which_no_answer_is_ever_whole_is_settled(emulator: Emulator) -> None:
    breaks = BREAKS["two lengths"]
    emulator.configure(limit=0)

    def alter(request: bytes, answer: bytes) -> bytes:
        return breaks(answer) if request.startswith(b"POST") else answer

    with between(emulator, alter) as url:
        created = client_of(url).create({"domain": DOMAIN, "description": "acme devices"})
    assert [ingress["id"] for ingress in emulator.ingresses()] == [created.id]


@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"DELETE"}))
def test_a_broken_answer_is_asked_for_again(call: str, breaks: Callable[[bytes], bytes], emulator: Emulator) -> None:
    existing = client_of(emulator.url).create({"domain": DOMAIN})
    alter, broken = break_first(breaks)
    with between(emulator, alter) as url:
        CALLS[call](client_of(url), existing.id)
    assert broken


def test_interim_answers_are_nothing_to_a_call(emulator: Emulator) -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
    with between(emulator, lambda request, answer: interim + answer) as url:
        client = client_of(url)
        created = client.create({"domain": DOMAIN})
        assert client.list() == [created]
    assert emulator.counts() == {"POST /agent_ingresses": 1, "GET /agent_ingresses": 1}


@pytest.mark.parametrize("status", [400, 403, 408, 413])
def test_a_refusal_of_somebody_between_is_settled_by_a_look(status: int, emulator: Emulator) -> None:
    client = client_of(emulator.url)
    emulator.add_fault("POST", "answer_after", status=status, body="<html>blocked")
    created = client.create({"domain": DOMAIN})
    assert [ingress["id"] for ingress in emulator.ingresses()] == [created.id]
    emulator.add_fault("PATCH", "answer_after", status=status, body="<html>blocked")
    assert client.update(created.id, {"description": "new"}).description == "new"
    emulator.add_fault("DELETE", "answer_after", status=status, body="<html>blocked")
    with pytest.raises(errors.NotFoundError):
        client.delete(created.id)
    # Where nothing was done, its own words are what there is to say.
    emulator.add_fault("POST", "answer", status=status, body="<html>blocked")
    assert failure(lambda: client.create({"domain": DOMAIN})).startswith("could not create")


@pytest.mark.parametrize("status", [403, 429, 500, 503, 504])
def test_where_somebody_between_lets_nothing_through_it_is_said_that_nothing_is_known(
    status: int, emulator: Emulator
) -> None:
    emulator.add_fault("POST", "answer_after", status=503, body="<html>gateway")
    emulator.add_fault(None, "answer", status=status, body="<html>gateway", times=None)
    with pytest.raises(errors.CreateUnsettledError, match="it is unknown whether the Agent Ingress"):
        client_of(emulator.url).create({"domain": DOMAIN})
    assert len(emulator.ingresses()) == 1


# -- answers that never end -------------------------------------------------------------------------------


@pytest.mark.parametrize("handle", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("call", ["POST", "GET"])
def test_no_answer_holds_a_call_longer_than_its_time(call: str, handle: Handle) -> None:
    with serve(handle) as place:
        client = client_of(f"http://{place}", 0.2)
        # Real, and short: only time ends what is endless.
        message = failure(lambda: CALLS[call](client, ID))
    assert "within 0.2 seconds" in message


class Pages(Exchanges):
    """A list whose pages never end. Each takes a second, and is as long as it is to be."""

    def __init__(self, size: int = 0) -> None:
        self.clock = Clock()
        self.pages = 0
        self._padding = " " * size

    def exchange(self, method: str, url: str, **_: object) -> Answer:
        self.clock.sleep(1)
        if not url.endswith("/agent_ingresses"):
            return Answer(403, {}, b"")
        self.pages += 1
        page = {"ingresses": [], "next_page_uri": f"/agent_ingresses?before_id={self.pages}"}
        return Answer(200, {}, (json.dumps(page) + self._padding).encode())


def test_endless_pages_end_with_the_time() -> None:
    pages = Pages()
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=30, clock=pages.clock, exchanges=pages)
    for call in (client.list, lambda: client.find(DOMAIN)):
        assert "more pages than could be read in 30 seconds" in failure(call)
    # Of reads at once, the later ones share a list.
    began = pages.clock.now
    for _ in range(2):
        failure(lambda: client.get_one_of_many(ID))
    assert pages.clock.now - began <= 60


def test_a_list_is_read_up_to_a_length() -> None:
    pages = Pages(size=LONGEST_ANSWER_BYTES - 100)
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=30, clock=pages.clock, exchanges=pages)
    assert "the list has more than 64 MiB" in failure(client.list)
    assert pages.pages == LONGEST_LIST_BYTES // LONGEST_ANSWER_BYTES + 1
    # Of reads at once, the later ones share a list. One that is too long is given up, and the ingress is asked for.
    pages.pages = 0
    for _ in range(3):
        assert "could not read the Agent Ingress" in failure(lambda: client.get_one_of_many(ID))
    assert pages.pages == LONGEST_LIST_BYTES // LONGEST_ANSWER_BYTES + 1


@pytest.mark.parametrize("command", ["import", "doctor"])
def test_one_interrupt_ends_a_command_while_an_answer_trickles_in(command: str) -> None:
    asked = threading.Event()

    def handle(connection: socket.socket) -> None:
        receive(connection)
        asked.set()
        drip_on(connection, b"H")

    with serve(handle) as place:
        process = subprocess.Popen(
            [sys.executable, "-m", "pulumi_agin.cli", command, ID if command == "import" else DOMAIN],
            env={**os.environ, "NGROK_API_KEY": API_KEY, "NGROK_API_BASE_URL": f"http://{place}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert asked.wait(AT_LAST)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=AT_LAST)
    assert process.returncode == 1
    assert said == "pulumi-agin: interrupted\n"


# -- huge answers -----------------------------------------------------------------------------------------


def huge(status: bytes, content_type: bytes, beginning: bytes) -> Handle:
    """An answer of 200 MB."""
    head = b"HTTP/1.1 " + status + b"\r\nContent-Type: " + content_type + b"\r\nContent-Length: 209715200\r\n\r\n"
    return reply(head + beginning, *[API_KEY.encode() * (2**20 // len(API_KEY))] * 210)


@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request", b"404 Not Found", b"403 Forbidden"])
def test_a_huge_answer_is_a_short_sentence(status: bytes) -> None:
    with serve(huge(status, b"application/json", b'{"msg":"')) as place:
        tracemalloc.start()
        try:
            message = failure(lambda: client_of(f"http://{place}").get(ID))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * LONGEST_ANSWER_BYTES
    assert len(message) < 1000
    assert API_KEY[:8] not in message
    if status == b"200 OK":
        assert "it has more than 8 MiB" in message


@pytest.mark.parametrize("text", [API_KEY, " ", "%41", "&#65;"])
def test_of_a_long_text_the_beginning_is_searched_and_shown(text: str, emulator: Emulator) -> None:
    msg = text * (LONGEST_ANSWER_BYTES // 2 // len(text))
    emulator.add_fault("GET", "answer", status=400, json_body={"status_code": 400, "msg": msg}, times=None)
    began = time.process_time()
    message = failure(lambda: client_of(emulator.url).get(ID))
    # Searched whole, it took a minute.
    assert time.process_time() - began < AT_LAST
    assert len(message) < 1000
    assert API_KEY[:8] not in message


# -- times that nobody can wait ---------------------------------------------------------------------------


def test_a_time_that_no_clock_counts_is_as_good_as_endless(emulator: Emulator) -> None:
    assert client_of(emulator.url).list(timeout_seconds=99_999_999_999) == []
    assert client_of(emulator.url, 99_999_999_999).list() == []


def test_a_pause_that_nobody_can_wait_ends_the_call_at_once(emulator: Emulator) -> None:
    for seconds in ("100000000", "1000000000", "9" * 400):
        emulator.add_fault("GET", "answer", status=503, headers={"Retry-After": seconds}, times=None)
        emulator.clear_requests()
        failure(client_of(emulator.url).list)
        assert len(emulator.requests()) == 1
        emulator.clear_faults()


# -- proxies ----------------------------------------------------------------------------------------------

PASSWORD = "sesame-opens#"
USERINFO = "someone:sesame-opens%23"
TOLD = [USERINFO, PASSWORD, "sesame-opens%23", "someone", b64encode(f"someone:{PASSWORD}".encode()).decode()]


def test_what_a_proxy_repeats_of_its_credentials_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(connection: socket.socket) -> None:
        request = receive(connection).decode()
        [header] = [line for line in request.split("\r\n") if line.lower().startswith("proxy-authorization")]
        connection.sendall(f"HTTP/1.1 407 No, {' '.join(TOLD)} {header}\r\n\r\n".encode())

    with serve(handle) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{USERINFO}@{place}")
        message = failure(client_of("https://ngrok.invalid").list)
    assert "407 No, [proxy credentials]" in message
    for told in TOLD:
        assert told not in message


OTHER_PASSWORD = "s&same<op>ens\"'1'ä"
ECHOES: dict[str, Callable[[str], str]] = {
    "HTML": html.escape,
    "numbered": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "all of JSON's": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "base64 behind one": lambda text: b64encode(f"x{USER}:{text}".encode()).decode(),
    "base64 behind two": lambda text: b64encode(f"xx{USER}:{text}".encode()).decode(),
}
USER = "someone"


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_proxys_password_is_known_in_every_spelling(
    echo: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:{quote(OTHER_PASSWORD, safe='')}@127.0.0.1:1")
    echoed = echo(OTHER_PASSWORD)
    shown = client_of("https://ngrok.invalid").fit_to_show(f"no: {echoed} .")
    assert "[proxy credentials]" in shown
    assert not any(echoed[start : start + 24] in shown for start in range(len(echoed) - 23))


def test_a_proxys_user_name_changes_no_meaning(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://ngrok:sesame-opens@127.0.0.1:1")
    client = client_of(emulator.url)
    client.create({"domain": DOMAIN})
    with pytest.raises(errors.DomainExistsError, match="ERR_NGROK_6706"):
        client.create({"domain": DOMAIN})
    with pytest.raises(errors.ApiError, match="ERR_NGROK_222") as caught:
        client.get("agin_1")
    assert not isinstance(caught.value, errors.NotFoundError)


def test_a_short_user_name_of_a_proxy_leaves_other_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://agin:pass@127.0.0.1:1")
    shown = client_of("https://ngrok.invalid").fit_to_show("agin_2k5 does not pass by bypass, agin:pass or Agin")
    assert shown == "agin_2k5 does not [proxy credentials] by bypass, [proxy credentials] or [proxy credentials]"


@pytest.mark.parametrize("url", MALFORMED_PROXIES.values(), ids=MALFORMED_PROXIES)
def test_a_malformed_proxy_is_told_without_its_url(
    url: str, pulumi_agin: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGROK_API_KEY", API_KEY)
    monkeypatch.setenv("HTTPS_PROXY", url)
    with refusing_dns() as server:
        for command in (["import", ID], ["doctor", DOMAIN, "--dns", server]):
            status, out, err = pulumi_agin(*command)
            assert status == 1
            assert "the proxy that HTTPS_PROXY or ALL_PROXY names" in " ".join((out + err).split())
            for told in ("someone", "ses", "opens", "99999"):
                assert told not in out + err


@contextlib.contextmanager
def refusing_dns() -> Iterator[str]:
    """HOST:PORT of a DNS server that answers nothing but REFUSED."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                query, client = server.recvfrom(4096)
                if not query:
                    return
                server.sendto(query[:2] + b"\x81\x85" + query[4:], client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield "{}:{}".format(*server.getsockname())
        server.sendto(b"", server.getsockname())
        thread.join(AT_LAST)
