"""Fixtures for every test: an environment without the developer's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulumi_agin import cli
from pulumi_agin.emulator import Emulator
from tests.support import clock as test_clock
from tests.support.emulator import Api, EmulatorClock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tools import environment
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
        if "dns_sdks" in getattr(item, "fixturenames", ()):
            # One process loads the packages of DNS providers, some of which take seconds.
            item.add_marker(pytest.mark.xdist_group("dns_sdks"))
        if not any(item.get_closest_marker(name) for name in ("main", "rest", "weekly")):
            level = item.path.relative_to(TESTS).parts[0]
            item.add_marker("rest" if level == "engine" or is_of_other_adapter(item) else "main")


def is_of_other_adapter(item: pytest.Item) -> bool:
    """Returns whether a test needs a DNS provider's package that `make test` does not have."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    name = parameters.get("name")
    needs_package = "dns_sdks" in getattr(item, "fixturenames", ()) and name is not None
    return needs_package and name not in environment.MAIN_DNS_EXTRAS


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
    """ngrok's API, with our account and another user's account."""
    with Emulator(api_key=API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY]) as running:
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


@pytest.fixture
def settings_of_emulator(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the emulator's URL and our key for it in the environment."""
    monkeypatch.setenv("NGROK_API_BASE_URL", emulator.url)
    monkeypatch.setenv("NGROK_API_KEY", API_KEY)


@pytest.fixture
def pulumi_agin(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `pulumi-agin`. Returns status, stdout and stderr, and fails if they contain the API key."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(arguments)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert_without_key(out + err)
        return status, out, err

    return run
