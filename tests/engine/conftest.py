"""The real CLI, the wheel in an environment of its own, and the emulator."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.project import Project
from tests.engine.vault import SECRETS_PROVIDER, vault
from tests.keys import API_KEY


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the demo, which takes longest: others are run beside it, and none waits for it at the end."""
    items.sort(key=lambda item: "test_demo.py" not in item.nodeid)


def _set_up(variable: str) -> str:
    """What `make` set up. Without it, the test that asks for it fails."""
    if not os.environ.get(variable):
        pytest.fail(
            f"{variable} is not set: run this test with `make engine`, which sets up what it needs", pytrace=False
        )
    return os.environ[variable]


def _folder(variable: str) -> Path:
    return Path(_set_up(variable)).resolve()


@pytest.fixture(scope="session")
def cli() -> Path:
    """The folder with the Pulumi CLI."""
    return _folder("PULUMI_AGIN_TEST_CLI")


@pytest.fixture(scope="session")
def user_env() -> Path:
    """A virtual environment as a user has it: the wheel and its dependencies."""
    return _folder("PULUMI_AGIN_TEST_USER_ENV")


@pytest.fixture(scope="session")
def languages() -> str:
    """The folders, as in PATH, of the hosts of YAML and TypeScript programs."""
    return _set_up("PULUMI_AGIN_TEST_LANGUAGES")


@pytest.fixture(scope="session")
def go_host() -> Path:
    """The folder of the host of Go programs, which only `make go` sets up."""
    return _folder("PULUMI_AGIN_TEST_GO")


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The `node_modules` with Pulumi's SDK for TypeScript and what a program needs besides."""
    return _folder("PULUMI_AGIN_TEST_NODE") / "node_modules"


@pytest.fixture(scope="session")
def sdks() -> Path:
    """The folder with the SDKs that were generated from the plugin's schema, each under the name of its language."""
    return _folder("PULUMI_AGIN_TEST_SDKS")


@pytest.fixture(scope="session")
def secrets() -> Iterator[dict[str, str]]:
    """The environment variables with which the CLI finds the stand-in for Vault, which encrypts the stacks' keys."""
    with vault() as variables:
        yield variables


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, cli: Path, user_env: Path, secrets: dict[str, str]) -> Path:
    """A project with an empty stack, for others to copy."""
    folder = tmp_path_factory.mktemp("prepared")
    return Project(folder, cli, user_env, dict(secrets), secrets_provider=SECRETS_PROVIDER).folder


# The CLI's garbage collector would take a twentieth of the CPU time of all tests, and no test is short of memory.
QUICKER_CLI = {"GOGC": "800"}

NewProject = Callable[[str], Project]


@pytest.fixture
def new_project(
    tmp_path: Path, cli: Path, user_env: Path, prepared: Path, secrets: dict[str, str], emulator: Emulator
) -> NewProject:
    """Makes empty projects, each in a folder of the name that is given, as `project` is one."""

    def new(folder: str) -> Project:
        environment = {**secrets, **QUICKER_CLI, "NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
        return Project(
            tmp_path / folder, cli, user_env, environment, prepared=prepared, secrets_provider=SECRETS_PROVIDER
        )

    return new


@pytest.fixture
def project(new_project: NewProject) -> Project:
    """An empty project with a stack, the emulator for ngrok, and its key in the environment."""
    return new_project("project")


@pytest.fixture
def yaml_project(project: Project, languages: str) -> Project:
    """An empty project that can run programs in YAML with the provider plugin."""
    project.add_to_path(languages)
    return project


@pytest.fixture
def typescript_project(project: Project, languages: str, npm_packages: Path, sdks: Path) -> Project:
    """An empty project that can run programs in TypeScript with the provider plugin and its generated SDK."""
    node = shutil.which("node")
    assert node, "there is no Node.js on PATH"
    project.add_to_path(languages, Path(node).parent)
    # Types are checked once, in test_sdks.py: it takes longer than the rest of a program.
    project.environment["PULUMI_NODEJS_TRANSPILE_ONLY"] = "true"
    # One by one: the language host asks for the plugin of each package of Pulumi's that it finds.
    for name in ("@pulumi/pulumi", "@types/node", "ts-node", "typescript"):
        project.link_package(name, npm_packages / name)
    project.link_package("@pulumi-agin/agin", sdks / "nodejs")
    return project
