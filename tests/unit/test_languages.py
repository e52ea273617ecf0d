"""Which language host the set-up takes. Nothing is fetched or built here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_pulumi_cli import program
from tools import languages, pulumi_cli
from tools.go import making
from tools.languages import YAML
from tools.steps import StepError


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `.build`, and a PATH with neither a CLI nor Go, so that nothing is built."""
    folder = tmp_path / ".build"
    monkeypatch.setattr(pulumi_cli, "RESULT", folder / "pulumi")
    monkeypatch.setattr(languages, "RESULTS", folder / "languages")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    return folder


def earlier_result(build: Path) -> Path:
    with making(build / "languages" / "yaml", languages.made_of(YAML)) as folder:
        return program(folder, YAML.executable)


def test_the_host_beside_a_cli_on_the_path_is_used(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier_result(build)
    program(tmp_path / "cli", YAML.executable)
    assert languages.ensure(YAML, tmp_path / "cli") == tmp_path / "cli"
    program(tmp_path / "elsewhere", YAML.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    assert languages.ensure(YAML, tmp_path / "without") == tmp_path / "elsewhere"


def test_a_host_on_the_path_is_not_used_with_a_cli_that_was_made_here(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier_result(build)
    program(tmp_path / "old", YAML.executable)
    monkeypatch.setenv("PATH", str(tmp_path / "old"))
    cli = program(build / "pulumi" / "bin", "pulumi").parent
    assert languages.ensure(YAML, cli) == cli


def test_an_earlier_result_is_linked_beside_the_cli_that_was_made_here(build: Path) -> None:
    made = earlier_result(build)
    cli = program(build / "pulumi" / "bin", "pulumi").parent
    for _ in range(2):
        assert languages.ensure(YAML, cli) == cli
        assert (cli / YAML.executable).resolve() == build / "languages" / "yaml" / made.name


def test_a_host_that_came_with_the_cli_is_kept(build: Path) -> None:
    came = program(build / "pulumi" / "bin", YAML.executable)
    assert languages.ensure(YAML, came.parent) == came.parent
    assert not came.is_symlink()


@pytest.mark.parametrize("spoil", ["stamp.json", YAML.executable])
def test_a_result_that_is_not_whole_is_made_anew(build: Path, tmp_path: Path, spoil: str) -> None:
    earlier_result(build)
    (build / "languages" / "yaml" / spoil).unlink()
    with pytest.raises(
        StepError, match=r"no Go to build .* of yaml with.\nEither install Go \d.* or install the Pulumi"
    ):
        languages.ensure(YAML, tmp_path / "cli")
    assert [folder.name for folder in (build / "languages").iterdir()] == ["yaml"]
