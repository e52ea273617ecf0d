"""Exact previews, which show the outputs that an update in place does not change.

In a preview, the engine does not call a dynamic provider for an update, and treats every output that is not an input as
unknown. DNS records created from `ns_targets` would be shown as deleted. In an update in place the ID is known, so the
program reads the ingress and fills in its values. A preview with updates sends at most one request, and one more for
each 100 ingresses of the account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import contains_unknowns

from pulumi_agin.api.errors import NgrokError, NotFoundError
from pulumi_agin.base.facts import POLICY
from pulumi_agin.lifecycle.outputs import STATUS, outputs_after, outputs_of

from . import sdk
from .run import ProgramRun

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel

# An output of every ingress that is not an input. If it is known in a preview, the outputs are those of the state.
COMPUTED = "created_at"


def exact_outputs(
    resource: pulumi.CustomResource,
    outputs: Mapping[str, type | None],
    inputs: Mapping[str, object],
    secrets: Sequence[str],
) -> dict[str, pulumi.Output[Any]]:
    """Returns the outputs of a registered Agent Ingress that its preview should have in place of the SDK's, by name.

    There are none outside a preview. `outputs` has the names of all outputs, and the types of those that are objects.
    `secrets` are the names of additional secret outputs.
    """
    run = ProgramRun.current()
    if not pulumi.runtime.is_dry_run() or run.is_mocked:
        return {}
    before: dict[str, pulumi.Output[Any]] = {name: getattr(resource, name) for name in outputs}
    loop = asyncio.get_event_loop()
    are_secret = {name: loop.create_future() for name in outputs}

    async def settle() -> dict[str, Any]:
        values = {name: await sdk.value_with_unknowns(output) for name, output in before.items()}
        for name, output in before.items():
            are_secret[name].set_result(name in secrets or await output.is_secret())
        return await _exact_values(run, resource, values, inputs, outputs)

    # One task serves all outputs of the resource.
    settled = asyncio.ensure_future(settle())
    # If it fails, so do the outputs. Without this call, Python would also report it if no output is awaited.
    settled.add_done_callback(lambda done: done.cancelled() or done.exception())
    # To the SDK, an output whose value contains an unknown value is unknown nevertheless.
    is_known = loop.create_future()
    is_known.set_result(True)
    return {
        # Not `Output.apply`, which takes several times as long, and a program can have hundreds of ingresses.
        name: pulumi.Output({resource}, _item(settled, name), is_known, are_secret[name])
        for name in outputs
        # The SDK's output of a plain string is exact.
        if not isinstance(inputs.get(name), str) or name in secrets
    }


async def _item(settled: asyncio.Future[dict[str, Any]], name: str) -> Any:
    return (await settled)[name]


async def _exact_values(
    run: ProgramRun,
    resource: pulumi.CustomResource,
    values: Mapping[str, Any],
    inputs: Mapping[str, object],
    types: Mapping[str, type | None],
) -> dict[str, Any]:
    """Returns the expected outputs: those in the state, those after an update in place, or those of the SDK.

    `values` has the outputs of the SDK, in which UNKNOWN stands for each part that it does not know.
    """
    if not contains_unknowns(values[COMPUTED]):
        # Nothing changes: the engine has returned the state. An output that is None is absent there, and so unknown to
        # the SDK.
        absent = {name: None for name in (POLICY, STATUS) if contains_unknowns(values[name])}
        return {**values, **absent}
    # A create, a replacement or an update.
    shown = {**values, POLICY: _with_unknown_key_type(values[POLICY], types[POLICY])}
    id_ = await sdk.value_of(resource.id)
    existing = await _read(run, resource, id_) if id_ else None
    if existing is None:
        return shown
    # The inputs after the update, without those that the program does not set, which the SDK does not know, either.
    desired = {
        name: value for name, value in values.items() if not contains_unknowns(value) or inputs.get(name) is not None
    }
    typed = {name: sdk.typed(value, types[name]) for name, value in outputs_of(existing).items()}
    return {**shown, **outputs_after(typed, desired, contains_unknowns)}


def _with_unknown_key_type(policy: Any, type_: type | None) -> Any:
    """Returns a policy with a key type that is unknown if the program omits it, because then ngrok decides it."""
    if not isinstance(policy, dict) or policy.get("private_key_type") is not None:
        return policy
    return sdk.typed({**policy, "private_key_type": pulumi.UNKNOWN}, type_)


async def _read(run: ProgramRun, resource: pulumi.CustomResource, id_: str) -> IngressModel | None:
    """Returns the existing ingress. If it can't be read, warns once and returns None.

    It is also None, without a warning, if the inputs of its explicit provider are not known yet.
    """
    try:
        queries = await run.queries_of_resource(resource)
        return None if queries is None else await queries.call(queries.get_for_preview, id_)
    except NotFoundError as error:
        # Not judged as in `lifecycle.existence`, because a program does not know the hidden outputs in the state.
        run.warn_once(
            f"the Agent Ingress {id_} was not found, so this update will fail: {error}. First check that the "
            "provider, the API key and the base URL are those of its account. If they are, the Agent Ingress was "
            "deleted, and `pulumi refresh` removes it from the state",
            about=id_,
        )
    except NgrokError as error:
        run.warn_once(
            f"the preview can't determine which outputs this update will leave unchanged: {error}. So it shows outputs "
            "such as ns_targets as unknown, resources that use them as changed, and resources that are created in an "
            "apply on them as deleted",
            about="previews",
        )
    return None
