"""A call of the engine as a front end passes it on, what the lifecycle returns for it, and how it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol


class Reading(Enum):
    """Why a resource is read."""

    REFRESH = auto()
    """The stack owns it. Only a refresh can find a resource gone."""
    GET = auto()
    """The program looks up one that the stack does not own."""
    IMPORT = auto()
    """The stack is to own it from now on."""


class Placement(NamedTuple):
    """What a command must name to reach a resource. A part is None if the URN or the selected stack has it."""

    stack: str | None = None
    """The name of the stack in the CLI, with its organization if it has one."""
    parent: str | None = None
    """The URN of the parent."""
    provider: str | None = None
    """The URN of the explicit provider."""


class Call(NamedTuple):
    """What is known about a call. A front end that does not know a value leaves its default."""

    urn: str
    """The URN of the resource."""
    timeout_seconds: float | None = None
    """How long the call may take by the timeouts of the resource; None if it has none."""
    is_preview: bool = False
    """Whether this is a preview: nothing may be changed, and values may be unknown."""
    inputs_before: Mapping[str, Any] | None = None
    """The checked inputs in the state; None if there are none, or the front end does not know them."""
    outputs_before: Mapping[str, Any] = MappingProxyType({})
    """The outputs in the state, with the hidden ones; empty for a resource that is to be created."""
    placement: Placement | None = None
    """Where the resource is. Only `check` gets it, and the session remembers it."""
    is_unknown: Callable[[object], bool] = lambda value: False
    """Whether a value is not known yet, as some are in a preview."""
    is_cancelled: Callable[[], bool] = lambda: False
    """Whether this call should end: the engine no longer waits for it, or the user pressed Ctrl-C. A plugin may go on
    running after the engine was killed."""


class InputFailure(NamedTuple):
    """One thing that is wrong with the inputs of a program."""

    reason: str
    """A clause or sentence for the user."""
    property: str = ""
    """The input whose value the engine may print beside the reason; "" if it may print none."""


class Checked(NamedTuple):
    """The inputs in canonical form, and everything that is wrong with them."""

    inputs: dict[str, Any]
    failures: Sequence[InputFailure]

    @classmethod
    def of(cls, inputs: dict[str, Any], sentences: Iterable[str]) -> Checked:
        """Returns these inputs with a failure for each sentence."""
        return cls(inputs, [InputFailure(sentence) for sentence in sentences])


class Difference(NamedTuple):
    """What an update would change."""

    changed: Sequence[str]
    """The inputs that differ."""
    replacing: Sequence[str]
    """Those that replace the resource."""
    has_changes: bool
    """Whether there is something to do. It can be true although no input differs: a wait may have to be repeated."""
    renewed: Sequence[str] = ()
    """The outputs for which an update is made although no input differs."""
    delete_before_replace: bool = False
    """Whether a replacement deletes the old resource first, also one that an option of the resource demands."""


class Created(NamedTuple):
    """A resource that was created."""

    id: str
    outputs: dict[str, Any]


class Existing(NamedTuple):
    """A resource as it is now."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] | None = None
    """The inputs that would make the resource as it is; None to leave those in the state as they are."""


class Failed(Exception):  # noqa: N818 - it is an outcome that a front end translates
    """The call failed. The message is for the user, in whole sentences."""


class PartlyDone(Failed):
    """The call failed, but the object exists. The state keeps it, and the next `pulumi up` updates it in place."""

    def __init__(self, message: str, id_: str, outputs: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.id = id_
        self.outputs = outputs


class Abandoned(Failed):
    """The engine no longer waits for the call: it was killed, or the user pressed Ctrl-C."""


class Lifecycle(Protocol):
    """The operations on a resource. Each may raise Failed or an error of `pulumi_agin.api.errors`.

    `inputs` are those of the program: in a check as it gave them, and then as the check returned them.
    """

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and finds everything that is wrong with them."""

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs in the state."""

    def warn_of_update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> None:
        """Warns in a preview of what an update in place will not be able to do. Sends nothing, and never fails."""
        return

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the resource. May raise PartlyDone. In a preview, it only warns."""

    def is_state(self, properties: Mapping[str, Any]) -> bool:
        """Returns whether the properties of a read are outputs in the state, as in a refresh.

        Those of a `get` are inputs of the program, or there are none. Most resources have no `get`.
        """
        return bool(properties)

    def read(self, call: Call, id_: str, reading: Reading) -> Existing | None:
        """Reads the resource. Returns None if it is gone."""

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Updates the resource in place, and returns all of its outputs. May raise PartlyDone."""

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the resource. It is not a failure if the resource is gone already."""
