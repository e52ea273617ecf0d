"""`pulumi-agin explain`, and the names in messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi_agin as package
from pulumi_agin.cli.explain import sections

Command = Callable[..., tuple[int, str, str]]


def names_in_messages() -> Iterator[str]:
    """Yields each name that a string of the package tells to explain, also if the string has several lines."""
    for file in Path(package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
            yield from re.findall(r"pulumi-agin explain ([a-z-]+)", text)


def test_each_name_in_a_message_has_a_section_and_each_section_a_message() -> None:
    names = set(names_in_messages())
    assert not names - sections().keys(), "a message names a section that docs/reference/errors.md lacks"
    assert not sections().keys() - names, "docs/reference/errors.md has a section with a name that no message has"


def test_section_stands_alone(pulumi_agin: Command) -> None:
    status, out, err = pulumi_agin("explain", "taken")
    assert (status, err) == (0, "")
    assert out.startswith("## taken: ")
    assert "\n## " not in out
    for name, text in sections().items():
        assert "](" not in text
        assert "**Message:**" in text, f"the section {name} of docs/reference/errors.md does not quote its message"


def test_names_are_listed(pulumi_agin: Command) -> None:
    assert pulumi_agin("explain") == (0, "\n".join(sections()) + "\n", "")
