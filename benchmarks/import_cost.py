"""What `import pulumi_agin` adds to `import pulumi`, with all that an ingress, its DNS and its certificate need.

Each import runs in a fresh interpreter, the two kinds alternating.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

# A dynamic resource needs pulumi.dynamic whatever package it comes from.
FLOOR = "import pulumi, pulumi.dynamic"
# The names are loaded when they are used.
USED = ("AgentIngress", "AgentIngressDelegation", "AgentIngressCertificateValidation", "agent_config", "dns")
OURS = f"{FLOOR}; from pulumi_agin import {', '.join(USED)}"


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
