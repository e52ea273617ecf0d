"""What may be set on an Agent Ingress, and in which form ngrok's answers are kept."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.api import models
from pulumi_agin.api.inputs import AgentIngressInputs
from pulumi_agin.canonical import canonical_ns_targets
from pulumi_agin.fields import validate


def problems(**values: Any) -> list[str]:
    return [str(problem) for problem in validate(AgentIngressInputs, values)[1]]


@pytest.mark.parametrize(
    ("domain", "says"),
    [
        (None, "is required"),
        (5.0, "must be text, but is a number"),
        (True, "must be text, but is true or false"),
        (["connect.acme.com"], "must be text, but is a list"),
        ({"name": "x"}, "must be text, but is a dictionary"),
        ("", "is empty"),
        ("  ", "is empty"),
        (".", "is empty"),
        ("https://connect.acme.com", "is a URL"),
        ("connect.acme.com/agents", "has a path"),
        ("connect.acme.com:443", "has a port"),
        ("192.0.2.7", "is an IP address"),
        ("2001:db8::7", "is an IP address"),
        ("[2001:db8::7]", "is an IP address"),
        ("connect..acme.com", "empty label"),
        (".acme.com", "empty label"),
        ("connect.acme.com..", "empty label"),
        (f"{'a' * 64}.acme.com", "a label of 64 bytes"),
        (".".join(["a" * 62] * 4 + ["ab"]), "has 254 bytes"),
        ("münchen.acme.com", "xn--mnchen-3ya.acme.com"),
        ("straße.acme.com", "xn--strae-oqa.acme.com"),
        ("\u2603\u200d.acme.com", "is not ASCII"),
        ("connect acme.com", "contains ' '"),
        ("a@acme.com", "contains '@'"),
        ("\u212aonnect.acme.com", "is not ASCII"),
        ("a*.acme.com", "has a label with '*' and more"),
        ("connect.acme.com .", "empty label"),
        ("connect.acme.com\nx", "contains"),
    ],
)
def test_a_domain_that_is_none_is_refused_and_the_reason_said(domain: Any, says: str) -> None:
    [problem] = problems(domain=domain)
    assert problem.startswith("domain ")
    assert says in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("domain", "canonical"),
    [
        ("connect.acme.com", "connect.acme.com"),
        (" Connect.ACME.com. ", "connect.acme.com"),
        ("*.acme.com", "*.acme.com"),
        ("_x.acme.com", "_x.acme.com"),
        ("acme.com", "acme.com"),
        ("xn--mnchen-3ya.acme.com", "xn--mnchen-3ya.acme.com"),
        (f"{'a' * 63}.acme.com", f"{'a' * 63}.acme.com"),
        (".".join(["a" * 62] * 4 + ["a"]), ".".join(["a" * 62] * 4 + ["a"])),
        ("connect.ngrok.io", "connect.ngrok.io"),
    ],
)
def test_what_dns_allows_is_left_to_ngrok_in_canonical_form(domain: str, canonical: str) -> None:
    assert validate(AgentIngressInputs, {"domain": domain}) == ({"domain": canonical}, [])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"description": "x" * 256}, "description has 256 bytes of UTF-8; ngrok takes 255 at most"),
        ({"description": "é" * 128}, "description has 256 bytes of UTF-8"),
        ({"metadata": "é" * 2049}, "metadata has 4098 bytes of UTF-8; ngrok takes 4096 at most"),
        ({"description": 5.0}, "description must be text, but is a number"),
        ({"metadata": {"a": 1}}, "metadata must be text, but is a dictionary; write it as JSON"),
        ({"metadata": ["a"]}, "metadata must be text, but is a list; write it as JSON"),
        ({"certificate_management_policy": "letsencrypt"}, "must be a dictionary, but is text"),
        ({"certificate_management_policy": {}}, "certificate_management_policy.authority is required"),
        (
            {"certificate_management_policy": {"authority": "acme"}},
            'certificate_management_policy.authority must be "letsencrypt"',
        ),
        (
            {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "dsa"}},
            'private_key_type must be "rsa" or "ecdsa"',
        ),
        (
            {"certificate_management_policy": {"authority": "letsencrypt", "privateKeyType": "rsa"}},
            'privateKeyType is not known; did you mean "private_key_type"?',
        ),
        (
            {"certificate_management_policy": {"authority": "letsencrypt", "colour": "red"}},
            "colour is not known; the names are authority, private_key_type",
        ),
        ({"certificate_management_policy": {"authority": 1.0}}, "authority must be text, but is a number"),
    ],
)
def test_every_other_field_is_judged_too(values: dict[str, Any], says: str) -> None:
    [problem] = problems(domain="connect.acme.com", **values)
    assert says in problem


def test_only_metadata_is_for_json() -> None:
    assert problems(domain={}, description={}, metadata=1) == [
        "domain must be text, but is a dictionary",
        "description must be text, but is a dictionary",
        "metadata must be text, but is a number",
    ]


def test_everything_wrong_is_found_at_once() -> None:
    found = problems(description="x" * 300, metadata=1.0, certificate_management_policy={"privateKeyType": "rsa"})
    assert [problem.split()[0] for problem in found] == [
        "domain",
        "description",
        "metadata",
        "certificate_management_policy.authority",
        "certificate_management_policy.privateKeyType",
    ]


def test_a_long_value_is_not_repeated() -> None:
    secret = "s3cret" * 100
    for problem in problems(domain=secret, description=secret, certificate_management_policy={"authority": secret}):
        assert len(problem) < 300
    assert "s3cret" not in problems(domain="connect.acme.com", description=secret)[0]


def test_none_is_as_good_as_absent_nested_too() -> None:
    policy = {"authority": "letsencrypt", "private_key_type": None}
    values = {"domain": "connect.acme.com", "description": None, "certificate_management_policy": policy}
    assert validate(AgentIngressInputs, values) == (
        {"domain": "connect.acme.com", "certificate_management_policy": {"authority": "letsencrypt"}},
        [],
    )
    assert problems(domain="connect.acme.com", certificate_management_policy={"authority": None}) == [
        'certificate_management_policy.authority is required in a policy: "letsencrypt"'
    ]


def test_what_is_not_known_yet_is_not_judged() -> None:
    unknown = object()
    values = {
        "domain": unknown,
        "description": unknown,
        "certificate_management_policy": {"authority": unknown, "private_key_type": "rsa"},
    }
    assert validate(AgentIngressInputs, values, lambda value: value is unknown) == (values, [])
    values = {"domain": "connect.acme.com", "certificate_management_policy": unknown}
    assert validate(AgentIngressInputs, values, lambda value: value is unknown) == (values, [])
    values["description"] = "x" * 256
    assert len(validate(AgentIngressInputs, values, lambda value: value is unknown)[1]) == 1


ANSWER = {
    "id": "agin_1",
    "domain": "connect.acme.com",
    "ns_targets": ["b.x.", "a.x."],
    "region_domains": ["t.us", "t.ap"],
    "created_at": "2024-08-02T07:15:39Z",
}


@pytest.mark.parametrize(
    "same",
    [
        {"ns_targets": ["a.x", "b.x"]},
        {"ns_targets": ["B.X.", "a.x", "b.x"]},
        {"region_domains": ["t.ap", "t.us", "T.US."]},
        {"description": None},
        {"description": "", "metadata": ""},
        {"certificate_management_policy": None, "certificate_management_status": None},
        {"domain": "Connect.ACME.com."},
        {"something_new": {"a": [1]}},
    ],
)
def test_answers_that_mean_the_same_are_the_same(same: dict[str, Any]) -> None:
    assert models.AgentIngress.from_answer({**ANSWER, **same}) == models.AgentIngress.from_answer(ANSWER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../../x"},
        {"id": ""},
        {"ns_targets": [""]},
        {"ns_targets": ["a\nb"]},
        {"ns_targets": ["."]},
        {"region_domains": [" "]},
        {"created_at": ""},
        {"domain": ""},
    ],
)
def test_an_answer_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(models.AnswerError):
        models.AgentIngress.from_answer({**ANSWER, **wrong})
    for name in ("id", "domain", "ns_targets", "created_at"):
        with pytest.raises(models.AnswerError):
            models.AgentIngress.from_answer({key: value for key, value in ANSWER.items() if key != name})


def test_half_a_surrogate_pair_which_no_state_can_hold_loses_no_answer() -> None:
    job = {"error_code": None, "msg": "\udfff", "started_at": None, "retries_at": None}
    ingress = models.AgentIngress.from_answer(
        {**ANSWER, "metadata": "a\ud800b", "certificate_management_status": {"provisioning_job": job}}
    )
    assert ingress.metadata == "a?b"
    status = ingress.certificate_management_status
    assert status is not None
    assert status.provisioning_job is not None
    assert status.provisioning_job.msg == "?"


def test_ns_targets_are_lower_case_dotted_sorted_and_each_once() -> None:
    assert canonical_ns_targets(["NS-2.x.org", "ns-1.x.org.", "ns-2.x.org."]) == ["ns-1.x.org.", "ns-2.x.org."]


def certificate(policy: bool, status: Any) -> models.AgentIngress:
    return models.AgentIngress.from_answer(
        {
            **ANSWER,
            "certificate_management_policy": {"authority": "letsencrypt"} if policy else None,
            "certificate_management_status": status,
        }
    )


@pytest.mark.parametrize(
    ("policy", "status", "state", "is_ready"),
    [
        (False, None, "NOT_MANAGED", True),
        # Of a policy that was removed.
        (False, {"renews_at": None, "provisioning_job": {"error_code": "DNS_ERROR", "msg": "no"}}, "NOT_MANAGED", True),
        (True, None, "PENDING", False),
        (True, {"renews_at": "2024-10-01T07:15:39Z", "provisioning_job": None}, "ISSUED", True),
        (True, {"renews_at": "2024-10-01T07:15:39Z"}, "ISSUED", True),
        (True, {"renews_at": "2024-10-01T07:15:39Z", "provisioning_job": {"msg": "renewing"}}, "RENEWING", True),
        (
            True,
            {"renews_at": "2024-10-01T07:15:39Z", "provisioning_job": {"error_code": "DNS_ERROR"}},
            "RENEWING",
            True,
        ),
        (True, {"renews_at": None, "provisioning_job": {"error_code": None, "msg": "x"}}, "IN_PROGRESS", False),
        (True, {"renews_at": "", "provisioning_job": {"error_code": ""}}, "IN_PROGRESS", False),
        (True, {"renews_at": None, "provisioning_job": {"error_code": "INTERNAL_ERROR"}}, "INTERNAL_ERROR", False),
        (True, {"renews_at": None, "provisioning_job": {"error_code": "DNS_ERROR"}}, "DNS_ERROR", False),
        (True, {"renews_at": None, "provisioning_job": {"error_code": "CAA_ERROR"}}, "OTHER_ERROR", False),
        (True, {"renews_at": None, "provisioning_job": None}, "UNKNOWN", False),
        (True, {}, "UNKNOWN", False),
    ],
)
def test_policy_and_status_come_to_one_state(policy: bool, status: Any, state: str, is_ready: bool) -> None:
    found = models.certificate_state(certificate(policy, status))
    assert (found.name, found.is_ready) == (state, is_ready)


def test_a_state_is_put_in_words_with_what_ngrok_says_of_it() -> None:
    def words(**job: str) -> str:
        return models.certificate_in_words(certificate(True, {"renews_at": None, "provisioning_job": job}))

    assert models.certificate_in_words(certificate(True, None)) == "not being issued yet"
    assert models.certificate_in_words(certificate(True, {"renews_at": "2024-10-01T07:15:39Z"})) == "issued"
    assert words() == "being issued"
    assert words(msg="Busy.") == 'being issued: ngrok says "Busy."'
    assert words(error_code="CAA_ERROR", msg="Forbidden.") == (
        'held up by an error that ngrok does not document (CAA_ERROR): ngrok says "Forbidden."'
    )
    assert words(error_code="DNS_ERROR") == "held up by the DNS of the domain (DNS_ERROR)"
    assert len({state.value for state in models.CertificateState}) == len(models.CertificateState)
