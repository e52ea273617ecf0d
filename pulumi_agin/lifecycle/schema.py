"""Declarations of resources as pydantic models: the validation of values, and helpers for diffs, schema and docs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from pulumi_agin.api.models import PlainModel

from .phrasing import NEUTRAL, Phrasing, UnsupportedValue, must_be_one_of, printable_name, right_names


class Marker(Enum):
    """A property of a field besides its type, as a part of its `Annotated` type."""

    REPLACES = "a change of it replaces the resource"
    SECRET = "it is a secret"  # noqa: S105
    NO_CHANGE = "a change of it alone changes nothing"
    MAY_BE_JSON = "users may forget to encode a value as a string"


@dataclass(frozen=True)
class Limit:
    """A short description of the limit that a validator checks, as a part of a field's `Annotated` type."""

    words: str


# -- validation -------------------------------------------------------------------------------------------


# Pulumi's SDKs return this instead of an Output's value, as for an f-string in Python.
_CONVERTED_OUTPUT = re.compile(r"Calling (__str__|\[\w+\]) on an \[?Output")


def pass_unknown(value: Any, check: Callable[[Any], Any], info: ValidationInfo) -> Any:
    """Checks the value of a field or of an item in a list, unless it is unknown in a preview.

    The context of the validation is the `is_unknown` of `validate`. A string made of an Output is always wrong.

    Pydantic rejects a model without a required field, so unknown values can't be removed before.
    """
    if isinstance(value, str) and _CONVERTED_OUTPUT.search(value):
        raise PydanticCustomError("converted_output", "contains an Output")
    return value if info.context and info.context(value) else check(value)


class Declaration(PlainModel):
    """The inputs of a resource, or a part of them. Every field accepts a value that is unknown in a preview."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    _pass_unknown = field_validator("*", mode="wrap")(pass_unknown)

    @classmethod
    def conflicts(cls, values: Mapping[str, Any], phrasing: Phrasing) -> Iterable[Problem]:
        """Returns the problems between several values, each of which may be unknown, or be wrong itself."""
        return ()


class Problem(NamedTuple):
    """One problem with the given values. The message does not repeat a value, except a short one of a choice."""

    path: tuple[str, ...]
    """The names that lead to the value, as the program spells them. Empty for a problem between several values."""
    message: str
    """With a path, the part of a sentence after the name: "is required"."""

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.message}" if self.path else self.message

    @property
    def sentence(self) -> str:
        """The problem as a sentence, for users who set the properties of a resource."""
        return f"property {self}" if self.path else self.message


def validate(
    model: type[Declaration],
    values: Mapping[str, Any],
    is_unknown: Callable[[object], bool] | None = None,
    phrasing: Phrasing = NEUTRAL,
) -> tuple[dict[str, Any], list[Problem]]:
    """Returns values in canonical form, with the declared defaults, and no problems; or else all problems.

    None counts as absent. Values for which `is_unknown` returns True are left as they are.
    """
    given = _without_none(values)
    inputs: dict[str, Any] = {}
    problems: list[Problem] = []
    try:
        inputs = _without_none(model.model_validate(given, context=is_unknown).plain())
    except ValidationError as error:
        problems = [_problem(model, detail, phrasing) for detail in error.errors(include_url=False)]
    problems += model.conflicts(given, phrasing)
    return ({}, problems) if problems else (inputs, [])


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that are not None, in nested dicts too."""
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


def _problem(model: type[BaseModel], detail: Mapping[str, Any], phrasing: Phrasing) -> Problem:
    names, field = fields_of(model), None
    path: list[str] = []
    for part in detail["loc"]:
        if isinstance(part, int):
            path[-1] += f"[{part}]"
            continue
        if field and (nested := model_of(field)):
            names = fields_of(nested)
        field = names.get(part)
        # Unknown names, too: the front end has put all of them into our form.
        path.append(printable_name(phrasing.spell(part)))
    if detail["type"] == "extra_forbidden":
        message = f"is not known; {right_names(detail['loc'][-1], list(names), phrasing)}"
    else:
        # Only a name that is no valid Unicode is an error outside of all fields.
        message = _message(field, detail, phrasing) if field else str(detail["msg"])
    return Problem(tuple(path), message)


def _message(field: FieldInfo, detail: Mapping[str, Any], phrasing: Phrasing) -> str:
    """Returns the message for an error of pydantic."""
    error, value, kind = detail["type"], detail["input"], bare_type(field.annotation)
    if error == "value_error":
        return str(detail["ctx"]["error"])
    if error == "missing":
        return f"is required: {(field.description or '').partition('. ')[0]}"
    if error == "literal_error":
        return must_be_one_of(get_args(kind), value)
    if kind in (int, float):
        return f"must be {'a whole number' if kind is int else 'a number'}, {range_of(field)}"
    kinds: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    kinds |= {dict: phrasing.mapping, UnsupportedValue: "an asset or a resource"}
    got = kinds.get(type(value), f"a {type(value).__name__}")
    if Marker.MAY_BE_JSON in field.metadata and isinstance(value, dict | list):
        got += f": {phrasing.to_json}"
    messages = {
        "string_type": f"must be a string; got {got}",
        "bool_type": f"must be {phrasing.boolean}; got {got}",
        "list_type": f"must be a list; got {got}",
        "model_type": f"must be {phrasing.certificate_policy}; got {got}",
        "too_short": "must not be empty",
        "converted_output": f"contains an Output that was converted to a string; {phrasing.to_concatenate}",
    }
    # pydantic's own messages do not repeat the value.
    return messages.get(error, str(detail["msg"]))


# -- the contents of a declaration ------------------------------------------------------------------------


def compared_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Returns the names of the fields whose change updates or replaces the resource."""
    return tuple(name for name, field in fields_of(model).items() if Marker.NO_CHANGE not in field.metadata)


def replacing_fields(model: type[BaseModel], changed: Iterable[str]) -> list[str]:
    """Returns those of the changed fields whose change replaces the resource."""
    return [name for name in changed if Marker.REPLACES in fields_of(model)[name].metadata]


def secret_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Returns the names of the fields that are secret."""
    return tuple(name for name, field in fields_of(model).items() if Marker.SECRET in field.metadata)


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Returns the fields by the names that they have in states and programs."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def is_optional(field: FieldInfo) -> bool:
    """Returns whether the value may be absent, as an input without a default or an output that may be null."""
    return type(None) in get_args(field.annotation)


def range_of(field: FieldInfo) -> str:
    """Returns the bounds of a number in words; "" if there are none."""
    words = {"gt": "greater than", "ge": "at least", "le": "at most"}
    bounds = {name: getattr(each, name) for each in field.metadata for name in words if hasattr(each, name)}
    if "ge" in bounds and "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    return " and ".join(f"{words[name]} {bound}" for name, bound in bounds.items())


def bare_type(annotation: Any) -> Any:
    """Returns the type of a value, without validators."""
    if get_origin(annotation) is Annotated:
        return bare_type(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next(bare_type(kind) for kind in get_args(annotation) if kind is not type(None))
    return annotation


def model_of(field: FieldInfo) -> type[PlainModel] | None:
    """Returns the model of a field's value; None if it has none."""
    kind = bare_type(field.annotation)
    # On Python 3.10, list[str] is an instance of type.
    return kind if get_origin(kind) is None and isinstance(kind, type) and issubclass(kind, PlainModel) else None
