"""AgentIngressCertificateValidation under Pulumi's mocks: its arguments, order and dependencies."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from tests.support.mocks import Mocks, run

TOKEN = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"


def validations(mocks: Mocks) -> dict[str, Any]:
    """Returns the registrations of all validations, by name, in order."""
    return {each.name: each for each in mocks.requests if each.token == TOKEN}


def depends_on(mocks: Mocks, name: str) -> list[str]:
    return sorted(urn.rpartition("::")[2] for urn in validations(mocks)[name].dependencies)


def test_waits_run_in_the_order_of_the_program_without_depending_on_each_other(mocks: Mocks) -> None:
    def program() -> None:
        ingress = agin.AgentIngress("ingress", domain="connect.acme.com")
        parent = pulumi.ComponentResource("test:index:Site", "site")
        agin.AgentIngressCertificateValidation("v1", ingress.id)
        agin.AgentIngressCertificateValidation("v2", "agin_1", opts=pulumi.ResourceOptions(parent=parent))
        agin.AgentIngressCertificateValidation("v3", "agin_2", opts=pulumi.ResourceOptions(depends_on=[ingress]))

    run(program)
    # In a preview, nothing waits.
    if not pulumi.runtime.is_dry_run():
        assert list(validations(mocks)) == ["v1", "v2", "v3"]
    assert {name: depends_on(mocks, name) for name in validations(mocks)} == {
        "v1": ["ingress"],
        "v2": [],
        "v3": ["ingress"],
    }
    assert [each.inputs["agent_ingress_id"] for _, each in sorted(validations(mocks).items())] == [
        "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
        "agin_1",
        "agin_2",
    ]


def test_waits_of_another_program_are_independent(mocks: Mocks) -> None:
    run(lambda: agin.AgentIngressCertificateValidation("a", "agin_1"))
    assert depends_on(mocks, "a") == []
    assert (
        validations(mocks)["a"].inputs.items()
        >= {"agent_ingress_id": "agin_1", "timeout_seconds": 2700.0, "dns_error_grace_seconds": 600.0}.items()
    )


def test_a_subclass_and_an_explicit_provider_are_kept(mocks: Mocks) -> None:
    class Patient(agin.AgentIngressCertificateValidation):
        def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
            super().__init__(name, "agin_1", 9000, 3600, opts)

    def program() -> None:
        provider = agin.Provider("acct2", api_key="key-of-acct2")
        for name in ("a", "b"):
            Patient(name, pulumi.ResourceOptions(provider=provider))

    run(program)
    assert list(validations(mocks)) == ["a", "b"]
    assert all("::acct2::" in each.provider for each in validations(mocks).values())
    assert validations(mocks)["b"].inputs["timeout_seconds"] == 9000


@pytest.mark.parametrize("opts", [pulumi.ResourceOptions(id="agin_1"), pulumi.ResourceOptions(import_="agin_1")])
def test_get_and_import_fail(opts: pulumi.ResourceOptions, mocks: Mocks) -> None:
    with pytest.raises(pulumi.RunError, match=r'Validation "a" can.t be read or imported, because it only waits'):
        agin.AgentIngressCertificateValidation("a", "agin_1", opts=opts)
