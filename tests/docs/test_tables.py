"""The generated tables and lists of the docs, which match the declarations."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_agin.lifecycle.schema import fields_of
from tools.docs import (
    ADOPT_PAGE,
    REFERENCE,
    TABLES,
    Table,
    limit_of,
    lists_of_adapters,
    with_lists,
    with_tables,
)


@pytest.mark.parametrize("page", sorted({table.page for table in TABLES}))
def test_tables_match_the_declarations(page: str) -> None:
    text = (REFERENCE / page).read_text()
    # `python -m tools.docs` updates them.
    assert with_tables(page, text) == text


@pytest.mark.parametrize("page", lists_of_adapters(), ids=lambda page: page.stem)
def test_lists_match_the_adapters(page: Path) -> None:
    text = page.read_text()
    # `python -m tools.docs` updates them.
    assert with_lists(page, text) == text


@pytest.mark.parametrize("table", TABLES, ids=" ".join)
def test_every_field_is_described_in_one_cell(table: Table) -> None:
    for name, field in fields_of(TABLES[table]).items():
        assert field.description, name
        assert not set("|\n") & set(field.description + limit_of(field)), name


def test_page_without_its_table_fails() -> None:
    text = (REFERENCE / "agent-ingress.md").read_text().replace("| input |", "| what |", 1)
    with pytest.raises(ValueError, match=r"agent-ingress\.md has no table of inputs under Inputs"):
        with_tables("agent-ingress.md", text)


def test_page_without_its_list_fails() -> None:
    with pytest.raises(ValueError, match=r"live-fleet\.md has 0 lists of IDs"):
        with_lists(ADOPT_PAGE, ADOPT_PAGE.read_text().replace("- IDs: ", "- ids: "))
