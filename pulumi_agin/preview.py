"""Exact previews: the outputs that an update in place leaves as they are.

The engine asks a dynamic provider nothing about an update in a preview, and takes every output that is no input for
unknown: DNS records made from `ns_targets` would be shown as going away. In an update in place the id is known, so
the program asks ngrok for the ingress, and fills in what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

import pulumi
from pulumi.runtime.settings import get_monitor

from .provider import client_of, under_mocks

if TYPE_CHECKING:
    from .api.models import AgentIngress

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"
TEXTS = ("description", "metadata")

# Every answer has it, and no input: known in a preview, it tells that the outputs are those of the state.
COMPUTED = "created_at"

# Whoever previews waits for it. What can't be had by then stays unknown, as it would be without us.
LONGEST_SECONDS = 30

Known = tuple[Any, bool]
T = TypeVar("T")

# The deployments that were warned.
_warned: WeakSet[Any] = WeakSet()


def make_exact(
    resource: pulumi.CustomResource,
    names: Sequence[str],
    given: Mapping[str, object],
    secrets: Sequence[str],
    typed: Callable[[AgentIngress], Mapping[str, Any]],
) -> None:
    """In a preview, replaces the outputs of an Agent Ingress by ones that know what an update will not change.

    names: those of its outputs. given: its inputs, as the program set them. secrets: outputs that are to be secret.
    typed: makes outputs of an answer.
    """
    if not pulumi.runtime.is_dry_run() or under_mocks():
        return
    outputs: dict[str, pulumi.Output[Any]] = {name: getattr(resource, name) for name in names}

    async def found() -> tuple[bool, Mapping[str, Any] | None]:
        """Whether the outputs are those of the state; and those that ngrok has, where there will be an update."""
        id_ = await resource.id.future()
        if await outputs[COMPUTED].is_known():
            return True, None
        answer = await _asked(resource, id_) if id_ else None
        return False, None if answer is None else typed(answer)

    finding = _task(found())

    async def exact(name: str) -> Known:
        value, is_known = await _as_known(outputs[name])
        is_in_state, existing = await finding
        if is_in_state:
            # What ngrok has none of is absent from the state, which the SDK takes for unknown.
            return (None, True) if name in (POLICY, STATUS) and not is_known else (value, is_known)
        if existing is None:
            return value, is_known
        if name in (POLICY, STATUS):
            policy, policy_is_known = await _as_known(outputs[POLICY])
            wanted = policy if policy_is_known else given.get(POLICY)
            return (existing[name], True) if _is_kept(wanted, existing[POLICY]) else (value, is_known)
        if is_known or given.get(name) is not None:
            return value, is_known
        return ("", True) if name in TEXTS else (existing[name], True)

    for name, output in outputs.items():
        setattr(resource, name, _output(output, exact(name), name in secrets))


async def _asked(resource: pulumi.CustomResource, id_: str) -> AgentIngress | None:
    """The ingress as ngrok has it; None, and a warning once, where that can't be had."""
    from .api.errors import NgrokError

    try:
        client = await client_of(getattr(resource, "_provider", None))
        if client is None:
            return None
        # In a thread: other resources are registered meanwhile.
        return await asyncio.to_thread(client.get_one_of_many, id_, min(LONGEST_SECONDS, client.timeout_seconds))
    except NgrokError as error:
        _warn_once(
            f"The preview of an update shows outputs such as ns_targets as unknown, and what is built on them as "
            f"changing, though they stay as they are: {error}"
        )
        return None


def _warn_once(sentence: str) -> None:
    monitor = get_monitor()
    if monitor not in _warned:
        _warned.add(monitor)
        pulumi.log.warn(sentence)


def _is_kept(wanted: object, existing: Mapping[str, Any] | None) -> bool:
    """Whether a policy stays as it is. A key type that was left out is whatever ngrok took."""
    if not wanted or not existing:
        return not wanted and not existing
    return (
        isinstance(wanted, Mapping) and {k: v for k, v in wanted.items() if v is not None}.items() <= existing.items()
    )


async def _as_known(output: pulumi.Output[Any]) -> Known:
    return await output.future(with_unknowns=True), await output.is_known()


def _output(before: pulumi.Output[Any], exact: Coroutine[Any, Any, Known], make_secret: bool) -> pulumi.Output[Any]:
    known = _task(exact)

    async def value() -> Any:
        return (await known)[0]

    async def is_known() -> bool:
        return (await known)[1]

    async def is_secret() -> bool:
        return make_secret or await before.is_secret()

    return pulumi.Output(before.resources(), _task(value()), _task(is_known()), _task(is_secret()))


def _task(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.ensure_future(coroutine)
    # Where the resource fails, the SDK awaits one of an output's parts and no other: Python would complain of the rest.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
