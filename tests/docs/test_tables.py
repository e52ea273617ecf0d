"""The generated tables of the docs."""

from __future__ import annotations

import pytest

from tools.docs import REFERENCE, TABLES, limit_of, with_tables


@pytest.mark.parametrize("page", sorted({page for page, _ in TABLES}))
def test_tables_match_the_declarations(page: str) -> None:
    text = (REFERENCE / page).read_text()
    assert with_tables(page, text) == text, "run: python -m tools.docs"


@pytest.mark.parametrize("table", TABLES, ids=" ".join)
def test_every_field_is_described_in_one_cell(table: tuple[str, str]) -> None:
    for name, field in TABLES[table].model_fields.items():
        assert field.description, name
        assert not set("|\n") & set(field.description + limit_of(field)), name
