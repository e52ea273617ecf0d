"""Selection of a Pulumi CLI for the set-up. Nothing is downloaded or built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pulumi_cli
from tools.pulumi_cli import HELPERS, NotUsableError, find_on_path, find_or_make
from tools.steps import StepError, made_once, run


def write_program(folder: Path, name: str, body: str = "exit 0") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def write_cli(folder: Path, version: str, helpers: tuple[str, ...] = HELPERS) -> Path:
    for name in helpers:
        write_program(folder, name)
    write_program(folder, "pulumi", f'[ "$1" = version ] && echo "{version}"')
    return folder


@pytest.fixture(autouse=True)
def nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provides an empty cache, no Go, and no environment for Pulumi's installer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(pulumi_cli, "BUILD", tmp_path / "build")


@pytest.mark.parametrize("version", ["v3.268.0", "3.300.0", "v3.280.0-alpha.x1a2b3c"])
def test_cli_on_path_is_used(tmp_path: Path, version: str) -> None:
    assert find_on_path(str(write_cli(tmp_path / "bin", version))) == tmp_path / "bin"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v3.267.9", "older than v3.268.0"),
        ("v4.0.0", "only v3 from v3.268.0 on is known to work"),
        ("unknown command", "has the version 'unknown command'"),
    ],
)
def test_cli_of_another_version_is_not_used(tmp_path: Path, version: str, reason: str) -> None:
    with pytest.raises(NotUsableError, match=reason):
        find_on_path(str(write_cli(tmp_path / "bin", version)))


def test_cli_without_its_python_host_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(NotUsableError, match=f"comes without {HELPERS[0]}$"):
        find_on_path(str(write_cli(tmp_path / "bin", "v3.274.1", HELPERS[1:])))


def test_path_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = made_once(pulumi_cli._made(), "a CLI", lambda folder: write_cli(folder / "bin", "v3.274.1"))
    assert find_or_make() == cached / "bin"
    monkeypatch.setenv("PATH", str(write_cli(tmp_path / "bin", "v3.274.1")))
    assert find_or_make() == tmp_path / "bin"


def test_missing_cli_and_go_are_reported_in_one_sentence() -> None:
    with pytest.raises(StepError, match=r"There is no Pulumi CLI, and no Go to build one with\. Either install Go"):
        find_or_make()


def test_failed_step_leaves_no_folder(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        folder.mkdir()
        raise StepError("no space left")

    with pytest.raises(StepError, match="no space left"):
        made_once(tmp_path / "made", "it", fail)
    assert made_once(tmp_path / "made", "it", Path.mkdir).is_dir()


def test_unwritable_cache_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StepError, match=r"file'; the cache can be another folder: set XDG_CACHE_HOME$"):
        made_once(tmp_path / "file" / "made", "it", Path.mkdir)


def test_missing_program_is_reported_in_one_line() -> None:
    with pytest.raises(StepError, match=r"^building it: .*No such file or directory: 'no-such-program'$"):
        run("building it: a minute", ["no-such-program"])
