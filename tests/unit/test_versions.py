"""The Pythons that CI runs, and the check of the lowest versions of the dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools.environment import check_lowest, supported_pythons
from tools.steps import StepError

ROOT = Path(__file__).parents[2]


def test_ci_runs_every_supported_python() -> None:
    supported = supported_pythons()
    assert supported[0] == "3.10"
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["versions"]["strategy"]["matrix"]["python"] == supported
    [pythons] = [step["with"]["python"] for step in jobs["test"]["steps"] if step.get("uses", "").endswith("/set-up")]
    assert {*pythons.split()} == {*supported}


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
    check_lowest(environment_with(tmp_path, pydantic, "7.0.0"))


@pytest.mark.parametrize(
    ("pydantic", "aws", "said"),
    [
        ("2.20", "7.0.0", "The lowest pydantic that pyproject.toml allows is 2.2, but 2.20 is installed."),
        ("2.2", None, "The lowest pulumi-aws that pyproject.toml allows is 7, but no version is installed."),
    ],
)
def test_other_versions_are_not_the_lowest(pydantic: str, aws: str | None, said: str, tmp_path: Path) -> None:
    with pytest.raises(StepError) as caught:
        check_lowest(environment_with(tmp_path, pydantic, aws))
    assert str(caught.value) == said
