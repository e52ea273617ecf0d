"""Conversion of properties between the engine's structs, with camelCase names, and plain values with our names.

Our names are in snake_case. The SDK has functions for this conversion, but they would load all of the SDK. See
"Property values" in Pulumi's documentation for developers.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from typing import Any

from google.protobuf import struct_pb2

# In a preview, this string stands for an unknown value, in both directions.
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

# The key that marks an object as a special value, and the mark of a secret.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - not a secret itself

# The objects in `triggers` belong to the program, so their names and nulls stay unchanged.
PROGRAMS_OWN = "triggers"


class Unknown:
    """A value that is unknown in a preview."""


class UnsupportedValue:
    """An asset, an archive or a resource, which no property accepts."""


def is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def camel_case(name: str) -> str:
    """Returns the engine's name of a property. A hidden name, which begins with "_", stays unchanged."""
    return name if name.startswith("_") else re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


@functools.cache
def snake_case(name: str) -> str:
    """Returns our name of a property. The state of a Python program already has our names, which stay unchanged."""
    ours = re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
    return ours if camel_case(ours) == name else name


def from_struct(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Returns properties with our names. Secrets become plain values.

    Omits null properties, and names that begin with two underscores, such as the `__provider` of a Python program.
    """
    values = {
        snake_case(name): _decoded(value, convert_names=name != PROGRAMS_OWN)
        for name, value in properties.fields.items()
        if name[:2] != "__"
    }
    return {name: value for name, value in values.items() if value is not None}


def to_struct(values: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """Converts values with our names for the engine, which encrypts the values of `secrets`. None becomes null."""
    marked = {name: {SIGNATURE: SECRET, "value": values[name]} for name in secrets if values.get(name) is not None}
    struct = struct_pb2.Struct()
    for name, value in {**values, **marked}.items():
        struct.update({camel_case(name): _encoded(value, convert_names=name != PROGRAMS_OWN)})
    return struct


def _decoded(value: struct_pb2.Value, *, convert_names: bool) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return Unknown() if value.string_value == UNKNOWN_STRING else value.string_value
    if kind == "list_value":
        return [_decoded(item, convert_names=convert_names) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields:
            is_secret = fields[SIGNATURE].string_value == SECRET
            return _decoded(fields["value"], convert_names=convert_names) if is_secret else UnsupportedValue()
        if convert_names:
            return from_struct(value.struct_value)
        return {name: _decoded(item, convert_names=False) for name, item in fields.items()}
    return None if kind in ("null_value", None) else getattr(value, kind)


def _encoded(value: Any, *, convert_names: bool) -> Any:
    if isinstance(value, dict):
        return {
            camel_case(name) if convert_names else name: _encoded(item, convert_names=convert_names)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_encoded(item, convert_names=convert_names) for item in value]
    return UNKNOWN_STRING if is_unknown(value) else value
