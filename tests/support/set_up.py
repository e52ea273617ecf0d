"""Fixtures that set up what tests need outside of the development environment, once for all processes of a run.

What takes long is shown while it is made. A test whose set-up fails is skipped with one sentence, and the run then
ends with a status that is not 0.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tools import environment, languages, node, pulumi_cli
from tools import sdks as sdk_generators
from tools.steps import BUILD, StepError

T = TypeVar("T")
SetUp = Callable[[Callable[[], T]], T]

_NOT_SET_UP = "could not be set up: "


@pytest.fixture(scope="session")
def set_up(request: pytest.FixtureRequest) -> Callable[[Callable[[], T]], T]:
    """Makes something that a run needs, while the other processes of the run wait for it."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def make(maker: Callable[[], T]) -> T:
        BUILD.mkdir(exist_ok=True)
        with capture.global_and_fixture_disabled(), (BUILD / "set-up.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                return maker()
            except StepError as error:
                pytest.skip(f"{_NOT_SET_UP}{' '.join(str(error).split())}")

    return make


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes what could not be set up, in the process that prints the summary."""
    if report.skipped and isinstance(report.longrepr, tuple) and _NOT_SET_UP in report.longrepr[2]:
        _missing.add(report.longrepr[2].partition(_NOT_SET_UP)[2])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _missing and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in sorted(_missing):
        terminalreporter.write_line(f"Not everything was tested: {reason}", red=True)


_missing: set[str] = set()


@pytest.fixture(scope="session")
def cli(set_up: SetUp[Path]) -> Path:
    """The folder with the Pulumi CLI."""
    return set_up(lambda: pulumi_cli.ensure(python=pulumi_cli.development_python()))


@pytest.fixture(scope="session")
def user_env(set_up: SetUp[Path]) -> Path:
    """A virtual environment as a user has it: the wheel and its dependencies."""
    return set_up(environment.user)


@pytest.fixture(scope="session")
def yaml_host(set_up: SetUp[Path], cli: Path) -> Path:
    """The folder of the language host that runs programs in YAML."""
    return set_up(lambda: languages.ensure(languages.YAML, cli))


@pytest.fixture(scope="session")
def node_host(set_up: SetUp[Path], cli: Path) -> Path:
    """The folder of the language host that runs programs in TypeScript."""
    return set_up(lambda: languages.ensure(languages.NODE, cli))


@pytest.fixture(scope="session")
def go_host(set_up: SetUp[Path], cli: Path) -> Path:
    """The folder of the language host that runs programs in Go."""
    return set_up(lambda: languages.ensure(languages.GO, cli))


@pytest.fixture(scope="session")
def npm_packages(set_up: SetUp[Path]) -> Path:
    """The `node_modules` with Pulumi's SDK for TypeScript and what a program needs besides."""
    return set_up(node.ensure) / "node_modules"


@pytest.fixture(scope="session")
def sdks(set_up: SetUp[Path]) -> Path:
    """The folder with the SDKs that were generated from the plugin's schema, each under the name of its language."""
    return set_up(sdk_generators.ensure)


@pytest.fixture(scope="session")
def dns_packages(set_up: SetUp[Path]) -> Path:
    """The folder with the packages of all DNS providers and their dependencies."""
    return set_up(environment.dns_sdks)


@pytest.fixture(scope="session")
def dns_sdks(dns_packages: Path) -> None:
    """The packages of all DNS providers can be imported, behind everything else."""
    sys.path.append(os.fspath(dns_packages))
