"""Command `explain`: prints a section of the errors page. Messages name the command with the section."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from importlib import resources


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", choices=sections(), help="print this section; default: all names"
    )


def run(options: Namespace) -> int:
    """Prints what to do after a message that names this command."""
    found = sections()
    print(found[options.name] if options.name else "\n".join(found))  # noqa: T201
    return 0


def sections() -> dict[str, str]:
    """Returns the sections of the errors page that messages name, by the name that begins the heading.

    The text of each link replaces the link. Each command reads the page, because the parser's choices are the headings.
    """
    # In the repository, the file is a link to docs/reference/errors.md.
    page = resources.files("pulumi_agin.cli").joinpath("errors.md").read_text("utf-8")
    page = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", page)
    parts = [f"## {part.strip()}" for part in page.split("\n## ")[1:]]
    return {name[1]: part for part in parts if (name := re.match(r"## ([a-z-]+): ", part))}
