"""Conversion of properties between the engine's structs and plain values.

The SDK's functions for this would load all of the SDK, which would double the start time of a process. See "Property
values" in Pulumi's documentation for developers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from google.protobuf import struct_pb2

from pulumi_agin.engine.failures import WRONG_VALUE_IN_STATE
from pulumi_agin.lifecycle.operation import Failed
from pulumi_agin.lifecycle.phrasing import UnsupportedValue
from pulumi_agin.lifecycle.urns import camel_case

# In a preview, this string stands for an unknown value, in both directions.
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

# The key that marks an object as a special value, and the mark of a secret.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - not a secret itself


class Unknown:
    """A value that is unknown in a preview."""


def is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def from_struct(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Returns properties by the names that the engine sent. Secrets are plain values.

    Null ones are absent, and so are the `__provider` of a dynamic resource and the input `__creating_since`, which
    versions 1.3 and 1.4 wrote into the state.
    """
    values = {name: _decoded(value) for name, value in properties.fields.items() if not name.startswith("__")}
    return {name: value for name, value in values.items() if value is not None}


def to_struct(values: Mapping[str, Any], secrets: Collection[str] = ()) -> struct_pb2.Struct:
    """Returns values with our names as a struct for the engine. None becomes null.

    The engine must encrypt the values with the names in `secrets` in the state. It encrypts the program's own secrets
    without that.
    """
    marked = {name: {SIGNATURE: SECRET, "value": values[name]} for name in secrets if values.get(name) is not None}
    struct = struct_pb2.Struct()
    struct.update(_encoded({**values, **marked}))
    return struct


def _decoded(value: struct_pb2.Value) -> Any:
    """Returns a value as Python has it. Null properties of an object are absent; those in a list are None."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return Unknown() if value.string_value == UNKNOWN_STRING else value.string_value
    if kind == "list_value":
        return [_decoded(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields:
            return _decoded(fields["value"]) if fields[SIGNATURE].string_value == SECRET else UnsupportedValue()
        items = {name: _decoded(item) for name, item in fields.items()}
        return {name: item for name, item in items.items() if item is not None}
    return None if kind in ("null_value", None) else getattr(value, kind)


def _encoded(value: Any, *, is_hidden: bool = False) -> Any:
    """Returns a value with the engine's names and unknown values. The names in hidden outputs stay unchanged."""
    if isinstance(value, dict):
        return {
            name if is_hidden else camel_case(name): _encoded(item, is_hidden=is_hidden or name.startswith("_"))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_encoded(item, is_hidden=is_hidden) for item in value]
    if isinstance(value, UnsupportedValue):
        # Inputs are validated, so it comes from the state.
        raise Failed(WRONG_VALUE_IN_STATE)
    return UNKNOWN_STRING if is_unknown(value) else value
