"""Selection of the Pythons that the tests run on."""

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
