"""The real CLI, the wheel in an environment of its own, and the emulator."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.project import Project
from tests.keys import API_KEY


def _folder(variable: str) -> Path:
    if variable not in os.environ:
        pytest.exit(f"{variable} is not set: run these tests with `make engine`, which sets up what they need", 2)
    return Path(os.environ[variable]).resolve()


@pytest.fixture(scope="session")
def cli() -> Path:
    """The folder with the Pulumi CLI."""
    return _folder("PULUMI_AGIN_TEST_CLI")


@pytest.fixture(scope="session")
def user_env() -> Path:
    """A virtual environment as a user has it: the wheel and its dependencies."""
    return _folder("PULUMI_AGIN_TEST_USER_ENV")


@pytest.fixture(scope="session")
def oldest_sdk() -> Path:
    """A folder with the oldest SDK of Pulumi's that the package allows."""
    return _folder("PULUMI_AGIN_TEST_OLDEST_SDK")


@pytest.fixture
def project(tmp_path: Path, cli: Path, user_env: Path, emulator: Emulator) -> Project:
    """An empty project with a stack, the emulator for ngrok, and its key in the environment."""
    environment = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    return Project(tmp_path / "project", cli, user_env, environment)
