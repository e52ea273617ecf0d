"""The generated tables of the docs, and the lists of adapters."""

from __future__ import annotations

import re

import pytest

from pulumi_agin import dns
from tools.docs import REFERENCE, TABLES, limit_of, with_tables

ADAPTERS = [name for name in dns.__all__ if name.islower() and name != "custom"]


@pytest.mark.parametrize("page", sorted({page for page, _ in TABLES}))
def test_tables_match_the_declarations(page: str) -> None:
    text = (REFERENCE / page).read_text()
    assert with_tables(page, text) == text, "run: python -m tools.docs"


@pytest.mark.parametrize("table", TABLES, ids=" ".join)
def test_every_field_is_described_in_one_cell(table: tuple[str, str]) -> None:
    for name, field in TABLES[table].model_fields.items():
        assert field.description, name
        assert not set("|\n") & set(field.description + limit_of(field)), name


def is_of_single_records(adapter: str) -> bool:
    return str(getattr(dns, adapter).__module__).endswith(".single_records")


def test_each_adapter_is_in_the_list_of_its_form() -> None:
    text = (REFERENCE / "dns-adapters.md").read_text()
    for label, is_single in (("One resource with all values", False), ("One resource for each value", True)):
        [listed] = re.findall(rf"^- {label}: (.*?)\.$", text, re.MULTILINE | re.DOTALL)
        assert re.findall(r"`(\w+)`", listed) == [name for name in ADAPTERS if is_of_single_records(name) == is_single]
