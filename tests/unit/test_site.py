"""The site of the docs. `make docs` builds it, and finds links that lead nowhere."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

CONF = Path(__file__).parents[2] / "docs" / "conf.py"


def test_the_words_before_a_colon_are_not_taken_for_a_type() -> None:
    # Environments of `make versions` have no Sphinx.
    docstring = pytest.importorskip("sphinx.ext.napoleon.docstring")
    keep_colons = runpy.run_path(str(CONF))["_keep_colons"]
    lines = ["The values of the records: lower case, sorted.", ""]
    assert ":type:" in "\n".join(docstring.GoogleDocstring(list(lines), what="attribute", name="name").lines())
    keep_colons(None, "attribute", "name", None, None, lines)
    shown = "\n".join(docstring.GoogleDocstring(lines, what="attribute", name="name").lines())
    assert "The values of the records: lower case, sorted." in shown
    assert ":type:" not in shown
