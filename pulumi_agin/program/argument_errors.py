"""Errors for wrong arguments and names in a program: one line with its file, line number and a suggestion.

Each class is also Python's own class for the error, so `except TypeError` works. Pulumi shows a RunError without a
traceback.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import pulumi

from pulumi_agin.lifecycle.phrasing import printable_name, right_names

F = TypeVar("F", bound=Callable[..., Any])

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


def rejects_unknown_arguments(function: F) -> F:
    """Makes a function or an `__init__` raise a WrongArgumentsError for wrong arguments."""
    # As in a program: the adapters are in `dns`, everything else is in the package itself.
    name = ".".join([*function.__module__.split(".")[1:-1], function.__qualname__.removesuffix(".__init__")])
    # Only for a call, so that an import of the package does not take the time of all signatures.
    signature = functools.cache(lambda: inspect.signature(function))

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature().bind(*args, **kwargs).arguments
        except TypeError as error:
            known = [each for each in signature().parameters if each != "self"]
            misspelled = [
                f"{name} has no argument {printable_name(each)}; {right_names(each, known)}"
                for each in kwargs
                if each not in known
            ]
            raise WrongArgumentsError("\n".join(misspelled) or f"{name}: {error}") from None
        if (opts := given.get("opts")) is not None:
            # The annotation is "pulumi.ResourceOptions | None" or "pulumi.InvokeOptions | None".
            wanted = signature().parameters["opts"].annotation.removeprefix("pulumi.").partition(" ")[0]
            if not isinstance(opts, getattr(pulumi, wanted)):
                raise WrongArgumentsError(f"{name}: opts must be pulumi.{wanted}(…); got a {type(opts).__name__}")
        return function(*args, **kwargs)

    return cast(F, checked)


def place_in_program() -> str:
    """Returns the file and line of the program's code that is running."""
    code = next(
        frame for frame in reversed(traceback.extract_stack()) if not Path(frame.filename).is_relative_to(_PACKAGE)
    )
    return f"{Path(code.filename).name}:{code.lineno}"
