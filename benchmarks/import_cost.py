"""What `import pulumi_agin` adds to `import pulumi`: at most 15 ms, says the design.

    make bench

Each import runs in a fresh interpreter, the two kinds alternating; the figures are medians.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
from importlib.metadata import version

RUNS = 21
LIMIT_MILLISECONDS = 15

# A dynamic resource needs pulumi.dynamic whatever package it comes from.
FLOOR = "import pulumi, pulumi.dynamic"
OURS = f"{FLOOR}, pulumi_agin"


def milliseconds(imports: str) -> float:
    """How long the imports take in a fresh interpreter, without its own start."""
    program = f"import time; t = time.perf_counter(); {imports}; print((time.perf_counter() - t) * 1000)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(run.stdout)


def main() -> None:
    milliseconds(OURS)  # compiles what isn't compiled yet
    floor, ours = zip(*((milliseconds(FLOOR), milliseconds(OURS)) for _ in range(RUNS)), strict=True)
    added = statistics.median(ours) - statistics.median(floor)
    print(f"{platform.machine()}, Python {platform.python_version()}, pulumi {version('pulumi')}, medians of {RUNS}")
    print(f"  import pulumi, pulumi.dynamic   {statistics.median(floor):6.1f} ms")
    print(f"  … and pulumi_agin               {statistics.median(ours):6.1f} ms")
    print(f"  added                           {added:6.1f} ms, of {LIMIT_MILLISECONDS} ms at most")


if __name__ == "__main__":
    main()
