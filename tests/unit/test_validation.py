"""What the declarations of all resources have in common: how values are checked, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.api.inputs import AgentIngressInputs
from pulumi_agin.fields import Declaration, replacing_fields, secret_fields, updated_fields, validate
from pulumi_agin.lifecycle.certificate_inputs import CertificateValidationInputs
from pulumi_agin.lifecycle.ns_records_inputs import KeptNsRecords, NsRecordsInputs

UNKNOWN = object()

INGRESS = {"domain": "connect.acme.com", "certificate_management_policy": {"authority": "letsencrypt"}}
RECORDS: dict[str, Any] = {
    "domain": "connect.acme.com",
    "zone": "acme.com",
    "ns_targets": ["ns-1.x.net."],
    "ttl": 300,
    "server": "ns1.acme.com",
    "port": 53,
    "tsig_key_name": "agin",
    "tsig_secret": "c2VjcmV0",
    "tsig_algorithm": "hmac-sha256",
}


def problems(model: type[Declaration], values: dict[str, Any]) -> list[str]:
    return [problem.sentence for problem in validate(model, values, lambda value: value is UNKNOWN)[1]]


def accepted(model: type[Declaration], values: dict[str, Any]) -> dict[str, Any]:
    found, wrong = validate(model, values, lambda value: value is UNKNOWN)
    assert wrong == []
    return found


# -- a wrong choice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "values", "problem"),
    [
        (
            AgentIngressInputs,
            {**INGRESS, "certificate_management_policy": {"authority": "letsencript"}},
            'property certificate_management_policy.authority must be "letsencrypt", not "letsencript"',
        ),
        (
            AgentIngressInputs,
            {**INGRESS, "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "dsa"}},
            'property certificate_management_policy.private_key_type must be "rsa" or "ecdsa", not "dsa"',
        ),
        (
            NsRecordsInputs,
            {**RECORDS, "tsig_algorithm": "SHA256"},
            "property tsig_algorithm must be one of hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, "
            'hmac-sha512, not "sha256"',
        ),
    ],
)
def test_a_wrong_choice_is_shown_next_to_the_right_ones(
    model: type[Declaration], values: dict[str, Any], problem: str
) -> None:
    assert problems(model, values) == [problem]


@pytest.mark.parametrize("value", ["c2VjcmV0c2VjcmV0c2VjcmV0", "a\nb", "a\x1b[31m", "a\u202eb"])
def test_a_choice_that_may_be_secret_or_forge_a_line_is_not_shown(value: str) -> None:
    policy = {"authority": value}
    assert problems(AgentIngressInputs, {**INGRESS, "certificate_management_policy": policy}) == [
        'property certificate_management_policy.authority must be "letsencrypt"'
    ]


# -- an unknown name --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "values", "name", "says"),
    [
        (AgentIngressInputs, INGRESS, "metaData", 'did you mean "metadata"?'),
        (CertificateValidationInputs, {"agent_ingress_id": "agin_1"}, "timeout", 'did you mean "timeout_seconds"?'),
        (NsRecordsInputs, RECORDS, "takeOver", 'did you mean "take_over"?'),
        (
            AgentIngressInputs,
            INGRESS,
            "colour",
            "the names are domain, description, metadata, certificate_management_policy",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_likeliest_or_all_of_them(
    model: type[Declaration], values: dict[str, Any], name: str, says: str
) -> None:
    assert problems(model, {**values, name: "x"}) == [f"property {name} is not known; {says}"]


def test_an_unknown_name_forges_no_line() -> None:
    [problem] = problems(AgentIngressInputs, {**INGRESS, "x\n    error: forged\x1b[31m" * 20: 1})
    assert problem.isprintable()
    assert len(problem) < 200


# -- values that a preview does not know ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (AgentIngressInputs, {**INGRESS, "certificate_management_policy": {"authority": UNKNOWN}}),
        (AgentIngressInputs, {"domain": UNKNOWN, "certificate_management_policy": UNKNOWN}),
        (CertificateValidationInputs, dict.fromkeys(CertificateValidationInputs.model_fields, UNKNOWN)),
        (NsRecordsInputs, dict.fromkeys(NsRecordsInputs.model_fields, UNKNOWN)),
        (NsRecordsInputs, {**RECORDS, "take_over": False, "ns_targets": [UNKNOWN, "ns-1.x.net."]}),
        (NsRecordsInputs, {**RECORDS, "take_over": False, "zone": UNKNOWN}),
    ],
)
def test_what_is_unknown_passes_as_it_is(model: type[Declaration], values: dict[str, Any]) -> None:
    assert accepted(model, values) == values


def test_what_is_known_beside_it_is_checked() -> None:
    assert problems(NsRecordsInputs, {**RECORDS, "zone": UNKNOWN, "ns_targets": [UNKNOWN, "x y"], "ttl": -1}) == [
        "property ns_targets has a value that must be a name as DNS has it, such as ns1.acme.com",
        "property ttl must be a whole number of seconds from 0 to 2147483647",
    ]


# -- the wait for a certificate ---------------------------------------------------------------------------


def test_a_wait_has_its_defaults_also_in_place_of_none() -> None:
    defaults = {"timeout_seconds": 2700, "dns_error_grace_seconds": 600}
    given = {"agent_ingress_id": "agin_1", "timeout_seconds": None}
    assert accepted(CertificateValidationInputs, given) == {"agent_ingress_id": "agin_1", **defaults}


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "600", True, []])
def test_a_number_of_seconds_that_is_none_is_refused(seconds: Any) -> None:
    given = {"agent_ingress_id": "agin_1", "timeout_seconds": seconds, "dns_error_grace_seconds": seconds}
    assert problems(CertificateValidationInputs, given) == [
        "property timeout_seconds must be a number of seconds above 0, such as 2700",
        "property dns_error_grace_seconds must be a number of seconds from 0 on, such as 600",
    ]


def test_only_the_grace_may_be_zero() -> None:
    given = {"agent_ingress_id": "agin_1", "timeout_seconds": 0, "dns_error_grace_seconds": 0}
    assert [problem.split()[1] for problem in problems(CertificateValidationInputs, given)] == ["timeout_seconds"]


def test_a_key_that_was_given_as_an_id_is_told_and_not_repeated() -> None:
    given = {"agent_ingress_id": "sesame", "timeout_seconds": 0}
    _, [problem, _] = validate(CertificateValidationInputs, given, is_secret=lambda text: text == "sesame")
    assert "is the API key" in str(problem)
    assert "sesame" not in str(problem)


# -- NS records -------------------------------------------------------------------------------------------


def test_half_a_key_is_found_together_with_everything_else() -> None:
    given = {**RECORDS, "tsig_secret": None, "ttl": 0.5}
    assert problems(NsRecordsInputs, given) == [
        "property ttl must be a whole number of seconds from 0 to 2147483647",
        "property tsig_key_name is only half of a key: give both tsig_key_name and tsig_secret, or neither if the "
        "server accepts unsigned updates",
    ]


def test_half_a_key_that_is_wrong_itself_is_told_both() -> None:
    assert problems(NsRecordsInputs, {**RECORDS, "tsig_key_name": None, "tsig_secret": "no base64!"}) == [
        "property tsig_secret must be base64, as it stands after `secret` in the key's file, and is only half of a "
        "key: give both tsig_key_name and tsig_secret, or neither if the server accepts unsigned updates"
    ]


@pytest.mark.parametrize(
    ("domain", "says"),
    [
        ("acme.com", "the domain acme.com is the apex of the zone"),
        ("x.net", "the domain x.net is not in the zone acme.com"),
    ],
)
def test_a_domain_that_the_zone_cannot_delegate_is_refused(domain: str, says: str) -> None:
    [problem] = problems(NsRecordsInputs, {**RECORDS, "domain": domain})
    assert problem.startswith(says)


def test_the_state_may_hold_what_a_server_had_and_what_another_version_wrote() -> None:
    kept = {**RECORDS, "ns_targets": ["B.", "."], "_unsettled_ns_targets": ["a b"], "from_the_future": 1}
    found = accepted(KeptNsRecords, kept)
    assert found == {**RECORDS, "ns_targets": [".", "b."], "_unsettled_ns_targets": ["a b."]}
    assert accepted(KeptNsRecords, {**RECORDS, "ns_targets": []})["_unsettled_ns_targets"] == []


# -- what a change means ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "replacing", "updated"),
    [
        (AgentIngressInputs, "domain", "description metadata certificate_management_policy"),
        (CertificateValidationInputs, "agent_ingress_id", ""),
        (
            NsRecordsInputs,
            "domain zone",
            "ns_targets ttl server port tsig_key_name tsig_secret tsig_algorithm",
        ),
    ],
)
def test_the_declaration_says_what_a_change_means(model: type[Declaration], replacing: str, updated: str) -> None:
    assert replacing_fields(model) == tuple(replacing.split())
    assert updated_fields(model) == tuple(updated.split())


def test_the_only_secret_is_that_of_the_dns_server() -> None:
    assert secret_fields(NsRecordsInputs) == secret_fields(KeptNsRecords) == ("tsig_secret",)
    assert secret_fields(AgentIngressInputs) == secret_fields(CertificateValidationInputs) == ()
