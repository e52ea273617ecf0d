"""The generated tables and lists of the docs, which match the declarations. `python -m tools.docs` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.docs import REFERENCE, TABLES, Table, limit_of, lists_of_adapters, with_lists, with_tables


@pytest.mark.parametrize("page", sorted({table.page for table in TABLES}))
def test_tables_match_the_declarations(page: str) -> None:
    text = (REFERENCE / page).read_text()
    assert with_tables(page, text) == text


@pytest.mark.parametrize("page", lists_of_adapters(), ids=lambda page: page.stem)
def test_lists_match_the_adapters(page: Path) -> None:
    text = page.read_text()
    assert with_lists(page, text) == text


@pytest.mark.parametrize("table", TABLES, ids=" ".join)
def test_every_field_is_described_in_one_cell(table: Table) -> None:
    for name, field in TABLES[table].model_fields.items():
        assert field.description, name
        assert not set("|\n") & set(field.description + limit_of(field)), name
