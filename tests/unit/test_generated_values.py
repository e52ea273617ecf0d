"""What holds for any value: of normalization, validation, redaction, and of reading an answer."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pulumi
import pytest
import requests
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from pulumi_agin.api import errors, models
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.exchange import Answer, Exchanges
from pulumi_agin.api.inputs import AgentIngressInputs
from pulumi_agin.api.text import TELLING_CHARACTERS, one_line, redact
from pulumi_agin.canonical import (
    canonical_domain,
    canonical_ns_targets,
    canonical_region_domains,
    without_none,
)
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.fields import validate
from tests.support.clock import Clock
from tests.support.keys import API_KEY

# Any text that Python knows, with what JSON from elsewhere can bring: half a surrogate pair, NUL, and the like.
any_text = st.text(st.characters(exclude_categories=()))
# Any text that can be sent: what reaches the plugin came as UTF-8.
unicode_text = st.text()

scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**301) | st.floats(allow_nan=False) | any_text
)
json_values = st.recursive(
    scalars | st.text("x", min_size=4090, max_size=4100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)

# What is not known yet in a preview.
UNKNOWN: object = pulumi.output.Unknown()  # type: ignore[no-untyped-call]


def is_unknown(value: object) -> bool:
    return isinstance(value, pulumi.output.Unknown)


def nest(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


# Near to what is right, so that both sides of each rule are met.
labels = st.text("aZ09-_", max_size=8) | st.sampled_from(["", "*", "a*", "acme", "com", "xn--mnchen-3ya", "a" * 62])
domains = st.one_of(
    st.lists(labels | st.sampled_from(["a" * 63, "b" * 64]), max_size=6).map(".".join),
    st.builds(
        "{}{}{}".format, st.sampled_from(["", " ", "\t", "\u00a0"]), unicode_text, st.sampled_from(["", ".", "\n"])
    ),
    st.text("aA1.*-_ :/@\"'[]ü\u212a\u3002\n", max_size=12),
    st.integers(240, 260).map(lambda size: (("a" * 49 + ".") * 10)[: size - 1] + "z"),
    st.ip_addresses().map(str),
    unicode_text,
)
texts = st.one_of(
    unicode_text,
    st.integers(250, 260).map(lambda size: "x" * size),
    st.integers(120, 130).map(lambda size: "é" * size),
    st.integers(4090, 4100).map(lambda size: "x" * size),
    st.integers(1020, 1028).map(lambda size: "\U0001f600" * size),
)
# "" is left out: to ngrok it is an absent one, as its official clients send it, and in a program more likely a mistake.
key_types: st.SearchStrategy[Any] = st.sampled_from(
    [None, "rsa", "ecdsa", "RSA", "dsa", 0, False, [], {}]
) | scalars.filter(bool)
policies = st.one_of(
    st.none(),
    st.fixed_dictionaries({"authority": st.just("letsencrypt")}, optional={"private_key_type": key_types}),
    st.fixed_dictionaries(
        {},
        optional={"authority": st.sampled_from(["letsencrypt", "LetsEncrypt", ["letsencrypt"]]) | scalars}
        | {"private_key_type": key_types, "privateKeyType": st.just("rsa")},
    ),
    json_values,
)


# The arguments of an Agent Ingress, of which any can be wrong.
RIGHT = {"domain": st.just("connect.acme.com")}
FUZZED = {"domain": domains, "description": texts, "metadata": texts, "certificate_management_policy": policies}
anything = st.just(UNKNOWN) | json_values | st.builds(nest, st.integers(1, 3000))
near = st.fixed_dictionaries({}, optional={name: values | anything for name, values in FUZZED.items()})
far = st.dictionaries(st.sampled_from([*FUZZED, "__provider", "id", "Domain"]) | any_text, anything)


# -- normalization ----------------------------------------------------------------------------------------


@given(domains | any_text)
def test_a_canonical_domain_stays_as_it_is(text: str) -> None:
    canonical = canonical_domain(text)
    assert canonical_domain(canonical) == canonical


@given(st.lists(domains | any_text, max_size=5), st.randoms(use_true_random=False))
def test_canonical_lists_stay_as_they_are_whatever_the_order_and_how_often(names: list[str], random: Any) -> None:
    for canonical in (canonical_ns_targets, canonical_region_domains):
        once = canonical(names)
        assert canonical(once) == once
        again = names + names[:2]
        random.shuffle(again)
        assert canonical(again) == once


@given(any_text, st.integers(1, 40))
def test_a_line_stays_as_it_is_is_short_and_can_be_printed(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert one_line(line, limit) == line
    assert len(line) <= limit + 1
    assert line.isprintable()
    # The engine takes no other.
    line.encode()


# -- redaction --------------------------------------------------------------------------------------------

keys = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=TELLING_CHARACTERS, max_size=60)
ENCODINGS = (
    str,
    str.upper,
    str.lower,
    str.swapcase,
    lambda piece: quote(piece, safe=""),
    lambda piece: quote(piece, safe="/"),
    # As JavaScript's encodeURIComponent has it.
    lambda piece: quote(piece, safe="!'()*"),
    lambda piece: quote(piece, safe="").lower(),
    lambda piece: "".join(f"%{ord(character):02x}" for character in piece),
)


@st.composite
def echoes(draw: st.DrawFn) -> tuple[str, str]:
    """A key, and a text with pieces of it in some form."""
    key = draw(keys)
    text = draw(any_text)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(key) - TELLING_CHARACTERS))
        end = draw(st.integers(start + TELLING_CHARACTERS, len(key)))
        text += draw(st.sampled_from(ENCODINGS))(key[start:end]) + draw(any_text)
    return key, text


@given(echoes())
def test_no_eight_characters_of_a_key_in_a_row_remain(echo: tuple[str, str]) -> None:
    key, text = echo
    shown = redact(text, key)
    assert "[key]" in shown
    for form in (shown, percent_decoded(shown)):
        for start in range(len(key) - TELLING_CHARACTERS + 1):
            assert key[start : start + TELLING_CHARACTERS].lower() not in form.lower()
    assert redact(shown, key) == shown


@given(any_text, keys)
def test_a_text_without_the_key_stays_as_it_is(text: str, key: str) -> None:
    pieces = (key[start : start + TELLING_CHARACTERS].lower() for start in range(len(key) - TELLING_CHARACTERS + 1))
    assume(not any(piece in percent_decoded(text).lower() for piece in pieces))
    assert redact(text, key) == text


def percent_decoded(text: str) -> str:
    """Each escape as the character of its byte."""
    first, *rest = text.split("%")
    for part in rest:
        escape = part[:2]
        is_escape = len(escape) == 2 and all(digit in string.hexdigits for digit in escape)
        first += chr(int(escape, 16)) + part[2:] if is_escape else "%" + part
    return first


# -- validation -------------------------------------------------------------------------------------------


@given(near | far)
def test_whatever_is_given_validate_answers_and_what_it_accepts_it_accepts_again(values: dict[str, Any]) -> None:
    valid, problems = validate(AgentIngressInputs, values, is_unknown)
    assert not (valid and problems)
    for problem in problems:
        assert str(problem).isprintable()
    if not problems:
        assert validate(AgentIngressInputs, valid, is_unknown) == (valid, [])
        policy = valid.get("certificate_management_policy")
        unknown = UNKNOWN in [*valid.values(), *(policy.values() if isinstance(policy, dict) else [])]
        assert AgentIngressProvider().diff("agin_1", valid, valid).changes is unknown


# -- agreement with the emulator --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    """ngrok's API, without its limit."""
    with Emulator(API_KEY, limit=0) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Plain HTTP: nothing of this package."""
    with requests.Session() as plain:
        plain.trust_env = False
        plain.headers.update({"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"})
        yield plain


@pytest.mark.parametrize("field", FUZZED)
@given(data=st.data())
def test_validate_and_the_emulator_agree(
    field: str, service: Emulator, session: requests.Session, data: st.DataObject
) -> None:
    values = data.draw(st.fixed_dictionaries({**RIGHT, field: FUZZED[field]}))
    valid, problems = validate(AgentIngressInputs, values)
    service.reset()
    service.configure(limit=0)
    try:
        body = json.dumps(values if problems else valid, allow_nan=False)
    except ValueError:
        assume(False)
    answer = session.post(
        f"{service.url}/agent_ingresses", data=body, headers={"Content-Type": "application/json"}, timeout=10
    )
    content = answer.json()
    if content.get("error_code") == "ERR_NGROK_6705":
        # Which domains are ngrok's own is for ngrok to say.
        assert not problems
        return
    assert answer.status_code == (400 if problems else 201), (problems, content)
    if not problems:
        ingress = models.AgentIngress.from_answer(content)
        assert ingress.domain == valid["domain"]
        assert ingress.description == valid.get("description", "")
        assert ingress.metadata == valid.get("metadata", "")
        answered = without_none(ingress.plain())
        assert AgentIngressProvider().diff(ingress.id, answered, valid).changes is False


# -- answers ----------------------------------------------------------------------------------------------

INGRESS = {
    "id": "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
    "uri": "/agent_ingresses/agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
    "domain": "connect.acme.com",
    "description": "acme devices",
    "metadata": "{}",
    "ns_targets": ["b.x", "a.x"],
    "region_domains": ["tunnel.us.connect.acme.com"],
    "created_at": "2024-08-02T07:15:39Z",
    "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "rsa"},
    "certificate_management_status": {"renews_at": None, "provisioning_job": {"msg": "m"}},
}
REFUSAL = {
    "status_code": 400,
    "error_code": "ERR_NGROK_218",
    "msg": "no",
    "details": {"operation_id": "op_1", "path": "/x"},
}
PAGE = {"ingresses": [INGRESS], "uri": "", "next_page_uri": "/agent_ingresses?before_id=agin_1"}


def distort(document: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """The document with some of its values replaced, as JSON."""
    replaced = st.fixed_dictionaries({}, optional=dict.fromkeys(document, json_values))
    return replaced.map(lambda values: json.dumps({**document, **values}).encode())


contents = st.one_of(
    st.binary(),
    json_values.map(lambda value: json.dumps(value).encode()),
    distort(INGRESS),
    distort(REFUSAL),
    distort(PAGE),
    # As deep as Python can just about read it, where it can't be looked at any more.
    st.builds(
        lambda depth: json.dumps(REFUSAL).replace('"ERR_NGROK_218"', "[" * depth + "]" * depth).encode(),
        st.integers(900, 1000) | st.just(100_000),
    ),
)
header_texts = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": st.sampled_from(["0", "٣", "9" * 30, "Fri, 31 Dec 9999 23:59:59 -2359"]) | header_texts,
        "Date": st.sampled_from(["Fri, 31 Dec 9999 23:59:59 -2359", "Sat, 01 Jan 100 00:00:00 +2359"]) | header_texts,
        "Location": st.sampled_from(["https://[::1", "//x", "http://a:b@c:d/"]) | header_texts,
        "ngrok-operation-id": header_texts,
    },
)
statuses = st.sampled_from([200, 201, 204, 206, 301, 307, 304, 400, 401, 403, 404, 409, 418, 429, 500, 503])
CALLS = {
    "create": lambda client: client.create({"domain": "connect.acme.com"}),
    "get": lambda client: client.get(INGRESS["id"], domain="connect.acme.com"),
    "update": lambda client: client.update(INGRESS["id"], {"description": ""}, domain="connect.acme.com"),
    "delete": lambda client: client.delete(INGRESS["id"]),
    "list": lambda client: client.list(),
}


class Repeating(Exchanges):
    """A network that answers everything the same."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def exchange(self, *_: object, **__: object) -> Answer:
        return self._answer


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=30)
@given(status=statuses, headers=headers, content=contents)
def test_an_answer_is_understood_or_is_an_error_with_one_sentence(
    call: str, status: int, headers: dict[str, str], content: bytes
) -> None:
    clock = Clock()
    answer = Answer(status, CaseInsensitiveDict(headers), content)
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=30, clock=clock, exchanges=Repeating(answer))
    result: Any = None
    message = ""
    try:
        result = CALLS[call](client)
    except errors.NgrokError as error:
        message = str(error)
    assert message.isprintable()
    if call in ("create", "get", "update"):
        assert message or result.domain == "connect.acme.com"
    elif call == "list":
        assert message or all(isinstance(ingress, models.AgentIngress) for ingress in result)
