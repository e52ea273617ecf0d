"""The time that `import pulumi_agin` adds to `import pulumi`.

The import covers an ingress, its DNS records and its certificate. Each import runs in a new interpreter, and the two
kinds alternate.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

# Dynamic resources of all packages need pulumi.dynamic.
FLOOR = "import pulumi, pulumi.dynamic"
# Each name is loaded when it is first used.
USED = ("AgentIngress", "AgentIngressDelegation", "AgentIngressCertificateValidation", "agent_config", "dns")
OURS = f"{FLOOR}; from pulumi_agin import {', '.join(USED)}"


def measure(python: Path, runs: int) -> tuple[list[float], list[float]]:
    """Returns the seconds of `runs` imports of the floor and of ours, without the start of the interpreter."""
    _seconds(python, OURS)  # compiles what isn't compiled yet
    floor, ours = zip(*((_seconds(python, FLOOR), _seconds(python, OURS)) for _ in range(runs)), strict=True)
    return list(floor), list(ours)


def _seconds(python: Path, imports: str) -> float:
    program = f"import time; t = time.perf_counter(); {imports}; print(time.perf_counter() - t)"
    # In another folder, because in this one it would import the source instead of the wheel.
    run = subprocess.run([python, "-c", program], cwd=python.parent, capture_output=True, text=True, check=True)
    return float(run.stdout)
