"""The names of a resource's declared fields. A declaration loads pydantic, so it is loaded only when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .schema import Declaration


class DeclaredFields(NamedTuple):
    """The names of fields, by what a change of them does."""

    replacing: tuple[str, ...]
    """The fields whose change replaces the resource."""
    updated: tuple[str, ...]
    """The fields that are changed in place."""


@cache
def declared_fields(load_declaration: Callable[[], type[Declaration]]) -> DeclaredFields:
    """Returns the names of the fields of a declaration.

    Args:
        load_declaration: Imports the declaration and returns it.
    """
    from .schema import replacing_fields, updated_fields

    declaration = load_declaration()
    return DeclaredFields(replacing_fields(declaration), updated_fields(declaration))
