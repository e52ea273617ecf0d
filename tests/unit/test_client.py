"""The API client: what is retried and for how long, what responses mean, and that no message has the key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from pulumi_agin.api import errors, settling
from pulumi_agin.api.budget import Budget
from pulumi_agin.api.client import MOST_INGRESSES, MOST_PAGES, Client
from pulumi_agin.api.http import LONGEST_BODY_BYTES
from pulumi_agin.api.list_cache import ListCache
from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.redaction import Secret
from pulumi_agin.emulator import Emulator
from tests.support.background import in_background
from tests.support.clock import Clock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tests.support.ports import closed_port, free_port

ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


def client_of(url: str, clock: Clock, key: str = API_KEY) -> Client:
    return Client(Secret(key), url, api_key_source="the test", base_url_source="the test", clock=clock)


class Scripted:
    """A server with one response for all requests."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.headers: dict[str, str] = {}
        self.requests: list[dict[str, str]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script.requests.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(script.status)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(script.body)))
                self.end_headers()
                self.wfile.write(script.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    with in_background(script.server):
        yield script


def failure(client: Client, clock: Clock, seconds: float = 60) -> errors.NgrokError:
    with pytest.raises(errors.NgrokError) as caught:
        client.get(ID, Budget(seconds, clock=clock))
    assert_without_key(str(caught.value))
    return caught.value


def ngrok_error(status: int, code: str, msg: str, **details: str) -> bytes:
    return json.dumps({"status_code": status, "error_code": code, "msg": msg, "details": details}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "pauses"),
    [
        (503, {}, [1, 2, 4, 8, 16, 20]),
        (429, {"Retry-After": "30"}, [30]),
        (500, {"Retry-After": "Wed, 02 Dec 2026 00:00:00 GMT"}, [1, 2, 4, 8, 16, 20]),
        (400, {}, []),
        (403, {}, []),
        (302, {"Location": "https://login.example.com/?key"}, []),
    ],
)
def test_what_is_retried(
    scripted: Scripted, clock: Clock, status: int, headers: dict[str, str], pauses: list[float]
) -> None:
    scripted.status, scripted.headers = status, headers
    failure(client_of(scripted.url, clock), clock)
    # A pause is interrupted each second, to see whether the call was cancelled.
    assert len(scripted.requests) == len(pauses) + 1
    assert sum(clock.pauses) == pytest.approx(sum(pauses))


def test_unconnected_server_is_given_up_after_30_seconds(clock: Clock) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with closed_port(url):
        error = failure(client_of(url, clock), clock, 300)
    assert isinstance(error, errors.UnreachableError)
    assert f"no connection to {url}: Connection refused" in str(error)
    assert 30 <= clock.now - 1000 < 60


KINDS = [
    (404, ngrok_error(404, "", "Resource not found"), errors.NotFoundError, "Resource not found"),
    (404, ngrok_error(404, "ERR_NGROK_222", "bad ID"), errors.ApiError, "ERR_NGROK_222"),
    (404, ngrok_error(404, "", "Not Found", path="/x"), errors.BadResponseError, "not ngrok's Agent Ingress API"),
    (404, b"<html>nothing here</html>", errors.BadResponseError, "not ngrok's Agent Ingress API"),
    (302, b"", errors.BadResponseError, "not ngrok's Agent Ingress API"),
    (403, ngrok_error(403, "ERR_NGROK_202", f"credential: '{API_KEY}'"), errors.AuthenticationError, "from the test"),
    (403, ngrok_error(403, "ERR_NGROK_202", f"at {quote(API_KEY)}"), errors.AuthenticationError, "[key]"),
    (400, ngrok_error(400, "ERR_NGROK_6706", "exists", operation_id="op_1"), errors.DomainExistsError, "(op_1)"),
    (400, b'{"status_code": 400, "msg": "no", "details": "odd"}', errors.ApiError, "400: no"),
    (400, b'{"status_code": 400, "msg": "no", "details": {"operation_id": 5}}', errors.ApiError, "400: no (5)"),
    (200, b"{", errors.BadResponseError, "responded 200"),
    (200, json.dumps({"id": ID, "domain": "a.com"}).encode(), errors.BadResponseError, "ns_targets"),
    (200, f"<p>{API_KEY}</p>".encode(), errors.BadResponseError, "[key]"),
    (200, b" " * (LONGEST_BODY_BYTES + 1), errors.UnreachableError, "larger than 8 MiB"),
]


@pytest.mark.parametrize(("status", "body", "kind", "words"), KINDS)
def test_what_a_response_means(
    scripted: Scripted, clock: Clock, status: int, body: bytes, kind: type[Exception], words: str
) -> None:
    scripted.status, scripted.body = status, body
    error = failure(client_of(scripted.url, clock), clock)
    assert type(error) is kind
    assert words in str(error)
    assert str(error).isprintable()


def test_403_of_the_plan_does_not_doubt_the_key(scripted: Scripted, clock: Clock) -> None:
    scripted.status, scripted.body = 403, ngrok_error(403, "ERR_NGROK_6707", "not in your plan")
    error = str(failure(client_of(scripted.url, clock), clock))
    assert error.endswith("The API key came from the test")
    scripted.body = ngrok_error(403, "ERR_NGROK_202", "wrong")
    error = str(failure(client_of(scripted.url, clock), clock))
    assert error.endswith("check that it is a valid API key of your account, not an authtoken")


def test_redirect_is_named_without_its_query(scripted: Scripted, clock: Clock) -> None:
    scripted.status, scripted.headers = 302, {"Location": f"https://login.acme.com/{API_KEY}?token=abc"}
    error = str(failure(client_of(scripted.url, clock), clock))
    assert "with a redirect to https://login.acme.com/[key]: this is not ngrok's" in error
    assert len(scripted.requests) == 1


def test_response_about_another_ingress_is_rejected(emulator: Emulator, scripted: Scripted, clock: Clock) -> None:
    other = settling.create(client_of(emulator.url, clock), {"domain": "other.acme.com"}, Budget(30))
    scripted.body = other.model_dump_json().encode()
    assert "it describes another Agent Ingress" in str(failure(client_of(scripted.url, clock), clock))


def test_headers_and_ids(scripted: Scripted, clock: Clock) -> None:
    client = client_of(scripted.url, clock)
    failure(client, clock)
    [headers] = scripted.requests
    assert headers["authorization"] == f"Bearer {API_KEY}"
    assert headers["ngrok-version"] == "2"
    for wrong in ("", "../x", "a b", API_KEY):
        with pytest.raises(errors.InvalidArgumentError) as caught:
            client.get(wrong, Budget(1, clock=clock))
        assert_without_key(str(caught.value))
    assert len(scripted.requests) == 1


def test_lists_have_pages_and_share_one_read(emulator: Emulator, clock: Clock) -> None:
    emulator.configure(limit=0)
    client, budget = client_of(emulator.url, clock), Budget(300, clock=clock)
    ids = [settling.create(client, {"domain": f"d{number}.acme.com"}, budget).id for number in range(101)]
    theirs = client_of(emulator.url, clock, OTHER_ACCOUNTS_KEY)
    hidden = settling.create(theirs, {"domain": "theirs.acme.com"}, budget).id
    emulator.clear_requests()
    assert {each.id for each in client.list_ingresses(None, budget)} == set(ids)
    assert len(emulator.requests()) == 2
    assert [each.domain for each in client.list_ingresses('obj.domain == "d7.acme.com"', budget)] == ["d7.acme.com"]

    cache = ListCache(client)
    emulator.clear_requests()
    for id_ in ids[:3]:
        cache.get(id_, budget)
    assert len(emulator.requests()) == 2
    # One that the list lacks is read alone, because the list does not prove that it is gone.
    with pytest.raises(errors.NotFoundError):
        cache.get(hidden, budget)
    # A write drops the list, and so do five seconds.
    settling.update(client, ids[0], {"description": "new"}, budget)
    assert cache.get(ids[0], budget).description == "new"
    clock.now += 6
    emulator.set_ingress(ids[0], {"description": "newer"})
    assert cache.get(ids[0], budget).description == "newer"


class WritingClient(Client):
    """A write of another thread ends while a list is read."""

    def list_ingresses(self, cel: str | None, budget: Budget) -> list[IngressModel]:
        found = super().list_ingresses(cel, budget)
        settling.create(self, {"domain": f"d{len(found)}.acme.com"}, budget)
        return found


def test_list_is_not_shared_after_a_write(emulator: Emulator, clock: Clock) -> None:
    client, budget = WritingClient(Secret(API_KEY), emulator.url, clock=clock), Budget(300, clock=clock)
    cache = ListCache(client)
    assert [len(cache.ingresses(budget)) for _ in range(3)] == [0, 1, 2]


def test_list_that_does_not_end_is_an_error(scripted: Scripted, clock: Clock) -> None:
    # Another host never gets the key.
    endless = {"ingresses": [], "next_page_uri": "https://elsewhere.example.com/agent_ingresses?before_id=agin_1"}
    scripted.body = json.dumps(endless).encode()
    client = client_of(scripted.url, clock)
    with pytest.raises(errors.BadResponseError, match="list did not end"):
        client.list_ingresses(None, Budget(300, clock=clock))
    assert len(scripted.requests) == MOST_PAGES
    ingress = {"id": ID, "domain": "a.acme.com", "ns_targets": ["a.net"], "created_at": "2026-01-01T00:00:00Z"}
    scripted.body = json.dumps({**endless, "ingresses": [ingress] * (MOST_INGRESSES + 1)}).encode()
    with pytest.raises(errors.BadResponseError, match=f"list did not end after {MOST_INGRESSES + 1} of"):
        client.list_ingresses(None, Budget(300, clock=clock))


def test_cancelled_call_ends_its_wait(scripted: Scripted, clock: Clock) -> None:
    scripted.status = 503
    budget = Budget(300, clock=clock, is_cancelled=lambda: clock.now > 1001)
    with pytest.raises(errors.InterruptedCallError):
        client_of(scripted.url, clock).get(ID, budget)
    assert clock.now < 1005


def test_waits_are_shown(scripted: Scripted, clock: Clock) -> None:
    scripted.status = 503
    shown: list[str] = []
    with pytest.raises(errors.ApiError):
        client_of(scripted.url, clock).get(ID, Budget(60, clock=clock, show=shown.append))
    assert f"waiting to read the Agent Ingress {ID} (" in shown[0]
    assert "503" in shown[0]
    # One line after 3 seconds, and then one about every 20.
    assert len(shown) == 3
