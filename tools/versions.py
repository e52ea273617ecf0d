"""Tests with other Pythons, and with other versions of the dependencies.

`python -m tools.versions python` runs a whole lifecycle with the real engine on the highest supported Python besides
the one that runs this; `pythons` runs it and all unit tests on each of them. Both name the supported Pythons that are
not on this machine. If the highest is missing, the next one runs with deprecations as errors in its place.

`lowest` installs the lowest versions that pyproject.toml allows, on the lowest Python, and `newest` the newest. Both
run a whole lifecycle and all unit tests; `--levels` adds the servicer tests.
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
UNIT = (LIFE, "tests/unit")
DEPRECATIONS = {"PYTHONWARNINGS": "error::DeprecationWarning,error::PendingDeprecationWarning"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.versions")
    parser.add_argument("which", choices=["python", "pythons", "lowest", "newest"])
    parser.add_argument("--levels", action="store_true", help="for lowest and newest: the servicer tests as well")
    options = parser.parse_args()
    tests = (*UNIT, "tests/servicer") if options.levels else UNIT
    if options.which == "lowest":
        lowest((*tests, "tests/program"))
    elif options.which == "newest":
        if not passes(environment.versions(sys.executable, "highest"), tests):
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
    folder = environment.versions(python, "lowest-direct", "--all-extras")
    check_lowest(folder)
    if not passes(folder, tests):
        raise StepError("The tests do not pass with the lowest versions of the dependencies.")


def check_lowest(folder: Path) -> None:
    """Checks that an environment has exactly the lowest versions of the package's requirements, with all extras."""
    path = [str(each) for each in folder.glob("lib/python*/site-packages")]
    installed = {normalized(each.name): each.version for each in metadata.distributions(path=path)}
    [package] = metadata.distributions(name="pulumi-agin", path=path)
    for requirement in package.requires or []:
        [(name, bound)] = re.findall(r"^([\w-]+).*?>=([\d.]+)", requirement)
        version = installed.get(normalized(name), "no version")
        if not re.fullmatch(rf"{re.escape(bound)}(\.0)*", version):
            raise StepError(f"The lowest {name} that pyproject.toml allows is {bound}, but {version} is installed.")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def other_pythons(*, every: bool) -> None:
    """Runs a life on the highest other Python, or that and the unit tests on every other one."""
    supported = environment.supported_pythons()
    own = "{}.{}".format(*sys.version_info)
    pythons = {each: sys.executable if each == own else environment.find_python(each) for each in supported}
    found = {version: python for version, python in pythons.items() if python}
    strict = None if supported[-1] in found else list(found)[-1]
    chosen = [version for version in found if version != own]
    if not every:
        chosen = chosen[-1:]
    elif strict == own:
        chosen.append(own)
    failed = []
    for version in chosen:
        reason = f", with deprecations as errors, because Python {supported[-1]} is not on this machine"
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
