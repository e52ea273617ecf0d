"""The checks of the settings before a resource is registered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.mocks import TYPE, Mocks, run

Options = pulumi.ResourceOptions

NO_KEY = re.escape("there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`, or in")


@pytest.fixture
def no_key(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> Mocks:
    """A preview without an API key, in a process that the CLI started."""
    monkeypatch.delenv("NGROK_API_KEY")
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", "[]")
    return preview


def ingress(name: str, domain: Any = "connect.acme.com", **options: Any) -> agin.AgentIngress:
    return agin.AgentIngress(name, domain=domain, opts=Options(**options))


def component(name: str, **options: Any) -> pulumi.ComponentResource:
    return pulumi.ComponentResource("acme:index:Gateway", name, None, Options(**options))


def second_provider(**arguments: Any) -> agin.Provider:
    return agin.Provider("second", OTHER_ACCOUNTS_KEY, **arguments)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: ingress("a"),
        lambda: ingress("a", parent=component("gateway")),
        lambda: agin.AgentIngress.get("a", "agin_1"),
        lambda: agin.AgentIngressCertificateValidation("a", agent_ingress_id="agin_1"),
    ],
    ids=["ingress", "child", "get", "validation"],
)
def test_without_a_key_nothing_is_registered(declare: Callable[[], object], no_key: Mocks) -> None:
    def program() -> None:
        with pytest.raises(pulumi.RunError, match=f"^{NO_KEY}"):
            declare()

    run(program)
    assert [each.name for each in no_key.registered if each.name == "a"] == []


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"provider": second_provider()},
        lambda: {"providers": [second_provider()]},
        lambda: {"providers": {"pulumi-python": second_provider()}},
        lambda: {"parent": component("gateway", providers=[second_provider()])},
        lambda: {"transformations": [lambda args: None]},
    ],
    ids=["provider", "providers", "map", "inherited", "transformed"],
)
def test_the_key_of_an_explicit_provider_is_enough(options: Callable[[], dict[str, Any]], no_key: Mocks) -> None:
    run(lambda: ingress("a", **options()))
    assert [each.name for each in no_key.registered if each.typ == TYPE] == ["a"]


def test_the_provider_of_another_package_is_ignored(no_key: Mocks) -> None:
    def program() -> None:
        with pytest.raises(pulumi.RunError, match=f"^{NO_KEY}"):
            ingress("a", parent=component("gateway", providers=[pulumi.ProviderResource("aws", "aws", {})]))

    run(program)


def test_the_environment_of_an_inline_program_is_not_that_of_the_cli(
    no_key: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_SECRET_KEYS")
    run(lambda: ingress("a"))
    assert [each.name for each in no_key.registered if each.typ == TYPE] == ["a"]


def test_nothing_is_checked_under_mocks(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGROK_API_KEY", raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", "[]")
    run(lambda: [ingress(name) for name in "ab"])
    assert len(mocks.inputs()) == 2
