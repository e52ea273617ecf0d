"""Tests with other Pythons, and with other versions of the dependencies.

`python -m tools.versions python` runs a whole lifecycle with the real engine on the highest supported Python besides
the one that runs this; `pythons` runs it and all unit tests on each of them. Both name the supported Pythons that are
not on this machine. If the highest is missing, the next one runs with deprecations as errors in its place.

`lowest` installs the lowest versions that pyproject.toml allows, on the lowest Python, and `newest --python 3.14` the
newest. Both run a whole lifecycle, and the tests that use a dependency most. `--levels` runs all unit and servicer
tests.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from tools import environment
from tools.steps import ROOT, StepError, exit_status, report

LIFE = "tests/engine/test_whole_life.py"
# A whole lifecycle with the SDK, and for each other dependency the tests that use it most.
QUICK = (
    LIFE,
    "tests/servicer/test_servicer.py",
    "tests/unit/test_models.py",
    "tests/unit/test_client_security.py::test_response_with_an_unprintable_name_is_rejected",
    "tests/unit/test_validation.py",
    "tests/unit/test_http.py::test_request_with_a_broken_response_may_have_been_carried_out",
    "tests/unit/test_http.py::test_certificate_is_verified",
    "tests/unit/test_http.py::test_only_the_beginning_of_a_huge_response_is_read",
    "tests/unit/test_http.py::test_connection_is_reused_without_cookies",
    "tests/unit/test_emulator_api.py::test_filter_selects_ingresses",
    "tests/unit/test_emulator_dns_lookup.py",
)
UNIT = (LIFE, "tests/unit")
LEVELS = (*UNIT, "tests/servicer")
DEPRECATIONS = {"PYTHONWARNINGS": "error::DeprecationWarning,error::PendingDeprecationWarning"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.versions")
    parser.add_argument("which", choices=["python", "pythons", "lowest", "newest"])
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="for `newest`, a version such as 3.12 (default: the one that runs this)",
    )
    parser.add_argument("--levels", action="store_true", help="all unit and servicer tests")
    options = parser.parse_args()
    tests = LEVELS if options.levels else QUICK
    if options.which == "lowest":
        lowest((*tests, "tests/program"))
    elif options.which == "newest":
        if not passes(environment.versions(options.python, "highest"), tests):
            raise StepError("The tests do not pass with the newest versions of the dependencies.")
    else:
        other_pythons(every=options.which == "pythons")


def lowest(tests: Sequence[str]) -> None:
    version = environment.supported_pythons()[0]
    python = environment.find_python(version)
    if python is None:
        # There may be no wheels of these versions for newer Pythons.
        report(f"Not tested: the lowest versions of the dependencies. Python {version} is not on this machine.")
        return
    folder = environment.versions(python, "lowest-direct", dns_packages=True)
    check_lowest(folder)
    if not passes(folder, tests):
        raise StepError("The tests do not pass with the lowest versions of the dependencies.")


def check_lowest(folder: Path) -> None:
    """Checks that an environment has exactly the lowest versions of the wheel's requirements, with all extras."""
    path = [str(each) for each in folder.glob("lib/python*/site-packages")]
    installed = {normalized(each.name): each.version for each in metadata.distributions(path=path)}
    [wheel] = metadata.distributions(name="pulumi-agin", path=path)
    for requirement in wheel.requires or []:
        [(name, bound)] = re.findall(r"^([\w-]+).*?>=([\d.]+)", requirement)
        version = installed.get(normalized(name), "no version")
        if not re.fullmatch(rf"{re.escape(bound)}(\.0)*", version):
            raise StepError(f"The lowest {name} that pyproject.toml allows is {bound}, but {version} is installed.")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def other_pythons(*, every: bool) -> None:
    """Runs a life on the highest other Python, or that and the unit tests on every other one."""
    supported = environment.supported_pythons()
    highest = supported[-1]
    own = "{}.{}".format(*sys.version_info)
    pythons = {each: sys.executable if each == own else environment.find_python(each) for each in supported}
    found = {version: python for version, python in pythons.items() if python}
    strict = None if highest in found else list(found)[-1]
    chosen = [version for version in found if version != own]
    if not every:
        chosen = chosen[-1:]
    elif strict == own:
        chosen.append(own)
    failed = []
    for version in chosen:
        reason = f", with deprecations as errors, because Python {highest} is not on this machine"
        report(f"Python {version}{reason if version == strict else ''}:")
        folder = environment.of_python(version, found[version])
        if not passes(folder, UNIT if every else (LIFE,), DEPRECATIONS if version == strict else {}):
            failed.append(version)
    for version in supported:
        if version not in found:
            report(f"Not tested: Python {version} is not on this machine.")
    if failed:
        raise StepError(f"The tests do not pass with Python {', '.join(failed)}.")


def passes(folder: Path, tests: Sequence[str], variables: Mapping[str, str] | None = None) -> bool:
    """Runs tests in an environment, with these environment variables as well."""
    at_once = ("--numprocesses", "4", "--dist", "worksteal") if len(tests) > 1 else ()
    command = [folder / "bin" / "python", "-m", "pytest", "-q", *at_once, "--user-environment", folder, *tests]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(variables or {})}, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
