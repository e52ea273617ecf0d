"""The strings in the package's code, with which tests compare the messages in the docs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pulumi_agin"


def literals() -> Iterator[str]:
    """Yields each string in the package's code except docstrings, on one line and without interpolated values."""
    for path in PACKAGE.rglob("*.py"):
        yield from literals_in(ast.parse(path.read_text()))


def literals_in(code: ast.AST) -> Iterator[str]:
    """Yields each string in a part of a program, like `literals`."""
    nodes = list(ast.walk(code))
    docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
    for node in nodes:
        if isinstance(node, (ast.JoinedStr, ast.Constant)) and node not in docstrings:
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            constants = [each for part in parts for each in ast.walk(part) if isinstance(each, ast.Constant)]
            yield "".join(str(each.value) for each in constants).replace("\n", " ")
