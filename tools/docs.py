"""The tables of docs/reference/resources.md that come from the declarations. `python -m tools.docs` writes them."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from pulumi_agin.api.inputs import AgentIngressInputs
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.fields import Row, rows_of
from pulumi_agin.lifecycle.certificate_inputs import CertificateValidationInputs, CertificateValidationOutputs
from pulumi_agin.lifecycle.ns_records_inputs import NsRecordsInputs

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "resources.md"

# Under which heading, and the table's first column.
TABLES: dict[tuple[str, str], type[BaseModel]] = {
    ("AgentIngress", "argument"): AgentIngressInputs,
    ("AgentIngress", "output"): AgentIngress,
    ("AgentIngressCertificateValidation", "argument"): CertificateValidationInputs,
    ("AgentIngressCertificateValidation", "output"): CertificateValidationOutputs,
    ("Rfc2136Delegation", "argument"): NsRecordsInputs,
}


def with_tables(page: str) -> str:
    """Returns the page with every table of TABLES as its declaration has it."""
    for (heading, column), model in TABLES.items():
        table = _table(column, model)
        page, found = re.subn(
            rf"(^## {heading}\n(?:(?!## ).*\n)*?)\| {column} \|.*\n(?:\|.*\n)*",
            lambda match, table=table: match[1] + table,  # type: ignore[misc]
            page,
            flags=re.MULTILINE,
        )
        if not found:
            raise ValueError(f"{PAGE.name} has no table of {column}s under {heading}")
    return page


def _table(column: str, model: type[BaseModel]) -> str:
    if column == "output":
        rows = [[f"`{row.name}`", row.description] for row in rows_of(model)]
        return _lines([[column, "what"], *rows])
    rows = [[f"`{row.name}`", f"{row.description}{_effect(row)}", _limit(row)] for row in rows_of(model)]
    return _lines([[column, "what", "limit"], *rows])


def _effect(row: Row) -> str:
    notes = ["a change replaces the resource"] * row.replaces + ["encrypted in the state"] * row.is_secret
    return f" ({', '.join(notes)})" if notes else ""


def _limit(row: Row) -> str:
    return "; ".join(filter(None, ["required" if row.is_required else "", row.limit]))


def _lines(rows: list[list[str]]) -> str:
    heading, *rest = [f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in rows]
    return _in_python(heading + "|---" * len(rows[0]) + "|\n" + "".join(rest))


def _in_python(table: str) -> str:
    """Returns a table for the readers of Python: declarations write values as JSON does."""
    return table.replace("`null`", "`None`").replace("`true`", "`True`").replace("`false`", "`False`")


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
