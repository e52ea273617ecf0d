"""The validation of inputs: canonical values, and one message for each problem, without the value."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.lifecycle.inputs import AgentIngressInputs, CertificateValidationInputs, validate

UNKNOWN = object()
SECRET = "do-not-print-me"
OUTPUT = "Calling __str__ on an Output[T] is not supported."


def problems(**inputs: Any) -> list[str]:
    values = {"domain": "connect.acme.com", **inputs}
    return [str(each) for each in validate(AgentIngressInputs, values, lambda value: value is UNKNOWN)[1]]


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("", "is empty or has an empty label"),
        ("https://acme.com", "has a scheme, a port or a path"),
        ("acme.com:443", "has a scheme, a port or a path"),
        ("a..com", "empty label"),
        ("a b.com", "contains ' '"),
        ("ä.com", "is not ASCII"),
        ("1.2.3.4", "is an IP address"),
        ("a*.acme.com", "a wildcard is a whole label"),
        (f"{'a' * 64}.com", "more than 63 bytes"),
        (".".join(["a" * 63] * 4), "is 255 bytes; the limit is 253"),
        (OUTPUT, "contains an Output"),
        (7, "must be a string; got a number"),
        (None, "is required"),
    ],
)
def test_wrong_domains(domain: Any, words: str) -> None:
    [problem] = problems(domain=domain)
    assert problem.startswith("property domain ")
    assert words in problem


@pytest.mark.parametrize("domain", ["connect.acme.com", " Connect.ACME.com. ", "*.acme.com", "_a.acme.com", "acme"])
def test_right_domains_are_canonical(domain: str) -> None:
    inputs, found = validate(AgentIngressInputs, {"domain": domain})
    assert found == []
    assert inputs["domain"] == domain.strip().lower().removesuffix(".")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"description": "ä" * 128}, "property description is 256 bytes; the limit is 255"),
        ({"metadata": "x" * 4097}, "property metadata is 4097 bytes; the limit is 4096"),
        (
            {"metadata": {"a": SECRET}},
            "property metadata must be a string; got an object, which can be encoded as JSON",
        ),
        ({"descripton": SECRET}, 'property descripton is not known; did you mean "description"?'),
        ({"certificate_management_policy": SECRET}, "property certificate_management_policy must be an object"),
        (
            {"certificate_management_policy": {"authority": SECRET}},
            "property certificate_management_policy.authority must be 'letsencrypt'",
        ),
        ({"certificate_management_policy": {}}, "property certificate_management_policy.authority is required"),
        (
            {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "dsa"}},
            "must be 'rsa' or 'ecdsa'",
        ),
    ],
)
def test_wrong_values(inputs: dict[str, Any], words: str) -> None:
    [problem] = problems(**inputs)
    assert words in problem
    assert SECRET not in problem


def test_all_problems_are_found_at_once_and_unknown_values_pass() -> None:
    assert len(problems(domain="a b", description="x" * 256, metadata=7)) == 3
    policy = {"authority": UNKNOWN, "private_key_type": None}
    inputs, found = validate(
        AgentIngressInputs,
        {"domain": UNKNOWN, "certificate_management_policy": policy},
        lambda value: value is UNKNOWN,
    )
    assert found == []
    assert inputs == {"domain": UNKNOWN, "certificate_management_policy": {"authority": UNKNOWN}}


def test_validations_have_limits_and_defaults() -> None:
    inputs, found = validate(CertificateValidationInputs, {"agent_ingress_id": "agin_1", "triggers": [1, {"a": None}]})
    assert found == []
    assert inputs == {
        "agent_ingress_id": "agin_1",
        "timeout_seconds": 2700,
        "dns_error_grace_seconds": 600,
        "triggers": [1, {"a": None}],
    }
    wrong = {"agent_ingress_id": "../x", "timeout_seconds": 0, "dns_error_grace_seconds": -1}
    assert len(validate(CertificateValidationInputs, wrong)[1]) == 3
