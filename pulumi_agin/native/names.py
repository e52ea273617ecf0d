"""The names of properties: in camelCase on the engine's side, as in every Pulumi schema, and ours on the other."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any


@functools.cache
def camel_case(name: str) -> str:
    """Returns our name in camelCase. Hidden names, which begin with an underscore, are the same on both sides."""
    return name if _is_hidden(name) else re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


@functools.cache
def _snake_case(name: str) -> str:
    return name if _is_hidden(name) else re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


def in_camel_case(value: Any) -> Any:
    """Returns properties with the engine's names. The values of hidden ones stay as they are."""
    return _renamed(value, camel_case)


def in_snake_case(value: Any) -> Any:
    """Returns properties with our names.

    The state of a resource that was created by a Python program has our names already.
    """
    return _renamed(value, _snake_case)


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, rename) for item in value]
    if not isinstance(value, dict):
        return value
    return {rename(name): item if _is_hidden(name) else _renamed(item, rename) for name, item in value.items()}


def _is_hidden(name: str) -> bool:
    return name.startswith("_")
