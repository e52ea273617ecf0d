"""The tables of docs/reference/resources.md are what the declarations say."""

from __future__ import annotations

import pytest

from pulumi_agin.fields import rows_of
from tools.docs import PAGE, TABLES, with_tables


def test_the_page_has_the_tables_that_the_declarations_make() -> None:
    page = PAGE.read_text()
    # `python -m tools.docs` writes them.
    assert with_tables(page) == page


@pytest.mark.parametrize("table", TABLES, ids=" ".join)
def test_every_field_is_described_in_one_cell(table: tuple[str, str]) -> None:
    for row in rows_of(TABLES[table]):
        assert row.description, row.name
        assert not set("|\n") & set(row.description + row.limit), row.name


def test_a_page_that_lost_a_table_is_noticed() -> None:
    page = PAGE.read_text().replace("| argument |", "| what |", 1)
    with pytest.raises(ValueError, match=r"resources\.md has no table of arguments under AgentIngress"):
        with_tables(page)
