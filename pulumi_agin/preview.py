"""Exact previews: they show the outputs that an update in place leaves as they are.

In a preview, the engine asks a dynamic provider nothing about an update, and treats every output that is not an input
as unknown. DNS records made from `ns_targets` would be shown as to be deleted. In an update in place the id is known,
so the program asks ngrok for the ingress, and fills in what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pulumi
from pulumi.output import UNKNOWN, Unknown

from . import sdk
from .canonical import POLICY
from .deployment import Deployment
from .lifecycle.outputs import STATUS, outputs_after
from .provider import account_of

if TYPE_CHECKING:
    from .api.models import AgentIngress

# Every ingress has it, and it is not an input. If it is known in a preview, the outputs are those of the state.
COMPUTED = "created_at"

Known = tuple[Any, bool]


def make_exact(
    resource: pulumi.CustomResource,
    names: Sequence[str],
    inputs: Mapping[str, object],
    secrets: Sequence[str],
    to_outputs: Callable[[AgentIngress], Mapping[str, Any]],
) -> None:
    """In a preview, replaces the outputs of an Agent Ingress with ones that know what an update will not change.

    Args:
        resource: The Agent Ingress.
        names: The names of its outputs.
        inputs: Its inputs, as the program set them.
        secrets: The names of outputs that are to be secret.
        to_outputs: Converts an answer of ngrok's to the outputs that a program gets.
    """
    if not pulumi.runtime.is_dry_run() or Deployment.current().is_mocked:
        return
    # One task serves all outputs of a resource, because a stack can have hundreds of resources.
    before: dict[str, pulumi.Output[Any]] = {name: getattr(resource, name) for name in names}
    for output in before.values():
        sdk.stop_waiting_for(output)
    after = {name: _Parts(asyncio.Future(), asyncio.Future(), asyncio.Future()) for name in names}
    for name, parts in after.items():
        setattr(resource, name, pulumi.Output(before[name].resources(), *parts))

    async def settle() -> None:
        try:
            known = {name: await _value_of(output) for name, output in before.items()}
            known = await _exact_outputs(resource, known, inputs, to_outputs)
        except BaseException as error:
            for parts in after.values():
                parts.value.set_exception(error)
                parts.is_known.set_result(False)
                parts.is_secret.set_result(False)
            raise
        for name, parts in after.items():
            value, is_known = known[name]
            parts.value.set_result(value)
            parts.is_known.set_result(is_known)
            parts.is_secret.set_result(name in secrets or await before[name].is_secret())

    # Whoever awaits the outputs gets the failure, so it need not be reported here.
    asyncio.ensure_future(settle()).add_done_callback(lambda done: done.cancelled() or done.exception())


class _Parts(NamedTuple):
    """The parts of an Output."""

    value: asyncio.Future[Any]
    is_known: asyncio.Future[bool]
    is_secret: asyncio.Future[bool]


async def _exact_outputs(
    resource: pulumi.CustomResource,
    known: Mapping[str, Known],
    inputs: Mapping[str, object],
    to_outputs: Callable[[AgentIngress], Mapping[str, Any]],
) -> dict[str, Known]:
    """Returns the outputs as they will be: those of the state, those that an update leaves, or the given ones."""
    if known[COMPUTED][1]:
        # The outputs are those of the state. What ngrok does not have is absent there, and unknown to the SDK.
        absent = {name: (None, True) for name in (POLICY, STATUS) if not known[name][1]}
        return {**known, **absent}
    id_ = await resource.id.future()
    existing = await _ask_for(resource, id_) if id_ else None
    if existing is None:
        return dict(known)
    # An input that the program did not set is not known either, because the preview has no output of that name.
    wanted = {
        name: value if is_known else UNKNOWN
        for name, (value, is_known) in known.items()
        if is_known or inputs.get(name) is not None
    }
    after = outputs_after(to_outputs(existing), wanted, lambda value: isinstance(value, Unknown))
    # Only a part of a value may be known, such as the key type of a policy. Then that part stays known.
    return {name: (after[name], True) if name in after else (known[name][0], False) for name in known}


async def _ask_for(resource: pulumi.CustomResource, id_: str) -> AgentIngress | None:
    """Returns the ingress as ngrok has it. If ngrok does not give it, warns once and returns None."""
    from .api.errors import NgrokError, NotFoundError

    deployment = Deployment.current()
    try:
        account = await account_of(sdk.provider_of(resource))
        return None if account is None else await account.previews.get(id_)
    except NgrokError as error:
        way_on = "; `pulumi refresh` tells whether it is gone" if isinstance(error, NotFoundError) else ""
        deployment.warn_once(
            "previews",
            "The preview of an update can't tell which outputs it leaves alone. It shows outputs such as ns_targets "
            "as unknown, resources that use them as changing, and resources that are made in an apply of them as to be "
            f"deleted: {error}{way_on}",
        )
        return None


async def _value_of(output: pulumi.Output[Any]) -> Known:
    return await output.future(with_unknowns=True), await output.is_known()
