"""The blocks of code in Markdown, which tests run or compare."""

from __future__ import annotations

import re
from textwrap import dedent


def blocks(text: str, language: str) -> list[str]:
    """Returns the blocks of a language in a page or a part of one, also those in the items of lists.

    Args:
        text: The Markdown.
        language: The language after the opening fence, or a regular expression for several.
    """
    fenced = rf"^(?P<indent> *)```(?:{language})\n(?P<code>.*?)^(?P=indent)```$"
    return [dedent(found["code"]) for found in re.finditer(fenced, text, re.MULTILINE | re.DOTALL)]
