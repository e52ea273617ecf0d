"""The workflows run what is there, on all that is claimed. `make lint-workflows` and tests/engine check the rest."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.unit.pyproject import ROOT, project

GITHUB = ROOT / ".github"
FILES = sorted([*GITHUB.glob("workflows/*.yml"), *GITHUB.glob("actions/*/action.yml")])
TEXTS = {str(file.relative_to(GITHUB)): file.read_text(encoding="utf-8") for file in FILES}


def test_ci_runs_every_python_and_system_that_the_package_claims() -> None:
    jobs: dict[str, Any] = yaml.safe_load(TEXTS["workflows/ci.yml"])["jobs"]
    matrix = jobs["versions"]["strategy"]["matrix"]
    claimed = "\n".join(project()["project"]["classifiers"])
    pythons = re.findall(r":: (3\.\d+)$", claimed, re.MULTILINE)
    assert matrix["python"] == pythons
    assert {entry["python"] for entry in matrix["include"]} == {pythons[0], pythons[-1]}
    systems = {
        system.partition("-")[0] for system in [*matrix["system"], *(each["system"] for each in matrix["include"])]
    }
    claims = {"Operating System :: POSIX :: Linux": "ubuntu", "Operating System :: MacOS": "macos"}
    assert systems == {system for claim, system in claims.items() if claim in claimed}
    # A system that is not claimed may fail.
    assert jobs["windows"]["continue-on-error"] is True
    assert "Windows" not in claimed


@pytest.mark.parametrize("file", TEXTS)
def test_every_target_of_make_and_every_tool_that_a_workflow_runs_is_there(file: str) -> None:
    targets = re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z-]+)", re.sub(r"#.*", "", TEXTS[file])):
        assert target in " ".join(targets).split(), target
    for module in re.findall(r"python -m (tools\.\w+)", TEXTS[file]):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), module


def test_every_action_has_one_hash_and_names_its_version() -> None:
    versions: dict[str, set[str]] = {}
    for text in TEXTS.values():
        for used in re.findall(r"uses: (?!\./)(.*)", text):
            action, _, version = used.partition("@")
            assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", version), used
            versions.setdefault(action, set()).add(version)
    assert {action: found for action, found in versions.items() if len(found) > 1} == {}


def test_only_the_job_that_publishes_can_sign_a_release() -> None:
    jobs: dict[str, Any] = yaml.safe_load(TEXTS["workflows/release.yml"])["jobs"]
    signing = {name for name, job in jobs.items() if "id-token" in job.get("permissions", {})}
    assert signing == {"publish"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    # Neither what was checked out nor what pip installed runs where the release is signed.
    assert [step["run"] for step in jobs["publish"]["steps"] if "run" in step] == []
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
