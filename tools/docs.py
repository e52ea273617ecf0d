"""The tables in docs/ that come from the declarations. `python -m tools.docs` writes them."""

from __future__ import annotations

import json
import re
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pulumi_agin.api.models import CertJobModel, CertPolicyModel, CertStatusModel, IngressModel
from pulumi_agin.lifecycle import inputs
from pulumi_agin.lifecycle.inputs import Declaration, Limit, Marker
from pulumi_agin.native.catalog import is_optional
from pulumi_agin.rfc2136.declaration import NsRecordsInputs
from tools.steps import ROOT

REFERENCE = ROOT / "docs" / "reference"
# Each is the first table of this page under this heading. The heading of a nested model is its name in Python programs.
TABLES: dict[tuple[str, str], type[BaseModel]] = {
    ("agent-ingress.md", "Inputs"): inputs.AgentIngressInputs,
    ("agent-ingress.md", "AgentIngressCertPolicyArgs"): inputs.CertificatePolicyInputs,
    ("agent-ingress.md", "Outputs"): IngressModel,
    ("agent-ingress.md", "AgentIngressCertPolicy"): CertPolicyModel,
    ("agent-ingress.md", "AgentIngressCertStatus"): CertStatusModel,
    ("agent-ingress.md", "AgentIngressCertJob"): CertJobModel,
    ("certificate-validation.md", "Inputs"): inputs.CertificateValidationInputs,
    ("certificate-validation.md", "Outputs"): inputs.CertificateValidationOutputs,
    ("rfc2136-delegation.md", "Inputs"): NsRecordsInputs,
}
HEADINGS = {model: heading for (_, heading), model in TABLES.items()}
BOUNDS = {"gt": "greater than", "ge": "at least", "le": "at most"}


def with_tables(page: str, content: str) -> str:
    """Returns the content of a page, such as "agent-ingress.md", with its tables generated from the declarations."""
    for (name, heading), model in TABLES.items():
        if name == page:
            above_and_table = rf"(^###? {heading}\n(?:(?!##|\|).*\n)+)(?:\|.*\n)+"
            before, above, after = re.split(above_and_table, content, maxsplit=1, flags=re.MULTILINE)
            content = before + above + table(model) + after
    return content


def table(model: type[BaseModel]) -> str:
    is_input = issubclass(model, Declaration)
    heading = (
        "| input | description | on change |\n|---|---|---|\n" if is_input else "| output | description |\n|---|---|\n"
    )
    row = input_cells if is_input else output_cells
    rows = "".join(f"| {' | '.join(row(name, field))} |\n" for name, field in model.model_fields.items())
    # Declarations have values as in JSON.
    return heading + rows.replace("`null`", "`None`").replace("`true`", "`True`").replace("`false`", "`False`")


def input_cells(name: str, field: FieldInfo) -> list[str]:
    need = "required" if field.is_required() else "optional"
    if default := default_of(field):
        need = f"default `{default}`"
    effect = "nothing" if Marker.NO_CHANGE in field.metadata else "update"
    if Marker.REPLACES in field.metadata:
        effect = "replace"
    lines = filter(None, [sentences_of(field), limit_of(field)])
    return [f"`{name}`<br>{type_of(field.annotation)}, {need}", "<br>".join(lines), effect]


def output_cells(name: str, field: FieldInfo) -> list[str]:
    absent = " or `None`" if is_optional(field) else ""
    return [f"`{name}`<br>{type_of(field.annotation)}{absent}", sentences_of(field)]


def sentences_of(field: FieldInfo) -> str:
    return sentence_of(field) + (" It is encrypted in the state." if Marker.SECRET in field.metadata else "")


def type_of(annotation: Any) -> str:
    """Returns the type as Python programs write it."""
    kind = bare_type(annotation)
    if kind in HEADINGS:
        return f"[`{HEADINGS[kind]}`](#{HEADINGS[kind].lower()})"
    if get_origin(kind) is list:
        [item] = get_args(kind)
        return "`list`" if item is Any else f"`list[{bare_type(item).__name__}]`"
    # All choices are strings.
    return "`str`" if get_origin(kind) is Literal else f"`{kind.__name__}`"


# -- what the plugin's schema has, too --------------------------------------------------------------------


def bare_type(annotation: Any) -> Any:
    """Returns the type of a value, without None and validators."""
    if isinstance(annotation, UnionType) or get_origin(annotation) in (Union, Annotated):
        return bare_type(next(each for each in get_args(annotation) if each is not type(None)))
    return annotation


def sentence_of(field: FieldInfo) -> str:
    """Returns the description of a field as a sentence."""
    description = field.description or ""
    return f"{description[:1].upper()}{description[1:]}."


def default_of(field: FieldInfo) -> str:
    """Returns the default of a field in JSON; "" if it is required, or absent by default."""
    return "" if field.is_required() or field.default is None else json.dumps(field.default)


def limit_of(field: FieldInfo) -> str:
    """Returns the limit of a field or its allowed values, as a sentence; "" if there is none."""
    kind = bare_type(field.annotation)
    if get_origin(kind) is Literal:
        return f"Allowed: {', '.join(f'`{json.dumps(choice)}`' for choice in get_args(kind))}."
    words = [each.words for each in field.metadata if isinstance(each, Limit)]
    words += [
        f"{BOUNDS[name]} {getattr(each, name)}" for each in field.metadata for name in BOUNDS if hasattr(each, name)
    ]
    return f"Limit: {' and '.join(words)}." if words else ""


if __name__ == "__main__":
    for name in {page for page, _ in TABLES}:
        path = REFERENCE / name
        path.write_text(with_tables(name, path.read_text()))
