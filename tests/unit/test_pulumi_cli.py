"""Which `pulumi` the set-up takes: the version and what comes with it decide. Nothing is fetched here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import pulumi_cli
from tools.pulumi_cli import HELPERS, NotUsable, on_path
from tools.steps import StepError


def program(folder: Path, name: str, body: str = "exit 0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def fake_pulumi(folder: Path, version: str, helpers: tuple[str, ...] = HELPERS) -> Path:
    for name in helpers:
        program(folder, name)
    return program(folder, "pulumi", f'[ "$1" = version ] && echo "{version}"')


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `.build`, and a PATH without pulumi, and without Go, so that nothing is built."""
    folder = tmp_path / ".build"
    monkeypatch.setattr(pulumi_cli, "RESULT", folder / "pulumi")
    monkeypatch.setattr(pulumi_cli, "UNFINISHED", folder / "pulumi.unfinished")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    return folder


def earlier_result(build: Path) -> Path:
    folder = build / "pulumi" / "bin"
    fake_pulumi(folder, f"v{pulumi_cli.pins()['pulumi']}")
    (build / "pulumi" / "stamp.json").write_text(json.dumps(pulumi_cli.pins()), encoding="utf-8")
    return folder


@pytest.mark.parametrize("version", ["v3.268.0", "v3.274.1", "3.300.0", "v3.280.0-alpha.x1a2b3c"])
def test_a_new_enough_pulumi_is_used(tmp_path: Path, version: str) -> None:
    fake_pulumi(tmp_path, version)
    assert on_path(str(tmp_path)) == (tmp_path, version.removeprefix("v"))


def test_the_pinned_version_is_told_from_others(tmp_path: Path) -> None:
    pinned = pulumi_cli.pins()["pulumi"]
    # As a release says it, and as a build of the modules does.
    for version in (f"v{pinned}", pinned):
        fake_pulumi(tmp_path, version)
        assert pulumi_cli.is_pinned(tmp_path)
    fake_pulumi(tmp_path, f"v{pinned}-alpha.x1a2b3c")
    assert not pulumi_cli.is_pinned(tmp_path)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v3.267.9", "older than v3.268.0"),
        ("v2.300.0", "older than v3.268.0"),
        ("v4.0.0", "only v3 from v3.268.0 on is known to work"),
        ("", "says its version is ''"),
        ("unknown command", "says its version is 'unknown command'"),
    ],
)
def test_another_version_is_not_used(tmp_path: Path, version: str, reason: str) -> None:
    fake_pulumi(tmp_path, version)
    with pytest.raises(NotUsable, match=reason):
        on_path(str(tmp_path))


def test_without_pulumi_on_the_path(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match="there is no pulumi on PATH"):
        on_path(str(tmp_path))


def test_a_pulumi_that_fails(tmp_path: Path) -> None:
    program(tmp_path, "pulumi", "echo v3.274.1; exit 7")
    with pytest.raises(NotUsable, match=r"does not run \(exit code 7\)"):
        on_path(str(tmp_path))


def test_a_pulumi_that_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "pulumi").chmod(0o755)
    with pytest.raises(NotUsable, match="does not run"):
        on_path(str(tmp_path))


def test_a_pulumi_that_hangs(tmp_path: Path) -> None:
    program(tmp_path, "pulumi", "exec sleep 20")
    with pytest.raises(NotUsable, match=r"did not tell its version within 0\.2s"):
        # Real, and short: only time shows that a process hangs.
        on_path(str(tmp_path), version_seconds=0.2)


@pytest.mark.parametrize("missing", HELPERS)
def test_a_pulumi_that_cannot_run_python(tmp_path: Path, missing: str) -> None:
    fake_pulumi(tmp_path, "v3.274.1", tuple(name for name in HELPERS if name != missing))
    with pytest.raises(NotUsable, match=f"comes without {missing}$"):
        on_path(str(tmp_path))


def test_helpers_elsewhere_on_the_path(tmp_path: Path) -> None:
    fake_pulumi(tmp_path / "a", "v3.274.1", helpers=())
    for name in HELPERS:
        program(tmp_path / "b", name)
    assert on_path(f"{tmp_path / 'a'}:{tmp_path / 'b'}")[0] == tmp_path / "a"


def test_helpers_beside_what_a_link_leads_to(tmp_path: Path) -> None:
    target = fake_pulumi(tmp_path / "opt", "v3.274.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(target)
    assert on_path(str(tmp_path / "bin"))[0] == tmp_path / "bin"


def test_the_path_comes_before_an_earlier_result(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier_result(build)
    fake_pulumi(tmp_path / "bin", "v3.270.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert pulumi_cli.ensure() == tmp_path / "bin"
    assert "using pulumi v3.270.0 from PATH" in capsys.readouterr().err


def test_an_earlier_result_is_used(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = earlier_result(build)
    assert pulumi_cli.ensure() == result
    assert not capsys.readouterr().err


def test_why_the_one_on_the_path_is_not_used_is_said(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = earlier_result(build)
    fake_pulumi(tmp_path / "bin", "v3.100.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert pulumi_cli.ensure() == result
    assert "is v3.100.0, older than v3.268.0" in capsys.readouterr().err


@pytest.mark.parametrize("spoil", ["stamp", "stamp of other versions", "helper"])
def test_a_result_that_is_not_whole_is_made_anew(build: Path, monkeypatch: pytest.MonkeyPatch, spoil: str) -> None:
    result = earlier_result(build)
    stamp = build / "pulumi" / "stamp.json"
    if spoil == "stamp":
        stamp.unlink()
    elif spoil == "helper":
        (result / HELPERS[1]).unlink()
    else:
        stamp.write_text(json.dumps({**pulumi_cli.pins(), "pulumi": "3.1.0"}), encoding="utf-8")
    assert not pulumi_cli.is_finished()

    def make() -> None:
        fake_pulumi(build / "pulumi.unfinished" / "bin", f"v{pulumi_cli.pins()['pulumi']}")

    monkeypatch.setattr(pulumi_cli, "_build", make)
    assert pulumi_cli.ensure("build") == result
    assert pulumi_cli.is_finished()


def test_a_build_that_fails_leaves_nothing_and_keeps_what_there_was(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier_result(build)

    def fail() -> None:
        fake_pulumi(build / "pulumi.unfinished" / "bin", "v3.274.1")
        raise StepError("no")

    monkeypatch.setattr(pulumi_cli, "_build", fail)
    with pytest.raises(StepError, match="no"):
        pulumi_cli.ensure("build", rebuild=True)
    assert [file.name for file in build.iterdir()] == ["pulumi"]
    assert pulumi_cli.is_finished()


def test_one_way_alone(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier_result(build)
    monkeypatch.setenv("PULUMI_AGIN_CLI", "path")
    with pytest.raises(StepError, match="PULUMI_AGIN_CLI=path, but there is no pulumi on PATH"):
        pulumi_cli.ensure(pulumi_cli.from_environment())
    monkeypatch.setenv("PULUMI_AGIN_CLI", "magic")
    with pytest.raises(StepError, match="it can be path, installer, build"):
        pulumi_cli.from_environment()


def test_without_go_the_ways_out_are_named(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StepError, match=r"install Go \d\.\d+\.\d+ or newer .* so that it is on PATH"):
        pulumi_cli.ensure()
    assert "Pulumi's installer needs" in capsys.readouterr().err
    assert not build.exists()
