"""`make versions`: tests with the lowest and the newest versions of all dependencies, on each Python that is there.

`python -m tools.versions all` runs the unit tests, the servicer level and a whole life with the real engine in two
environments of each Python. `python -m tools.versions lowest` runs the whole life, and the tests that use a dependency
most, with the lowest versions, on the Python that runs it. More arguments are passed to pytest.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tools import environment, pulumi_cli
from tools.environment import Resolution
from tools.steps import ROOT, StepError, ended, exit_status, say

OLDEST = (3, 10)
# A whole life through the real engine, and of each dependency the tests that use it most. The rest is run with the
# newest versions in `make test`, and with all of them in `make versions`.
QUICK_TESTS = (
    "tests/versions",
    "tests/servicer/test_servicer.py",
    "tests/servicer/test_native.py",
    *(f"tests/unit/test_{name}.py" for name in ("client", "emulator", "emulator_http", "exchange", "fields", "models")),
)
ALL_LEVELS = ("tests/versions", "tests/unit", "tests/servicer")

_NAME = re.compile(r"python3(\.[0-9]+)?")
_TELL_VERSION = """\
import sys
is_release = sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
print(*sys.version_info[:2] if is_release else ())
"""


def pythons(folders: Iterable[Path]) -> dict[tuple[int, int], Path]:
    """Finds the released versions of CPython from 3.10 on, the oldest first.

    Args:
        folders: The folders of a PATH. The first Python of each version counts.

    Returns:
        The interpreter of each version, such as (3, 12).
    """
    found: dict[tuple[int, int], Path] = {}
    for folder in folders:
        for python in sorted(folder.glob("python3*")):
            version = _version_of(python) if _NAME.fullmatch(python.name) else None
            if version and version >= OLDEST:
                found.setdefault(version, python)
    return dict(sorted(found.items()))


def folders() -> list[Path]:
    """Returns the folders of PATH, and those of pyenv's Pythons: most of these are not on PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [*map(Path, os.get_exec_path()), *sorted(pyenv.glob("versions/*/bin"))]


def _version_of(python: Path) -> tuple[int, int] | None:
    """Returns its version. None if it does not run, like some of pyenv's shims, or is not a released CPython."""
    try:
        told = subprocess.run([python, "-c", _TELL_VERSION], capture_output=True, text=True, timeout=60, check=True)
        major, minor = told.stdout.split()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return int(major), int(minor)


def run(python: Path, resolution: Resolution, arguments: list[str]) -> str:
    """Runs pytest in an environment.

    Returns:
        A line that says how it ended, with the versions of the direct dependencies.

    Raises:
        StepError: The environment could not be made.
    """
    folder = environment.versions(python, resolution)
    cli = pulumi_cli.ensure(pulumi_cli.from_environment(), python=pulumi_cli.development_python())
    variables = {"PULUMI_AGIN_TEST_CLI": str(cli), "PULUMI_AGIN_TEST_USER_ENV": str(folder)}
    command = [str(folder / "bin" / "python"), "-m", "pytest", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables}, start_new_session=True)
    with ended(process):
        status = process.wait()
    return f"{folder.name}: {'passed' if status == 0 else 'FAILED'}: {_direct_versions(folder / 'versions.txt')}"


def _direct_versions(listed: Path) -> str:
    pins = re.findall(r"^(\S+==\S+)\n((?:    #.*\n)+)", listed.read_text(encoding="utf-8"), re.MULTILINE)
    return ", ".join(pin for pin, origins in pins if "pyproject.toml" in origins)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make versions")
    parser.add_argument("which", choices=("all", "lowest"))
    parser.add_argument("--python", action="append", help="only this version, such as 3.12; may be given repeatedly")
    parser.add_argument("--jobs", default="2", help="tests at once (default: %(default)s)")
    arguments, more = parser.parse_known_args()
    resolutions: tuple[Resolution, ...] = ("lowest",)
    levels: tuple[str, ...] = QUICK_TESTS
    chosen = [Path(sys.executable)]
    if arguments.which == "all":
        there = {f"{major}.{minor}": python for (major, minor), python in pythons(folders()).items()}
        versions = arguments.python or list(there)
        if missing := [each for each in versions if each not in there]:
            raise StepError(f"There is no Python {', '.join(missing)} here, but {', '.join(there)}.")
        resolutions = ("lowest", "newest")
        levels = ALL_LEVELS
        chosen = [there[each] for each in versions]
        say(f"with Python {', '.join(versions)}")
    options = ["--numprocesses", arguments.jobs, "--dist", "worksteal", *levels, *more]
    lines: list[str] = []
    for python in chosen:
        for resolution in resolutions:
            try:
                lines.append(run(python, resolution, options))
            except StepError as error:
                lines.append(f"{python}, {resolution}: FAILED: {error}")
    print("\n".join(lines))
    if any("FAILED" in line for line in lines):
        raise StepError("The tests do not pass with all versions.")


if __name__ == "__main__":
    sys.exit(exit_status(main))
