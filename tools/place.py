"""The place of the repository on the internet, which the owner sets: see Release in CONTRIBUTING.md.

`python -m tools.place` writes it into the links and pictures of README.md, because a package index can't show relative
ones. Only a release runs that.
"""

from __future__ import annotations

import re
import sys

from pulumi_agin.version import VERSION
from tools.steps import ROOT, StepError, exit_status

README = ROOT / "README.md"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
_FOUND = re.search(r'^Repository = "(https://github\.com/[^/"]+/[^/"]+)"$', PYPROJECT, re.MULTILINE)
REPOSITORY: str | None = _FOUND[1] if _FOUND else None


def with_absolute_links(text: str) -> str:
    """Returns Markdown of the root folder with links to, and pictures from, this version in the repository."""
    if REPOSITORY is None:
        raise StepError("pyproject.toml has no Repository on GitHub in [project.urls]: see Release in CONTRIBUTING.md.")
    start_of_link = re.compile(r"(\]\(|^\[[^\]]+\]: )(?![a-z]+:|#)", re.MULTILINE)
    text = start_of_link.sub(rf"\1{REPOSITORY}/blob/v{VERSION}/", text)
    return text.replace('src="docs/', f'src="{REPOSITORY}/raw/v{VERSION}/docs/')


if __name__ == "__main__":
    sys.exit(exit_status(lambda: README.write_text(with_absolute_links(README.read_text("utf-8")), encoding="utf-8")))
