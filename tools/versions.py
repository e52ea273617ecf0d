"""Tests with other versions of the dependencies: `python -m tools.versions lowest`, or `newest --python 3.14`.

`lowest` installs the lowest versions that pyproject.toml allows. Each environment runs a whole lifecycle with the real
engine, and the tests that use a dependency most. `--levels` runs all unit and servicer tests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tools import environment
from tools.steps import ROOT, StepError, exit_status

RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
# A whole lifecycle with the SDK, and for each other dependency the tests that use it most.
QUICK = (
    "tests/engine/test_whole_life.py",
    "tests/servicer/test_servicer.py",
    "tests/unit/test_models.py",
    "tests/unit/test_http.py::test_request_with_a_broken_response_may_have_been_carried_out",
    "tests/unit/test_http.py::test_certificate_is_verified",
    "tests/unit/test_http.py::test_only_the_beginning_of_a_huge_response_is_read",
    "tests/unit/test_http.py::test_connection_is_reused_without_cookies",
    "tests/unit/test_emulator_api.py::test_filter_selects_ingresses",
    "tests/unit/test_emulator_dns_lookup.py",
)
LEVELS = ("tests/engine/test_whole_life.py", "tests/unit", "tests/servicer")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.versions")
    parser.add_argument("which", choices=RESOLUTIONS)
    parser.add_argument(
        "--python", default=sys.executable, help="a version such as 3.12 (default: the one that runs this)"
    )
    parser.add_argument("--levels", action="store_true", help="all unit and servicer tests")
    options = parser.parse_args()
    folder = environment.versions(options.python, RESOLUTIONS[options.which])
    at_once = ("--numprocesses", "4", "--dist", "worksteal", "--user-environment", str(folder))
    tests = LEVELS if options.levels else QUICK
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", *at_once, *tests]
    run = subprocess.run(command, cwd=ROOT, check=False)
    if run.returncode != 0:
        raise StepError(f"The tests do not pass with the {options.which} versions of the dependencies.")


if __name__ == "__main__":
    sys.exit(exit_status(main))
