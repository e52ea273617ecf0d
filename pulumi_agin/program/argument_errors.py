"""Errors for wrong arguments and names in a program: one line with the program's file and line number.

Most classes are also Python's own class for the error, so `except TypeError` works. Pulumi shows a RunError without a
traceback.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from pulumi_agin.lifecycle.phrasing import printable_name, right_names

_PACKAGE = Path(__file__).parent.parent


class WrongArgumentsError(pulumi.RunError, TypeError):
    """The arguments of a call are wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{place_in_program()}: {message}")


class UnknownNameError(pulumi.RunError, AttributeError):
    """A module has no such name."""

    def __init__(self, module: str, name: str, meant: str, known: Sequence[str]) -> None:
        """`meant` is the name to find suggestions for: an alias of `name`, or `name` itself."""
        super().__init__(f"{place_in_program()}: {module} has no {printable_name(name)}; {right_names(meant, known)}")


class WrongValueError(pulumi.RunError, ValueError):
    """An enum has no such value."""


class WrongZonesError(pulumi.RunError):
    """The domains of delegations are outside their zones.

    Not a ValueError, because Pulumi's SDK would wrap it in another one, with a traceback.
    """

    def __init__(self, problems: Mapping[object, str]) -> None:
        super().__init__()
        # By delegation. More problems may be found before the message is shown.
        self._problems = problems

    def __str__(self) -> str:
        return "\n".join(self._problems.values())


def require_options(opts: object, caller: str) -> None:
    """Raises a WrongArgumentsError for options of another type, before a resource is registered."""
    # The program may not be type-checked.
    if not isinstance(opts, pulumi.ResourceOptions | None):
        raise WrongArgumentsError(f"opts of {caller} must be pulumi.ResourceOptions(…); got a {type(opts).__name__}")


def place_in_program() -> str:
    """Returns the file and line of the program's code that is running."""
    code = next(
        frame for frame in reversed(traceback.extract_stack()) if not Path(frame.filename).is_relative_to(_PACKAGE)
    )
    return f"{Path(code.filename).name}:{code.lineno}"
