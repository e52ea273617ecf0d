"""Selection of the Pythons that the tests run on, and of the lowest versions of the dependencies."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tools import environment, versions
from tools.steps import StepError

ROOT = Path(__file__).parents[2]
OWN = "{}.{}".format(*sys.version_info)


def test_ci_runs_every_supported_python() -> None:
    supported = environment.supported_pythons()
    assert supported[0] == "3.10"
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["versions"]["strategy"]["matrix"]["python"] == supported
    [pythons] = [step["with"]["python"] for step in jobs["test"]["steps"] if step.get("uses", "").endswith("/set-up")]
    assert {*pythons.split()} == {*supported}
    [lowest] = [step["with"]["python"] for step in jobs["unit"]["steps"] if step.get("uses", "").endswith("/set-up")]
    assert lowest == supported[0]


@pytest.mark.parametrize(
    ("missing", "every", "expected"),
    [
        ([], False, {"90.2": ""}),
        (["90.2"], False, {"90.1": "error"}),
        (["90.1", "90.2"], False, {"0.1": ""}),
        (["0.1", "90.1", "90.2"], False, {}),
        (["90.1"], True, {"0.1": "", "90.2": ""}),
        (["90.2"], True, {"0.1": "", "90.1": "error"}),
        (["90.1", "90.2"], True, {"0.1": "", OWN: "error"}),
    ],
)
def test_other_pythons_run_and_missing_ones_are_named(
    missing: list[str],
    every: bool,
    expected: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran: dict[str, str] = {}

    def passes(folder: Path, tests: object, variables: Mapping[str, str]) -> bool:
        ran[folder.name] = variables.get("PYTHONWARNINGS", "").partition("::")[0]
        return True

    monkeypatch.setattr(environment, "supported_pythons", lambda: ["0.1", OWN, "90.1", "90.2"])
    monkeypatch.setattr(environment, "find_python", lambda version: None if version in missing else f"python{version}")
    monkeypatch.setattr(environment, "of_python", lambda version, python: Path(version))
    monkeypatch.setattr(versions, "passes", passes)
    versions.other_pythons(every=every)
    assert ran == expected
    printed = capsys.readouterr().err
    assert [each for each in missing if f"Not tested: Python {each} is not on this machine." not in printed] == []
    assert printed.count("Not tested") == len(missing)
    assert printed.count("with deprecations as errors") == list(ran.values()).count("error")


def test_failing_pythons_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "supported_pythons", lambda: ["0.1", OWN, "90.1"])
    monkeypatch.setattr(environment, "find_python", lambda version: f"python{version}")
    monkeypatch.setattr(environment, "of_python", lambda version, python: Path(version))
    monkeypatch.setattr(versions, "passes", lambda *_: False)
    with pytest.raises(StepError, match=r"^The tests do not pass with Python 0\.1, 90\.1\.$"):
        versions.other_pythons(every=True)


def environment_with(folder: Path, pydantic: str, aws: str | None) -> Path:
    needs = ["Requires-Dist: pydantic<3,>=2.2", "Requires-Dist: pulumi-aws<8,>=7; extra == 'aws'"]
    for name, version, lines in ("pulumi_agin", "1.0", needs), ("pydantic", pydantic, []), ("pulumi_aws", aws, []):
        if version:
            package = folder / "lib" / "python3.10" / "site-packages" / f"{name}-{version}.dist-info"
            package.mkdir(parents=True)
            (package / "METADATA").write_text("\n".join([f"Name: {name}", f"Version: {version}", *lines]))
    return folder


@pytest.mark.parametrize("pydantic", ["2.2", "2.2.0"])
def test_the_lowest_versions_are_the_bounds(pydantic: str, tmp_path: Path) -> None:
    versions.check_lowest(environment_with(tmp_path, pydantic, "7.0.0"))


@pytest.mark.parametrize(
    ("pydantic", "aws", "said"),
    [
        ("2.20", "7.0.0", "The lowest pydantic that pyproject.toml allows is 2.2, but 2.20 is installed."),
        ("2.2", None, "The lowest pulumi-aws that pyproject.toml allows is 7, but no version is installed."),
    ],
)
def test_other_versions_are_not_the_lowest(pydantic: str, aws: str | None, said: str, tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        versions.check_lowest(environment_with(tmp_path, pydantic, aws))
    assert str(caught.value) == said
