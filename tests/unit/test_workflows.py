"""The workflows run what is there, on all that is claimed. `make lint-workflows` and tests/engine check the rest."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.support.pyproject import ROOT, project

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


def test_dependabot_looks_into_every_folder_with_dependencies() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    looked_into = {
        folder.relative_to(ROOT)
        for update in updates
        for pattern in update.get("directories", [update.get("directory")])
        for folder in (ROOT.glob(pattern.strip("/")) if pattern != "/" else [ROOT])
    }
    tools = ("package-lock.json", "go.mod", "Dockerfile")
    folders = {
        file.parent.relative_to(ROOT)
        for top in ("tools", "examples")
        for file in (ROOT / top).rglob("*")
        if file.name in tools
    }
    assert folders
    assert folders <= looked_into


def test_the_go_of_the_workflows_builds_every_module() -> None:
    version = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", re.MULTILINE)
    modules = {str(file.relative_to(ROOT)): file.read_text() for file in (ROOT / "tools").rglob("go.mod")}
    needed = {name: tuple(int(part or 0) for part in version.findall(text)[0]) for name, text in modules.items()}
    [chosen] = re.findall(r"go-version-file: (\S+)", TEXTS["actions/set-up-languages/action.yml"])
    # The action keeps Go from fetching a newer one.
    assert needed[chosen] == max(needed.values())


def test_only_the_job_that_publishes_can_sign_a_release() -> None:
    jobs: dict[str, Any] = yaml.safe_load(TEXTS["workflows/release.yml"])["jobs"]
    signing = {name for name, job in jobs.items() if "id-token" in job.get("permissions", {})}
    assert signing == {"publish"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    # Neither what was checked out nor what pip installed runs where the release is signed.
    assert [step["run"] for step in jobs["publish"]["steps"] if "run" in step] == []
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
