"""Call of the engine as a front end passes it to a lifecycle, its results, and the interface of a lifecycle."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pulumi_agin.api.errors import NgrokError

# The hidden input for the option `import_` of a Python program: the ID of an ingress, or the domain of NS records. The
# inputs in the state contain this input while the program has the option. A change of this input is not an update. The
# CLI does not show names with two underscores. The native plugin never receives this input, because in other languages
# an import is a `read`.
IMPORT = "__import"


@dataclass(frozen=True)
class Call:
    """A call of the engine, without the ID and the inputs. A field that a front end does not set keeps its default.

    `inputs_before` and `outputs_before` come from the state, and depend on the call:

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
    """The resource's `custom_timeouts` for this call, or None. Not in check and diff."""
    inputs_before: Mapping[str, Any] | None = None
    """The inputs in the state, as `check` returned them."""
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    """The outputs in the state, with the hidden outputs."""
    is_unknown: Callable[[object], bool] = lambda value: False
    """Whether a value is not known yet. Only the calls of a preview have unknown values."""
    is_cancelled: Callable[[], bool] = lambda: False
    """Whether the call should end, because the engine is gone or the user pressed Ctrl-C."""
    warn: Callable[[str], None] = lambda sentence: None
    """Shows a warning on the resource. The CLI repeats the warning at the end of the command."""
    show: Callable[[str], None] = lambda line: None
    """Shows why the call waits, in the resource's row."""


class InputFailure(NamedTuple):
    """One problem with the inputs of a program: a clause or sentence."""

    reason: str
    printed_input: str = ""
    """The input whose value the engine prints before the reason; "" if the engine must print no value."""


class Checked(NamedTuple):
    """The inputs in canonical form, and all problems with them."""

    inputs: dict[str, Any]
    failures: Sequence[InputFailure]


class Difference(NamedTuple):
    """What an update would change."""

    changed: Sequence[str]
    """The inputs that differ from the state."""
    replacing: Sequence[str] = ()
    """The changed inputs that replace the resource."""
    needs_update: bool = False
    """Whether an update is needed even if no input differs, such as for a certificate that was not ready."""
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
    """The inputs that describe the resource as it is now; None to keep the inputs in the state."""


class FailedError(Exception):
    """The call failed. The message is for the user, in whole sentences."""


def sentence_of(error: Exception) -> str:
    """Returns the message that a front end shows to the user for a failed call.

    For an unexpected error, only the type and the place are returned, because the error's message may hold a secret.
    """
    if isinstance(error, NgrokError | FailedError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = Path(place.filename).name
    return f"pulumi-agin has a bug: {type(error).__name__} in {place.name}, line {place.lineno} of {name}. Report it"


class Lifecycle(Protocol):
    """The operations on one type of resource. A front end calls each operation for the engine's call of that name.

    A create or an update in a preview calls no operation. `inputs` are the inputs of the program. `check` gets the
    inputs as the program set them. The other operations get the inputs as `check` returned them. Each operation may
    raise FailedError or NgrokError, and the front end shows the message to the user.
    """

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with the inputs. Sends nothing."""
        ...

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the outputs in the state, and warns of harm that an update would do. Sends nothing.

        For a resource that can be imported, `diff` also records the resource as the owner of its object, so that the
        `delete` of another resource keeps the object; see `owners`.

        The engine calls `diff` in a preview and before an update. The engine also calls `diff` in a refresh and in an
        import, with the inputs in the state.
        """
        ...

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the resource. After a failure, the state does not contain the resource."""
        ...

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the resource. Returns None if the resource is proven to be gone, which only a refresh can prove."""
        ...

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Updates the resource in place, and returns all outputs. After a failure, the state keeps the old outputs."""
        ...

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the resource. Succeeds if the resource is proven to be gone already."""
        ...
