"""Undocumented names of Pulumi's SDK, and undocumented functions of its engine, which a program uses only here.

`dynamic/sdk.py` describes which names are documented. Each other one is looked up when it is needed. Without it, the
program works less well, or fails with one sentence. It fails wherever it could otherwise delete a live object.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi import runtime

from pulumi_agin.dynamic.sdk import MissingNameError, find

T = TypeVar("T")

# The function of the engine that returns all outputs in the state of a stack.
_READ_STACK = "pulumi:pulumi:readStackResourceOutputs"

# The one that returns a resource of the run, by its URN.
_GET_RESOURCE = "pulumi:pulumi:getResource"


# -- outputs and types ------------------------------------------------------------------------------------


async def value_of(output: pulumi.Output[T]) -> T | None:
    """Returns the value of an output; None if it is not known in this preview."""
    value: T | None = await find("pulumi.Output.future")(output)
    return value


async def value_with_unknowns(output: pulumi.Output[Any]) -> Any:
    """Returns the value of an output, in which UNKNOWN stands for each part that is not known in this preview."""
    value = await find("pulumi.Output.future")(output, with_unknowns=True)
    return value if await is_known(output) or pulumi.contains_unknowns(value) else pulumi.UNKNOWN


async def is_known(output: pulumi.Output[Any]) -> bool:
    known: bool = await find("pulumi.Output.is_known")(output)
    return known


async def resources_of(output: pulumi.Output[Any]) -> Collection[pulumi.Resource]:
    """Returns the resources that an output depends on."""
    resources: Collection[pulumi.Resource] = await find("pulumi.Output.resources")(output)
    return resources


def typed(value: Any, type_: type | None) -> Any:
    """Returns a value with instances of output types in place of dicts. `type_` is its type, or None for plain ones."""
    return find("pulumi.runtime.rpc.translate_output_properties")(value, lambda name: name, type_)


# -- resources --------------------------------------------------------------------------------------------


def provider_of(resource: pulumi.Resource) -> pulumi.ProviderResource | None:
    """Returns the explicit provider of a registered resource, its own or an inherited one."""
    # The two differ only if a resource has both a provider and providers of the same package. The SDK warns of that.
    known = resource.get_provider(resource.pulumi_resource_type)
    provider: pulumi.ProviderResource | None = getattr(resource, "_provider", known)
    return provider


def aliases_of(resource: pulumi.Resource) -> Sequence[pulumi.Input[str]]:
    """Returns the URNs that the aliases of a resource name, without those that it inherits.

    If the SDK does not show them, it fails: a renamed delegation would lose its records.
    """
    aliases: Sequence[pulumi.Input[str]] = _attribute(resource, "pulumi.Resource._aliases")
    return aliases


def with_descendants(resource: pulumi.Resource) -> list[pulumi.Resource]:
    """Returns a resource, its children and theirs, as far as they are registered.

    If the SDK does not show them, it fails: records could outlive their ingress.
    """
    found = [resource]
    # The list grows while it is read.
    for each in found:
        found += _attribute(each, "pulumi.Resource._childResources")
    return found


async def with_children(resources: Iterable[pulumi.Resource]) -> list[pulumi.Resource]:
    """Returns resources, with components replaced by their children.

    If the SDK does not show these, it fails: records could outlive their ingress.
    """
    given = list(resources)
    if not any(isinstance(each, pulumi.ComponentResource) for each in given):
        return given
    return list((await find("pulumi.runtime.rpc._expand_dependencies")(given, None)).values())


def _attribute(owner: object, name: str) -> Any:
    """Returns an attribute of an object by a name such as `pulumi.Output.future`, or raises a MissingNameError."""
    try:
        return getattr(owner, name.rpartition(".")[2])
    except AttributeError:
        raise MissingNameError(name) from None


def may_be_transformed(opts: pulumi.ResourceOptions) -> bool:
    """Returns whether a transformation may change a resource that is not registered yet; True if uncertain."""
    parent = opts.parent or runtime.get_root_resource()
    inherited = parent is not None and getattr(parent, "_transformations", True)
    # The engine calls transforms on a server that the SDK starts when the first one is registered.
    try:
        servers = find("pulumi.runtime._callbacks._CallbackServicer._servicers")
    except MissingNameError:
        servers = True
    return bool(opts.transformations or opts.transforms or inherited or servers)


# -- the run ----------------------------------------------------------------------------------------------


def engine_connection() -> Any:
    """Returns the connection of this run to the engine, or to Pulumi's mocks; None outside of a run."""
    return find("pulumi.runtime.settings.get_monitor")()


def is_mock(connection: object) -> bool:
    """Returns whether Pulumi's mocks take the engine's place. An SDK without their class fails: nothing may be sent."""
    return isinstance(connection, find("pulumi.runtime.mocks.MockMonitor"))


def config_keys() -> Collection[str]:
    """Returns the keys of the stack config, as far as the SDK shows them."""
    try:
        config: Collection[str] = find("pulumi.runtime.config.CONFIG").get()
    except MissingNameError:
        # It is documented, but empty in an inline program of the Automation API.
        config = runtime.get_config_env()
    return config


def has_environment_of_cli() -> bool:
    """Returns whether the program has the environment variables of the CLI, which the plugin has, too.

    An inline program of the Automation API runs in the user's process. The CLI may have other variables.
    """
    # The CLI's host of Python programs sets it.
    return "PULUMI_CONFIG_SECRET_KEYS" in os.environ


def wait_for(coroutine: Coroutine[Any, Any, T], caller: str) -> T:
    """Waits for a result while the program's event loop keeps running, as Pulumi's own functions do.

    `caller` is the function that the program called; `{caller}_output` does not wait.
    """
    try:
        sync_await = find("pulumi.runtime.sync_await._sync_await")
    except MissingNameError as error:
        # Otherwise Python warns of a coroutine that is never awaited.
        coroutine.close()
        raise pulumi.RunError(f"{error}. {caller}_output works without it") from None
    result: T = sync_await(coroutine)
    return result


def watch_program(registered: Callable[[str, bool, bool], None], ending: Callable[[], None]) -> bool:
    """Calls a function with the result of each resource, and another one when the program has registered all.

    `registered` gets the URN, whether the resource or one that it depends on failed, and whether its outputs are
    unknown, also because `--target` leaves it out. An error that one of the two raises fails the program. The SDK
    reports neither to a program, so this wraps its calls of the engine.

    Returns whether the program has such an end. The process of a component in another process goes on, and an SDK may
    lack the call.
    """
    connection = engine_connection()
    success = find("pulumi.runtime.proto.resource_pb2.Result").SUCCESS

    def with_result(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def register(request: Any) -> Any:
            response = call(request)
            is_unknown = getattr(response, "unknown", False)
            # For a resource that it skips because another one failed, maybe in another process or before this began,
            # the engine returns the outputs of a preview. There are none if that fails, as for a resource that
            # `--target` leaves out. A read is never left out, and its response has no field of this name.
            outputs = getattr(response, "object", None)
            is_skipped = is_unknown and (outputs is None or bool(outputs))
            has_failed = is_skipped or response.result != success
            registered(response.urn, has_failed, has_failed or is_unknown)
            return response

        return register

    def after_ending(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def end(request: Any) -> Any:
            ending()
            return call(request)

        return end

    for name in ("RegisterResource", "ReadResource"):
        call = _attribute(connection, f"pulumi.runtime.settings.SETTINGS.monitor.{name}")
        setattr(connection, name, with_result(call))
    end = getattr(connection, "SignalAndWaitForShutdown", None)
    if end is not None:
        connection.SignalAndWaitForShutdown = after_ending(end)
    return runtime.get_root_resource() is not None and end is not None


# -- the engine's functions -------------------------------------------------------------------------------


async def outputs_of_stack(stack: str, kept: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]] | None:
    """Returns outputs of resources in the stack's state, by URN; None if the engine can't read it.

    `kept` has the types of these resources, each with the names of outputs, which are strings or numbers. The engine
    responds with all secrets of the stack in plain text. So nothing else of the response is converted or kept.
    """

    def read(found: Any) -> dict[str, dict[str, Any]]:
        resources = found["outputs"]
        return {
            urn: _kept_outputs(resources[urn]["outputs"], names)
            for urn in resources
            if (names := kept.get(resources[urn]["type"]))
        }

    return await _call_engine(_READ_STACK, {"stackName": stack}, read)


class ResourceOfRun(NamedTuple):
    """A resource that a program has registered or read in this run."""

    provider: str
    """The URN of the provider that it really has, after transforms. "" for a component and for a provider."""
    outputs: dict[str, Any]
    """Those of its outputs that are kept. A provider's outputs are its settings."""


async def resource_of_run(urn: str, kept: Collection[str] | None) -> ResourceOfRun | None:
    """Returns a resource that any process of this program has registered; None if the engine can't return it.

    `kept` has the names of outputs, which are strings or numbers, or UNKNOWN if they are not known in a preview. The
    engine responds with secrets in plain text, and no other output is converted or kept. None keeps all outputs that
    are not secret as a whole, in the form of the engine's response, for comparisons alone.

    A component has the outputs of the last run until it registers its own.
    """

    def read(found: Any) -> ResourceOfRun:
        # The engine refers to a provider by its URN and its ID.
        return ResourceOfRun(found["provider"].rpartition("::")[0], _kept_outputs(found["state"], kept))

    return await _call_engine(_GET_RESOURCE, {"urn": urn}, read)


async def _call_engine(function: str, arguments: Mapping[str, str], read: Callable[[Any], T]) -> T | None:
    """Returns what `read` returns for the response of a function of the engine; None if one of them fails.

    An error, which could quote a secret, is dropped, unless it is that the SDK lacks a name.
    """
    connection = engine_connection()

    def call() -> T | None:
        try:
            request = find("pulumi.runtime.proto.resource_pb2.ResourceInvokeRequest")(tok=function)
            request.args.update(arguments)
            response = connection.Invoke(request)
            return None if response.failures else read(getattr(response, "return"))
        except MissingNameError:
            raise
        except Exception:  # noqa: BLE001 - it could quote a secret
            return None

    # In a thread, because it blocks.
    return await asyncio.get_running_loop().run_in_executor(None, call)


def _kept_outputs(outputs: Any, kept: Collection[str] | None) -> dict[str, Any]:
    """Returns the outputs of a resource that `kept` names, or all that are not secret; see `resource_of_run`."""
    if kept is None:
        from google.protobuf.json_format import MessageToDict  # slow to load, and only for a changed domain

        is_secret = find("pulumi.runtime.rpc.is_rpc_secret")
        return {name: value for name, value in MessageToDict(outputs).items() if not is_secret(value)}
    return {name: _plain(outputs[name]) for name in kept if name in outputs}


def _plain(value: Any) -> Any:
    """Returns a string or a number, or UNKNOWN. A secret one is in an object."""
    plain = value["value"] if isinstance(value, Struct) else value
    return pulumi.UNKNOWN if plain == find("pulumi.runtime.rpc.UNKNOWN") else plain
