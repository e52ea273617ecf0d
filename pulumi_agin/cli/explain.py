"""Command `explain`: prints a section of the errors page, which messages name."""

from __future__ import annotations

import re
from argparse import Namespace
from importlib import resources
from typing import Any

from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle.operation import FailedError


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("explain", help="explain a message", description="Prints what to do after a message.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the name in the message; without it, all names")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    found = sections()
    if options.name is None:
        print("\n".join(found))  # noqa: T201
        return 0
    if options.name not in found:
        raise FailedError(f'no section has the name "{one_line(options.name, 60)}"; valid names are {", ".join(found)}')
    print(found[options.name])  # noqa: T201
    return 0


def sections() -> dict[str, str]:
    """Returns the sections of the errors page that messages name, by their headings. Links become their texts."""
    page = resources.files("pulumi_agin.cli").joinpath("errors.md").read_text("utf-8")
    page = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", page)
    parts = [f"## {part.strip()}" for part in page.split("\n## ")[1:]]
    # Other headings are sentences.
    return {found[1]: part for part in parts if (found := re.match(r"## ([a-z-]+)\n", part))}
