"""What the declarations of all resources share: the rules of their fields, and the one way to validate.

A resource is declared as a pydantic model. Each of its fields has a rule, which checks a value and says the limit in
words, a description, and markers such as REPLACES. Validation, diff and the tables in the docs use the declarations.

Pydantic takes time to load, so nothing that a program imports at its start may import this module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from pulumi_agin.api.models import FrozenModel

from .words import (
    NeutralPhrasing,
    UnsupportedValue,
    Words,
    either,
    must_be_one_of,
    printable_name,
    why_unknown,
)


class Marker(Enum):
    """A property of a field besides its type, as a part of its `Annotated` type."""

    REPLACES = "a change of it replaces the resource"
    SECRET = "it is a secret"  # noqa: S105
    NO_CHANGE = "a change of it alone changes nothing"


REPLACES = Marker.REPLACES
SECRET = Marker.SECRET
NO_CHANGE = Marker.NO_CHANGE


# -- models -----------------------------------------------------------------------------------------------


class Declaration(FrozenModel):
    """The inputs of a resource, or a part of them.

    Every field takes a value that is unknown in a preview; None means that a value is absent.
    """

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def written_as(cls, words: Words) -> str:
        """Returns how a user writes it, for the message about something else."""
        return words.mapping

    @model_validator(mode="before")
    @classmethod
    def _drop_none(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if value is not None}

    @field_validator("*", mode="wrap")
    @classmethod
    def _pass_unknown(cls, value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if isinstance(value, InvalidBecause):
            raise ValueError(_add_problem_of(value, check, info))
        return value if _context(info).is_unknown(value) else check(value)

    def plain(self) -> dict[str, Any]:
        """Returns the values that are given or have a default as a plain dict, nested ones too."""
        return {name: value for name, value in super().plain().items() if value is not None}


class InvalidBecause(NamedTuple):
    """Stands for a field's value that is wrong because of other fields.

    A "before" validator of a model puts it in place of the value, so that all problems are found at once.
    """

    value: Any
    message: str


def _add_problem_of(refused: InvalidBecause, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> str:
    """Returns what is wrong with the value itself, and then why it is refused."""
    words = _context(info).words
    if not _context(info).is_unknown(refused.value):
        try:
            check(refused.value)
        except ValidationError as error:
            return f"{_message_of_rule(error.errors(include_url=False)[0], words)}, and {refused.message}"
    return refused.message


# -- rules ------------------------------------------------------------------------------------------------


class Rule:
    """What a value must be.

    `PlainValidator(rule)` calls the rule with the value. The rule returns the canonical form, or raises ValueError. The
    message says what is wrong, and does not repeat the value.

    Attributes:
        limit: The limit or the allowed values in a few words, for a table.
        missing: What follows "is required" in the message about a missing value.
    """

    limit: str = ""
    missing: str = ""


@dataclass(eq=False, repr=False)
class Text(Rule):
    """A text that ngrok stores, of so many bytes of UTF-8 at most.

    Attributes:
        max_bytes: The number of bytes.
        may_be_json: Whether users write values there as JSON. The message about a dict or a list says how.
    """

    max_bytes: int
    may_be_json: bool = False

    @property
    def limit(self) -> str:  # type: ignore[override]
        return f"{self.max_bytes} bytes of UTF-8"

    def __call__(self, value: object, info: ValidationInfo) -> str:
        if self.may_be_json and isinstance(value, dict | list):
            words = _context(info).words
            raise ValueError(f"must be text, but is {_kind(value, words)}; {words.to_json}")
        text = text_of(value)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > self.max_bytes:
            raise ValueError(f"has {size} bytes of UTF-8; ngrok takes {self.max_bytes} at most")
        return text


@dataclass(eq=False, repr=False)
class OneOf(Rule):
    """One of a few texts."""

    choices: Sequence[str]
    missing: str = ""
    canonical: Callable[[str], str] = str

    @property
    def limit(self) -> str:  # type: ignore[override]
        return either([f'`"{choice}"`' for choice in self.choices])

    def __call__(self, value: object) -> str:
        text = self.canonical(text_of(value))
        if text in self.choices:
            return text
        raise ValueError(must_be_one_of(self.choices, text))


@dataclass(eq=False, repr=False)
class Seconds(Rule):
    """A number of seconds: above 0, or from 0 on."""

    example: int
    may_be_zero: bool = False

    @property
    def limit(self) -> str:  # type: ignore[override]
        return f"seconds {self._range}"

    @property
    def _range(self) -> str:
        return "from 0 on" if self.may_be_zero else "above 0"

    def __call__(self, value: Any) -> float:
        # NaN compares as False with everything.
        if _is_number(value) and (0 < value < float("inf") or (self.may_be_zero and value == 0)):
            return value  # type: ignore[no-any-return]
        raise ValueError(f"must be a number of seconds {self._range}, such as {self.example}")


@dataclass(eq=False, repr=False)
class WholeNumber(Rule):
    """A whole number in a range that includes both ends."""

    lowest: int
    highest: int
    unit: str = ""

    @property
    def limit(self) -> str:  # type: ignore[override]
        unit = f"{self.unit}, " if self.unit else ""
        return f"{unit}{self.lowest} to {self.highest}"

    def __call__(self, value: Any) -> int:
        if not _is_number(value) or not self.lowest <= value <= self.highest or value % 1:
            unit = f" of {self.unit}" if self.unit else ""
            raise ValueError(f"must be a whole number{unit} from {self.lowest} to {self.highest}")
        return int(value)


@dataclass(eq=False, repr=False)
class YesNo(Rule):
    """A boolean."""

    limit: str = "`true` or `false`"

    def __call__(self, value: object, info: ValidationInfo) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"must be {_context(info).words.boolean}")
        return value


class NotTextError(ValueError):
    """A value is not text. The message says what it is, in the words of no language."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self._value = value

    def __str__(self) -> str:
        return self.in_words(NeutralPhrasing())

    def in_words(self, words: Words) -> str:
        """Returns the message in the words of a language."""
        return f"must be text, but is {_kind(self._value, words)}"


def text_of(value: object) -> str:
    """Returns the value where it is text.

    Raises:
        NotTextError: It is not.
    """
    if not isinstance(value, str):
        raise NotTextError(value)
    return value


def is_unknown(value: object, info: ValidationInfo) -> bool:
    """Tells whether a preview does not know the value yet, for a rule that checks the items of a list."""
    return _context(info).is_unknown(value)


def spell(name: str, info: ValidationInfo) -> str:
    """Returns the program's spelling of the name of a field, for the message of a rule."""
    return _context(info).words.spell(name)


def is_secret(text: str, info: ValidationInfo) -> bool:
    """Tells whether a text is or contains a secret that the caller of `validate` knows."""
    return _context(info).is_secret(text)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object, words: Words) -> str:
    kinds: list[tuple[type, str]] = [
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "text"),
        (dict, words.mapping),
        (list, "a list"),
        (UnsupportedValue, "an asset or a resource"),
    ]
    return next((words for kind, words in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


# -- validation -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the values given.

    Attributes:
        path: Which value, such as ("certificate_management_policy", "authority"). Empty if it is about several.
        message: What is wrong, without the value: "is required". With an empty path, a whole sentence.
    """

    path: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.message}" if self.path else self.message

    @property
    def sentence(self) -> str:
        """The problem as a sentence, for users who set the properties of a resource."""
        return f"property {self}" if self.path else self.message


def _never(value: object) -> bool:
    return False


class Context(NamedTuple):
    """What the caller of `validate` knows about the values. It is pydantic's validation context."""

    is_unknown: Callable[[object], bool] = _never
    is_secret: Callable[[str], bool] = _never
    words: Words = NeutralPhrasing()


def _context(info: ValidationInfo) -> Context:
    return info.context or Context()


def validate(
    model: type[Declaration],
    values: Mapping[str, Any],
    is_unknown: Callable[[object], bool] = _never,
    is_secret: Callable[[str], bool] = _never,
    words: Words = NeutralPhrasing(),  # noqa: B008 - it never changes
) -> tuple[dict[str, Any], list[Problem]]:
    """Normalizes values, and finds everything that is wrong with them.

    Args:
        model: The declaration of the values.
        values: The values by their names, as the program spells them. None counts as absent.
        is_unknown: Tells whether a preview does not know a value yet. Such a value is left as it is.
        is_secret: Tells whether a text is or contains a secret, for fields where users give a secret by mistake.
        words: The words of the program's language.

    Returns:
        The values in canonical form as plain dicts, by the names of the fields, with the declared defaults, and no
        problems. Or an empty dict and the problems.
    """
    ours, problems = _by_names_of_fields(model, values, words)
    inputs: dict[str, Any] = {}
    try:
        inputs = model.model_validate(ours, context=Context(is_unknown, is_secret, words)).plain()
    except ValidationError as error:
        problems += [_problem(model, detail, words) for detail in error.errors(include_url=False)]
    return ({}, problems) if problems else (inputs, [])


def _by_names_of_fields(
    model: type[FrozenModel], values: Mapping[str, Any], words: Words, path: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[Problem]]:
    """Returns the values by the names of the fields.

    A name that is not known stays as it is. The name of a field that programs spell differently is a problem.
    """
    fields = fields_of(model)
    spellings = {words.spell(name): name for name in fields}
    ours: dict[str, Any] = {}
    problems = []
    for spelling, value in values.items():
        name = spellings.get(spelling)
        if name is None and spelling in fields:
            problems.append(Problem((*path, spelling), why_unknown(spelling, list(fields), words)))
            continue
        nested = _model_of(fields[name]) if name else None
        if nested and isinstance(value, Mapping):
            value, more = _by_names_of_fields(nested, value, words, (*path, spelling))
            problems += more
        ours[name or spelling] = value
    return ours, problems


def _problem(model: type[Declaration], detail: Mapping[str, Any], words: Words) -> Problem:
    names = tuple(map(str, detail["loc"]))
    path = tuple(map(printable_name, map(words.spell, names)))
    if detail["type"] == "value_error":
        return Problem(path, _message_of_rule(detail, words))
    if detail["type"] == "missing":
        rule = rule_of(_fields_at(model, names[:-1])[names[-1]])
        return Problem(path, f"is required{rule.missing if rule else ''}")
    if detail["type"] == "extra_forbidden":
        unknown = (*path[:-1], printable_name(names[-1]))
        return Problem(unknown, why_unknown(names[-1], list(_fields_at(model, names[:-1])), words))
    if detail["type"] == "model_type":
        nested = _model_at(model, names)
        written = nested.written_as(words) if issubclass(nested, Declaration) else words.mapping
        return Problem(path, f"must be {written}, but is {_kind(detail['input'], words)}")
    # pydantic's own words, which do not repeat the value.
    return Problem(path, str(detail["msg"]))


def _message_of_rule(detail: Mapping[str, Any], words: Words) -> str:
    error = detail["ctx"]["error"]
    return error.in_words(words) if isinstance(error, NotTextError) else str(error)


# -- the contents of a declaration ------------------------------------------------------------------------


class FieldDoc(NamedTuple):
    """A field, as a table in the docs shows it.

    Attributes:
        name: The name of the field.
        description: What it is.
        limit: Its limit or allowed values, and its default, in words; "" if there are none.
        is_required: Whether it must be given.
        is_optional: Whether it may be absent, as an input without a default or an output that may be null.
        replaces: Whether a change of it replaces the resource.
        is_secret: Whether it is a secret.
    """

    name: str
    description: str
    limit: str
    is_required: bool
    is_optional: bool
    replaces: bool
    is_secret: bool


def rows_of(model: type[BaseModel]) -> list[FieldDoc]:
    """Returns a row for each field, in the order of the declaration."""
    return [
        FieldDoc(
            name,
            field.description or "",
            limit_of(field),
            field.is_required(),
            type(None) in get_args(field.annotation),
            REPLACES in field.metadata,
            SECRET in field.metadata,
        )
        for name, field in fields_of(model).items()
    ]


def replacing_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Returns the names of the fields whose change replaces the resource."""
    return _fields_with(model, REPLACES)


def secret_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Returns the names of the fields that are secret."""
    return _fields_with(model, SECRET)


def updated_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """Returns the names of the fields that are changed in place."""
    others = {*_fields_with(model, REPLACES), *_fields_with(model, NO_CHANGE)}
    return tuple(name for name in fields_of(model) if name not in others)


def rule_of(field: FieldInfo) -> Rule | None:
    """Returns the rule of a field; None if it has no rule, such as a field with a model of its own."""
    rules: list[object] = [each.func for each in field.metadata if isinstance(each, PlainValidator)]
    return next((rule for rule in rules if isinstance(rule, Rule)), None)


def _fields_with(model: type[BaseModel], marker: Marker) -> tuple[str, ...]:
    return tuple(name for name, field in fields_of(model).items() if marker in field.metadata)


def limit_of(field: FieldInfo) -> str:
    rule = rule_of(field)
    has_default = not field.is_required() and field.default is not None
    parts = [rule.limit if rule else "", f"default `{json.dumps(field.default)}`" if has_default else ""]
    return "; ".join(filter(None, parts))


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Returns the fields by the names that they have in states and programs."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _fields_at(model: type[FrozenModel], path: Sequence[str]) -> dict[str, FieldInfo]:
    return fields_of(_model_at(model, path))


def _model_at(model: type[FrozenModel], path: Sequence[str]) -> type[FrozenModel]:
    for name in path:
        model = _model_of(fields_of(model)[name]) or model
    return model


def _model_of(field: FieldInfo) -> type[FrozenModel] | None:
    """Returns the model of a field's value; None if it has none."""
    kinds = (field.annotation, *get_args(field.annotation))
    # On Python 3.10, list[str] is an instance of type.
    classes = (kind for kind in kinds if isinstance(kind, type) and get_origin(kind) is None)
    return next((kind for kind in classes if issubclass(kind, FrozenModel)), None)
