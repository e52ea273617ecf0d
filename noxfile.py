"""Tests with other Pythons, and with other versions of the dependencies: `.build/venv/bin/nox --list`.

`make test-rest` runs `unit` and `lowest`, and CI runs `lowest` and `newest` once a week. Further tests follow two
dashes, as in `nox --session newest -- tests/servicer`. tests/engine/test_whole_life.py runs on other Pythons as well.
"""

from __future__ import annotations

import os

import nox

from tools.environment import CONSTRAINTS, OWN, PYTHONS, supported_pythons

nox.options.default_venv_backend = "uv"
nox.options.envdir = ".build/nox"
# Nothing is downloaded. A session is skipped, and named at the end, if its Python is not on this machine.
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
os.environ["PATH"] = PYTHONS

# As users install them: builds need compilers.
WHEELS = ("--only-binary", ":all:")
LIFE = "tests/engine/test_whole_life.py::test_whole_life"


@nox.session(python=[each for each in supported_pythons() if each != OWN], reuse_venv=True)
def unit(session: nox.Session) -> None:
    """The unit tests on every other Python."""
    session.install(*CONSTRAINTS, "--group", "test", ".[emulator]")
    test(session, "tests/unit")


# For newer Pythons, there may be no wheels of these versions.
@nox.session(python=supported_pythons()[0])
def lowest(session: nox.Session) -> None:
    """The lowest versions that pyproject.toml allows, on the lowest Python."""
    session.install(
        "--resolution=lowest-direct", *WHEELS, "--group=test", "--requirements=pyproject.toml", "--all-extras"
    )
    # uv would install the newest versions of the dependencies of a package that it builds itself.
    session.install("--no-deps", ".")
    test(session, LIFE, "tests/unit", "tests/program")


@nox.session
def newest(session: nox.Session) -> None:
    """The newest versions that pyproject.toml allows."""
    session.install("--upgrade", *WHEELS, "--no-binary", "pulumi-agin", "--group", "test", ".[emulator]")
    test(session, LIFE, "tests/unit")


def test(session: nox.Session, *tests: str) -> None:
    options = ("-q", "--numprocesses", "4", "--dist", "loadgroup", "--user-environment", session.virtualenv.location)
    # After Ctrl-C, the tests end the processes that they have started.
    session.run("python", "-m", "pytest", *options, *tests, *session.posargs, interrupt_timeout=None)
