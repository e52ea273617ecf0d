"""One call of the engine as a front end passes it on, and its results."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pulumi_agin.api.errors import NgrokError

# The hidden input with the option `import_` of a Python program: the ID of an ingress, or the domain of NS records. It
# stays in the inputs of the state while the program has the option, and no change of it is an update. The CLI shows no
# name with two underscores. The plugin for other languages never gets it, because there an import is a `read`.
IMPORT = "__import"


@dataclass(frozen=True)
class Call:
    """What is known about a call, besides the ID and the inputs. A front end leaves the default of what it lacks.

    What the state has, and when it is passed:

    |                        | `inputs_before` | `outputs_before`             |
    |------------------------|-----------------|------------------------------|
    | check, create          | None            | {}                           |
    | diff, update, delete   | None            | the outputs                  |
    | read, in a refresh     | the inputs      | the outputs                  |
    | read, in an import     | None or {}      | {}                           |
    | read, in a `get`       | None or {}      | {}, or with each output None |
    """

    urn: str = ""
    """The URN of the resource."""
    timeout_seconds: float | None = None
    """The resource's `custom_timeouts` for this call; None without one. In create, read, update and delete."""
    inputs_before: Mapping[str, Any] | None = None
    """The inputs in the state, as `check` returned them."""
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    """The outputs in the state, with the hidden ones."""
    is_unknown: Callable[[object], bool] = lambda value: False
    """Whether a value is not known yet, as some are in the check and the diff of a preview."""
    is_cancelled: Callable[[], bool] = lambda: False
    """Whether the call should end, because the engine is gone or the user pressed Ctrl-C."""
    warn: Callable[[str], None] = lambda sentence: None
    """Shows a warning on the resource, which the CLI repeats at the end of the command."""
    show: Callable[[str], None] = lambda line: None
    """Shows why the call waits, in the resource's row."""


class InputFailure(NamedTuple):
    """One problem with the inputs of a program: a clause or sentence."""

    reason: str
    printed_input: str = ""
    """The input whose value the engine prints before the reason; "" if it must print none."""


class Checked(NamedTuple):
    """The inputs in canonical form, and all problems with them."""

    inputs: dict[str, Any]
    failures: Sequence[InputFailure]


class Difference(NamedTuple):
    """What an update would change."""

    changed: Sequence[str]
    """The inputs that differ from the state."""
    replacing: Sequence[str] = ()
    """Those of them that replace the resource."""
    is_repeated: bool = False
    """Whether an update is needed although no input differs, as for a certificate that was not issued."""
    delete_before_replace: bool = False
    """Whether a replacement, if there is one, must delete the old resource first."""


class Created(NamedTuple):
    """A resource that was created."""

    id: str
    outputs: dict[str, Any]


class Existing(NamedTuple):
    """A resource as it is now."""

    id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any] | None = None
    """The inputs that would make the resource as it is; None to leave those of the state as they are."""


class FailedError(Exception):
    """The call failed. The message is for the user, in whole sentences."""


def sentence_of(error: Exception) -> str:
    """Returns the message of a failed call for the user, for the front ends.

    An unexpected error is described by its type and place, because its message may contain a secret.
    """
    if isinstance(error, NgrokError | FailedError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = Path(place.filename).name
    return f"pulumi-agin has a bug: {type(error).__name__} in {place.name}, line {place.lineno} of {name}. Report it"


class Lifecycle(Protocol):
    """The operations on one type of resource. A front end calls each when the engine calls it.

    `inputs` are what the program wants: in `check` as it gave them, and then as `check` returned them. Each operation
    may raise FailedError or NgrokError, whose messages the front end passes on.
    """

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them. Sends nothing."""
        ...

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs of the state, and warns of harm that an update would do. Sends nothing.

        If objects can be imported, it also records that the resource has its object, so that the `delete` of another
        resource keeps it; see `owners`.

        The engine calls it in a preview and before an update, and, with the inputs of the state, in a refresh or an
        import.
        """
        ...

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the resource. After a failure, the state has nothing."""
        ...

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the resource. Returns None if it is proven that it is gone, which only a refresh can."""
        ...

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Updates the resource in place, and returns all outputs. After a failure, the state keeps the old ones."""
        ...

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the resource. It is no failure if it is proven that the resource is gone."""
        ...
