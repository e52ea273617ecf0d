"""Fixtures with a Pulumi project: the real CLI, the package in a separate environment, and the emulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.project import Project
from tests.support.vault import SECRETS_PROVIDER, vault

# The CLI's garbage collector would take a twentieth of the CPU time of all tests, which have enough memory.
QUICKER_CLI = {"GOGC": "800"}


@pytest.fixture(scope="session")
def secrets() -> Iterator[dict[str, str]]:
    """The environment variables for the stand-in for Vault, which encrypts the stacks' keys."""
    with vault() as variables:
        yield variables


@pytest.fixture
def project(tmp_path: Path, cli: Path, user_env: Path, secrets: dict[str, str], emulator: Emulator) -> Project:
    """An empty project with a stack, the emulator for ngrok, and its key in the environment."""
    environment = {**secrets, **QUICKER_CLI, "NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    return Project(tmp_path / "project", cli, user_env, environment, secrets_provider=SECRETS_PROVIDER)


@pytest.fixture
def yaml_project(project: Project, yaml_host: None) -> Project:
    """An empty project that can run programs in YAML with the provider plugin."""
    return project


@pytest.fixture
def typescript_project(project: Project, node_host: None, npm_packages: Path, sdks: Path) -> Project:
    """An empty project that can run programs in TypeScript with the provider plugin and its generated SDK."""
    node = shutil.which("node")
    assert node, "there is no Node.js on PATH"
    project.add_to_path(Path(node).parent)
    # Only tests of types call `check_types`, which takes longer than the rest of a program.
    project.environment["PULUMI_NODEJS_TRANSPILE_ONLY"] = "true"
    # One by one, because the language host requests the plugin of each Pulumi package that it finds.
    for name in ("@pulumi/pulumi", "@types/node", "ts-node", "typescript"):
        project.link_package(name, npm_packages / name)
    project.link_package("@pulumi-agin/agin", sdks / "nodejs")
    return project
