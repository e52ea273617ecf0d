"""The blocks of code in Markdown, which tests run or compare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import dedent

from tests.support.project import Project


def blocks(text: str, language: str) -> list[str]:
    """Returns the blocks of a language in a page or a part of one, also those in the items of lists.

    Args:
        text: The Markdown.
        language: The language after the opening fence, or a regular expression for several.
    """
    fenced = rf"^(?P<indent> *)```(?:{language})\n(?P<code>.*?)^(?P=indent)```$"
    return [dedent(found["code"]) for found in re.finditer(fenced, text, re.MULTILINE | re.DOTALL)]


def type_lines(project: Project, commands: str, answers: Mapping[str, str] | None = None, **environment: str) -> str:
    """Runs each line as a reader of acme.com types it, and returns what all lines print.

    Args:
        project: The project in whose folder they run.
        commands: The lines. None depends on a variable or a folder that another one sets.
        answers: What the reader types when a line prompts, by the last word of the line.
        environment: Variables that differ from the project's.
    """
    lines = commands.replace("YOUR-DOMAIN", "acme.com").splitlines()
    typed = answers or {}
    return "".join(project.typed(line, f"{typed.get(line.split()[-1], '')}\n", **environment) for line in lines)
