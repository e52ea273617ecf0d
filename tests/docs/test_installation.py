"""The ways to install the package in docs/installation.md, run exactly as written.

pip gets the dependencies from the development environment, and uv from a package index.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import clone, pyproject
from tests.support.pages import blocks
from tests.support.set_up import SetUp
from tools import environment

PAGE = (Path(__file__).parents[2] / "docs" / "installation.md").read_text()
[REQUIREMENTS], [PYPROJECT] = blocks(PAGE, "text"), blocks(PAGE, "toml")
WITH_PIP, WITH_UV, _ = blocks(PAGE, "sh")


def run(commands: str, folder: Path, variables: dict[str, str]) -> str:
    command = ["bash", "-euxo", "pipefail", "-c", f"{commands}\npulumi-agin --version"]
    completed = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, text=True, capture_output=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout + completed.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a project next to a clone."""
    clone.copy(tmp_path / "pulumi-agin")
    project = tmp_path / "acme"
    project.mkdir()
    return project


@pytest.mark.rest
def test_package_installs_with_pip(folder: Path, tmp_path: Path, main_dns_packages: Path) -> None:
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    variables = clone.offline(tmp_path / "packages")
    variables["PYTHONPATH"] += f":{main_dns_packages}"
    variables["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    assert "does not provide the extra" not in run(WITH_PIP, folder, variables)
    assert list(folder.glob(".venv/lib/python*/site-packages/pulumi_agin/only_in_clone.py"))

    # After a change in the clone.
    (tmp_path / "pulumi-agin" / "pulumi_agin" / "new.py").touch()
    *_, last = WITH_PIP.splitlines()
    run(f"source .venv/bin/activate\n{last}", folder, variables)
    assert list(folder.glob(".venv/lib/python*/site-packages/pulumi_agin/new.py"))


@pytest.mark.weekly
def test_package_installs_with_uv(folder: Path, tmp_path: Path, set_up: SetUp[str]) -> None:
    (folder / "pyproject.toml").write_text(PYPROJECT)

    def sync() -> str:
        path = f"{environment.UV.parent}:{os.environ['PATH']}"
        return run(WITH_UV, folder, {"PATH": path, "UV_PYTHON": sys.executable})

    assert "does not have an extra" not in set_up(sync)
    assert list(folder.glob(".venv/lib/python*/site-packages/pulumi_agin/only_in_clone.py"))
    (tmp_path / "pulumi-agin" / "pulumi_agin" / "new.py").touch()
    set_up(sync)
    assert list(folder.glob(".venv/lib/python*/site-packages/pulumi_agin/new.py"))


def test_table_of_extras_is_complete() -> None:
    extras = pyproject.project()["project"]["optional-dependencies"]
    section = PAGE.partition("\n### Extras\n")[2].partition("\n##")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"\| ([^|]*) \|$", section, re.MULTILINE))))
    adapters = {name for name, packages in extras.items() if packages[0].startswith("pulumi")}
    assert named - adapters == extras.keys() - adapters
