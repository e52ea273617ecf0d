"""Exact previews: the outputs that an update in place leaves as they are.

The engine asks a dynamic provider nothing about an update in a preview, and takes every output that is no input for
unknown: DNS records made from `ns_targets` would be shown as going away. In an update in place the id is known, so
the program asks ngrok for the ingress, and fills in what it has.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

import pulumi
from pulumi.runtime.settings import get_monitor

from .provider import client_of, under_mocks

if TYPE_CHECKING:
    from .api.client import AgentIngressClient
    from .api.models import AgentIngress

POLICY = "certificate_management_policy"
STATUS = "certificate_management_status"
TEXTS = ("description", "metadata")

# Every answer has it, and no input: known in a preview, it tells that the outputs are those of the state.
COMPUTED = "created_at"

# Whoever previews waits for it, for all of the stack's. What can't be had by then stays unknown, as without us.
LONGEST_SECONDS = 30

Known = tuple[Any, bool]

# The deployments that were warned.
_warned: WeakSet[Any] = WeakSet()

# How each client fares, which is that of one account in one deployment.
_patiences: WeakKeyDictionary[AgentIngressClient, _Patience] = WeakKeyDictionary()


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
    # One task for all of a resource, as a stack can have hundreds.
    before: dict[str, pulumi.Output[Any]] = {name: getattr(resource, name) for name in names}
    after = {name: _Parts(asyncio.Future(), asyncio.Future(), asyncio.Future()) for name in names}
    for name, parts in after.items():
        setattr(resource, name, pulumi.Output(before[name].resources(), *parts))
        # At its end the program waits for the one that takes its place, and need not wait for both. That is private
        # ground of the SDK, and looked up on the class: an Output has every attribute, as another Output.
        getattr(pulumi.Output, "_untrack", lambda output: None)(before[name])

    async def settle() -> None:
        try:
            known = {name: await _as_known(output) for name, output in before.items()}
            known = await _exact(resource, known, given, typed)
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

    # Who awaits the outputs is told of a failure.
    asyncio.ensure_future(settle()).add_done_callback(lambda done: done.cancelled() or done.exception())


class _Parts(NamedTuple):
    """What an Output is made of."""

    value: asyncio.Future[Any]
    is_known: asyncio.Future[bool]
    is_secret: asyncio.Future[bool]


async def _exact(
    resource: pulumi.CustomResource,
    known: Mapping[str, Known],
    given: Mapping[str, object],
    typed: Callable[[AgentIngress], Mapping[str, Any]],
) -> dict[str, Known]:
    """The outputs as they will be: what the state has, what ngrok has and an update leaves, or as they were."""
    if known[COMPUTED][1]:
        # They are those of the state. What ngrok has none of is absent from it, which the SDK takes for unknown.
        absent = {name: (None, True) for name in (POLICY, STATUS) if not known[name][1]}
        return {**known, **absent}
    from .api.models import has_policy

    id_ = await resource.id.future()
    answer = await _asked(resource, id_) if id_ else None
    if answer is None:
        return dict(known)
    existing = typed(answer)
    policy, policy_is_known = known[POLICY]
    wanted = policy if policy_is_known else given.get(POLICY)
    # What is not known yet is no dict.
    keeps_policy = isinstance(wanted, Mapping | None) and has_policy(existing[POLICY], wanted)

    def exact(name: str) -> Known:
        if name in (POLICY, STATUS):
            return (existing[name], True) if keeps_policy else known[name]
        if known[name][1] or given.get(name) is not None:
            return known[name]
        return ("", True) if name in TEXTS else (existing[name], True)

    return {name: exact(name) for name in known}


async def _asked(resource: pulumi.CustomResource, id_: str) -> AgentIngress | None:
    """The ingress as ngrok has it; None, and a warning once, where that can't be had."""
    from .api.errors import NgrokError, NotFoundError

    try:
        client = await client_of(getattr(resource, "_provider", None))
        if client is None:
            return None
        patience = _patiences.setdefault(client, _Patience(min(LONGEST_SECONDS, client.timeout_seconds)))
        return await patience.threads.run(patience.ask, client, id_)
    except NgrokError as error:
        way_on = "; `pulumi refresh` tells whether it is gone" if isinstance(error, NotFoundError) else ""
        _warn_once(
            "The preview of an update can't tell what stays as it is, and so shows outputs such as ns_targets as "
            "unknown, and what is built on them as changing or, where it is made in an apply, as to be deleted: "
            f"{error}{way_on}"
        )
        return None


class _Patience:
    """How long may be asked: so many seconds at a stretch, and not at all any more after a failure.

    A stretch begins when one asks while no other does, and ends when none asks any more.
    """

    def __init__(self, seconds: float) -> None:
        from .threads import DaemonThreads

        # Not those of lookups, which may take longer than a preview waits.
        self.threads = DaemonThreads()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asking = 0
        self._is_over = False
        self._end = 0.0

    def ask(self, client: AgentIngressClient, id_: str) -> AgentIngress:
        """What the client answers.

        Runs in one of the threads, so a busy program and a long queue of the SDK's calls use up none of the time.
        """
        from .api.errors import BadAnswerError, NgrokError, NotFoundError, UnreachableError

        with self._lock:
            if not self._asking:
                self._end = time.monotonic() + self._seconds
            self._asking += 1
        try:
            # What waited for its turn behind others may have no time left.
            left = self._end - time.monotonic()
            if left <= 0 or self._is_over:
                raise UnreachableError("the time for it was over")
            return client.get_one_of_many(id_, left)
        except (NotFoundError, BadAnswerError):
            # Which are about this one.
            raise
        except NgrokError:
            # The others would fare no better.
            self._is_over = True
            raise
        finally:
            with self._lock:
                self._asking -= 1


def _warn_once(sentence: str) -> None:
    monitor = get_monitor()
    if monitor not in _warned:
        _warned.add(monitor)
        pulumi.log.warn(sentence)


async def _as_known(output: pulumi.Output[Any]) -> Known:
    return await output.future(with_unknowns=True), await output.is_known()
