"""Fixtures for every test: an environment without the developer's own settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import clock as test_clock
from tests.support.bind import Bind
from tests.support.emulator import Api, EmulatorClock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tests.support.odd_emulator import OddEmulator
from tests.support.records import DOMAIN, KEY, delegate
from tools import environment
from tools.bind import Programs
from tools.steps import heed_interrupts

TESTS = Path(__file__).parent

pytest_plugins = [
    "tests.support.set_up",
    "tests.support.projects",
    "tests.support.mocks",
]


def pytest_configure() -> None:
    """Restores SIGINT. Otherwise, all processes that tests start would ignore it, too."""
    heed_interrupts()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test for one of the three runs, by its folder, unless it has such a mark."""
    for item in items:
        if not any(item.get_closest_marker(name) for name in ("main", "rest", "weekly")):
            level = item.path.relative_to(TESTS).parts[0]
            item.add_marker("rest" if level == "engine" or is_of_other_adapter(item) else "main")


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Clears the faults of a failed test, which may not have reached their requests, so that only it is reported."""
    if call.excinfo and isinstance(item, pytest.Function):
        for each in item.funcargs.values():
            if isinstance(each, Emulator):
                each.clear_faults()


def is_of_other_adapter(item: pytest.Item) -> bool:
    """Returns whether a test needs a DNS provider's package that `make test` does not have."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    name = parameters.get("name")
    needs_package = "dns_sdks" in getattr(item, "fixturenames", ()) and name is not None
    return needs_package and name not in environment.MAIN_DNS_EXTRAS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names the adapters that `make test` did not run against their packages, and the command that does."""
    reports = [report for each in terminalreporter.stats.values() for report in each]
    with_packages = "tests/program/dns/test_records.py"
    is_of_adapters = any(getattr(each, "nodeid", "").startswith(with_packages) for each in reports)
    if config.option.markexpr == "main" and is_of_adapters:
        others = sorted(set() - {"rfc2136", *environment.MAIN_DNS_EXTRAS})
        terminalreporter.write_line(
            f"Not run against their packages: the adapters {', '.join(others)}. If you changed one, run\n"
            ".build/venv/bin/python -m pytest -m rest tests/program -k NAME",
            yellow=True,
        )


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the settings of ngrok, Pulumi, proxies and terminals from the environment."""
    for name in os.environ:
        if name.startswith(("NGROK_", "PULUMI_")):
            monkeypatch.delenv(name)
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
        if name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs each test in an empty folder. In the repository, `pulumi` would find a project without a stack."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """ngrok's API, with our account and another user's account. Its responses can have other forms."""
    with OddEmulator(api_key=API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY]) as running:
        yield running


@pytest.fixture
def clock() -> test_clock.Clock:
    return test_clock.Clock()


@pytest.fixture
def emulator_clock() -> EmulatorClock:
    return EmulatorClock()


@pytest.fixture
def api(emulator: Emulator) -> Api:
    return Api(emulator)


@pytest.fixture(scope="session")
def running_bind(tmp_path_factory: pytest.TempPathFactory, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path_factory.mktemp("bind"), [KEY]) as bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    """A primary server of acme.com without delegations."""
    delegate(running_bind, DOMAIN, [])
    return running_bind


@pytest.fixture
def settings_of_emulator(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the emulator's URL and our key for it in the environment."""
    monkeypatch.setenv("NGROK_API_BASE_URL", emulator.url)
    monkeypatch.setenv("NGROK_API_KEY", API_KEY)


