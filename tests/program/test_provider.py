"""Explicit providers under Pulumi's mocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from pulumi.resource import DependencyProviderResource
from pulumi.runtime import rpc

import pulumi_agin as agin
from pulumi_agin.program.run import ProgramRun
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.mocks import TYPE, Mocks, run


def test_an_ingress_has_the_provider_and_the_inputs_of_the_program(mocks: Mocks) -> None:
    def program() -> Any:
        key = pulumi.Output.secret(OTHER_ACCOUNTS_KEY)
        other = agin.Provider("other", key, api_base_url=pulumi.Output.from_input("https://api.example.net"))
        options = pulumi.ResourceOptions(provider=other)
        return agin.AgentIngress("connect", domain="connect.acme.com", opts=options).urn

    run(program)
    provider, ingress = mocks.registered
    assert provider.typ == "pulumi:providers:pulumi-python"
    assert rpc.is_rpc_secret(provider.inputs["agin:apiKey"])
    assert {name: rpc.unwrap_rpc_secret(value) for name, value in provider.inputs.items()} == {
        "agin:apiKey": OTHER_ACCOUNTS_KEY,
        "agin:apiBaseUrl": "https://api.example.net",
        "ngrok:provider": "other",
    }
    assert (ingress.typ, (ingress.provider or "").split("::")[-2]) == (TYPE, "other")


@pytest.fixture
def config() -> Iterator[None]:
    """A stack config with secrets, of which some are for the dynamic resources of other packages."""
    values = {
        "agin:apiKey": API_KEY,
        "agin:apiBaseUrl": "https://api.example.net",
        "agin:timeoutSeconds": "17",
        "ngrok:provider": "not this",
        "dns:token": "hush-hush",
        "acme:servers": '["192.0.2.1"]',
    }
    pulumi.runtime.set_all_config(values, ["agin:apiKey", "agin:apiBaseUrl", "dns:token"])
    yield
    pulumi.runtime.set_all_config({}, [])


def test_missing_arguments_except_the_key_come_from_the_config(mocks: Mocks, config: None) -> None:
    run(lambda: agin.Provider("other", OTHER_ACCOUNTS_KEY, api_base_url="").urn)
    [provider] = mocks.registered
    assert {name: rpc.unwrap_rpc_secret(value) for name, value in provider.inputs.items()} == {
        "agin:apiKey": OTHER_ACCOUNTS_KEY,
        "agin:apiBaseUrl": "https://api.example.net",
        "agin:timeoutSeconds": "17",
        "ngrok:provider": "other",
        "dns:token": "hush-hush",
        "acme:servers": '["192.0.2.1"]',
    }
    secret = {name for name, value in provider.inputs.items() if rpc.is_rpc_secret(value)}
    assert secret == {"agin:apiKey", "agin:apiBaseUrl", "dns:token"}


def test_arguments_take_precedence_over_the_config(mocks: Mocks, config: None) -> None:
    run(lambda: agin.Provider("other", OTHER_ACCOUNTS_KEY, api_base_url="https://other.example.net").urn)
    [provider] = mocks.registered
    assert provider.inputs["agin:apiBaseUrl"] == "https://other.example.net"


def test_an_empty_key_fails_immediately(preview: Mocks) -> None:
    keys: list[Any] = [None, "  "]
    for key in keys:
        with pytest.raises(
            pulumi.RunError, match=r'^api_key of the Provider "other" is empty: an explicit Provider does'
        ):
            agin.Provider("other", key)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda: {"api_key": f"{API_KEY} "}, '^the API key from api_key of the Provider "other" contains whitespace'),
        (
            lambda: {"api_key": API_KEY, "api_base_url": "http://example.net"},
            "^the base URL from .* must begin with https://",
        ),
        (
            lambda: {"api_key": pulumi.Output.secret(API_KEY), "api_base_url": "http://example.net"},
            "^the base URL from .* must begin with https://",
        ),
    ],
)
def test_wrong_plain_values_fail_immediately(arguments: Callable[[], Any], said: str, mocks: Mocks) -> None:
    # An Output is made in the test, because it needs an event loop.
    with pytest.raises(pulumi.RunError, match=said):
        agin.Provider("other", **arguments())


def test_each_provider_has_one_client(preview: Mocks) -> None:
    def program() -> Any:
        one = agin.Provider("one", API_KEY)
        # As a program in another language declares it.
        two = pulumi.ProviderResource("pulumi-python", "two", {"agin:apiKey": OTHER_ACCOUNTS_KEY})

        async def check() -> None:
            accounts = [await ProgramRun.current().queries_of(provider) for provider in (None, one, two)]
            assert accounts == [await ProgramRun.current().queries_of(provider) for provider in (None, one, two)]
            assert None not in accounts
            assert len({account.account.require_client() for account in accounts if account is not None}) == 3

        return check()

    run(program)


def test_an_unknown_key_has_no_client(preview: Mocks) -> None:
    def program() -> Any:
        unknown: Any = pulumi.Output.from_input(API_KEY).apply(lambda _: pulumi.output.UNKNOWN)

        async def check() -> None:
            assert await ProgramRun.current().queries_of(agin.Provider("other", unknown)) is None

        return check()

    run(program)


def test_settings_that_the_engine_does_not_return(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    # As of a component's consumer, in another process.
    reference = "urn:pulumi:stack::project::pulumi:providers:pulumi-python::theirs::id"
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    problem = "Pulumi's engine did not return the settings of the provider"

    def program() -> Any:
        theirs = DependencyProviderResource(reference)
        component = pulumi.ComponentResource("a:b:C", "c", None, pulumi.ResourceOptions(providers=[theirs]))
        with pytest.raises(pulumi.RunError, match=f"^{problem}"):
            agin.get_agent_ingresses(opts=pulumi.InvokeOptions(parent=component))
        for name in ("one", "two"):
            opts = pulumi.ResourceOptions(parent=component)
            ingress = agin.AgentIngress(name, domain=f"{name}.acme.com", opts=opts)
            # If the output were known, its value would be among the warnings.
            ingress.ns_targets.apply(lambda targets: warnings.append(str(targets)))

    # An update in place: the engine has only IDs and inputs.
    monkeypatch.setattr(preview, "new_resource", lambda args: (f"{args.name}-id", args.inputs))
    run(program)
    [warning] = warnings
    assert problem in warning
