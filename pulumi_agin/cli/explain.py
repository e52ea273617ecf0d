"""`pulumi-agin explain`: what to do after an error, in full. A message has only the likeliest next step.

It prints sections of `errors.md`, which is a link to the page in the docs.
"""

from __future__ import annotations

import argparse
import re
from importlib import resources

from pulumi_agin.base.clock import Clock
from pulumi_agin.lifecycle.phrasing import NEUTRAL, printable_name, right_names

from .output import UsageError, print_text


def run(options: argparse.Namespace, _: Clock) -> int:
    """Prints the section with a name, or without a name, the name and the first line of each section."""
    sections = read_sections()
    if options.section is None:
        width = max(map(len, sections))
        lines = [f"{name:<{width}}  {text.splitlines()[2]}\n" for name, text in sections.items()]
        return print_text("".join(lines))
    name: str = options.section
    if name not in sections:
        right = right_names(name, [*sections], NEUTRAL)
        raise UsageError(f'no error has the name "{printable_name(name)}"; {right}')
    return print_text(f"{sections[name]}\n")


def read_sections() -> dict[str, str]:
    """Returns the sections of the errors page that messages name, by these names. Other headings are sentences."""
    page = resources.files("pulumi_agin.cli").joinpath("errors.md").read_text("utf-8")
    sections = [f"## {each.rstrip()}" for each in page.split("\n## ")[1:]]
    return {found[1]: each for each in sections if (found := re.match(r"## ([a-z-]+)\n", each))}
