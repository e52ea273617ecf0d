"""AgentIngressClient with attackers, gateways and proxies: no secret is shown, and no value changes a request."""

from __future__ import annotations

import html
import json
import socket
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
import requests.adapters

from pulumi_agin.api import errors
from pulumi_agin.api.client import LONGEST_LIST_BYTES, AgentIngressClient
from pulumi_agin.api.http import LONGEST_BODY_BYTES, HttpClient
from pulumi_agin.api.messages import Request, Response
from pulumi_agin.base.redaction import Secret
from pulumi_agin.emulator import Emulator
from tests.support.client import CALLS, DOMAIN, UNKNOWN_ID, method_of
from tests.support.clock import Clock
from tests.support.emulator import EmulatorClock
from tests.support.keys import API_KEY
from tests.support.wire import Responding, receive, serve

KEY_OF_ODD_CHARACTERS = "2tst+AbC/dEf=GhI&jKl%mNo(pQr)sTu!vWx'Yz0"


def make_client(url: str, key: str = API_KEY) -> AgentIngressClient:
    return AgentIngressClient(Secret(key), url, 20, clock=Clock())


@pytest.fixture
def client(emulator: Emulator) -> AgentIngressClient:
    return make_client(emulator.url)


def failure(call: Callable[[], object]) -> errors.NgrokError:
    with pytest.raises(errors.NgrokError) as caught:
        call()
    return caught.value


def piece_of(key: str, text: str) -> str | None:
    """Returns the first eight consecutive characters of the key that a string contains, in any case."""
    pieces = (key[start : start + 8] for start in range(len(key) - 7))
    return next((piece for piece in pieces if piece.lower() in text.lower()), None)


@pytest.mark.parametrize(
    ("call", "status"), [("POST", 307), ("GET", 301), ("PATCH", 308), ("DELETE", 303), ("LIST", 302)]
)
def test_redirect_is_not_followed_and_its_host_is_named(
    call: str, status: int, client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.clear_requests()
    with Emulator() as elsewhere:
        url = elsewhere.url.replace("127.0.0.1", "localhost") + "/agent_ingresses/"
        headers = {"Location": url + "{api_key}?session=x"}
        emulator.add_fault(method_of(call), "respond", status=status, headers=headers, times=None)
        error = failure(lambda: CALLS[call](client, existing.id))
        assert elsewhere.connections() == 0
    assert isinstance(error, errors.RedirectError)
    assert f"{emulator.url} redirects to {url.split('/')[2]}, and redirects are not followed" in str(error)
    assert len(emulator.requests()) == 1
    assert len(emulator.ingresses()) == 1


@pytest.mark.parametrize(
    ("call", "key", "echoed"),
    [
        ("POST", API_KEY, f"'{API_KEY}'"),
        ("GET", API_KEY, f"{API_KEY[:8]}…"),
        ("PATCH", API_KEY, f"…{API_KEY[9:21]}…"),
        ("DELETE", KEY_OF_ODD_CHARACTERS, quote(KEY_OF_ODD_CHARACTERS, safe="")),
        ("LIST", KEY_OF_ODD_CHARACTERS, html.escape(KEY_OF_ODD_CHARACTERS)),
    ],
    ids=["whole", "beginning", "middle", "URL-encoded", "HTML-encoded"],
)
def test_key_in_an_error_response_is_redacted(call: str, key: str, echoed: str, emulator: Emulator) -> None:
    client = make_client(emulator.url, key)
    headers = {"ngrok-operation-id": quote(echoed, safe="!'()*%+/=&")}
    body = {
        "status_code": 403,
        "error_code": f"ERR_NGROK_{echoed}",
        "msg": f"Your credential: {echoed}. {echoed}",
        "details": {"operation_id": echoed, "path": echoed, echoed: echoed},
    }
    # Without an operation ID in the body, that of the header is shown.
    for json_body in (body, {"status_code": 403, "msg": "no", "details": {}}):
        emulator.add_fault(method_of(call), "respond", status=403, headers=headers, json_body=json_body)
        error = failure(lambda: CALLS[call](client, UNKNOWN_ID))
        assert isinstance(error, errors.AuthenticationError)
        assert "[key]" in str(error)
        for text in (str(error), repr(error), repr(vars(error)), error.error_code, error.operation_id):
            assert piece_of(key, text) is None


WRONG_IDS = [
    "",
    "..",
    "../agent_ingresses",
    "agin_1/../../api_keys",
    "agin_1?limit=1",
    "agin_1#x",
    "agin_1%2f..%2fapi_keys",
    'agin_1" || true || "',
    "agin_1\\x",
    "agin_1;x",
    "agin_1 x",
    "agin_1\r\nX-Forged: yes",
    "\nagin_1",
    "agin_1\x1b[31m",
    "agin_\u0661",
    "x" * 200,
    # These would be options in a command to paste.
    "--all",
    "-agin_1",
]


@pytest.mark.parametrize("call", ["GET", "PATCH", "DELETE"])
def test_id_never_becomes_another_path(call: str, client: AgentIngressClient, emulator: Emulator) -> None:
    for id_ in WRONG_IDS:
        error = failure(partial(CALLS[call], client, id_))
        assert isinstance(error, errors.InvalidInputsError)
        assert "is not the ID of an Agent Ingress" in str(error)
        assert str(error).isprintable()
    assert emulator.requests() == []


def test_filter_is_one_query_parameter(client: AgentIngressClient, emulator: Emulator) -> None:
    wicked = 'obj.domain == "x&limit=1#y?z=/../\\u00e9\\n"'
    assert client.list(wicked) == []
    [request] = emulator.requests()
    assert (request["path"], request["query"]) == ("/agent_ingresses", {"limit": "100", "filter": wicked})


FORGERY = "x\n    error: forged\r\x1b[31m\u2028\u2029\u202e\u2066\x85\x07\x9b"


@pytest.mark.parametrize("call", ["POST", "LIST"])
def test_ngrok_message_is_one_line(call: str, client: AgentIngressClient, emulator: Emulator) -> None:
    body: dict[str, Any] = {
        "status_code": 400,
        "error_code": f"ERR_NGROK_{FORGERY}",
        "msg": f"{FORGERY}\ud800",
        "details": {"operation_id": FORGERY},
    }
    emulator.add_fault(method_of(call), "respond", status=400, json_body=body, times=None)
    message = str(failure(lambda: CALLS[call](client, UNKNOWN_ID)))
    assert "x error: forged" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", FORGERY),
        ("domain", "x\x1b[31m"),
        ("ns_targets", ["x\u202ey"]),
        ("region_domains", ["x\r"]),
        ("created_at", "\0"),
        ("uri", FORGERY),
    ],
    ids=ascii,
)
def test_response_with_an_unprintable_name_is_rejected(
    field: str, value: object, client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.add_fault("GET", "respond", status=200, json_body={**existing.plain(), field: value})
    with pytest.raises(errors.BadResponseError) as caught:
        client.get(existing.id)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("status", [403, 408])
def test_write_that_a_gateway_rejects_is_settled_by_a_read(status: int, emulator_clock: EmulatorClock) -> None:
    # Neither clock runs, so that the ingress is never older than the request.
    with Emulator(API_KEY, clock=emulator_clock) as emulator:
        client = make_client(emulator.url)
        emulator.add_fault("POST", "respond_after", status=status, body="<html>blocked")
        created = client.create({"domain": DOMAIN})
        assert [ingress["id"] for ingress in emulator.ingresses()] == [created.id]
        emulator.add_fault("PATCH", "respond_after", status=status, body="<html>blocked")
        assert client.update(created.id, {"description": "new"}).description == "new"
        emulator.add_fault("DELETE", "respond_after", status=status, body="<html>blocked")
        with pytest.raises(errors.NotFoundError):
            client.delete(created.id)


@pytest.mark.parametrize("status", [403, 503])
def test_create_is_unsettled_if_a_gateway_blocks_every_read(
    status: int, client: AgentIngressClient, emulator: Emulator
) -> None:
    emulator.add_fault("POST", "respond_after", status=503, body="<html>gateway")
    emulator.add_fault(None, "respond", status=status, body="<html>gateway", times=None)
    with pytest.raises(errors.CreateUnsettledError, match="it is unknown whether the Agent Ingress"):
        client.create({"domain": DOMAIN})
    assert len(emulator.ingresses()) == 1


class Pages(HttpClient):
    """An endless list, whose pages take some time each and have a number of ingresses.

    `next_page` returns the name of the page after one with a number.
    """

    def __init__(
        self,
        *,
        seconds: float = 0,
        padding: int = 0,
        ingresses: int = 0,
        next_page: Callable[[int], str | None] = lambda number: f"/agent_ingresses?before_id={number}",
    ) -> None:
        self.clock = Clock()
        self.pages = 0
        self.client = AgentIngressClient(Secret(API_KEY), timeout_seconds=30, clock=self.clock, http_client=self)
        self._seconds = seconds
        self._padding = " " * padding
        self._ingresses = ingresses
        self._next_page = next_page

    def send(self, request: Request, *_: object, connect_seconds: float) -> Response:
        self.clock.sleep(self._seconds)
        if request.id_:
            return Response(403, {}, b"")
        self.pages += 1
        ingress = {"id": "agin_1", "domain": "d.acme.com", "ns_targets": ["a.x"], "created_at": "now"}
        page = {"ingresses": [ingress] * self._ingresses, "next_page_uri": self._next_page(self.pages)}
        return Response(200, {}, (json.dumps(page) + self._padding).encode())


def test_endless_list_ends_with_the_time() -> None:
    pages = Pages(seconds=1)
    for call in (pages.client.list, lambda: pages.client.find(DOMAIN)):
        assert "more pages than could be read in 30 seconds" in str(failure(call))
    # The second of two reads uses a shared list.
    began = pages.clock.now
    for _ in range(2):
        str(failure(lambda: pages.client.get_one_of_many(UNKNOWN_ID)))
    assert pages.clock.now - began <= 60


@pytest.mark.parametrize("last", [None, ""])
def test_empty_page_is_the_last_one_only_if_it_names_no_other(last: str | None) -> None:
    pages = Pages(next_page=lambda number: f"https://x/?page={number}" if number < 300 else last)
    assert pages.client.list() == []
    assert pages.pages == 300


@pytest.mark.parametrize(
    ("pages", "reads", "wrong"),
    [
        (Pages(), 300, "has more than 300 pages"),
        (Pages(ingresses=1000), 21, "has more than 20,000 Agent Ingresses"),
        (Pages(next_page=lambda number: "/?limit=100"), 1, "continues on a page that was read already"),
        (Pages(next_page=lambda number: f"https://x{number}/?a={number % 3}"), 4, "continues on a page that was read"),
    ],
    ids=["pages", "ingresses", "first page again", "loop"],
)
def test_endless_list_fails_in_one_sentence(pages: Pages, reads: int, wrong: str) -> None:
    assert str(failure(pages.client.list)).startswith(f"could not list the Agent Ingresses: ngrok's list {wrong}")
    assert pages.pages == reads


def test_list_is_read_up_to_64_mib() -> None:
    pages = Pages(padding=LONGEST_BODY_BYTES - 100)
    most_pages = LONGEST_LIST_BYTES // LONGEST_BODY_BYTES + 1
    assert "ngrok's list is larger than 64 MiB" in str(failure(pages.client.list))
    assert pages.pages == most_pages
    # A shared list that is too long is read once, and each ingress is read by its ID.
    pages.pages = 0
    for _ in range(3):
        assert "could not read the Agent Ingress" in str(failure(lambda: pages.client.get_one_of_many(UNKNOWN_ID)))
    assert pages.pages == most_pages


@pytest.mark.parametrize("text", [API_KEY, "&#65;"], ids=["key", "HTML"])
def test_huge_response_is_a_short_message_without_the_key(text: str) -> None:
    # It is cut before it is searched for the key, which would take a minute.
    body = json.dumps({"status_code": 403, "msg": text * (LONGEST_BODY_BYTES // len(text))}).encode()
    network = Responding(Response(403, {}, body))
    message = str(failure(lambda: AgentIngressClient(Secret(API_KEY), http_client=network).get(UNKNOWN_ID)))
    assert len(message) < 1000
    assert API_KEY[:8] not in message


def test_credentials_that_a_proxy_repeats_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    userinfo, password = "someone:sesame-opens%23", "sesame-opens#"
    forms = [userinfo, password, "sesame-opens%23", b64encode(f"someone:{password}".encode()).decode()]

    def handle(connection: socket.socket) -> None:
        request = receive(connection).decode()
        [header] = [line for line in request.split("\r\n") if line.lower().startswith("proxy-authorization")]
        connection.sendall(f"HTTP/1.1 407 No, {' '.join(forms)} {header}\r\n\r\n".encode())

    with serve(handle) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{userinfo}@{place}")
        message = str(failure(make_client("https://ngrok.invalid").list))
    assert "407 No, [proxy credentials]" in message
    assert [form for form in forms if form in message] == []


def test_socks_proxy_without_its_package_fails_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:sesame-opens@127.0.0.1:1")
    error = failure(lambda: make_client("https://api.ngrok.com").create({"domain": DOMAIN}))
    assert isinstance(error, errors.NotConnectedError)
    assert str(error) == (
        f"could not create the Agent Ingress {DOMAIN}: no connection to https://api.ngrok.com: SOCKS proxies need the "
        "Python package PySocks: install it, or use an HTTP proxy (through the proxy in HTTPS_PROXY or ALL_PROXY)"
    )

    def unknown_version(url: str, **_: object) -> None:
        # As urllib3 with PySocks.
        raise ValueError(f"Unable to determine SOCKS version from {url}")

    monkeypatch.setenv("ALL_PROXY", "socks://me:sesame-opens@127.0.0.1:1")
    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", unknown_version)
    error = failure(make_client("https://api.ngrok.com").list)
    assert isinstance(error, errors.NotConnectedError)
    assert "the proxy URL must begin with socks5:// or another scheme with the version" in str(error)
    assert "sesame" not in str(error)


@pytest.mark.parametrize(
    "echoed",
    [
        "s&amp;same&lt;op&gt;ens",
        "s%26same%3Cop%3Eens",
        "someone:s%26same<op>ens",
        b64encode(b"someone:s&same<op>ens").decode(),
    ],
    ids=["HTML", "percent", "as in the URL", "base64"],
)
def test_proxy_password_is_not_shown_encoded(echoed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:s%26same<op>ens@127.0.0.1:1")
    shown = make_client("https://ngrok.invalid").sanitize(f"no: {echoed} .")
    assert "[proxy credentials]" in shown
    assert "same" not in shown


def test_short_proxy_password_is_redacted_only_as_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://agin:pass@127.0.0.1:1")
    shown = make_client("https://ngrok.invalid").sanitize("agin_2k5 does not pass by bypass, agin:pass")
    assert shown == "agin_2k5 does not [proxy credentials] by bypass, [proxy credentials]"
