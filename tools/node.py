"""Installs npm packages: those for programs in TypeScript, and Graphviz.

`python3 -m tools.node` prints the folder that has the ones for TypeScript.

`tools/npm` and `tools/viz` pin them. They are installed into `.build`, once, and again when what is pinned has changed.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.go import hash_of, is_made, making
from tools.steps import BUILD, LOGS, ROOT, StepError, exit_status, run_step

LOG = LOGS / "node.log"


@dataclass(frozen=True)
class Packages:
    """Packages that are installed together.

    Attributes:
        pins: The folder with the package.json and its lock.
        result: Where they are installed.
        title: What is shown meanwhile.
    """

    pins: Path
    result: Path
    title: str

    @property
    def files(self) -> list[Path]:
        """The files that pin the packages."""
        return [self.pins / name for name in ("package.json", "package-lock.json")]


TYPESCRIPT = Packages(
    ROOT / "tools" / "npm", BUILD / "node", "installing npm's packages for TypeScript, 220 MB: half a minute"
)
GRAPHVIZ = Packages(ROOT / "tools" / "viz", BUILD / "viz", "installing npm's package of Graphviz")


def ensure(packages: Packages = TYPESCRIPT) -> Path:
    """Installs packages, and returns the folder that has them in its `node_modules`.

    Raises:
        StepError: There is no npm, or it failed.
    """
    made_of = {"packages": hash_of(packages.files)}
    if is_made(packages.result, made_of):
        return packages.result
    npm = shutil.which("npm")
    if npm is None:
        raise StepError("There is no npm to install packages with. Install Node.js 20 or newer, with npm.")
    with making(packages.result, made_of) as folder:
        folder.mkdir(parents=True)
        for file in packages.files:
            shutil.copy(file, folder)
        # None of the packages needs its scripts, and scripts may download more.
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
        run_step(packages.title, [npm, "ci", *quiet], cwd=folder, log=LOG)
    return packages.result


def main() -> int:
    return exit_status(lambda: print(ensure()))


if __name__ == "__main__":
    sys.exit(main())
