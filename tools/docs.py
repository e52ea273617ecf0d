"""The tables in docs/reference that come from the declarations. `python -m tools.docs` writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pulumi_agin.api.models import CertJobModel, CertPolicyModel, CertStatusModel, IngressModel
from pulumi_agin.lifecycle.inputs import (
    AgentIngressInputs,
    CertificatePolicyInputs,
    CertificateValidationInputs,
    CertificateValidationOutputs,
    NsRecordsInputs,
)
from pulumi_agin.lifecycle.phrasing import either
from pulumi_agin.lifecycle.schema import Limit, Marker, bare_type, fields_of, range_of

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


class Table(NamedTuple):
    """The position of a table: its page, the heading above it, and its first column."""

    page: str
    heading: str
    column: str


TABLES: dict[Table, type[BaseModel]] = {
    Table("agent-ingress.md", "Arguments", "argument"): AgentIngressInputs,
    Table("agent-ingress.md", "AgentIngressCertPolicyArgs", "argument"): CertificatePolicyInputs,
    Table("agent-ingress.md", "Outputs", "output"): IngressModel,
    Table("agent-ingress.md", "AgentIngressCertPolicy", "output"): CertPolicyModel,
    Table("agent-ingress.md", "AgentIngressCertStatus", "output"): CertStatusModel,
    Table("agent-ingress.md", "AgentIngressCertJob", "output"): CertJobModel,
    Table("certificate-validation.md", "Arguments", "argument"): CertificateValidationInputs,
    Table("certificate-validation.md", "Outputs", "output"): CertificateValidationOutputs,
    Table("rfc2136-delegation.md", "Arguments", "argument"): NsRecordsInputs,
}
# The names of nested models in Python programs.
TYPES = {
    CertificatePolicyInputs: "AgentIngressCertPolicyArgs",
    CertPolicyModel: "AgentIngressCertPolicy",
    CertStatusModel: "AgentIngressCertStatus",
    CertJobModel: "AgentIngressCertJob",
}


def with_tables(page: str, content: str) -> str:
    """Returns the content of a page, such as "agent-ingress.md", with every table generated from its declaration."""
    for table, model in TABLES.items():
        if table.page != page:
            continue
        lines = _lines(table.column, model)
        content, found = re.subn(
            rf"(^###? {table.heading}\n(?:(?!##).*\n)*?)\| {table.column} \|.*\n(?:\|.*\n)*",
            lambda match, lines=lines: match[1] + lines,  # type: ignore[misc]
            content,
            flags=re.MULTILINE,
        )
        if not found:
            raise ValueError(f"{page} has no table of {table.column}s under {table.heading}")
    return content


def limit_of(field: FieldInfo) -> str:
    """Returns the limit or the allowed values of a field, and its default, for the docs."""
    kind = bare_type(field.annotation)
    limits = [each.words for each in field.metadata if isinstance(each, Limit)]
    if get_origin(kind) is Literal:
        limits.append(either([f'`"{choice}"`' for choice in get_args(kind)]))
    elif kind is bool:
        limits.append("`true` or `false`")
    limits.append(range_of(field))
    if not field.is_required() and field.default is not None:
        limits.append(f"default `{json.dumps(field.default)}`")
    return "; ".join(filter(None, limits))


def _lines(column: str, model: type[BaseModel]) -> str:
    fields = fields_of(model)
    rows = [
        [f"`{name}`", _type(field.annotation), f"{field.description}{_effect(field)}"] for name, field in fields.items()
    ]
    heading = [column, "type", "what"]
    if column == "argument":
        heading += ["limit"]
        rows = [[*cells, _limit(field)] for cells, field in zip(rows, fields.values(), strict=True)]
    first, *rest = [f"| {' | '.join(cells)} |\n" for cells in (heading, *rows)]
    return _in_python(first + "|---" * len(heading) + "|\n" + "".join(rest))


def _type(annotation: Any) -> str:
    """Returns the type as Python programs write it."""
    kind = bare_type(annotation)
    if kind in TYPES:
        name = TYPES[kind]
        return f"[`{name}`](#{name.lower()})"
    if get_origin(kind) is list:
        return f"`list[{bare_type(get_args(kind)[0]).__name__}]`"
    # All choices are strings.
    return "`str`" if get_origin(kind) is Literal else f"`{kind.__name__}`"


def _effect(field: FieldInfo) -> str:
    effects = {Marker.REPLACES: "a change replaces the resource", Marker.SECRET: "encrypted in the state"}
    notes = [words for marker, words in effects.items() if marker in field.metadata]
    return f" ({', '.join(notes)})" if notes else ""


def _limit(field: FieldInfo) -> str:
    return "; ".join(filter(None, ["required" if field.is_required() else "optional", limit_of(field)]))


def _in_python(table: str) -> str:
    """Returns a table with values as in Python, because declarations have them as in JSON."""
    return table.replace("`null`", "`None`").replace("`true`", "`True`").replace("`false`", "`False`")


def main() -> None:
    """Writes the tables into their pages."""
    for page in dict.fromkeys(table.page for table in TABLES):
        path = REFERENCE / page
        path.write_text(with_tables(page, path.read_text()))


if __name__ == "__main__":
    main()
