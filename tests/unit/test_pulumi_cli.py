"""Selection of a Pulumi CLI for the set-up, and steps that fail. Nothing is downloaded or built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pulumi_cli
from tools.pulumi_cli import HELPERS, find_or_make, problem_of
from tools.steps import StepError, made_once, run


def write_cli(folder: Path, version: str = "v3.274.1", helpers: tuple[str, ...] = HELPERS) -> Path:
    folder.mkdir(parents=True)
    for name in ("pulumi", *helpers):
        (folder / name).write_text(f'#!/bin/sh\n[ "$1" = version ] && echo "{version}"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provides an empty cache, no Go, and no environment for Pulumi's installer."""
    monkeypatch.setattr(pulumi_cli, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(pulumi_cli, "BUILD", tmp_path / "build")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("version", "helpers", "problem"),
    [
        ("v3.268.0", HELPERS, ""),
        ("3.300.0-alpha.x1a2b3c", HELPERS, ""),
        ("v3.267.9", HELPERS, "is not 3.268 or newer"),
        ("v4.0.0", HELPERS, "is not 3.268 or newer"),
        ("unknown command", HELPERS, "is not 3.268 or newer"),
        ("v3.274.1", HELPERS[1:], f"comes without {HELPERS[0]}"),
    ],
)
def test_cli_is_new_enough_and_runs_python(
    tmp_path: Path, version: str, helpers: tuple[str, ...], problem: str
) -> None:
    assert problem_of(write_cli(tmp_path / "bin", version, helpers) / "pulumi") == problem


def test_path_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = write_cli(pulumi_cli.folder_of_made() / "bin")
    assert find_or_make() == cached
    on_path = write_cli(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(on_path))
    assert find_or_make() == on_path
    monkeypatch.setenv("PATH", str(write_cli(tmp_path / "old", "v3.100.0")))
    assert find_or_make() == cached


def test_missing_cli_and_go_are_reported_with_the_next_step() -> None:
    with pytest.raises(StepError) as caught:
        find_or_make()
    assert "No such file or directory: 'go'" in str(caught.value)
    assert str(caught.value).endswith(f"\n{pulumi_cli.ADVICE}")


def test_failed_step_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"^making it: failed with exit code 3\nno space left$"):
        made_once(tmp_path / "made", lambda _: run("making it", ["/bin/sh", "-c", "echo no space left; exit 3"]))
    assert not (tmp_path / "made").exists()
    assert made_once(tmp_path / "made", lambda folder: (folder / "file").touch()).is_dir()
