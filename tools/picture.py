"""The terminal picture in the README. `python -m tools.picture` draws it. Check it before each release.

It shows a separate run of the full demo: `pulumi preview`, `pulumi up`, and `pulumi-agin doctor`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tools import demo
from tools.steps import BUILD, ROOT, StepError, exit_status, report

PICTURE = ROOT / "docs" / "pictures" / "terminal.svg"
TITLE = "From a domain to a working connect URL"
COLUMNS = 110


@dataclass(frozen=True)
class PictureDemo(demo.Demo):
    """The full demo, in a separate folder."""

    place: Path = BUILD

    @property
    def folder(self) -> Path:
        return self.place / "demo"


def draw() -> None:
    """Runs the commands, and writes the picture."""
    full = demo.DEMOS["full"]
    console = Console(record=True, width=COLUMNS, file=StringIO(), color_system="truecolor", force_terminal=True)
    with tempfile.TemporaryDirectory(prefix="picture-", dir=BUILD) as place:
        run = PictureDemo(full.variable, full.project, full.stack, has_bind=True, place=Path(place))
        with demo.running(run) as env:
            doctor = f"pulumi-agin doctor {demo.DOMAIN} --dns {env['AGIN_DEMO_DNS']}"
            for command in ("pulumi preview", "pulumi up --yes --skip-preview", doctor):
                console.print(Text(f"$ {command}", style="bold"))
                console.print(_output(command, env))
    PICTURE.write_text(console.export_svg(title=TITLE), encoding="utf-8")
    report(f"{PICTURE.relative_to(ROOT)} is written: check it")


def _output(command: str, env: Mapping[str, str]) -> Text:
    """Returns the output of a command, in color."""
    arguments = shlex.split(command)
    if arguments[0] == "pulumi":
        arguments += ["--color", "always", "--non-interactive", "--suppress-outputs"]
    run = subprocess.run(arguments, env={**env, "FORCE_COLOR": "1"}, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise StepError(f"{command} ended with exit code {run.returncode}:\n{run.stdout}{run.stderr}")
    # Only the last row of each resource.
    lines = [line for line in run.stdout.splitlines() if not re.search(r"@ \w+ing|creating \(|Duration:", line)]
    return Text.from_ansi("\n".join(lines))


if __name__ == "__main__":
    sys.exit(exit_status(draw))
