"""Versions of Pulumi's SDK that lack an undocumented name, and the functions of the engine."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

import pulumi_agin as agin
from pulumi_agin.dynamic import sdk as plugin_sdk
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import urns
from pulumi_agin.program import sdk
from pulumi_agin.program.failed_resources import FailedResources
from pulumi_agin.program.run import ProgramRun
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.mocks import Mocks, Monitor, run
from tests.support.ngrok import create


@pytest.fixture
def id_(emulator: Emulator) -> str:
    return create(emulator, "connect.acme.com")


def test_lookups_query_ngrok_with_todays_sdk(preview: Mocks, id_: str) -> None:
    def program() -> Any:
        assert agin.get_agent_ingress(domain="connect.acme.com").id == id_
        return agin.get_agent_ingress_output(id=id_).apply(lambda found: found.domain)

    run(program)


def test_sdk_without_waiting_keeps_the_output_form(preview: Mocks, id_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pulumi.runtime.sync_await._sync_await")
    seen: list[str] = []

    def program() -> Any:
        with pytest.raises(pulumi.RunError) as raised:
            agin.get_agent_ingress(domain="connect.acme.com")
        assert str(raised.value) == (
            f"{lacks('pulumi.runtime.sync_await._sync_await')}. get_agent_ingress_output works without it"
        )
        return agin.get_agent_ingress_output(domain="connect.acme.com").apply(lambda found: seen.append(found.id))

    run(program)
    assert seen == [id_]


class Component(pulumi.ComponentResource):
    """A component with one child."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("acme:index:Component", name, None, opts)
        self.child = pulumi.CustomResource("acme:index:Child", f"{name}-child", {}, pulumi.ResourceOptions(parent=self))


@pytest.mark.parametrize(
    "make",
    [lambda: Component("c"), lambda: pulumi.CustomResource("acme:index:Child", "r", {})],
    ids=["a component", "a resource"],
)
def test_lookups_wait_for_children(make: Callable[[], Any], preview: Mocks, id_: str) -> None:
    preview.to_be_made = {"c-child", "r"}
    seen: list[bool] = []

    async def program() -> None:
        opts = pulumi.InvokeOutputOptions(depends_on=[pulumi.Output.from_input(make())])
        seen.append(await agin.get_agent_ingress_output(id=id_, opts=opts).is_known())

    run(program)
    assert seen == [False]


def names_used(*modules: Any) -> set[str]:
    """Returns the names of the SDK in modules, except those of the engine's calls."""
    return {name for module in modules for name in re.findall(r'"(pulumi\.[\w.]+)"', Path(module.__file__).read_text())}


@contextmanager
def without(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Takes a name away from the SDK."""
    owner, _, attribute = name.removeprefix("pulumi.").rpartition(".")
    with monkeypatch.context() as context:
        context.delattr(operator.attrgetter(owner)(pulumi), attribute)
        yield


FAILS: dict[str, Callable[[], Any]] = {
    "pulumi.Output.future": lambda: sdk.value_of(pulumi.Output.from_input("")),
    "pulumi.Output.is_known": lambda: sdk.is_known(pulumi.Output.from_input("")),
    "pulumi.Output.resources": lambda: sdk.resources_of(pulumi.Output.from_input("")),
    "pulumi.runtime.rpc.translate_output_properties": lambda: sdk.typed({}, None),
    "pulumi.runtime.rpc._expand_dependencies": lambda: sdk.with_children([Component("c")]),
    "pulumi.runtime.settings.get_monitor": ProgramRun.current,
    "pulumi.runtime.mocks.MockMonitor": lambda: sdk.is_mock(None),
    "pulumi.runtime.proto.resource_pb2.Result": lambda: sdk.watch_program(lambda *_: None, lambda: None),
    "pulumi.runtime.proto.resource_pb2.ResourceInvokeRequest": lambda: sdk.resource_of_run("urn", ("name",)),
    "pulumi.runtime.rpc.UNKNOWN": lambda: sdk.resource_of_run("urn", ("name",)),
    "pulumi.runtime.rpc.is_rpc_secret": lambda: sdk.resource_of_run("urn", None),
    "pulumi.dynamic.dynamic.serialize_provider": lambda: plugin_sdk.serialized(AgentIngressProvider()),
}
FAILS_WITHOUT_ATTRIBUTE: dict[str, Callable[[pulumi.Resource], Any]] = {
    "pulumi.Resource._aliases": sdk.aliases_of,
    "pulumi.Resource._childResources": sdk.with_descendants,
}


def lacks(name: str) -> str:
    return (
        f"Pulumi's SDK {metadata.version('pulumi')} lacks {name}, which pulumi-agin needs: install another version of "
        "the `pulumi` package, or a newer version of pulumi-agin"
    )


@pytest.mark.parametrize(("name", "use"), FAILS.items(), ids=FAILS)
def test_sdk_without_a_name_fails_with_one_sentence(
    name: str, use: Callable[[], Any], preview: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned = Struct()
    returned.update({"provider": "", "state": {"name": "connect"}})
    monkeypatch.setattr(Monitor, "Invoke", lambda *_: SimpleNamespace(failures=[], **{"return": returned}))

    async def result() -> Any:
        return await use()

    async def program() -> None:
        with without(name, monkeypatch), pytest.raises(pulumi.RunError, match=f"^{re.escape(lacks(name))}$"):
            await result()

    run(program)


@pytest.mark.parametrize(("name", "use"), FAILS_WITHOUT_ATTRIBUTE.items(), ids=FAILS_WITHOUT_ATTRIBUTE)
def test_sdk_without_an_attribute_of_resources_fails_with_one_sentence(
    name: str, use: Callable[[pulumi.Resource], Any], preview: Mocks
) -> None:
    def program() -> None:
        component = Component("c")
        delattr(component, name.rpartition(".")[2])
        with pytest.raises(pulumi.RunError, match=f"^{re.escape(lacks(name))}$"):
            use(component)

    run(program)


# What happens without these is in the tests below.
WORKS = {
    "pulumi.runtime._callbacks._CallbackServicer._servicers",
    "pulumi.runtime.config.CONFIG",
    "pulumi.runtime.rpc.deserialize_properties",
    "pulumi.runtime.sync_await._sync_await",
}


def test_each_name_of_the_sdk_is_taken_away() -> None:
    assert names_used(sdk, plugin_sdk) == FAILS.keys() | FAILS_WITHOUT_ATTRIBUTE.keys() | WORKS


def test_sdk_without_a_resources_provider_uses_the_documented_one(preview: Mocks) -> None:
    def program() -> None:
        one = agin.Provider("one", OTHER_ACCOUNTS_KEY)
        component = pulumi.ComponentResource("a:b:C", "c", None, pulumi.ResourceOptions(providers=[one]))
        inherited, own = pulumi.ResourceOptions(parent=component), pulumi.ResourceOptions(provider=one)
        for number, opts in enumerate([inherited, own]):
            ingress = agin.AgentIngress(f"i{number}", domain="connect.acme.com", opts=opts)
            assert sdk.provider_of(ingress) is one
            del ingress._provider
            assert sdk.provider_of(ingress) is one
        assert sdk.provider_of(agin.AgentIngress("none", domain="connect.acme.com")) is None

    run(program)


def test_sdk_without_transformations_may_transform_any_resource(
    preview: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program() -> None:
        assert not sdk.may_be_transformed(pulumi.ResourceOptions())
        with without("pulumi.runtime._callbacks._CallbackServicer._servicers", monkeypatch):
            assert sdk.may_be_transformed(pulumi.ResourceOptions())
        with monkeypatch.context() as context:
            context.delattr(pulumi.runtime.get_root_resource(), "_transformations")
            assert sdk.may_be_transformed(pulumi.ResourceOptions())

    run(program)


def test_sdk_without_its_config_shows_the_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", '{"acme:zone": "a value"}')
    assert list(sdk.config_keys()) == []
    with without("pulumi.runtime.config.CONFIG", monkeypatch):
        assert list(sdk.config_keys()) == ["acme:zone"]


def test_sdk_that_does_not_deserialize_has_no_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = Struct()
    properties.update({"domain": "connect.acme.com"})
    assert plugin_sdk.deserialized(properties) == {"domain": "connect.acme.com"}
    with without("pulumi.runtime.rpc.deserialize_properties", monkeypatch):
        assert plugin_sdk.deserialized(properties) == {}


def test_python_without_its_private_name_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent.futures.thread, "_shutdown", True)
    assert plugin_sdk.is_interrupted()
    monkeypatch.delattr(concurrent.futures.thread, "_shutdown")
    assert not plugin_sdk.is_interrupted()


def test_a_component_has_descendants_and_aliases(mocks: Mocks) -> None:
    def program() -> None:
        component = Component("c", pulumi.ResourceOptions(aliases=["urn:pulumi:stack::project::a:b:C::former"]))
        assert sdk.with_descendants(component) == [component, component.child]
        assert len(sdk.aliases_of(component)) == 1

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
    ("answer", "expected"),
    [({"outputs": STACK_RESOURCES}, KEPT), ({"outputs": {}}, {}), ({}, None)],
    ids=["resources", "empty", "another response"],
)
def test_only_named_outputs_of_the_state_are_kept(
    answer: Any, expected: Any, preview: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "call", lambda args: (answer, []))
    seen: list[Any] = []

    async def program() -> None:
        seen.append(await sdk.outputs_of_stack("dev", {"a:b:Record": ("name", "zone", "absent")}))

    run(program)
    assert seen == [expected]


def test_a_resource_of_the_run_has_its_provider_and_named_outputs(preview: Mocks) -> None:
    seen: list[Any] = []

    async def program() -> None:
        run_ = ProgramRun.current()
        provider = agin.Provider("one", pulumi.Output.secret(OTHER_ACCOUNTS_KEY))
        ingress = agin.AgentIngress("i", domain="connect.acme.com", opts=pulumi.ResourceOptions(provider=provider))
        plain = pulumi.CustomResource(
            "a:b:Plain", "plain", {"name": "n", "zone": ["z"], "key": pulumi.Output.secret("k")}
        )
        found = await run_.resource(ingress.urn, ())
        assert found
        seen.append(found.outputs)
        assert found.provider == await provider.urn.future()
        for urn, kept in (
            (found.provider, ("agin:apiKey", "absent")),
            (plain.urn, ("name", "key")),
            (plain.urn, None),
        ):
            each = await run_.resource(urn, kept)
            assert each
            assert each.provider == ""
            seen.append(each.outputs)

    run(program)
    assert seen == [
        {},
        {"agin:apiKey": OTHER_ACCOUNTS_KEY},
        {"name": "n", "key": "k"},
        {"name": "n", "zone": ["z"]},
    ]


def test_an_unknown_output_of_a_resource_of_the_run(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = pulumi.Output(set(), asyncio.sleep(0), asyncio.sleep(0, False))
    monkeypatch.setattr(preview, "new_resource", lambda args: ("id", {"name": pulumi.UNKNOWN}))
    seen: list[Any] = []

    async def program() -> None:
        resource = pulumi.CustomResource("a:b:Plain", "plain", {"name": unknown})
        found = await ProgramRun.current().resource(resource.urn, ("name",))
        assert found
        seen.append(found.outputs["name"])

    run(program)
    assert seen == [pulumi.output.UNKNOWN]


def test_a_resource_that_the_engine_cannot_return(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    seen: list[Any] = []
    invoke = Monitor.Invoke

    def record(monitor: Monitor, request: Any) -> Any:
        asked.append(request.args["urn"])
        return invoke(monitor, request)

    monkeypatch.setattr(Monitor, "Invoke", record)

    async def program() -> None:
        run_ = ProgramRun.current()
        seen.append(await run_.resource("urn:pulumi:stack::project::a:b:C::absent", None))
        # The engine would panic.
        unknown: Any = pulumi.Output(set(), asyncio.sleep(0, None), asyncio.sleep(0, False))
        seen.append(await run_.resource(unknown, None))

    run(program)
    assert seen == [None, None]
    assert len(asked) == 1


def test_mocks_are_not_asked_for_a_resource(mocks: Mocks) -> None:
    seen: list[Any] = []

    async def program() -> None:
        ingress = agin.AgentIngress("i", domain="connect.acme.com")
        seen.append(await ProgramRun.current().resource(ingress.urn, None))

    run(program)
    assert seen == [None]


RECORD = f"{urns.DELEGATION}$a:b:Record"


def result(types: str, *, has_failed: bool = False, is_unknown: bool = False, inputs: Any = None) -> Any:
    outcome = resource_pb2.Result.FAIL if has_failed else resource_pb2.Result.SUCCESS
    urn = f"urn:pulumi:dev::test::{types}::connect"
    response = resource_pb2.RegisterResourceResponse(urn=urn, result=outcome, unknown=is_unknown)
    response.object.update(inputs or {})
    return response


THEIRS = result("a:b:Zone", has_failed=True)


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's calls of the engine, which return their argument."""

    def respond(response: Any) -> Any:
        return response

    calls = SimpleNamespace(RegisterResource=respond, ReadResource=respond, SignalAndWaitForShutdown=respond)
    monkeypatch.setattr(pulumi.runtime.settings, "get_monitor", lambda: calls)
    monkeypatch.setattr(pulumi.runtime, "get_root_resource", lambda: "the stack")
    return calls


@pytest.mark.parametrize(
    ("results", "named"),
    [
        ([result(urns.AGENT_INGRESS, has_failed=True)], "connect (AgentIngress)"),
        ([result(f"a:b:Site${RECORD}", has_failed=True)], "connect (Record)"),
        ([result(urns.RFC2136_DELEGATION, has_failed=True)], "connect (Rfc2136Delegation)"),
        ([THEIRS, result(RECORD, is_unknown=True)], "connect (Record)"),
        ([result(urns.AGENT_INGRESS, is_unknown=True, inputs={"domain": "a.example"})], "connect (AgentIngress)"),
        ([result(RECORD, is_unknown=True)], None),
        ([THEIRS, result(RECORD)], None),
        ([result(f"{urns.AGENT_INGRESS}$a:b:Record", has_failed=True)], None),
        ([result(urns.CERTIFICATE_VALIDATION, has_failed=True)], None),
    ],
    ids=[
        "ingress",
        "record",
        "own record",
        "skipped",
        "skipped after a failure in another process",
        "excluded by --target",
        "theirs",
        "below an ingress",
        "validation",
    ],
)
def test_program_with_failed_resources_ends_with_an_error(results: list[Any], named: str | None, monitor: Any) -> None:
    FailedResources().watch()
    for each in results:
        assert monitor.RegisterResource(each) is each
    if named is None:
        assert monitor.SignalAndWaitForShutdown("the end") == "the end"
    else:
        with pytest.raises(pulumi.RunError, match=re.escape(f"or were skipped: {named}. What")):
            monitor.SignalAndWaitForShutdown("the end")


@pytest.mark.parametrize("has_stack", [False, True], ids=["a component in another process", "an SDK without the end"])
def test_failed_resource_ends_a_program_without_an_end_at_once(
    has_stack: bool, monitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_stack:
        del monitor.SignalAndWaitForShutdown
    else:
        monkeypatch.setattr(pulumi.runtime, "get_root_resource", lambda: None)
    FailedResources().watch()
    monitor.RegisterResource(result(urns.AGENT_INGRESS))
    with pytest.raises(pulumi.RunError):
        monitor.ReadResource(result(urns.AGENT_INGRESS, has_failed=True))


@pytest.mark.parametrize("name", ["RegisterResource", "ReadResource"])
def test_sdk_without_a_call_of_the_engine_fails(name: str, monitor: Any) -> None:
    delattr(monitor, name)
    message = lacks(f"pulumi.runtime.settings.SETTINGS.monitor.{name}")
    with pytest.raises(pulumi.RunError, match=f"^{re.escape(message)}$"):
        FailedResources().watch()
