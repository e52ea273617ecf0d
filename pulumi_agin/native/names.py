"""Names of properties: camelCase for the engine, as in every Pulumi schema, and snake_case in this package."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pulumi_agin.lifecycle.schema import fields_of, model_of
from pulumi_agin.lifecycle.urns import camel_case


@functools.cache
def _snake_case(name: str) -> str:
    """Returns our name for one in camelCase. Any other name, such as one of ours, stays as it is."""
    ours = re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
    return ours if camel_case(ours) == name else name


def in_snake_case(value: Any) -> Any:
    """Returns properties with our names. Those in the state of a Python program have them already.

    The names inside a hidden output, which begins with "_", stay as they are.
    """
    if isinstance(value, list):
        return [in_snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {_snake_case(name): item if name.startswith("_") else in_snake_case(item) for name, item in value.items()}


def sent_in_snake_case(values: Mapping[str, Any], model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yields a sentence for each property that was sent with our name instead of the camelCase one.

    A check does not find them, because it gets all properties with our names. `values` have the names that were sent.
    `path` leads to them, with a dot at its end.
    """
    for name, field in fields_of(model).items():
        right = camel_case(name)
        if name in values and name != right:
            yield f'property {path}{name} is not known; did you mean "{right}"?'
        nested, inner = model_of(field), values.get(right)
        if nested and isinstance(inner, dict):
            yield from sent_in_snake_case(inner, nested, f"{path}{right}.")
