"""What the lifecycle returns to a door, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from .call import Call, Reading


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


class Failed(Exception):  # noqa: N818 - it is an outcome that a door translates
    """The call failed. The message is for the user, in whole sentences."""


class PartlyDone(Failed):
    """The call failed, but the object exists. The state keeps it, and the next `pulumi up` updates it in place.

    Attributes:
        id: The id of the object.
        outputs: What is known about it.
    """

    def __init__(self, message: str, id_: str, outputs: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.id = id_
        self.outputs = outputs


class Abandoned(Failed):
    """The engine no longer waits for the call: it was killed, or the user pressed Ctrl-C."""


class Lifecycle(Protocol):
    """What a door can do with a resource. Every method may raise Failed or an error of `pulumi_agin.api.errors`."""

    def check(self, call: Call, wanted: Mapping[str, Any]) -> Checked:
        """Normalizes the program's inputs, and finds everything that is wrong with them."""
        raise NotImplementedError

    def diff(self, call: Call, id_: str, wanted: Mapping[str, Any]) -> Difference:
        """Compares checked inputs with the outputs in the state."""
        raise NotImplementedError

    def create(self, call: Call, wanted: Mapping[str, Any]) -> Created:
        """Creates the resource. May raise PartlyDone."""
        raise NotImplementedError

    def is_state(self, properties: Mapping[str, Any]) -> bool:
        """Returns whether the properties of a read are outputs in the state, as in a refresh.

        Those of a `get` are inputs of the program, or there are none.
        """
        raise NotImplementedError

    def read(self, call: Call, id_: str, reading: Reading) -> Existing | None:
        """Reads the resource. Returns None if it is gone."""
        raise NotImplementedError

    def update(self, call: Call, id_: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Updates the resource in place, and returns all of its outputs. May raise PartlyDone."""
        raise NotImplementedError

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the resource. It is not a failure if the resource is gone already."""
        raise NotImplementedError
