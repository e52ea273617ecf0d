"""What the tools make with Go is there as a whole, or as it was before. Nothing is built here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.go import go, go_version, is_made, making, pin, unfinished
from tools.steps import StepError


def test_a_result_is_made_of_what_its_stamp_says(tmp_path: Path) -> None:
    result = tmp_path / "parent" / "result"
    with making(result, {"version": "1"}) as folder:
        folder.mkdir(parents=True)
        assert not result.exists()
    assert is_made(result, {"version": "1"})
    assert not is_made(result, {"version": "2"})
    assert not is_made(tmp_path, {})


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit, StepError])
def test_an_interrupted_run_leaves_what_there_was(tmp_path: Path, how: type[BaseException]) -> None:
    def make(version: str, error: type[BaseException] | None = None) -> None:
        with making(tmp_path / "result", {"version": version}) as folder:
            folder.mkdir()
            (folder / "file").write_text(version)
            if error:
                raise error

    make("1")
    with pytest.raises(how):
        make("2", how)
    assert [each.name for each in tmp_path.iterdir()] == ["result"]
    assert (tmp_path / "result" / "file").read_text() == "1"
    assert is_made(tmp_path / "result", {"version": "1"})


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = unfinished(tmp_path / "result")
    left.mkdir()
    (left / "rest").touch()
    with making(tmp_path / "result", {}) as folder:
        folder.mkdir()
    assert [each.name for each in (tmp_path / "result").iterdir()] == ["stamp.json"]


def test_temporary_files_are_not_part_of_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with go("it", tmp_path / "result", log=tmp_path / "log", advice="Ask.") as builder:
        assert builder.temporary.is_dir()
    assert not list((tmp_path / "result").iterdir())


def test_the_advice_is_told_with_the_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(StepError, match=r"^No\.\nAsk\.$"),
        go("it", tmp_path / "r", log=tmp_path / "log", advice="Ask."),
    ):
        raise StepError("No.")


def test_pins(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(
        "module x\n\ngo 1.24\n\nrequire a.com/b v1.2.3\nrequire (\n\ta.com/c v3.0.0 // x\n)\n"
    )
    assert [pin(tmp_path, "a.com/b"), pin(tmp_path, "a.com/c"), go_version(tmp_path)] == ["1.2.3", "3.0.0", "1.24"]
    with pytest.raises(StepError, match=r"go\.mod does not say which a\.com/d to take"):
        pin(tmp_path, "a.com/d")
