"""The blocks of code in Markdown, which tests run or compare."""

from __future__ import annotations

import re


def blocks(text: str, language: str) -> list[str]:
    """Returns the blocks of a language in a page or a part of one.

    Args:
        text: The Markdown.
        language: The language after the opening fence, or a regular expression for several.
    """
    return re.findall(rf"^```(?:{language})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
