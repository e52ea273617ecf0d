"""Which Pythons `make versions` finds. Nothing is installed here."""

from __future__ import annotations

from pathlib import Path

from tools.versions import pythons


def python(folder: Path, name: str, prints: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{prints}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def test_the_first_python_of_each_version_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    newest = python(first, "python3", "echo 3 13")
    oldest = python(second, "python3.10", "echo 3 10")
    python(second, "python3.13", "echo 3 13")
    assert pythons([first, tmp_path / "missing", second]) == {(3, 10): oldest, (3, 13): newest}


def test_pythons_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    python(tmp_path, "python3.9", "echo 3 9")
    # As pyenv's stand-in for a version that it has, and that is not chosen.
    python(tmp_path, "python3.12", "echo command not found >&2; exit 127")
    # Neither a release nor CPython: it prints no version.
    python(tmp_path, "python3.15", "echo")
    python(tmp_path, "python3-config", "echo 3 14")
    (tmp_path / "python3.11").write_text("cannot be executed", encoding="utf-8")
    assert pythons([tmp_path]) == {}
