"""The only module in which a program uses names of Pulumi's SDK that are not documented.

Each name is looked up when it is needed. If an SDK lacks one, the program does without, or fails with a sentence
that says which version lacks it and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

import pulumi
from pulumi import runtime

T = TypeVar("T")

_HOW_TO_GO_ON = "install another version of the package pulumi, or a newer one of pulumi-agin"


def monitor() -> Any | None:
    """Returns the SDK's connection to the engine, or its stand-in under mocks; None outside of a program.

    There is one for each deployment.

    Raises:
        pulumi.RunError: The SDK has no such function.
    """
    get_monitor = _lookup("settings", "get_monitor")
    if get_monitor is None:
        raise pulumi.RunError(_lacks("runtime.settings.get_monitor"))
    return get_monitor()


def is_mock(monitor: object) -> bool:
    """Returns whether a monitor is that of Pulumi's mocks, as in a user's unit test.

    If the SDK has no class for it, every monitor counts as the engine's.

    Args:
        monitor: What `monitor()` returned.
    """
    mock_monitor = _lookup("mocks", "MockMonitor")
    return mock_monitor is not None and isinstance(monitor, mock_monitor)


def provider_of(resource: pulumi.Resource) -> pulumi.ProviderResource | None:
    """Returns the explicit provider of a resource, its own or an inherited one; None if it has none.

    Args:
        resource: The resource, after the SDK has found its provider.
    """
    # The two differ only if a resource has both a provider and providers of the same package. The SDK warns of that.
    known = resource.get_provider(resource.pulumi_resource_type)
    provider: pulumi.ProviderResource | None = getattr(resource, "_provider", known)
    return provider


def may_be_transformed(opts: pulumi.ResourceOptions) -> bool:
    """Returns whether a transformation of the program may change a resource.

    If the SDK does not tell, it may.

    Args:
        opts: The options of the resource, which is not registered yet.
    """
    parent = opts.parent or runtime.get_root_resource()
    # The engine asks the SDK to transform a resource, by a server that the SDK starts when it has a transform.
    servers = getattr(_lookup("_callbacks", "_CallbackServicer"), "_servicers", True)
    inherited = parent is not None and getattr(parent, "_transformations", True)
    return bool(opts.transformations or opts.transforms or inherited or servers)


def has_environment_of_cli() -> bool:
    """Returns whether the program has the environment variables of the CLI, which the plugin has, too.

    An inline program of the Automation API runs in the user's process. The CLI may have other variables.
    """
    # The CLI's host of Python programs sets it.
    return "PULUMI_CONFIG_SECRET_KEYS" in os.environ


def stop_waiting_for(output: pulumi.Output[Any]) -> None:
    """Tells the SDK not to wait for an output at the end of the program, because another one replaces it.

    Without this call, the program waits for both.

    Args:
        output: The output that is replaced.
    """
    # Looked up on the class, because an Output returns another Output for every attribute.
    untrack = getattr(pulumi.Output, "_untrack", None)
    if untrack is not None:
        untrack(output)


def wait_for(awaitable: Awaitable[T], caller: str) -> T:
    """Waits for a result while the program's event loop runs on, as Pulumi's own functions do.

    Args:
        awaitable: What to wait for.
        caller: The name of the function that the user called. `{caller}_output` is the variant that does not wait.

    Returns:
        The result.

    Raises:
        pulumi.RunError: The SDK has no such function.
    """
    sync_await = _lookup("sync_await", "_sync_await")
    if sync_await is None:
        # Otherwise Python warns of a coroutine that is never awaited.
        getattr(awaitable, "close", lambda: None)()
        raise pulumi.RunError(f"{_lacks('runtime.sync_await._sync_await')}. {caller}_output works without it")
    result: T = sync_await(awaitable)
    return result


async def with_children(resources: Iterable[pulumi.Resource]) -> list[pulumi.Resource]:
    """Returns resources, with the children of components in place of the components.

    If the SDK has no function for it, the resources are returned as they are.

    Args:
        resources: Resources, some of which may be components.
    """
    resources = list(resources)
    expand = _lookup("rpc", "_expand_dependencies")
    return resources if expand is None else list((await expand(resources, None)).values())


def _lookup(module: str, name: str) -> Any | None:
    # `import pulumi` loads all of these modules.
    return getattr(getattr(runtime, module, None), name, None)


def _lacks(name: str) -> str:
    from importlib import metadata

    try:
        version = metadata.version("pulumi")
    except metadata.PackageNotFoundError:
        version = "of an unknown version"
    return f"Pulumi's SDK {version} lacks pulumi.{name}, which pulumi-agin needs: {_HOW_TO_GO_ON}"
