"""Projects of programs in other languages than Python, which use the provider plugin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.native.program import Language, NativeProject
from tests.support.keys import API_KEY
from tests.support.projects import QUICKER_CLI
from tests.support.vault import SECRETS_PROVIDER


@pytest.fixture
def language() -> Language:
    """The language of the test's programs, unless the test names others."""
    return "yaml"


@pytest.fixture
def new_project(
    tmp_path: Path,
    cli: Path,
    user_env: Path,
    prepared: Path,
    secrets: dict[str, str],
    emulator: Emulator,
    language: Language,
) -> Callable[[str], NativeProject]:
    """Makes empty projects, each in a folder of the name that is given, as `project` is one."""

    def new(folder: str) -> NativeProject:
        environment = {**secrets, **QUICKER_CLI, "NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
        return NativeProject(
            tmp_path / folder,
            cli,
            user_env,
            environment,
            prepared=prepared,
            secrets_provider=SECRETS_PROVIDER,
            language=language,
        )

    return new


@pytest.fixture
def project(new_project: Callable[[str], NativeProject]) -> NativeProject:
    """An empty project with a stack, the emulator for ngrok, and its key in the environment."""
    return new_project("project")


@pytest.fixture(autouse=True)
def host(language: Language, request: pytest.FixtureRequest) -> None:
    """What `project` needs to run programs in the test's language."""
    request.getfixturevalue(f"{language}_project")
