"""Checks what is in .github: workflows with actionlint and zizmor, and the other files against their schemas.

`make lint-workflows` runs `python -m tools.workflows`, with the Python of the development environment. No check asks
the network. actionlint is a Go program, which `tools/actionlint` pins; Go builds it into `.build/actionlint`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.go import go, hash_of_modules, is_made, making, pin
from tools.steps import BUILD, LOGS, ROOT, StepError, exit_status

GITHUB = ROOT / ".github"
MODULE = ROOT / "tools" / "actionlint"
PACKAGE = "github.com/rhysd/actionlint"
RESULT = BUILD / "actionlint"
LOG = LOGS / "actionlint.log"
ADVICE = "Install Go 1.21 or newer, or run `make quick`, which leaves the workflows out."

# The names that check-jsonschema gives the schemas that come with it, and the files of each.
SCHEMAS = {
    "vendor.github-workflows": "workflows/*.yml",
    "custom.github-workflows-require-timeout": "workflows/*.yml",
    "vendor.github-actions": "actions/*/action.yml",
    "vendor.dependabot": "dependabot.yml",
    "vendor.github-issue-config": "ISSUE_TEMPLATE/config.yml",
    "vendor.github-issue-forms": "ISSUE_TEMPLATE/[0-9]-*.yml",
}


def actionlint() -> Path:
    """Builds actionlint, if that is not done, and returns its path.

    Raises:
        StepError: There is no Go, or it failed.
    """
    made_of = {"modules": hash_of_modules(MODULE)}
    executable = RESULT / "actionlint"
    if is_made(RESULT, made_of) and os.access(executable, os.X_OK):
        return executable
    with making(RESULT, made_of) as folder, go("actionlint", folder, log=LOG, advice=ADVICE) as builder:
        title = f"building actionlint {pin(MODULE, PACKAGE)}: less than a minute"
        builder.build(title, MODULE, f"{PACKAGE}/cmd/actionlint", folder / "actionlint")
    return executable


def main() -> None:
    tools = Path(sys.executable).parent
    # Whether shellcheck and pyflakes are installed must make no difference.
    workflows = sorted(GITHUB.glob("workflows/*.yml"))
    commands: list[list[str | Path]] = [
        [actionlint(), "-shellcheck=", "-pyflakes=", *workflows],
        [tools / "zizmor", "--offline", "--no-progress", "--quiet", "--pedantic", GITHUB],
    ]
    for schema, pattern in SCHEMAS.items():
        files = sorted(GITHUB.glob(pattern))
        commands.append([tools / "check-jsonschema", "--builtin-schema", schema, *files])
    runs = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False) for command in commands]
    if found := [f"{run.stdout}{run.stderr}".strip() for run in runs if run.returncode != 0]:
        raise StepError("\n\n".join(found))


if __name__ == "__main__":
    sys.exit(exit_status(main))
