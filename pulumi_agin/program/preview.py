"""Exact previews: they show the outputs that an update in place leaves as they are.

In a preview, the engine asks a dynamic provider nothing about an update, and treats every output that is not an input
as unknown. DNS records made from `ns_targets` would be shown as to be deleted. In an update in place the id is known,
so a program that uses outputs of the ingress asks ngrok for it, and fills in what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pulumi
from pulumi.output import UNKNOWN, Unknown

from pulumi_agin.api.canonical import POLICY
from pulumi_agin.lifecycle.outputs import STATUS, outputs_after
from pulumi_agin.provider import account_of

from . import sdk_internals
from .run import ProgramRun

if TYPE_CHECKING:
    from pulumi_agin.api.models import AgentIngress

# Every ingress has it, and it is not an input. If it is known in a preview, the outputs are those of the state.
COMPUTED = "created_at"

Known = tuple[Any, bool]

# The attribute of a resource that has its _ExactOutputs. The SDK exports no attribute that begins with an underscore.
_EXACT_OUTPUTS = "_exact_outputs"


def prepare_exact(resource_class: type[pulumi.CustomResource], names: Sequence[str]) -> None:
    """Prepares a class for `make_exact`.

    Args:
        resource_class: The class of the resources.
        names: The names of its outputs.
    """
    for name in names:
        setattr(resource_class, name, _ExactOutput(name))


class _ExactOutput:
    """An output of a resource class. In a preview, it is made exact when the program first uses it.

    Most outputs are never used, and a stack can have hundreds of resources.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, resource: pulumi.CustomResource | None, owner: type) -> Any:
        if resource is None:
            return self
        exact: _ExactOutputs | None = resource.__dict__.get(_EXACT_OUTPUTS)
        if exact is not None:
            exact.replace(self._name)
        if self._name not in resource.__dict__:
            raise AttributeError(f"{type(resource).__name__} has no {self._name} yet")
        return resource.__dict__[self._name]

    # Only a descriptor with a setter takes precedence over the `__dict__` of the resource, into which the SDK writes.
    def __set__(self, resource: pulumi.CustomResource, value: object) -> None:
        exact: _ExactOutputs | None = resource.__dict__.get(_EXACT_OUTPUTS)
        if exact is not None:
            exact.leave(self._name)
        resource.__dict__[self._name] = value


def make_exact(
    resource: pulumi.CustomResource,
    names: Sequence[str],
    inputs: Mapping[str, object],
    secrets: Sequence[str],
    to_outputs: Callable[[AgentIngress], Mapping[str, Any]],
) -> None:
    """In a preview, makes the outputs of an Agent Ingress know what an update will not change.

    ngrok is asked only if the program uses one of them as an attribute, or sets a policy. To export the resource as a
    whole does not count: Pulumi then exports the outputs as the SDK made them, and shows no unknown one as a change.

    Args:
        resource: The Agent Ingress. The SDK has made its outputs, and `prepare_exact` has prepared its class.
        names: The names of its outputs.
        inputs: Its inputs, as the program set them.
        secrets: The names of outputs that are to be secret.
        to_outputs: Converts an answer of ngrok's to the outputs that a program gets.
    """
    if not pulumi.runtime.is_dry_run() or ProgramRun.current().is_mocked:
        return
    exact = resource.__dict__[_EXACT_OUTPUTS] = _ExactOutputs(resource, names, inputs, secrets, to_outputs)
    if inputs.get(POLICY) is not None:
        # As the SDK made it, it may lack the key type that ngrok chose. An export of the whole resource would show that
        # as a change.
        exact.replace(POLICY)


class _ExactOutputs:
    """The outputs of one Agent Ingress in a preview."""

    def __init__(
        self,
        resource: pulumi.CustomResource,
        names: Sequence[str],
        inputs: Mapping[str, object],
        secrets: Sequence[str],
        to_outputs: Callable[[AgentIngress], Mapping[str, Any]],
    ) -> None:
        self._resource = resource
        self._inputs = inputs
        self._secrets = secrets
        self._to_outputs = to_outputs
        self._before: dict[str, pulumi.Output[Any]] = {name: resource.__dict__[name] for name in names}
        self._settled: asyncio.Future[dict[str, _Settled]] | None = None
        # Outputs that are replaced, or left as the program set them.
        self._done = set[str]()

    def replace(self, name: str) -> None:
        """Replaces an output by one that knows more, unless it is done already."""
        if name in self._done:
            return
        self._done.add(name)
        if self._settled is None:
            # One task serves all outputs of the resource.
            self._settled = asyncio.ensure_future(self._settle())
            # Whoever awaits the outputs gets the failure, so it need not be reported here.
            self._settled.add_done_callback(lambda done: done.cancelled() or done.exception())
        before = self._before[name]
        sdk_internals.stop_waiting_for(before)
        value, is_known, is_secret = (_Part(self._settled, name, part) for part in _Settled._fields)
        self._resource.__dict__[name] = pulumi.Output(before.resources(), value, is_known, is_secret)

    def leave(self, name: str) -> None:
        """Leaves an output as the program sets it."""
        self._done.add(name)

    async def _settle(self) -> dict[str, _Settled]:
        known = {name: await _value_of(output) for name, output in self._before.items()}
        exact = await _exact_outputs(self._resource, known, self._inputs, self._to_outputs)
        return {
            name: _Settled(*exact[name], name in self._secrets or await output.is_secret())
            for name, output in self._before.items()
        }


class _Settled(NamedTuple):
    """What an output consists of."""

    value: Any
    is_known: bool
    is_secret: bool


class _Part:
    """A part of an output, as something to await. It is no coroutine: Python warns of one that nobody awaits."""

    def __init__(self, settled: asyncio.Future[dict[str, _Settled]], name: str, part: str) -> None:
        self._settled = settled
        self._name = name
        self._part = part

    def __await__(self) -> Generator[Any, None, Any]:
        # Whoever stops waiting must not end the wait of the others.
        outputs = yield from asyncio.shield(self._settled)
        return getattr(outputs[self._name], self._part)


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
    from pulumi_agin.api.errors import NgrokError, NotFoundError

    deployment = ProgramRun.current()
    try:
        account = await account_of(sdk_internals.provider_of(resource))
        return None if account is None else await account.previews.get(id_)
    except NotFoundError as error:
        deployment.tell_once(
            id_,
            f"the Agent Ingress {id_} no longer exists, or the API key is of an account that does not have it, so this "
            f"update will fail: {error}. Run `pulumi refresh`, which takes an Agent Ingress that is gone out of the "
            "state",
        )
    except NgrokError as error:
        deployment.tell_once(
            "previews",
            "The preview of an update can't tell which outputs it leaves alone. It shows outputs such as ns_targets "
            "as unknown, resources that use them as changing, and resources that are made in an apply of them as to be "
            f"deleted: {error}",
        )
    return None


async def _value_of(output: pulumi.Output[Any]) -> Known:
    return await output.future(with_unknowns=True), await output.is_known()
