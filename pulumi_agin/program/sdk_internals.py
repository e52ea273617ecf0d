"""Private names of Pulumi's SDK, and an undocumented function of its engine, which a program uses only here.

Each name is looked up when it is needed. If the SDK lacks it, the program works without it, or fails with a message
that has the SDK's version and the next step.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi import runtime
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor

T = TypeVar("T")

# The function of the engine that returns all outputs in the state of a stack.
_READ_STACK = "pulumi:pulumi:readStackResourceOutputs"

# Type checkers do not know its private modules as attributes.
_SDK: Any = runtime


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
    responds with all secrets of the stack in plain text. So nothing else of the response is converted or kept, and an
    error, which could quote it, is dropped.
    """
    connection: Any = get_monitor()

    def read() -> dict[str, dict[str, Any]] | None:
        try:
            request = resource_pb2.ResourceInvokeRequest(tok=_READ_STACK)
            request.args.update({"stackName": stack})
            response = connection.Invoke(request)
            return None if response.failures else _outputs(getattr(response, "return")["outputs"], kept)
        except Exception:  # noqa: BLE001 - it could quote a secret
            return None

    return await asyncio.get_running_loop().run_in_executor(None, read)


def _outputs(resources: Any, kept: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    found = {}
    for urn in resources:
        resource = resources[urn]
        if names := kept.get(resource["type"]):
            outputs = resource["outputs"]
            found[urn] = {name: _without_secret(outputs[name]) for name in names if name in outputs}
    return found


def _without_secret(value: Any) -> Any:
    """Returns a string or a number. A secret one is in an object."""
    return value["value"] if isinstance(value, Struct) else value


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
