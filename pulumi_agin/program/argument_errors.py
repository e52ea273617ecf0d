"""Errors for wrong arguments in a program, with the program's file and line number.

Pulumi shows a RunError without a traceback.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

import pulumi

from pulumi_agin.lifecycle.urns import AGENT_INGRESS_TYPES

from . import sdk

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


def require_options(opts: object, caller: str) -> None:
    """Raises a WrongArgumentsError for options of another type, before a resource is registered."""
    # The program may not be type-checked.
    if not isinstance(opts, pulumi.ResourceOptions | None):
        raise WrongArgumentsError(f"opts of {caller} must be pulumi.ResourceOptions(…); got a {type(opts).__name__}")


def deleted_with_problem(opts: pulumi.ResourceOptions | None, parent: pulumi.Resource | None) -> str:
    """Returns why Pulumi would leave NS records with these options at the DNS provider; "" if it would delete them.

    The engine does not delete a resource if the one that its `deleted_with` names is deleted in the same run. `parent`
    is that of the resource with the options.
    """
    deleted_with = opts.deleted_with if opts else None
    if deleted_with is None:
        return ""
    inside = sdk.with_descendants(deleted_with)
    # A resource of another process has no type here.
    if any(getattr(each, "pulumi_resource_type", "") in AGENT_INGRESS_TYPES for each in inside):
        what = "is an Agent Ingress" if len(inside) == 1 else "contains an Agent Ingress"
    # Nothing but its children is deleted with a component.
    elif isinstance(deleted_with, pulumi.ComponentResource) and parent in inside:
        what = "is a component that contains the NS records"
    else:
        return ""
    return (
        f'the option deleted_with names "{deleted_with.pulumi_resource_name}", which {what}. Pulumi would leave the NS '
        "records at the DNS provider, and the next owner of those name servers would control the domain. Remove the "
        "option, or name a resource whose deletion also deletes the records, such as their zone"
    )


def place_in_program() -> str:
    """Returns the file and line of the program's code that is running."""
    code = next(
        frame for frame in reversed(traceback.extract_stack()) if not Path(frame.filename).is_relative_to(_PACKAGE)
    )
    return f"{Path(code.filename).name}:{code.lineno}"
