"""Versions of Pulumi's SDK that lack an undocumented name which the program uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import metadata
from typing import Any

import pulumi
import pytest
from pulumi.runtime import _callbacks, proto, rpc, settings, sync_await
from pulumi.runtime import mocks as mocks_module

import pulumi_agin as agin
from pulumi_agin.emulator import Emulator
from pulumi_agin.program import sdk_internals
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.mocks import Mocks, run
from tests.support.ngrok import create

# A part of a message about a missing name.
VERSION = f"Pulumi's SDK {metadata.version('pulumi')} lacks "
STEP = "which pulumi-agin needs: install another version of the `pulumi` package, or a newer version of pulumi-agin"


@pytest.fixture
def id_(emulator: Emulator) -> str:
    return create(emulator, "connect.acme.com")


def test_lookups_query_ngrok_with_todays_sdk(preview: Mocks, id_: str) -> None:
    def program() -> Any:
        assert agin.get_agent_ingress(domain="connect.acme.com").id == id_
        return agin.get_agent_ingress_output(id=id_).apply(lambda found: found.domain)

    run(program)


def test_sdk_without_waiting_keeps_the_output_form(preview: Mocks, id_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sync_await, "_sync_await")
    seen: list[str] = []

    def program() -> Any:
        with pytest.raises(pulumi.RunError) as raised:
            agin.get_agent_ingress(domain="connect.acme.com")
        assert str(raised.value) == (
            f"{VERSION}pulumi.runtime.sync_await._sync_await, {STEP}. get_agent_ingress_output works without it"
        )
        return agin.get_agent_ingress_output(domain="connect.acme.com").apply(lambda found: seen.append(found.id))

    run(program)
    assert seen == [id_]


class Component(pulumi.ComponentResource):
    """A component with one child."""

    def __init__(self, name: str) -> None:
        super().__init__("acme:index:Component", name)
        self.child = pulumi.CustomResource("acme:index:Child", f"{name}-child", {}, pulumi.ResourceOptions(parent=self))


@pytest.mark.parametrize(
    ("has_name", "make", "is_known"),
    [
        (True, lambda: Component("c"), False),
        (False, lambda: Component("c"), True),
        (False, lambda: pulumi.CustomResource("acme:index:Child", "r", {}), False),
    ],
    ids=["with it", "a component", "a resource"],
)
def test_sdk_without_component_internals_waits_for_resources_only(
    has_name: bool,
    make: Callable[[], Any],
    is_known: bool,
    preview: Mocks,
    id_: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    preview.to_be_made = {"c-child", "r"}
    seen: list[bool] = []

    def program() -> Any:
        resource = make()

        async def look_up() -> None:
            # The SDK itself needs the name to register a resource.
            await getattr(resource, "child", resource).urn.future()
            with monkeypatch.context() as context:
                if not has_name:
                    context.delattr(rpc, "_expand_dependencies")
                opts = pulumi.InvokeOutputOptions(depends_on=[pulumi.Output.from_input(resource)])
                seen.append(await agin.get_agent_ingress_output(id=id_, opts=opts).is_known())

        return look_up()

    run(program)
    assert seen == [is_known]


def test_sdk_without_provider_attribute_uses_the_public_one(mocks: Mocks) -> None:
    def program() -> Any:
        one = agin.Provider("one", OTHER_ACCOUNTS_KEY)
        component = pulumi.ComponentResource("a:b:C", "c", None, pulumi.ResourceOptions(providers=[one]))
        inherited = pulumi.ResourceOptions(parent=component)
        own = pulumi.ResourceOptions(provider=one)
        for number, opts in enumerate([inherited, own]):
            ingress = agin.AgentIngress(f"i{number}", domain="connect.acme.com", opts=opts)
            assert sdk_internals.provider_of(ingress) is one
            del ingress._provider
            assert sdk_internals.provider_of(ingress) is one
        assert sdk_internals.provider_of(agin.AgentIngress("none", domain="connect.acme.com")) is None

    run(program)


def test_sdk_without_aliases_attribute_knows_none(mocks: Mocks) -> None:
    def program() -> None:
        opts = pulumi.ResourceOptions(aliases=["urn:pulumi:stack::project::a:b:C::former"])
        component = pulumi.ComponentResource("a:b:C", "c", None, opts)
        assert len(sdk_internals.aliases_of(component)) == 1
        del component._aliases
        assert sdk_internals.aliases_of(component) == []

    run(program)


# As in the engine's response: a secret is in an object.
STACK_RESOURCES = {
    "urn:record": {
        "type": "a:b:Record",
        "outputs": {"name": "connect", "zone": rpc.wrap_rpc_secret("Z1"), "key": "hush"},
    },
    "urn:other": {"type": "a:b:Other", "outputs": {"name": "connect", "password": "hush"}},
}
KEPT = {"urn:record": {"name": "connect", "zone": "Z1"}}


@pytest.mark.parametrize(
    ("answer", "lacks", "expected"),
    [
        ({"outputs": STACK_RESOURCES}, False, KEPT),
        ({"outputs": {}}, False, {}),
        ({}, False, None),
        ({"outputs": STACK_RESOURCES}, True, None),
    ],
    ids=["resources", "empty", "another response", "an SDK without it"],
)
def test_only_named_outputs_of_the_state_are_kept(
    answer: Any, lacks: bool, expected: Any, preview: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "call", lambda args: (answer, []))
    seen: list[Any] = []

    async def program() -> None:
        with monkeypatch.context() as context:
            if lacks:
                context.delattr(proto, "resource_pb2")
            seen.append(await sdk_internals.outputs_of_stack("dev", {"a:b:Record": ("name", "zone", "absent")}))

    run(program)
    assert seen == [expected]


@pytest.mark.parametrize(
    ("owner", "name"),
    [(_callbacks._CallbackServicer, "_servicers"), (_callbacks, "_CallbackServicer")],
)
def test_sdk_without_transforms_treats_all_as_transformed(
    owner: object, name: str, preview: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program() -> None:
        assert not sdk_internals.may_be_transformed(pulumi.ResourceOptions())
        with monkeypatch.context() as context:
            context.delattr(owner, name)
            assert sdk_internals.may_be_transformed(pulumi.ResourceOptions())
        root = pulumi.runtime.get_root_resource()
        with monkeypatch.context() as context:
            context.delattr(root, "_transformations")
            assert sdk_internals.may_be_transformed(pulumi.ResourceOptions())

    run(program)


@pytest.mark.parametrize(
    "use",
    [
        lambda: agin.AgentIngress("i", domain="connect.acme.com"),
        lambda: agin.AgentIngressCertificateValidation("v", agent_ingress_id="agin_1"),
        lambda: agin.get_agent_ingress(domain="connect.acme.com"),
        lambda: agin.get_agent_ingresses_output(),
    ],
)
def test_sdk_without_engine_connection_fails_with_a_sentence(
    use: Callable[[], object], mocks: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.delattr(settings, "get_monitor")
        with pytest.raises(
            pulumi.RunError, match=f"^{re.escape(f'{VERSION}pulumi.runtime.settings.get_monitor, {STEP}')}$"
        ):
            use()


def test_sdk_without_mocks_class_takes_every_connection_for_the_engine(
    mocks: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sdk_internals.is_mock(sdk_internals.monitor()) is True
    with monkeypatch.context() as context:
        context.delattr(mocks_module, "MockMonitor")
        assert sdk_internals.is_mock(sdk_internals.monitor()) is False
