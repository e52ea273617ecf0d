"""The commands of docs/operate/upgrade.md, run exactly as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.pages import blocks
from tests.support.project import Project
from tools.environment import UV

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operate" / "upgrade.md").read_text()
[REQUIREMENT] = blocks(PAGE, "text")
PIP_WHEEL, REVIEW, UV_WHEEL, UV_COMMIT = blocks(PAGE, "sh")
[BACK_UP] = re.findall(r"`(pulumi stack export .*?)`", PAGE)
[UNPROTECT] = re.findall(r"`(pulumi state unprotect .*?)`, and then `pulumi destroy`", PAGE)
[KEEP] = re.findall(r"run `(pulumi state delete .*?)`", PAGE)

# As `pulumi new` writes it for uv.
PYPROJECT = """\
[project]
name = "project"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["pulumi>=3.0.0,<4.0.0"]
"""


@pytest.fixture
def project_folder(tmp_path: Path) -> Path:
    """The folder of a project next to a clone."""
    (tmp_path / "pulumi-agin").symlink_to(ROOT)
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def commit() -> str:
    return subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()


def install_requirements(project_folder: Path) -> None:
    """Installs requirements.txt as `pulumi install` does, without its dependencies."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"],
        cwd=project_folder,
        env={**os.environ, **clone.without_dependencies(), **clone.instead_of_fork(), "PIP_TARGET": "to"},
        check=True,
    )
    assert (project_folder / "to" / "pulumi_agin" / "py.typed").exists()


@pytest.mark.rest
def test_requirement_installs_a_commit(project_folder: Path) -> None:
    (project_folder / "requirements.txt").write_text(REQUIREMENT.replace("COMMIT", commit()))
    install_requirements(project_folder)


def reviewed(project_folder: Path, environment: dict[str, str]) -> str:
    """Commits requirements.txt, and returns what the reviewer sees."""
    commit = "git init --quiet; git add requirements.txt; git -c user.name=a -c user.email=a commit --quiet -m."
    subprocess.run(["bash", "-euc", commit], cwd=project_folder, env=environment, check=True)
    compile_again, _, difference = REVIEW.rstrip().rpartition("\n")
    subprocess.run(["bash", "-euc", compile_again], cwd=project_folder, env=environment, check=True)
    return subprocess.run(
        difference.split(), cwd=project_folder, env=environment, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.rest
def test_requirement_installs_a_wheel(project_folder: Path) -> None:
    environment = {**os.environ, **clone.without_dependencies(), "UV_PYTHON": sys.executable}
    environment["PATH"] += f":{UV.parent}"
    # As `pulumi new` writes it, with the line of a clone.
    requirements = project_folder / "requirements.txt"
    requirements.write_text("pulumi>=3.0.0,<4.0.0\n../pulumi-agin[doctor]\n")
    [first] = re.findall(r"`(mv .*?)`", PAGE)
    subprocess.run(["bash", "-euc", f"{first}\n{PIP_WHEEL}"], cwd=project_folder, env=environment, check=True)
    assert (project_folder / "requirements.in").read_text().count("agin") == 1
    pinned = re.findall(r"^(\S.*?) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", requirements.read_text(), re.M)
    # Every line that is no comment is a hash or belongs to one.
    assert len(pinned) == len(re.findall(r"^[^\s#]", requirements.read_text(), re.M))
    assert {"pulumi", "pulumi-aws", "dnspython", "cel-python"} <= {name.partition("==")[0] for name, _ in pinned}
    assert PIP_WHEEL.splitlines()[-1] == REVIEW.splitlines()[1]
    assert reviewed(project_folder, environment) == ""
    correct = requirements.read_text()
    for wrong in (
        re.sub("sha256:.", "sha256:x", correct, count=1),
        re.sub("hash=sha256:.", "hash=sha256:0", correct, count=1),
        f"{correct}other==1.0 --hash=sha256:{'0' * 64}\n    # via pulumi\n",
        f"--extra-index-url https://example.com\n{correct}",
    ):
        requirements.write_text(wrong)
        assert reviewed(project_folder, environment)
        assert requirements.read_text() == correct
    [own] = [f"{name} \\\n{hashes}" for name, hashes in pinned if name.startswith("./wheels/pulumi_agin-")]
    requirements.write_text(own)
    install_requirements(project_folder)


def lock(project_folder: Path, commands: str) -> str:
    """Runs commands of uv that lock all packages, and installs none of them. Returns the lock."""
    subprocess.run(
        ["bash", "-euc", commands],
        cwd=project_folder,
        env={
            **os.environ,
            **clone.instead_of_fork(),
            "PATH": f"{UV.parent}:{os.environ['PATH']}",
            "UV_NO_SYNC": "1",
            "UV_PYTHON": sys.executable,
        },
        check=True,
    )
    return (project_folder / "uv.lock").read_text()


@pytest.mark.rest
def test_uv_locks_a_commit(project_folder: Path) -> None:
    (project_folder / "pyproject.toml").write_text(PYPROJECT)
    assert f"#{commit()}" in lock(project_folder, UV_COMMIT.replace("COMMIT", commit()))


@pytest.mark.rest
def test_uv_locks_each_wheel_of_one_version(project_folder: Path) -> None:
    (project_folder / "pyproject.toml").write_text(PYPROJECT)
    first = lock(project_folder, UV_WHEEL)
    assert 'path = "wheels/pulumi_agin-' in first
    # Nothing keeps the wheel out of a commit.
    assert [each.suffix for each in (project_folder / "wheels").iterdir()] == [".whl"]
    (project_folder.parent / "pulumi-agin").unlink()
    changed = project_folder.parent / "pulumi-agin"
    changed.mkdir()
    clone.copy(changed)
    assert lock(project_folder, UV_WHEEL) != first


@pytest.mark.rest
def test_uninstall_deletes_or_keeps_the_ingresses(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("kept", domain="kept.acme.com")')
    project.up()
    project.typed(f"{BACK_UP}\npulumi state protect --all --yes\n{UNPROTECT}\npulumi destroy")
    assert "kept.acme.com" in (project.folder / "state.json").read_text()
    assert emulator.ingresses() == []

    project.up()
    (project.folder / "__main__.py").write_text("")
    without = project.folder / "without"
    without.mkdir()
    message = "No module named 'pulumi_agin'"
    (without / "pulumi_agin.py").write_text(f'raise ModuleNotFoundError("{message}")\n')
    project.environment["PYTHONPATH"] = str(without)
    assert message in PAGE
    for command in (project.up, project.refresh, project.destroy):
        assert message in command(fails=True)
    assert project.names(Project.INGRESS) == {"kept"}
    # As of a protected ingress.
    project.typed(f"pulumi state protect --all --yes\n{KEEP}")
    assert project.names(Project.INGRESS) == set()
    assert len(emulator.ingresses()) == 1
