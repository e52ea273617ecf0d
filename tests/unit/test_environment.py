"""When the environments with the wheel are made again. Nothing is installed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.environment import sources_hash


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a package of one module and one other file."""
    (tmp_path / "pulumi_agin").mkdir()
    for name in ("LICENSE", "README.md", "pulumi_agin/__init__.py", "pulumi_agin/py.typed"):
        (tmp_path / name).write_text("as it was", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "changed",
    ["LICENSE", "README.md", "pulumi_agin/__init__.py", "pulumi_agin/py.typed", "pulumi_agin/api/new.py"],
)
def test_a_file_of_the_wheel_that_is_new_or_changed(project: Path, changed: str) -> None:
    before = sources_hash(project)
    (project / changed).parent.mkdir(exist_ok=True)
    (project / changed).write_text("", encoding="utf-8")
    assert sources_hash(project) != before


def test_a_file_of_the_wheel_that_is_renamed_or_gone(project: Path) -> None:
    before = sources_hash(project)
    renamed = (project / "pulumi_agin" / "py.typed").rename(project / "pulumi_agin" / "typed.py")
    after = sources_hash(project)
    renamed.unlink()
    assert len({before, after, sources_hash(project)}) == 3


def test_what_is_not_in_the_wheel_changes_nothing(project: Path) -> None:
    before = sources_hash(project)
    for name in ("CONTRIBUTING.md", "tests/test_it.py", "pulumi_agin/__pycache__/__init__.cpython-310.pyc"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("other", encoding="utf-8")
    assert sources_hash(project) == before
