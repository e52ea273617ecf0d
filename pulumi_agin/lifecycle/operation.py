"""Calls of the engine as a front end passes them on, with their results and failures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple


class Placement(NamedTuple):
    """The parts that a command needs to reach a resource. A part is None if the URN or the selected stack has it."""

    stack: str | None = None
    """The name of the stack in the CLI, with its organization if it has one."""
    parent: str | None = None
    """The URN of the parent."""
    provider: str | None = None
    """The URN of the explicit provider."""


class Call(NamedTuple):
    """The known facts about a call. A front end without a value leaves its default."""

    urn: str
    """The URN of the resource."""
    timeout_seconds: float | None = None
    """How long the call may take by the timeouts of the resource; None if it has none."""
    inputs_before: Mapping[str, Any] | None = None
    """The checked inputs in the state. `read` and `check` get them.

    In a `check`, None or empty means that the resource is new, or that it is checked again for its replacement.
    """
    outputs_before: Mapping[str, Any] = MappingProxyType({})
    """The outputs in the state, with the hidden ones; empty for a resource that is to be created.

    In a `check`, a front end may pass only those that are strings.
    """
    placement: Placement | None = None
    """Only `check` gets it, and records it in the claims."""
    is_unknown: Callable[[object], bool] = lambda value: False
    """Whether a value is not known yet, as some are in a preview."""
    is_cancelled: Callable[[], bool] = lambda: False
    """Whether this call should end, after Ctrl-C or because the engine is gone. A plugin may outlive its engine."""


class InputFailure(NamedTuple):
    """One problem with the inputs of a program."""

    reason: str
    """A clause or sentence for the user."""
    printed_input: str = ""
    """The input whose value the engine prints next to the reason; "" if it must print none."""


class Checked(NamedTuple):
    """The inputs in canonical form, and all problems with them."""

    inputs: dict[str, Any]
    failures: Sequence[InputFailure]

    @classmethod
    def of(cls, inputs: dict[str, Any], sentences: Iterable[str]) -> Checked:
        """Returns these inputs with a failure for each sentence."""
        return cls(inputs, [InputFailure(sentence) for sentence in sentences])


class Difference(NamedTuple):
    """The changes that an update would make."""

    changed: Sequence[str]
    """The inputs that differ."""
    replacing: Sequence[str]
    """Those that replace the resource."""
    has_changes: bool
    """Whether an update is needed, even if no input differs: a validation may have to be repeated."""
    renewed: Sequence[str] = ()
    """The outputs for which an update is made although no input differs. Only the plugin shows them."""
    delete_before_replace: bool = False
    """Whether a replacement deletes the old resource first, also one that only an option requests, as `--replace`."""


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
    """The engine was killed, or the user pressed Ctrl-C, so no one receives the result of the call."""


class Lifecycle(ABC):
    """The operations on a resource. Each may raise Failed or NgrokError.

    `inputs` are the desired inputs: in a check as the program gave them, and then as the check returned them. Only in a
    refresh, which has no check, `diff` gets those in the state.
    """

    @abstractmethod
    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them."""

    @abstractmethod
    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs in the state."""

    @abstractmethod
    def preview_create(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Warns if the create will fail, or does harm. Returns the outputs that are known before it.

        It changes nothing outside the process. `inputs` may have unknown values. In an `up`, the engine sends the
        plugin this call for a create that it skips because another resource failed: so it records in the claims that
        the resource was not created. It sends no such call to a dynamic provider, whose `check` calls this in a preview
        and ignores the outputs.
        """

    @abstractmethod
    def preview_update(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Warns if the update in place may fail, or does harm. Returns the outputs that are known before it.

        It sends nothing. `inputs` may have unknown values. In a dynamic provider, `diff` calls this in a preview.
        """

    @abstractmethod
    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the resource. May raise PartlyDone."""

    def is_refresh(self, call: Call) -> bool:
        """Returns whether a read has the outputs in the state. A `get` or an import has none.

        A front end may pass the inputs of a `get` as `outputs_before`, and needs this for its response, too. Most
        resources have no `get`.
        """
        return bool(call.outputs_before)

    @abstractmethod
    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the resource for a refresh, a `get` or an import. Returns None if a refresh finds that it is gone."""

    @abstractmethod
    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Updates the resource in place, and returns all of its outputs. May raise PartlyDone."""

    @abstractmethod
    def delete(self, call: Call, id_: str) -> None:
        """Deletes the resource. It is not a failure if the resource is gone already."""
