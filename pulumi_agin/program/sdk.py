"""Private names of Pulumi's SDK, and undocumented functions of its engine, which a program uses only here.

Each name is looked up when it is needed. If the SDK lacks it, the program works without it, or fails with a message
that has the SDK's version and the next step.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi import runtime
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor

T = TypeVar("T")

# The function of the engine that returns all outputs in the state of a stack.
_READ_STACK = "pulumi:pulumi:readStackResourceOutputs"

# The one that returns a resource of the run, by its URN.
_GET_RESOURCE = "pulumi:pulumi:getResource"

# Type checkers do not know its private modules as attributes.
_SDK: Any = runtime


def config_keys() -> Collection[str]:
    """Returns the keys of the stack config, as far as the SDK shows them."""
    try:
        config: Collection[str] = _SDK.config.CONFIG.get()
    except AttributeError:
        # It is documented, but empty in an inline program of the Automation API.
        config = runtime.get_config_env()
    return config


def provider_of(resource: pulumi.Resource) -> pulumi.ProviderResource | None:
    """Returns the explicit provider of a registered resource, its own or an inherited one."""
    # The two differ only if a resource has both a provider and providers of the same package. The SDK warns of that.
    known = resource.get_provider(resource.pulumi_resource_type)
    provider: pulumi.ProviderResource | None = getattr(resource, "_provider", known)
    return provider


def aliases_of(resource: pulumi.Resource) -> Sequence[pulumi.Input[str]]:
    """Returns the URNs that the aliases of a resource name, without those that it inherits."""
    aliases: Sequence[pulumi.Input[str]] = getattr(resource, "_aliases", [])
    return aliases


def with_descendants(resource: pulumi.Resource) -> list[pulumi.Resource]:
    """Returns a resource, its children and theirs, as far as they are registered, if the SDK shows them."""
    found = [resource]
    # The list grows while it is read.
    for each in found:
        found += getattr(each, "_childResources", ())
    return found


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

    An error, which could quote a secret, is dropped.
    """
    connection: Any = get_monitor()

    def call() -> T | None:
        try:
            request = resource_pb2.ResourceInvokeRequest(tok=function)
            request.args.update(arguments)
            response = connection.Invoke(request)
            return None if response.failures else read(getattr(response, "return"))
        except Exception:  # noqa: BLE001 - it could quote a secret
            return None

    return await asyncio.get_running_loop().run_in_executor(None, call)


def _kept_outputs(outputs: Any, kept: Collection[str] | None) -> dict[str, Any]:
    if kept is None:
        from google.protobuf.json_format import MessageToDict  # slow to load, and only for a changed domain

        return {name: value for name, value in MessageToDict(outputs).items() if not rpc.is_rpc_secret(value)}
    return {name: _plain(outputs[name]) for name in kept if name in outputs}


def _plain(value: Any) -> Any:
    """Returns a string or a number, or UNKNOWN. A secret one is in an object."""
    plain = value["value"] if isinstance(value, Struct) else value
    return UNKNOWN if plain == rpc.UNKNOWN else plain


def watch_program(registered: Callable[[str, bool, bool], None], ending: Callable[[], None]) -> bool:
    """Calls a function with the result of each resource, and another one when the program has registered all.

    `registered` gets the URN, whether the resource or one that it depends on failed, and whether its outputs are
    unknown, also because `--target` leaves it out. An error that one of the two raises fails the program. The SDK
    reports neither to a program, so this wraps its calls of the engine.

    Returns whether the program has such an end. The process of a component in another process goes on, and an SDK may
    lack the call.
    """
    monitor: Any = get_monitor()

    def with_result(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def register(request: Any) -> Any:
            response = call(request)
            is_unknown = getattr(response, "unknown", False)
            # For a resource that it skips because another one failed, maybe in another process or before this began,
            # the engine returns the outputs of a preview. There are none if that fails, as for a resource that
            # `--target` leaves out. A read is never left out, and its response has no field of this name.
            outputs = getattr(response, "object", None)
            is_skipped = is_unknown and (outputs is None or bool(outputs))
            has_failed = is_skipped or response.result != resource_pb2.Result.SUCCESS
            registered(response.urn, has_failed, has_failed or is_unknown)
            return response

        return register

    def after_ending(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def end(request: Any) -> Any:
            ending()
            return call(request)

        return end

    calls = {"RegisterResource": with_result, "ReadResource": with_result, "SignalAndWaitForShutdown": after_ending}
    for name, wrap in calls.items():
        if hasattr(monitor, name):
            setattr(monitor, name, wrap(getattr(monitor, name)))
    return runtime.get_root_resource() is not None and hasattr(monitor, "SignalAndWaitForShutdown")


def may_be_transformed(opts: pulumi.ResourceOptions) -> bool:
    """Returns whether a transformation may change a resource that is not registered yet; True if uncertain."""
    parent = opts.parent or runtime.get_root_resource()
    inherited = parent is not None and getattr(parent, "_transformations", True)
    # The engine calls transforms on a server that the SDK starts when the first one is registered.
    try:
        servers = _SDK._callbacks._CallbackServicer._servicers
    except AttributeError:
        servers = True
    return bool(opts.transformations or opts.transforms or inherited or servers)


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
        sync_await = _SDK.sync_await._sync_await
    except AttributeError:
        from importlib import metadata  # slow to load

        # Otherwise Python warns of a coroutine that is never awaited.
        coroutine.close()
        raise pulumi.RunError(
            f"Pulumi's SDK {metadata.version('pulumi')} lacks pulumi.runtime.sync_await._sync_await, which pulumi-agin "
            "needs: install another version of the `pulumi` package, or a newer version of pulumi-agin. "
            f"{caller}_output works without it"
        ) from None
    result: T = sync_await(coroutine)
    return result


async def with_children(resources: Iterable[pulumi.Resource]) -> list[pulumi.Resource]:
    """Returns resources, with components replaced by their children, if the SDK supports that."""
    try:
        expand_dependencies = _SDK.rpc._expand_dependencies
    except AttributeError:
        return list(resources)
    return list((await expand_dependencies(resources, None)).values())
