"""One call of the engine, as a door passes it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, NamedTuple

from .urns import Urn


class Reading(Enum):
    """Why a resource is read."""

    REFRESH = auto()
    """The stack owns it. Only a refresh can find a resource gone."""
    GET = auto()
    """The program looks up one that the stack does not own."""
    IMPORT = auto()
    """The stack is to own it from now on."""


class Placement(NamedTuple):
    """What a command must name to reach a resource. A part is None if the URN or the selected stack tells it."""

    stack: str | None = None
    """The name of the stack in the CLI, with its organization if it has one."""
    parent: str | None = None
    """The URN of the parent."""
    provider: str | None = None
    """The URN of the explicit provider."""


def _never(value: object) -> bool:
    return False


class Call(NamedTuple):
    """What is known about a call. A door that does not know a value leaves its default."""

    urn: str
    """The URN of the resource."""
    timeout_seconds: float | None = None
    """How long the call may take, in seconds, by the timeouts of the resource; None if it has none."""
    is_preview: bool = False
    """Whether this is a preview: nothing may be changed, and values may be unknown."""
    inputs_before: Mapping[str, Any] | None = None
    """The checked inputs in the state; None if there are none, or the door does not know them."""
    outputs_before: Mapping[str, Any] = MappingProxyType({})
    """The outputs in the state, with the hidden ones; empty for a resource that is to be created."""
    placement: Placement | None = None
    """Where the resource is. Only `check` gets it, and the process remembers it."""
    is_unknown: Callable[[object], bool] = _never
    """Tells whether a value is not known yet, as some are in a preview."""
    is_cancelled: Callable[[], bool] = lambda: False
    """Tells whether this call should end: the engine no longer waits for it, or the user pressed Ctrl-C. A plugin may
    go on running after the engine was killed."""

    @property
    def stack(self) -> str:
        """The name of the stack, without an organization."""
        return Urn.parse(self.urn).stack
