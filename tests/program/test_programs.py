"""Programs under Pulumi's mocks, where no request is sent."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from tests.support.keys import API_KEY
from tests.support.mocks import NS_TARGETS, TYPE, Mocks, run

EXAMPLES = Path(__file__).parents[2] / "examples"


INPUTS = {
    "domain": "connect.acme.com",
    "description": "acme devices",
    "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"},
}


def with_keywords() -> None:
    agin.AgentIngress(
        "connect",
        domain="connect.acme.com",
        description="acme devices",
        certificate_management_policy=agin.AgentIngressCertPolicyArgs(
            authority=agin.CertificateAuthority.LETSENCRYPT, private_key_type=agin.PrivateKeyType.ECDSA
        ),
    )


def with_a_dict() -> None:
    policy: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    agin.AgentIngress(
        "connect",
        pulumi.ResourceOptions(),
        domain=pulumi.Output.from_input("connect.acme.com"),
        description="acme devices",
        certificate_management_policy=policy,
    )


def with_args() -> None:
    args = agin.AgentIngressArgs(
        domain="connect.acme.com",
        description="acme devices",
        certificate_management_policy=agin.AgentIngressCertPolicyArgs(
            authority="letsencrypt", private_key_type="ecdsa"
        ),
    )
    agin.AgentIngress("connect", args, pulumi.ResourceOptions(protect=True))


@pytest.mark.parametrize("program", [with_keywords, with_a_dict, with_args])
def test_all_forms_of_the_arguments_are_equivalent(program: Any, mocks: Mocks) -> None:
    run(program)
    assert mocks.inputs() == [INPUTS]


def test_outputs_are_typed_by_attribute_and_by_item(mocks: Mocks) -> None:
    seen: dict[str, Any] = {}

    def program() -> Any:
        policy: agin.AgentIngressCertPolicyArgsDict = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
        ingress = agin.AgentIngress("connect", domain="connect.acme.com", certificate_management_policy=policy)
        return [
            ingress.ns_targets.apply(lambda value: seen.update(targets=value)),
            ingress.certificate_management_policy.apply(lambda value: seen.update(policy=value)),
            ingress.certificate_management_status.apply(lambda value: seen.update(status=value)),
        ]

    run(program)
    targets, policy, status = seen["targets"], seen["policy"], seen["status"]
    assert targets == NS_TARGETS
    assert isinstance(policy, agin.AgentIngressCertPolicy)
    assert (policy.authority, policy["private_key_type"]) == ("letsencrypt", "ecdsa")
    assert isinstance(status, agin.AgentIngressCertStatus)
    assert isinstance(status.provisioning_job, agin.AgentIngressCertJob)
    assert (status.provisioning_job.msg, status.renews_at) == ("in progress", None)


def test_a_get_requires_only_the_id(mocks: Mocks) -> None:
    def program() -> Any:
        return agin.AgentIngress.get("existing", "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk").ns_targets

    run(program)
    [args] = mocks.registered
    assert (args.typ, args.resource_id) == (TYPE, "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
    assert mocks.inputs() == [{}]


def test_wrong_arguments_raise_a_type_error(mocks: Mocks) -> None:
    for wrong in ("connect.acme.com", {"domain": "connect.acme.com"}):
        with pytest.raises(TypeError, match=r"by keyword, as in domain=…, or as one AgentIngressArgs; got (str|dict)"):
            agin.AgentIngress("connect", wrong)  # type: ignore[call-overload]
    for nothing in (None, 7):
        with pytest.raises(TypeError, match=r"AgentIngress\.get: id must be a string or an Output"):
            agin.AgentIngress.get("connect", nothing)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="AgentIngress received opts twice"):
        agin.AgentIngress("connect", pulumi.ResourceOptions(), pulumi.ResourceOptions())  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="AgentIngressArgs or keywords, not both: domain"):
        agin.AgentIngress("connect", agin.AgentIngressArgs(domain="a.b"), domain="c.d")  # type: ignore[call-overload]


# Any, because type checkers would reject these mistakes.
untyped: Any = agin
RECORDS = {"domain": "connect.acme.com", "ns_targets": NS_TARGETS, "ttl": 60, "server": "::1", "zone": "acme.com"}
OPTS = r"opts of (\w|\.)+ must be pulumi\.ResourceOptions\(…\); got dict"
SDK = r"Expected (opts\d|resource options) to be an? \w+"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda opts: untyped.AgentIngress("a", domain="connect.acme.com", opts=opts), OPTS),
        (lambda opts: untyped.AgentIngressCertificateValidation("a", "agin_1", opts=opts), OPTS),
        (lambda opts: untyped.Provider("a", API_KEY, opts=opts), OPTS),
        (lambda opts: untyped.dns.Rfc2136Delegation("a", opts, **RECORDS), OPTS),
        (lambda opts: untyped.AgentIngressDelegation("a", an_ingress(), agin.dns.custom(no_records), opts=opts), OPTS),
        # Pulumi's SDK checks these.
        (lambda opts: untyped.AgentIngress.get("a", "agin_1", opts), SDK),
        (lambda opts: untyped.get_agent_ingress("agin_1", opts=opts), SDK),
        (lambda opts: untyped.get_agent_ingress_output("agin_1", opts=opts), SDK),
        (lambda opts: untyped.get_agent_ingresses(opts=opts), SDK),
        (lambda opts: untyped.get_agent_ingresses_output(opts=opts), SDK),
    ],
)
def test_options_of_another_type_fail_before_anything_is_registered(call: Any, message: str, mocks: Mocks) -> None:
    def program() -> None:
        for wrong in ({}, {"protect": True}):
            with pytest.raises(TypeError, match=message):
                call(wrong)

    run(program)
    assert {each.typ for each in mocks.registered} <= {"pulumi:pulumi:Stack", TYPE}
    assert [each.name for each in mocks.registered if each.name == "a"] == []
    assert mocks.called == []


def an_ingress() -> agin.AgentIngress:
    return agin.AgentIngress("connect", domain="connect.acme.com")


def no_records(records: object) -> Any:
    raise AssertionError("records were created")


def test_the_option_import_fails_with_the_import_command(mocks: Mocks) -> None:
    def refused(**options: Any) -> str:
        opts = pulumi.ResourceOptions(import_="agin_2k5okIo7afS6bKA3xNDLRZ9rjqk", **options)
        with pytest.raises(pulumi.RunError) as caught:
            agin.AgentIngress("connect", domain="connect.acme.com", opts=opts)
        sentence, line = str(caught.value).split("\n")
        assert "can't be imported with ResourceOptions(import_=…)" in sentence
        assert line.count(" --stack stack") == 2
        assert ("with the URNs that `pulumi stack --show-urns` shows after" in sentence) == (" URN" in line)
        return line

    def program() -> None:
        assert (
            "--parent urn:pulumi:stack::project::pulumi:pulumi:Stack::project-stack --language python --stack"
            in refused()
        )
        second = agin.Provider("second", API_KEY)
        assert "--provider URN --stack" in refused(provider=second)
        assert "--provider" not in refused(providers=[pulumi.ProviderResource("aws", "of-aws", {})])
        plain = pulumi.ComponentResource("acme:index:Site", "plain")
        assert "--parent URN --language python --stack" in refused(parent=plain)
        # It inherits the provider.
        opts = pulumi.ResourceOptions(providers=[second])
        site = pulumi.ComponentResource("acme:index:Site", "site", opts=opts)
        assert "--parent URN --provider URN --stack" in refused(parent=site)

    run(program)


def test_the_quickstart(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"project:domain": "connect.acme.com"}))
    run(lambda: runpy.run_path(str(EXAMPLES / "quickstart" / "__main__.py")) and None)
    assert mocks.inputs() == [{"domain": "connect.acme.com", "description": "acme devices"}]
