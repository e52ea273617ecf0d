"""Validation of the inputs of all resources, and its messages."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pulumi_agin.lifecycle.inputs import AgentIngressInputs, CertificateValidationInputs
from pulumi_agin.lifecycle.schema import Declaration, validate
from pulumi_agin.rfc2136.inputs import KeptNsRecords, NsRecordsInputs


class Unknown:
    """A placeholder like that of Pulumi's SDK, which pydantic could confuse with a model."""


UNKNOWN = Unknown()

DOMAIN = "connect.acme.com"
POLICY = "certificate_management_policy"
INGRESS = {"domain": DOMAIN, POLICY: {"authority": "letsencrypt"}}
RECORDS: dict[str, Any] = {
    "domain": DOMAIN,
    "zone": "acme.com",
    "ns_targets": ["ns-1.x.net."],
    "ttl": 300,
    "server": "ns1.acme.com",
    "port": 53,
    "tsig_key_name": "agin",
    "tsig_secret": "c2VjcmV0",
    "tsig_algorithm": "hmac-sha256",
}

# By f"{output}" in Python, and `${output}` in TypeScript.
CONVERTED = [
    'Calling __str__ on an Output[T] is not supported.\n\n1. o.apply(lambda v: f"prefix{v}suffix")',
    "Calling [toString] on an [Output<T>] is not supported.\n\n1: o.apply(v => `prefix${v}suffix`)",
]


def problems(model: type[Declaration], values: dict[str, Any]) -> list[str]:
    found = [problem.sentence for problem in validate(model, values, lambda value: value is UNKNOWN)[1]]
    return [problem.removeprefix("property ") for problem in found]


def accepted(model: type[Declaration], values: dict[str, Any]) -> dict[str, Any]:
    found, wrong = validate(model, values, lambda value: value is UNKNOWN)
    assert wrong == []
    return found


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (None, "is required"),
        (5.0, "must be a string; got a number"),
        ({"name": "x"}, "must be a string; got an object"),
        ("", "is empty"),
        (".", "is empty"),
        ("https://connect.acme.com", "is a URL"),
        ("connect.acme.com/agents", "has a port or a path"),
        ("connect.acme.com:443", "has a port or a path"),
        ("connect.YOUR-DOMAIN", "has a placeholder of the docs; use a domain that you own"),
        ("192.0.2.7", "is an IP address"),
        ("[2001:db8::7]", "is an IP address"),
        ("connect..acme.com", "empty label"),
        ("connect.acme.com..", "empty label"),
        (f"{'a' * 64}.acme.com", "a label of more than 63 bytes"),
        (".".join(["a" * 62] * 4 + ["ab"]), "is 254 bytes in UTF-8; the limit is 253"),
        ("münchen.acme.com", "is not ASCII; use its DNS form, xn--mnchen-3ya.acme.com"),
        ("Straße.acme.com", "is not ASCII; use its DNS form, xn--strae-oqa.acme.com"),
        ("\u2603\u200d.acme.com", "is not ASCII"),
        ("connect acme.com", "contains ' '"),
        ("\u212aonnect.acme.com", "is not ASCII"),
        ("a*.acme.com", "has '*' and other characters in a label"),
        ("connect.acme.com\nx", "contains"),
        *((f"x.{text}", "contains an Output that was converted to a string; use its `apply`") for text in CONVERTED),
    ],
)
def test_invalid_domain_is_rejected_with_the_reason(domain: Any, message: str) -> None:
    [problem] = problems(AgentIngressInputs, {"domain": domain})
    assert problem.startswith("domain ")
    assert message in problem
    assert "\n" not in problem


def test_a_domain_that_is_not_ascii_is_rejected_without_idna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    [problem] = problems(AgentIngressInputs, {"domain": "straße.acme.com"})
    assert problem == "domain is not ASCII; use its DNS form, in which such labels begin with xn--"


@pytest.mark.parametrize(
    ("domain", "canonical"),
    [
        (" Connect.ACME.com. ", DOMAIN),
        ("*.acme.com", "*.acme.com"),
        ("xn--mnchen-3ya.acme.com", "xn--mnchen-3ya.acme.com"),
        ("connect.your-domain.com", "connect.your-domain.com"),
        ("connect.in-your-domain", "connect.in-your-domain"),
        (f"{'a' * 63}.acme.com", f"{'a' * 63}.acme.com"),
        (".".join(["a" * 62] * 4 + ["a"]), ".".join(["a" * 62] * 4 + ["a"])),
    ],
)
def test_valid_domain_becomes_canonical(domain: str, canonical: str) -> None:
    assert accepted(AgentIngressInputs, {"domain": domain}) == {"domain": canonical}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"description": "é" * 128}, "description is 256 bytes in UTF-8; the limit is 255"),
        ({"metadata": "é" * 2049}, "metadata is 4098 bytes in UTF-8; the limit is 4096"),
        ({"description": 5.0}, "description must be a string; got a number"),
        ({"metadata": {"a": 1}}, "metadata must be a string; got an object: write it as JSON"),
        ({POLICY: "letsencrypt"}, f"{POLICY} must be an object; got a string"),
        ({POLICY: {}}, f'{POLICY}.authority is required: the certificate authority, such as "letsencrypt"'),
        (
            {POLICY: {"authority": None}},
            f'{POLICY}.authority is required: the certificate authority, such as "letsencrypt"',
        ),
        ({POLICY: {"authority": "acme"}}, f'{POLICY}.authority must be "letsencrypt", not "acme"'),
        (
            {"metadata": f"a{CONVERTED[0]}"},
            "metadata contains an Output that was converted to a string; use its `apply`",
        ),
        # A value that could be a secret or forge a line is not shown.
        ({POLICY: {"authority": "c2VjcmV0c2VjcmV0c2VjcmV0"}}, f'{POLICY}.authority must be "letsencrypt"'),
        ({POLICY: {"authority": "a\nb"}}, f'{POLICY}.authority must be "letsencrypt"'),
        ({POLICY: {"authority": "a\u202eb"}}, f'{POLICY}.authority must be "letsencrypt"'),
        ({"metaData": "x"}, 'metaData is not known; did you mean "metadata"?'),
        (
            {POLICY: {"authority": "letsencrypt", "colour": "x"}},
            f"{POLICY}.colour is not known; valid names are authority, private_key_type",
        ),
    ],
)
def test_other_invalid_values_are_rejected(values: dict[str, Any], message: str) -> None:
    assert problems(AgentIngressInputs, {"domain": DOMAIN, **values}) == [message]


def test_all_problems_are_found_at_once() -> None:
    found = problems(AgentIngressInputs, {"description": "x" * 300, "metadata": 1.0, POLICY: {"privateKeyType": "rsa"}})
    names = ["domain", "description", "metadata", f"{POLICY}.authority", f"{POLICY}.privateKeyType"]
    assert [problem.split()[0] for problem in found] == names


def test_none_means_absent() -> None:
    values = {"domain": DOMAIN, "description": None, POLICY: {"authority": "letsencrypt", "private_key_type": None}}
    assert accepted(AgentIngressInputs, values) == INGRESS


def test_wrong_choice_is_shown_with_the_allowed_ones() -> None:
    algorithms = '"hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384" or "hmac-sha512"'
    message = f'tsig_algorithm must be {algorithms}, not "sha256"'
    assert problems(NsRecordsInputs, {**RECORDS, "tsig_algorithm": "SHA256"}) == [message]


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (AgentIngressInputs, {**INGRESS, POLICY: {"authority": UNKNOWN}}),
        (AgentIngressInputs, {"domain": UNKNOWN, POLICY: UNKNOWN}),
        (CertificateValidationInputs, dict.fromkeys(CertificateValidationInputs.model_fields, UNKNOWN)),
        (NsRecordsInputs, dict.fromkeys(NsRecordsInputs.model_fields, UNKNOWN)),
        (NsRecordsInputs, {**RECORDS, "adopt": False, "ns_targets": [UNKNOWN, "ns-1.x.net."]}),
        (NsRecordsInputs, {**RECORDS, "adopt": False, "zone": UNKNOWN}),
    ],
)
def test_unknown_values_pass_unchanged(model: type[Declaration], values: dict[str, Any]) -> None:
    assert accepted(model, values) == values


def test_known_values_next_to_unknown_ones_are_checked() -> None:
    assert problems(NsRecordsInputs, {**RECORDS, "zone": UNKNOWN, "ns_targets": [UNKNOWN, "x y"], "ttl": -1}) == [
        "ns_targets[1] must be a valid DNS name",
        "ttl must be a whole number, 0 to 2147483647",
    ]


def test_problems_between_fields_are_found_beside_others() -> None:
    half = "is only part of a key: set both tsig_key_name and tsig_secret, or neither if the server accepts"
    for given in (UNKNOWN, "c2VjcmV0"):
        wrong = {**RECORDS, "domain": "Acme.com.", "ttl": -1, "tsig_key_name": None, "tsig_secret": given}
        of_ttl, of_key, of_zone = problems(NsRecordsInputs, wrong)
        assert of_ttl.startswith("ttl ")
        assert of_key.startswith(f"tsig_secret {half}")
        assert of_zone.startswith("the domain acme.com is the apex of the zone")
    [of_zone] = problems(NsRecordsInputs, {**RECORDS, "zone": "cme.com", "ns_targets": [UNKNOWN]})
    assert of_zone.startswith("the domain connect.acme.com is not in the zone cme.com")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("domain", "x" * 64 + ".acme.com"),
        ("ttl", True),
        ("port", 65536),
        ("port", "53"),
        ("server", "ns1.acme.com:53"),
        ("server", "[::1]"),
        ("tsig_secret", ""),
    ],
)
def test_invalid_value_of_ns_records_is_rejected(name: str, value: object) -> None:
    [problem] = problems(NsRecordsInputs, {**RECORDS, name: value})
    assert problem.startswith(f"{name} must be ")


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "600", True])
def test_invalid_seconds_are_rejected(seconds: Any) -> None:
    given = {"agent_ingress_id": "agin_1", "timeout_seconds": seconds, "dns_error_grace_seconds": seconds}
    assert problems(CertificateValidationInputs, given) == [
        "timeout_seconds must be a number, greater than 0",
        "dns_error_grace_seconds must be a number, at least 0",
    ]


def test_state_allows_names_that_inputs_reject() -> None:
    kept = {**RECORDS, "ns_targets": ["B.", "."], "_unsettled_ns_targets": ["a b"], "from_the_future": 1}
    assert accepted(KeptNsRecords, kept) == {**RECORDS, "ns_targets": [".", "b."], "_unsettled_ns_targets": ["a b."]}
    assert accepted(KeptNsRecords, {**RECORDS, "ns_targets": []})["_unsettled_ns_targets"] == []
