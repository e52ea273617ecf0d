"""The example with tests of a program, run with the wheel, and the commands of docs/guides/testing.md."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import clone
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "testing"
[COMMAND_LINE] = blocks((ROOT / "docs" / "guides" / "testing.md").read_text(), "sh")

# pytest and its dependencies, which the user's environment lacks. Only older versions of Python need the last two.
PACKAGES = ("pytest", "_pytest", "py.py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli")

Run = Callable[..., str]


@pytest.fixture
def run_pytest(project: Project, tmp_path: Path) -> Run:
    """A function that runs pytest on the example in the user's environment, and returns its output."""
    packages, folder = tmp_path / "pytest", tmp_path / "testing"
    packages.mkdir()
    for name in PACKAGES:
        (packages / name).symlink_to(Path(pytest.__file__).parents[1] / name)
    shutil.copytree(EXAMPLE, folder, ignore=clone.MADE_BY_USERS)

    def run(*arguments: str, status: int = 0) -> str:
        # Settings of the user's shell, which the tests must ignore.
        shell = {"NGROK_API_BASE_URL": "https://api.example", "NGROK_API_KEY": "of-the-shell"}
        python = str(project.user_env / "bin" / "python")
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        completed = subprocess.run(
            command,
            cwd=folder,
            env={**project.environment, **shell, "PYTHONPATH": str(packages)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == status, completed.stdout + completed.stderr
        return completed.stdout

    return run


@pytest.mark.rest
def test_tests_of_the_example_pass(run_pytest: Run) -> None:
    assert "3 passed" in run_pytest()


def test_tests_of_the_example_fail_for_a_broken_program(run_pytest: Run, tmp_path: Path) -> None:
    program = tmp_path / "testing" / "gateway.py"
    program.write_text(program.read_text().replace("domain=domain", 'domain="a.acme.com"'))
    assert "1 failed" in run_pytest("-k", "records", status=1)


def test_emulator_command(project: Project) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    port = free_port()
    start, stack, *settings = COMMAND_LINE.replace("24404", str(port)).splitlines(keepends=True)
    assert stack == "pulumi stack init test\n"
    # Readers see the emulator's URL before they type the next command.
    output = project.typed("".join([start, listening(port), stack, *settings]), NGROK_API_BASE_URL="", NGROK_API_KEY="")
    assert "2 created" in output
