"""The lock of the development environment fits pyproject.toml. `make lock` brings it in line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.support.pyproject import ROOT, project
from tools.environment import LOCK

PYTHONS = [
    classifier.rpartition(" ")[2]
    for classifier in project()["project"]["classifiers"]
    if re.search(r":: 3\.\d+$", classifier)
]
LINES = LOCK.read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES if not line.lstrip().startswith("#")]


def wanted(group: str) -> list[str]:
    """What a dependency group asks for, with the groups that it includes."""
    entries: list[Any] = project()["dependency-groups"][group]
    return [
        name for entry in entries for name in ([entry] if isinstance(entry, str) else wanted(entry["include-group"]))
    ]


def all_wanted() -> list[str]:
    content = project()["project"]
    extras = [name for names in content["optional-dependencies"].values() for name in names]
    of_groups = [name for group in project()["dependency-groups"] for name in wanted(group)]
    return sorted({*content["dependencies"], *extras, *of_groups, *project()["build-system"]["requires"]})


def spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_each_dependency_has_one_version_within_its_bounds(system: str, python: str) -> None:
    environment = {
        **{name: str(value) for name, value in default_environment().items()},
        "sys_platform": system,
        "platform_machine": "x86_64",
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    locked = {
        spelled(pin.name): str(pin.specifier).removeprefix("==")
        for pin in PINS
        if pin.marker is None or pin.marker.evaluate(environment)
    }
    for requirement in map(Requirement, all_wanted()):
        version = locked.get(spelled(requirement.name), "nothing")
        assert version != "nothing", f"{requirement} is not in the lock: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement}, but the lock has {version}: run `make lock`"


def test_it_names_no_place_to_take_packages_from() -> None:
    for line in LINES:
        # A constraint with an extra is an error of pip.
        assert re.fullmatch(r" +#.*|[a-z0-9.-]+==[^\s;\[@]+( ; [^@]+)?", line), line
        assert "://" not in line


def test_there_is_no_lock_that_would_choose_another_tool_for_pulumi_projects() -> None:
    # Pulumi's Python host runs a project with uv or Poetry if their lock is in the folder or one above it.
    assert [name for name in ("uv.lock", "poetry.lock") if Path(ROOT, name).exists()] == []
