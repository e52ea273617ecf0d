"""The programs of docs/guides/testing.md, copied into files as a reader would, and run with the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "testing.md").read_text()

# The page's files by name. The first line of each block is a comment with the name.
FILES = dict(re.findall(r"\A# (\w+\.py)\n(.*)", block, re.S)[0] for block in blocks(PAGE, "python"))
_, COMMAND_LINE = blocks(PAGE, "sh")

# Loses the response to the next create.
CONTROL = """\
E=http://127.0.0.1:24404/_emulator
J='content-type: application/json'
curl -H "$J" $E/add_fault -d '{"method": "POST", "kind": "reset_after"}'
curl $E/counts
curl $E/unused_faults
"""

# pytest and its dependencies, which the user's environment lacks. Only older versions of Python need the last two.
PACKAGES = ("pytest", "_pytest", "py.py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli")

Run = Callable[..., str]


def test_every_program_of_the_page_is_a_file() -> None:
    assert len(FILES) == PAGE.count("```python\n")


@pytest.fixture
def run_pytest(project: Project, tmp_path: Path) -> Run:
    """A function that runs pytest on the page's files in the user's environment and returns its output."""
    packages = tmp_path / "pytest"
    packages.mkdir()
    for name in PACKAGES:
        (packages / name).symlink_to(Path(pytest.__file__).parents[1] / name)

    def run(*arguments: str, fails: bool = False, **replaced: str) -> str:
        folder = tmp_path / "tests"
        folder.mkdir(exist_ok=True)
        for name, text in (FILES | {f"{stem}.py": text for stem, text in replaced.items()}).items():
            (folder / name).write_text(text)
        # Settings of the user's shell, which the tests must ignore.
        environment = {
            **project.environment,
            "NGROK_API_BASE_URL": "https://api.example",
            "NGROK_API_KEY": "of-the-shell",
            "PYTHONPATH": str(packages),
        }
        python = project.user_env / "bin" / "python"
        completed = subprocess.run(
            [python, "-m", "pytest", "-q", "-W", "error::pytest.PytestWarning", "-p", "no:cacheprovider", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (completed.returncode != 0) == fails, completed.stdout + completed.stderr
        return completed.stdout

    return run


@pytest.mark.rest
def test_page_tests_pass(run_pytest: Run) -> None:
    assert "3 passed" in run_pytest()


def test_page_tests_fail_for_a_broken_program(run_pytest: Run) -> None:
    broken = FILES["gateway.py"].replace("domain=domain", 'domain="a.acme.com"')
    output = run_pytest("-k", "records", fails=True, gateway=broken)
    assert "1 failed" in output


CHECKERS: dict[str, list[str | Path]] = {
    # The settings of `make lint`, and its cache.
    "mypy": ["--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache"],
    "pyright": ["--pythonpath", sys.executable],
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_page_programs_pass_type_checks(checker: str, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    command = [Path(sys.executable).with_name(checker), *CHECKERS[checker], *FILES]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout


@pytest.mark.rest
def test_program_in_a_folder(run_pytest: Run, tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: gateway\nruntime: python\n")
    (folder / "gateway.py").write_text(FILES["gateway.py"])
    (folder / "__main__.py").write_text("from gateway import program\n\nprogram()\n")
    inline = '        project_name="gateway",\n        program=program,\n'
    assert inline in FILES["test_with_emulator.py"]
    assert '`work_dir="path/to/the/project"` instead of `project_name` and `program`' in PAGE
    tests = FILES["test_with_emulator.py"].replace(inline, f'        work_dir="{folder}",\n')
    assert "1 passed" in run_pytest("-k", "wrong_domain", test_with_emulator=tests)


def test_emulator_command(project: Project) -> None:
    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    port = free_port()
    page = (COMMAND_LINE, CONTROL)
    commands, control = (each.replace("24404", str(port)) for each in page)
    start, *settings, up = commands.splitlines(keepends=True)
    *fault, counts, unused = control.splitlines(keepends=True)
    # Readers see the emulator's URL before they type the next command.
    output = project.typed("".join([start, listening(port), *settings, *fault, up, counts, unused]))
    assert "2 created" in output
    assert '"POST /agent_ingresses": 2' in output
    assert output.endswith("[]")
