"""Errors for wrong arguments in a program, with the program's file and line number.

Pulumi shows a RunError without a traceback.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

import pulumi

_PACKAGE = Path(__file__).parent.parent


class WrongArgumentsError(pulumi.RunError, TypeError):
    """The arguments of a call are wrong. Python's own error for that is a TypeError, too."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{place_in_program()}: {message}")


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


def place_in_program() -> str:
    """Returns the file and line of the program's code that is running."""
    code = next(
        frame for frame in reversed(traceback.extract_stack()) if not Path(frame.filename).is_relative_to(_PACKAGE)
    )
    return f"{Path(code.filename).name}:{code.lineno}"
