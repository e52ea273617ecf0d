"""The tables and lists in docs/ that come from the declarations. `python -m tools.docs` writes them."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pulumi_agin import dns
from pulumi_agin.api.models import CertJobModel, CertPolicyModel, CertStatusModel, IngressModel
from pulumi_agin.lifecycle.inputs import (
    AgentIngressInputs,
    CertificatePolicyInputs,
    CertificateValidationInputs,
    CertificateValidationOutputs,
    Limit,
    Marker,
)
from pulumi_agin.native.served import is_optional
from pulumi_agin.rfc2136.declaration import NsRecordsInputs
from tools.steps import ROOT

REFERENCE = ROOT / "docs" / "reference"
ADAPTERS_PAGE = REFERENCE / "dns-adapters.md"
# The functions of `pulumi_agin.dns`, by name, except `custom`, which wraps a user's own: the DNS adapters.
ADAPTERS = {name: getattr(dns, name) for name in dns.__all__ if inspect.isfunction(getattr(dns, name))}
del ADAPTERS["custom"]


class Table(NamedTuple):
    """The position of a table: its page, the heading above it, and its first column."""

    page: str
    heading: str
    column: str


TABLES: dict[Table, type[BaseModel]] = {
    Table("agent-ingress.md", "Inputs", "input"): AgentIngressInputs,
    Table("agent-ingress.md", "AgentIngressCertPolicyArgs", "input"): CertificatePolicyInputs,
    Table("agent-ingress.md", "Outputs", "output"): IngressModel,
    Table("agent-ingress.md", "AgentIngressCertPolicy", "output"): CertPolicyModel,
    Table("agent-ingress.md", "AgentIngressCertStatus", "output"): CertStatusModel,
    Table("agent-ingress.md", "AgentIngressCertJob", "output"): CertJobModel,
    Table("certificate-validation.md", "Inputs", "input"): CertificateValidationInputs,
    Table("certificate-validation.md", "Outputs", "output"): CertificateValidationOutputs,
    Table("rfc2136-delegation.md", "Inputs", "input"): NsRecordsInputs,
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
        under_heading = rf"^###? {table.heading}\n(?:(?!##).*\n)*?(\| {table.column} \|.*\n(?:\|.*\n)*)"
        found = re.search(under_heading, content, re.MULTILINE)
        if not found:
            raise ValueError(f"{page} has no table of {table.column}s under {table.heading}")
        content = content[: found.start(1)] + _lines(table.column, model) + content[found.end(1) :]
    return content


def with_lists(page: Path, content: str) -> str:
    """Returns the content of a page with every list of adapters on it generated from the adapters."""
    for label, names in lists_of_adapters()[page].items():
        item = f"- {label}: {', '.join(f'`{name}`' for name in names)}."
        lines = textwrap.fill(item, 120, subsequent_indent="  ", break_on_hyphens=False)
        content, found = re.subn(rf"^- {label}: .*\n(?:  .*\n)*", f"{lines}\n", content, flags=re.MULTILINE)
        if found != 1:
            raise ValueError(f"{page.name} has {found} lists of {label}")
    return content


def lists_of_adapters() -> dict[Path, dict[str, list[str]]]:
    """Returns the names of adapters by page, and by what their list on the page is called."""
    single = {name for name, adapter in ADAPTERS.items() if adapter.__module__.endswith(".single_records")}
    return {
        ADAPTERS_PAGE: {
            "One resource with all values": [name for name in ADAPTERS if name not in single],
            "One resource for each value": [name for name in ADAPTERS if name in single],
        },
    }


def sentence_of(field: FieldInfo) -> str:
    """Returns the description of a field as a sentence."""
    description = field.description or ""
    return f"{description[:1].upper()}{description[1:]}."


def default_of(field: FieldInfo) -> str:
    """Returns the default of a field in JSON; "" if it is required, or absent by default."""
    return "" if field.is_required() or field.default is None else json.dumps(field.default)


def limit_of(field: FieldInfo) -> str:
    """Returns the limit of a field or its allowed values, as a sentence for the docs; "" if there is none."""
    kind = bare_type(field.annotation)
    if get_origin(kind) is Literal:
        return f"Allowed: {', '.join(f'`{json.dumps(choice)}`' for choice in get_args(kind))}."
    limits = [*(each.words for each in field.metadata if isinstance(each, Limit)), range_of(field)]
    return f"Limit: {'; '.join(filter(None, limits))}." if any(limits) else ""


def _lines(column: str, model: type[BaseModel]) -> str:
    heading, row = (
        (["input", "description", "on change"], _input) if column == "input" else ([column, "description"], _output)
    )
    rows = [row(name, field) for name, field in model.model_fields.items()]
    first, *rest = [f"| {' | '.join(cells)} |\n" for cells in (heading, *rows)]
    return _in_python(first + "|---" * len(heading) + "|\n" + "".join(rest))


def _input(name: str, field: FieldInfo) -> list[str]:
    need = "required" if field.is_required() else "optional"
    if default := default_of(field):
        need = f"default `{default}`"
    what = "<br>".join(filter(None, [_sentences(field), limit_of(field)]))
    return [f"`{name}`<br>{_type(field.annotation)}, {need}", what, _effect(field)]


def _output(name: str, field: FieldInfo) -> list[str]:
    absent = " or `None`" if is_optional(field) else ""
    return [f"`{name}`<br>{_type(field.annotation)}{absent}", _sentences(field)]


def _sentences(field: FieldInfo) -> str:
    return sentence_of(field) + (" It is encrypted in the state." if Marker.SECRET in field.metadata else "")


def _effect(field: FieldInfo) -> str:
    if Marker.REPLACES in field.metadata:
        return "replace"
    return "none" if Marker.NO_CHANGE in field.metadata else "update"


def _type(annotation: Any) -> str:
    """Returns the type as Python programs write it."""
    kind = bare_type(annotation)
    if kind in TYPES:
        name = TYPES[kind]
        return f"[`{name}`](#{name.lower()})"
    if get_origin(kind) is list:
        [item] = get_args(kind)
        return "`list`" if item is Any else f"`list[{bare_type(item).__name__}]`"
    # All choices are strings.
    return "`str`" if get_origin(kind) is Literal else f"`{kind.__name__}`"


def _in_python(table: str) -> str:
    """Returns a table with values as in Python, because declarations have them as in JSON."""
    return table.replace("`null`", "`None`").replace("`true`", "`True`").replace("`false`", "`False`")


def bare_type(annotation: Any) -> Any:
    """Returns the type of a value, without None and validators."""
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    if isinstance(annotation, UnionType) or get_origin(annotation) in (Union, Annotated):
        return bare_type(kinds[0])
    return annotation


def range_of(field: FieldInfo) -> str:
    """Returns the bounds of a number in words; "" if there are none."""
    words = {"gt": "greater than", "ge": "at least", "le": "at most"}
    bounds = {name: getattr(each, name) for each in field.metadata for name in words if hasattr(each, name)}
    return " and ".join(f"{words[name]} {bound}" for name, bound in bounds.items())


def main() -> None:
    """Writes the tables and lists into their pages."""
    for page in dict.fromkeys(table.page for table in TABLES):
        path = REFERENCE / page
        path.write_text(with_tables(page, path.read_text()))
    for path in lists_of_adapters():
        path.write_text(with_lists(path, path.read_text()))


if __name__ == "__main__":
    main()
