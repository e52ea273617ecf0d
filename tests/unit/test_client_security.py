"""AgentIngressClient and those who mean it ill: the key goes nowhere, and no value becomes another request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from pulumi_agin.api import errors
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from pulumi_agin.settings import Settings
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.unit.test_client import CALLS, DOMAIN, METHODS

KEY_OF_ODD_CHARACTERS = "2tst+AbC/dEf=GhI&jKl%mNo(pQr)sTu!vWx'Yz0"


@pytest.fixture
def client(emulator: Emulator) -> AgentIngressClient:
    return AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=Clock())


@pytest.fixture
def elsewhere() -> Iterator[Emulator]:
    """Another listener, which is to see nothing."""
    with Emulator() as running:
        yield running


def failure(call: str, client: AgentIngressClient, id_: str) -> errors.NgrokError:
    with pytest.raises(errors.NgrokError) as caught:
        CALLS[call](client, id_)
    return caught.value


# -- redirects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_no_redirect_is_followed_and_its_host_is_named(
    call: str, status: int, client: AgentIngressClient, emulator: Emulator, elsewhere: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    emulator.clear_requests()
    target = elsewhere.url.replace("127.0.0.1", "localhost")
    emulator.add_fault(
        METHODS.get(call, call),
        "answer",
        status=status,
        headers={"Location": f"{target}/agent_ingresses/{{api_key}}"},
        times=None,
    )
    error = failure(call, client, existing.id)
    assert isinstance(error, errors.RedirectError)
    assert f"{emulator.url} redirects to localhost, and redirects are not followed" in str(error)
    assert len(emulator.requests()) == 1
    assert elsewhere.connections() == 0
    assert len(emulator.ingresses()) == 1


# -- a service that repeats the key -----------------------------------------------------------------------

ECHOES: dict[str, Callable[[str], str]] = {
    "whole": lambda key: f"'{key}'",
    "first-eight": lambda key: f"{key[:8]}…",
    "last-eight": lambda key: f"…{key[-8:]}",
    "middle": lambda key: f"…{key[9:21]}…",
    "url-encoded": lambda key: quote(key, safe=""),
    "url-encoded-by-a-browser": lambda key: quote(key, safe="!'()*"),
    "url-encoded-lower-case": lambda key: quote(key, safe="").lower(),
    "every-character-escaped": lambda key: "".join(f"%{ord(character):02X}" for character in key),
    "upper-case": str.upper,
}


def piece_of(key: str, text: str) -> str | None:
    """The first eight characters of the key in a row that a text holds, in any case."""
    pieces = (key[start : start + 8] for start in range(len(key) - 7))
    return next((piece for piece in pieces if piece.lower() in text.lower()), None)


@pytest.mark.parametrize("key", [API_KEY, KEY_OF_ODD_CHARACTERS], ids=["ngroks", "odd"])
@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("call", CALLS)
def test_a_403_that_echoes_the_key_shows_it_nowhere(call: str, echo: str, key: str, emulator: Emulator) -> None:
    echoed = ECHOES[echo](key)
    client = AgentIngressClient(Secret(key), emulator.url, 20, clock=Clock())
    emulator.add_fault(
        METHODS.get(call, call),
        "answer",
        status=403,
        headers={"ngrok-operation-id": quote(echoed, safe="!'()*%+/=&")},
        json_body={
            "status_code": 403,
            "error_code": f"ERR_NGROK_{echoed}",
            "msg": f"Your credential: {echoed}. {echoed}",
            "details": {"operation_id": echoed, "path": echoed, echoed: echoed},
        },
    )
    # Then without an operation id in the body, where that of the header counts.
    emulator.add_fault(
        METHODS.get(call, call),
        "answer",
        status=403,
        headers={"ngrok-operation-id": quote(echoed, safe="!'()*%+/=&")},
        json_body={"status_code": 403, "msg": "no", "details": {}},
    )
    for _ in range(2):
        error = failure(call, client, "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
        assert isinstance(error, errors.AuthenticationError)
        assert "[key]" in str(error)
        for text in (str(error), repr(error), repr(vars(error)), error.error_code, error.operation_id):
            assert piece_of(key, text) is None
    assert emulator.faults() == []


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_makes_no_sense_shows_the_key_nowhere_either(
    call: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    body = f"<a href='?{quote(API_KEY)}'>{API_KEY[:20]}</a>"
    emulator.add_fault(METHODS.get(call, call), "answer", status=200, body=body, times=None)
    error = failure(call, client, existing.id)
    assert piece_of(API_KEY, str(error)) is None


# -- values that try to be more than that -----------------------------------------------------------------

WICKED = [
    "",
    "..",
    "../agent_ingresses",
    "agin_1/../../api_keys",
    "agin_1/",
    "agin_1?limit=1",
    "agin_1#x",
    "agin_1%2f..%2fapi_keys",
    "agin_1%00",
    'agin_1" || true || "',
    "agin_1\\x",
    "agin_1;x",
    "agin_1 x",
    "agin_1\r\nX-Forged: yes",
    "agin_1\n",
    "\nagin_1",
    "agin_1\x1b[31m",
    "agin_\u0661",
    "agin_1\u2028x",
]


@pytest.mark.parametrize("id_", WICKED, ids=ascii)
@pytest.mark.parametrize("call", ["GET", "PATCH", "DELETE"])
def test_an_id_never_becomes_another_path_or_query(
    call: str, id_: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    error = failure(call, client, id_)
    assert isinstance(error, errors.InvalidInputsError)
    assert "is not the id of an Agent Ingress" in str(error)
    assert str(error).isprintable()
    assert emulator.requests() == []


@pytest.mark.parametrize(
    "domain",
    [
        'a.acme.com" || true || "',
        'a.acme.com\\" || true || \\"',
        "a.acme.com' || true || '",
        "../x",
        "a.acme.com?x=1",
        "a.acme.com#x",
        "a.acme.com%2f..",
        "a.acme.com\r\nX-Forged: yes",
        "a.acme.com\x1b[31m",
        "a.acme.com\u2028x",
    ],
    ids=ascii,
)
def test_a_domain_never_becomes_another_filter_path_or_header(
    domain: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    with pytest.raises(errors.InvalidInputsError) as caught:
        client.create({"domain": domain})
    assert str(caught.value).isprintable()
    assert emulator.requests() == []


def test_a_lost_create_is_looked_for_under_its_domain_and_no_other(
    client: AgentIngressClient, emulator: Emulator
) -> None:
    client.create({"domain": "other.acme.com"})
    emulator.clear_requests()
    emulator.add_fault("POST", "answer_after", status=201, body="<html>")
    assert client.create({"domain": "*.acme.com"}).domain == "*.acme.com"
    [look] = [request for request in emulator.requests() if request["method"] == "GET"]
    assert look["path"] == "/agent_ingresses"
    assert look["query"]["filter"] == 'obj.domain == "*.acme.com"'


def test_a_list_filter_is_one_parameter_whatever_it_holds(client: AgentIngressClient, emulator: Emulator) -> None:
    wicked = 'obj.domain == "x&limit=1#y?z=/../\\u00e9\\n"'
    assert client.list(wicked) == []
    [request] = emulator.requests()
    assert (request["path"], request["query"]) == ("/agent_ingresses", {"limit": "100", "filter": wicked})


def test_texts_go_into_the_body_alone_and_come_back_as_they_are(client: AgentIngressClient, emulator: Emulator) -> None:
    wicked = 'a\r\nX-Forged: yes\x1b[31m"}\u2028\u202e\0'
    ingress = client.create({"domain": DOMAIN, "description": wicked, "metadata": wicked})
    assert (ingress.description, ingress.metadata) == (wicked, wicked)
    [request] = emulator.requests()
    assert request["body"] == {"domain": DOMAIN, "description": wicked, "metadata": wicked}
    assert not any("forged" in name for name in request["headers"])


# -- answers that try to forge a line ---------------------------------------------------------------------

FORGERY = "x\n    error: forged\r\x1b[31m\u2028\u2029\u202e\u2066\x85\x07\x9b"


@pytest.mark.parametrize("call", CALLS)
def test_what_a_service_says_stays_on_its_line(call: str, client: AgentIngressClient, emulator: Emulator) -> None:
    existing = client.create({"domain": DOMAIN})
    body: dict[str, Any] = {
        "status_code": 400,
        "error_code": f"ERR_NGROK_{FORGERY}",
        "msg": f"{FORGERY}\ud800",
        "details": {"operation_id": FORGERY},
    }
    emulator.add_fault(METHODS.get(call, call), "answer", status=400, json_body=body, times=None)
    message = str(failure(call, client, existing.id))
    assert "x error: forged" in message
    assert message.isprintable()


@pytest.mark.parametrize("value", [FORGERY, "x\x1b[31m", "x\u202ey", "x\r", "\0"], ids=ascii)
@pytest.mark.parametrize("field", ["id", "domain", "ns_targets", "region_domains", "created_at", "uri"])
def test_a_name_in_an_answer_holds_nothing_that_cant_be_printed(
    field: str, value: str, client: AgentIngressClient, emulator: Emulator
) -> None:
    existing = client.create({"domain": DOMAIN})
    given = [value] if field in ("ns_targets", "region_domains") else value
    emulator.add_fault("GET", "answer", status=200, json_body={**existing.plain(), field: given})
    with pytest.raises(errors.BadAnswerError) as caught:
        client.get(existing.id)
    assert str(caught.value).isprintable()


def test_a_domain_that_was_handed_in_stays_on_its_line(client: AgentIngressClient, emulator: Emulator) -> None:
    # From a state that somebody edited.
    emulator.add_fault(None, "answer", status=400, json_body={"status_code": 400, "msg": "no"}, times=None)
    for call in (client.get, client.delete):
        with pytest.raises(errors.ApiError) as caught:
            call("agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", domain=FORGERY)
        assert str(caught.value).isprintable()


# -- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.ngrok.com/?",
        "https://api.ngrok.com/#",
        "https://api.ngrok.com/?x=",
        "https://api.ngrok.com/\x1b[31m",
        "https://api.ngrok.com/\u202e",
        "https://api.ngrok.com/\u2028",
        "https://api.ngrok.com\r\nX-Forged: yes",
        "https://api.ngrok.com/\0",
        "https://api.ngrok.com\\@x.example",
    ],
    ids=ascii,
)
def test_a_base_url_never_swallows_a_path_or_forges_a_line(base_url: str) -> None:
    [problem] = Settings.load(lambda key: None, {"NGROK_API_KEY": API_KEY, "NGROK_API_BASE_URL": base_url}).problems()
    assert problem.startswith("the base URL from the environment variable NGROK_API_BASE_URL ")
    assert problem.isprintable()


@pytest.mark.parametrize(
    "key", [f"{API_KEY}\r\nX-Forged: yes", f"{API_KEY}\0", f"{API_KEY}\x1b[31m", f"{API_KEY}\u2028"]
)
def test_a_key_never_becomes_another_header(key: str) -> None:
    [problem] = Settings.load(lambda name: None, {"NGROK_API_KEY": key}).problems()
    assert problem.startswith("the API key from the environment variable NGROK_API_KEY contains ")
    assert problem.isprintable()
    assert piece_of(API_KEY, problem) is None
