"""What earlier versions wrote is read by this one. `states/record.py` says how a state is recorded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.project import Project
from tests.engine.states import record
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY

VERSIONS = sorted(state.parent for state in record.FOLDER.glob(f"*/{record.STATE}"))

DOMAINS = sorted(f"{name}.acme.com" for name in ("child", "described", "kept", "managed", "plain", "secret", "theirs"))


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> Path:
    """The folder of a recorded state."""
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def emulator(version: Path, tmp_path: Path) -> Iterator[Emulator]:
    """ngrok, with the ingresses that the state is about."""
    file = shutil.copy(version / record.INGRESSES, tmp_path)
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=file) as running:
        yield running


@pytest.fixture
def project(version: Path, emulator: Emulator, tmp_path: Path, cli: Path, user_env: Path, prepared: Path) -> Project:
    """A project with the recorded program and state."""
    project = Project(tmp_path / "project", cli, user_env, record.settings(emulator), prepared=prepared)
    shutil.copy(version / record.PROGRAM, project.folder / "__main__.py")
    project.write_state(json.loads((version / record.STATE).read_text()))
    return project


def made(emulator: Emulator) -> list[dict[str, Any]]:
    return sorted(emulator.ingresses(), key=lambda ingress: str(ingress["domain"]))


def nothing_was_written(emulator: Emulator) -> bool:
    return {request["method"] for request in emulator.requests()} <= {"GET"}


def test_an_up_changes_nothing(project: Project, emulator: Emulator) -> None:
    before = made(emulator)
    assert [ingress["domain"] for ingress in before] == DOMAINS
    assert [r["urn"].rpartition("::")[2] for r in project.resources() if r.get("initErrors")] == ["kept"]
    # Only what failed half-way is looked at again.
    assert "1 to update" in project.preview()
    assert "~ 1 updated" in project.up()
    assert not any(r.get("initErrors") for r in project.resources())
    done = project.up()
    # The summary has changes first, where there are some.
    assert re.search(r"Resources:\n +\d+ unchanged\n", done.output), done.output
    assert nothing_was_written(emulator)
    assert made(emulator) == before


def test_a_refresh_an_up_and_a_destroy(project: Project, emulator: Emulator) -> None:
    before = made(emulator)
    project.refresh()
    assert {r["id"] for r in project.resources()} == {ingress["id"] for ingress in before}
    assert not any(r.get("initErrors") for r in project.resources())
    project.up()
    assert nothing_was_written(emulator)
    assert made(emulator) == before
    [secret] = [r for r in project.resources() if r["urn"].endswith("::secret")]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in secret[part]["description"]
    project.destroy()
    assert emulator.ingresses() == []


def test_a_destroy(project: Project, emulator: Emulator) -> None:
    project.destroy()
    assert emulator.ingresses() == []
    assert project.resources() == []
