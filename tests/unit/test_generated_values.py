"""Properties of normalization, redaction and validation for generated values."""

from __future__ import annotations

import html
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
from pulumi.dynamic import Config, ConfigureRequest
from requests.structures import CaseInsensitiveDict

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.messages import Response
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.redaction import REVEALING_CHARACTERS, Secret, redact
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.outputs import STRINGS
from pulumi_agin.lifecycle.schema import validate
from tests.support.client import CALLS, DOMAIN, UNKNOWN_ID
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.wire import Responding

# Any string of Python, including lone surrogates, NUL, and so on, which JSON allows.
any_text = st.text(st.characters(exclude_categories=()))
# Any string that can be sent as UTF-8.
unicode_text = st.text()

scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**301) | st.floats(allow_nan=False) | any_text
)
json_values = st.recursive(
    scalars | st.text("x", min_size=4090, max_size=4100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)

# A value that is unknown in a preview.
UNKNOWN: object = pulumi.output.Unknown()  # type: ignore[no-untyped-call]


def is_unknown(value: object) -> bool:
    return isinstance(value, pulumi.output.Unknown)


def nest(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


# Similar to valid values, so that both sides of each rule occur.
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
# Without "": to ngrok it is absent, because its official clients send it. In a program it is rejected.
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


PROVIDER = AgentIngressProvider()
PROVIDER.configure(ConfigureRequest(Config({}, "test")))

# The inputs of an Agent Ingress, of which any can be wrong.
FUZZED = {"domain": domains, "description": texts, "metadata": texts, "certificate_management_policy": policies}
anything = st.just(UNKNOWN) | json_values | st.builds(nest, st.integers(1, 3000))
near = st.fixed_dictionaries({}, optional={name: values | anything for name, values in FUZZED.items()})
far = st.dictionaries(st.sampled_from([*FUZZED, "__provider", "id", "Domain"]) | any_text, anything)


keys = st.text(string.ascii_letters + string.digits + string.punctuation, min_size=REVEALING_CHARACTERS, max_size=60)
ENCODINGS = (
    str,
    str.swapcase,
    lambda piece: quote(piece, safe=""),
    lambda piece: quote(piece, safe="").lower(),
    html.escape,
)


@st.composite
def echoes(draw: st.DrawFn) -> tuple[str, str]:
    """Generates a key, and a string with pieces of it in some encoding."""
    key = draw(keys)
    text = draw(any_text)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(key) - REVEALING_CHARACTERS))
        end = draw(st.integers(start + REVEALING_CHARACTERS, len(key)))
        text += draw(st.sampled_from(ENCODINGS))(key[start:end]) + draw(any_text)
    return key, text


@given(echoes())
def test_no_eight_characters_of_a_key_remain(echo: tuple[str, str]) -> None:
    key, text = echo
    shown = redact(text, key)
    assert "[key]" in shown
    for start in range(len(key) - REVEALING_CHARACTERS + 1):
        for encode in ENCODINGS:
            assert encode(key[start : start + REVEALING_CHARACTERS]).lower() not in shown.lower()
    assert redact(shown, key) == shown


@given(near | far)
def test_validated_values_are_valid(values: dict[str, Any]) -> None:
    valid, problems = validate(AgentIngressInputs, values, is_unknown)
    assert not (valid and problems)
    for problem in problems:
        assert str(problem).isprintable()
    if not problems:
        assert validate(AgentIngressInputs, valid, is_unknown) == (valid, [])
        policy = valid.get("certificate_management_policy")
        has_unknown_policy = isinstance(policy, dict) and UNKNOWN in policy.values()
        # A state has no unknown values.
        state = {name: value for name, value in valid.items() if value is not UNKNOWN}
        if has_unknown_policy:
            del state["certificate_management_policy"]
        is_unknown_in_part = has_unknown_policy or UNKNOWN in valid.values()
        assert PROVIDER.diff("agin_1", {"domain": DOMAIN, **state}, valid).changes is is_unknown_in_part


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator(API_KEY, limit=0) as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """A session of the package requests, without our code."""
    with requests.Session() as plain:
        plain.trust_env = False
        plain.headers.update({"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"})
        yield plain


@pytest.mark.parametrize("field", FUZZED)
@settings(max_examples=60)
@given(data=st.data())
def test_validation_and_emulator_agree(
    field: str, service: Emulator, session: requests.Session, data: st.DataObject
) -> None:
    values = data.draw(st.fixed_dictionaries({"domain": st.just("connect.acme.com"), field: FUZZED[field]}))
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
        # Only ngrok knows which domains are its own.
        assert not problems
        return
    assert answer.status_code == (400 if problems else 201), (problems, content)
    if not problems:
        ingress = IngressModel.model_validate(content)
        assert ingress.domain == valid["domain"]
        for name in STRINGS:
            assert getattr(ingress, name) == valid.get(name, "")
        responded = ingress.model_dump(exclude_none=True)
        assert PROVIDER.diff(ingress.id, responded, valid).changes is False


INGRESS: dict[str, Any] = {"id": UNKNOWN_ID, "domain": DOMAIN, "ns_targets": ["a.x"], "created_at": "now"}
NEW: dict[str, Any] = {**INGRESS, "domain": "new.acme.com"}
REJECTION: dict[str, Any] = {"error_code": "ERR_NGROK_218", "msg": "no", "details": {"operation_id": "op_1"}}
PAGE: dict[str, Any] = {"ingresses": [INGRESS], "next_page_uri": "/agent_ingresses?before_id=agin_1"}
ODD = (None, 5, "x", "\ud800", ["x"], {"x": 5})
# Each with one of its values replaced.
altered = [{**each, name: odd} for each in (INGRESS, NEW, REJECTION, PAGE) for name in each for odd in ODD]
documents = st.sampled_from(altered) | json_values
# Python can parse this depth, but can't always serialize it.
deep = st.integers(900, 1000).map(lambda depth: json.dumps(REJECTION).replace('"op_1"', "[" * depth + "]" * depth))
contents = st.binary() | st.one_of(documents.map(json.dumps), deep).map(str.encode)
statuses = st.sampled_from([200, 201, 204, 301, 400, 403, 404, 409, 429, 503])
odd_values = st.sampled_from(["0", "9" * 30, "Fri, 31 Dec 9999 23:59:59 -2359", "https://[::1"])
header_values = odd_values | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
headers = st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location", "ngrok-operation-id"]), header_values)


@settings(max_examples=300)
@given(st.sampled_from(list(CALLS)), statuses, headers, contents)
def test_any_response_is_parsed_or_is_one_sentence(
    call: str, status: int, headers: dict[str, str], content: bytes
) -> None:
    network = Responding(Response(status, CaseInsensitiveDict(headers), content))
    client = AgentIngressClient(Secret(API_KEY), timeout_seconds=30, clock=Clock(), http_client=network)
    message = ""
    result: Any = None
    try:
        result = CALLS[call](client, UNKNOWN_ID)
    except errors.NgrokError as error:
        message = str(error)
    assert message.isprintable()
    if call == "LIST":
        assert message or all(isinstance(ingress, IngressModel) for ingress in result)
    elif call != "DELETE":
        assert message or result.domain == (NEW if call == "POST" else INGRESS)["domain"]
