"""AgentIngressCertificateValidation under Pulumi's mocks: its arguments and dependencies."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from tests.support.mocks import Mocks, run

TOKEN = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"


def validations(mocks: Mocks) -> dict[str, Any]:
    """Returns the inputs of all registered waits, by name, in order."""
    return {each.name: each for each in mocks.requests if each.token == TOKEN}


def depends_on(mocks: Mocks, name: str) -> list[str]:
    return sorted(urn.rpartition("::")[2] for urn in validations(mocks)[name].dependencies)


def test_each_wait_depends_on_the_previous_one(mocks: Mocks) -> None:
    options: list[pulumi.ResourceOptions | None] = []

    def program() -> None:
        record = agin.AgentIngress("record", domain="record.acme.com")
        for dependencies in (
            None,
            [record],
            record,
            pulumi.Output.from_input(record),
            pulumi.Output.from_input([record]),
        ):
            options.append(pulumi.ResourceOptions(depends_on=dependencies))
            agin.AgentIngressCertificateValidation(f"v{len(options)}", "agin_1", opts=options[-1])
        options.append(None)
        agin.AgentIngressCertificateValidation("v6", "agin_1")

    run(program)
    assert [depends_on(mocks, f"v{number}") for number in range(1, 7)] == [
        [],
        ["record", "v1"],
        ["record", "v2"],
        ["record", "v3"],
        ["record", "v4"],
        ["v5"],
    ]
    # The options are the program's own, and may be used for others.
    assert options[0] is not None
    assert options[0].depends_on is None
    assert options[1] is not None
    assert isinstance(options[1].depends_on, list)
    assert len(options[1].depends_on) == 1


def test_waits_in_components_depend_on_each_other_too(mocks: Mocks) -> None:
    class Site(pulumi.ComponentResource):
        def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
            super().__init__("test:index:Site", name, {}, opts)
            ingress = agin.AgentIngress(name, domain=f"{name}.acme.com", opts=pulumi.ResourceOptions(parent=self))
            agin.AgentIngressCertificateValidation(name, ingress.id, opts=pulumi.ResourceOptions(parent=self))

    def program() -> None:
        one = Site("one")
        Site("two", pulumi.ResourceOptions(depends_on=[one]))
        agin.AgentIngressCertificateValidation("three", "agin_1", opts=pulumi.ResourceOptions(depends_on=[one]))

    run(program)
    assert "one" in depends_on(mocks, "two")
    assert "two" in depends_on(mocks, "three")


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
