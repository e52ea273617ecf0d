"""Checks what is in .github: the workflows with zizmor and actionlint, and all files against their schemas.

`make lint-workflows` runs `python -m tools.workflows` with the Python of the development environment. That is all but
actionlint, which a test in tests/engine runs: it is a Go program, and `make lint` must not need Go. `tools/actionlint`
pins it, and Go builds it into `.build/actionlint`. No check asks the network.
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
ADVICE = "Install Go 1.21 or newer."

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


def actionlint_finds() -> str:
    """Returns what actionlint finds wrong in the workflows, or an empty text.

    Raises:
        StepError: It can't be built.
    """
    # Whether shellcheck and pyflakes are installed must make no difference.
    return _finds([actionlint(), "-shellcheck=", "-pyflakes=", *sorted(GITHUB.glob("workflows/*.yml"))])


def _finds(command: list[str | Path]) -> str:
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return f"{run.stdout}{run.stderr}".strip() if run.returncode != 0 else ""


def main() -> None:
    tools = Path(sys.executable).parent
    commands: list[list[str | Path]] = [
        [tools / "zizmor", "--offline", "--no-progress", "--quiet", "--pedantic", GITHUB]
    ]
    for schema, pattern in SCHEMAS.items():
        files = sorted(GITHUB.glob(pattern))
        commands.append([tools / "check-jsonschema", "--builtin-schema", schema, *files])
    if found := [text for text in map(_finds, commands) if text]:
        raise StepError("\n\n".join(found))


if __name__ == "__main__":
    sys.exit(exit_status(main))
