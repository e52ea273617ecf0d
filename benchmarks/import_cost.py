"""What `import pulumi_agin` adds to `import pulumi`.

Each import runs in a fresh interpreter, the two kinds alternating.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

# A dynamic resource needs pulumi.dynamic whatever package it comes from.
FLOOR = "import pulumi, pulumi.dynamic"
OURS = f"{FLOOR}, pulumi_agin"


def measure(python: Path, runs: int) -> tuple[list[float], list[float]]:
    """The seconds of the floor and ours, each run so many times, without the interpreter's own start."""
    _seconds(python, OURS)  # compiles what isn't compiled yet
    floor, ours = zip(*((_seconds(python, FLOOR), _seconds(python, OURS)) for _ in range(runs)), strict=True)
    return list(floor), list(ours)


def _seconds(python: Path, imports: str) -> float:
    program = f"import time; t = time.perf_counter(); {imports}; print(time.perf_counter() - t)"
    # Elsewhere, or it would import the package of the folder in place of the wheel.
    run = subprocess.run([python, "-c", program], cwd=python.parent, capture_output=True, text=True, check=True)
    return float(run.stdout)
