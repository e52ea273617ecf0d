"""Installs the npm packages with which the tests run programs in TypeScript. `python3 -m tools.node` prints the folder.

`tools/npm` pins them. They are installed into `.build/node`, once, and again when what is pinned has changed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.go import hash_of, is_made, making
from tools.steps import BUILD, LOGS, ROOT, StepError, exit_status, run_step

PINS = [ROOT / "tools" / "npm" / name for name in ("package.json", "package-lock.json")]
RESULT = BUILD / "node"
LOG = LOGS / "node.log"


def ensure() -> Path:
    """Installs the packages, and returns the folder that has them in its `node_modules`.

    Raises:
        StepError: There is no npm, or it failed.
    """
    made_of = {"packages": hash_of(PINS)}
    if is_made(RESULT, made_of):
        return RESULT
    npm = shutil.which("npm")
    if npm is None:
        raise StepError("There is no npm to install Pulumi's packages with. Install Node.js 20 or newer, with npm.")
    with making(RESULT, made_of) as folder:
        folder.mkdir(parents=True)
        for file in PINS:
            shutil.copy(file, folder)
        # None of the packages needs its scripts, and scripts may download more.
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
        run_step(
            "installing npm's packages for TypeScript, 220 MB: half a minute", [npm, "ci", *quiet], cwd=folder, log=LOG
        )
    return RESULT


def main() -> int:
    return exit_status(lambda: print(ensure()))


if __name__ == "__main__":
    sys.exit(main())
