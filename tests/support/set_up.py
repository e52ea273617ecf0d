"""Fixtures for everything outside of the development environment, set up once for all processes of a run.

Long steps are shown. If a set-up fails, so do its tests, with the reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest

from tools import bind, environment, pulumi_cli
from tools import sdks as sdk_generator
from tools.steps import StepError

T = TypeVar("T")
SetUp = Callable[[Callable[[], T]], T]

_ENVIRONMENT = dict(os.environ)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--user-environment", type=Path, help="an environment with the package, in place of .build/user-*")
    parser.addoption("--ngrok", metavar="DOMAIN", help="compare ngrok with the emulator, with ingresses below DOMAIN")


@pytest.fixture(scope="session")
def set_up(request: pytest.FixtureRequest) -> Callable[[Callable[[], T]], T]:
    """Sets up something for a run, and shows long steps. Of several processes, only the first one does it."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    is_first = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"

    def make(maker: Callable[[], T]) -> T:
        shown = capture.global_and_fixture_disabled() if is_first else nullcontext()
        # With the proxies of the environment, which are hidden from tests.
        with shown, mock.patch.dict(os.environ, _ENVIRONMENT, clear=True):
            try:
                return maker()
            except StepError as error:
                pytest.fail(str(error), pytrace=False)

    return make


@pytest.fixture(scope="session")
def cli(set_up: SetUp[Path]) -> Path:
    return set_up(pulumi_cli.find_or_make)


@pytest.fixture(scope="session")
def bind_programs(set_up: SetUp[bind.Programs]) -> bind.Programs:
    return set_up(bind.find_or_make)


@pytest.fixture(scope="session")
def user_env(request: pytest.FixtureRequest, set_up: SetUp[Path]) -> Path:
    """A virtual environment like a user's: the package and its dependencies. The parameter is the version of Python."""
    given: Path | None = request.config.getoption("--user-environment")
    version = getattr(request, "param", environment.OWN)
    return given or set_up(lambda: environment.user(version))


@pytest.fixture(scope="session")
def yaml_host(set_up: SetUp[None], cli: Path) -> None:
    set_up(lambda: pulumi_cli.add_host("yaml", cli))


@pytest.fixture(scope="session")
def node_host(set_up: SetUp[None], cli: Path) -> None:
    set_up(lambda: pulumi_cli.add_host("nodejs", cli))


@pytest.fixture(scope="session")
def npm_packages(set_up: SetUp[Path]) -> Path:
    """The `node_modules` with Pulumi's SDK for TypeScript and its dependencies."""
    return set_up(sdk_generator.npm_packages)


@pytest.fixture(scope="session")
def sdks(set_up: SetUp[Path]) -> Path:
    """The folder with the SDKs that were generated from the plugin's schema, by language."""
    return set_up(sdk_generator.generate)


@pytest.fixture(scope="session")
def dns_packages(set_up: SetUp[Path]) -> Path:
    """The folder with the packages of all DNS providers and their dependencies."""
    return set_up(environment.dns_packages)


@pytest.fixture(scope="session")
def main_dns_packages(set_up: SetUp[Path]) -> Path:
    """The folder with the packages of the DNS providers in `make test`."""
    return set_up(lambda: environment.dns_packages(environment.MAIN_DNS_EXTRAS))


@pytest.fixture
def dns_sdks(request: pytest.FixtureRequest) -> None:
    """Makes the packages of DNS providers importable, at the end of the path.

    `make test` has the packages of some adapters, for each form of records. A test of another adapter, by its parameter
    `name`, is marked `rest` and gets all packages. The environment of `nox --session lowest` has them.
    """
    if request.config.getoption("--user-environment"):
        return
    is_of_all = request.node.get_closest_marker("rest") is not None
    folder = os.fspath(request.getfixturevalue("dns_packages" if is_of_all else "main_dns_packages"))
    if folder not in sys.path:
        sys.path.append(folder)
