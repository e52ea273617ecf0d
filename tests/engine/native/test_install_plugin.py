"""Ways to install the provider plugin for other languages, with the real CLI.

The language hosts for Python and YAML that can be built from Go's modules are too old to start the plugin from its
folder. So an executable on PATH starts it as a current host does.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.version import VERSION
from tests.support import clone
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening
from tests.support.workflows import run_release_step
from tools.environment import LOCK, UV

pytestmark = pytest.mark.weekly

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "guides" / "languages.md").read_text()

# Python, because its host is always there. The program uses nothing of this package.
PROGRAM = """
ingress = pulumi.CustomResource("agin:index:AgentIngress", "connect", {"domain": "connect.acme.com", "nsTargets": None})
pulumi.export("targets", ingress.nsTargets)
"""


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """Environment variables for a pip without an index, with all packages except pulumi-agin."""
    return clone.offline(tmp_path / "packages")


def up_creates_ingress(project: Project, emulator: Emulator, env: dict[str, str] | None = None) -> str:
    """Runs `up`, and deletes the ingress again. Returns the output of the CLI."""
    up = project.up(env=env)
    [ingress] = emulator.ingresses()
    assert project.outputs()["targets"] == sorted(f"{target}." for target in ingress["ns_targets"])
    project.destroy(env=env)
    return up.output


def started_as_by_host(folder: Path, project: Project, offline: dict[str, str]) -> dict[str, str]:
    """Returns the environment in which the engine starts a plugin folder as a current language host does."""
    [python] = folder.glob("**/bin/python")
    settings = shlex.join(f"{name}={value}" for name, value in offline.items())
    executable = folder / "pulumi-resource-agin"
    executable.write_text(f'#!/bin/sh\nexec env {settings} {shlex.join([str(python), str(folder)])} "$@"\n')
    executable.chmod(0o755)
    return {"PATH": f"{folder}:{project.environment['PATH']}"}


def test_executable_is_found_in_three_ways(project: Project, emulator: Emulator) -> None:
    project.program(PROGRAM)
    assert "warning: using pulumi-resource-agin from $PATH" in up_creates_ingress(project, emulator)

    project.yaml(f"name: test\nruntime: python\n{project.plugin}")
    assert "resource-agin from $PATH" not in up_creates_ingress(project, emulator)

    project.yaml("name: test\nruntime: python\n")
    executable = str(project.user_env / "bin" / "pulumi-resource-agin")
    project.pulumi("plugin", "install", "resource", "agin", VERSION, "--file", executable)
    not_from_path = {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    assert "resource-agin from $PATH" not in up_creates_ingress(project, emulator, not_from_path)


def test_archive_of_a_release_is_installed(
    project: Project, emulator: Emulator, offline: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "plugin").symlink_to(ROOT / "plugin")
    dist = str(tmp_path / ".build" / "dist")
    subprocess.run([UV, "build", "--wheel", "--build-constraints", LOCK, "--out-dir", dist], cwd=ROOT, check=True)
    run_release_step("plugin/PulumiPlugin.yaml", tmp_path)
    archive, *_ = Path(dist).glob("*.tar.gz")
    project.yaml("name: test\nruntime: python\n")
    project.program(PROGRAM)
    install = ["plugin", "install", "resource", "agin", VERSION, "--file", str(archive)]
    project.pulumi(*install, env=offline)
    folder = project.folder / "home" / "plugins" / f"resource-agin-v{VERSION}"
    printed = up_creates_ingress(project, emulator, started_as_by_host(folder, project, offline))
    assert f"using pulumi-resource-agin from $PATH at {folder}" in printed


def test_plugin_folder_of_a_clone_runs_that_clone(
    project: Project, emulator: Emulator, offline: dict[str, str], tmp_path: Path
) -> None:
    copied = clone.copy(tmp_path / "clone")
    # The path in the READMEs of the examples.
    readme = (copied / "examples" / "yaml" / "README.md").read_text()
    [path] = re.findall(r"^pulumi package add (\.\./\S+)$", readme, re.MULTILINE)
    folder = (copied / "examples" / "yaml" / path).resolve()
    assert (folder / "PulumiPlugin.yaml").is_file()
    # As the host does it: in the folder, with an environment in it.
    environment = project.environment | offline
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, env=environment, check=True)
    command = ["venv/bin/python", "-m", "pip", "install", "-r", "requirements.txt"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "does not provide the extra" not in run.stdout + run.stderr
    assert list(folder.glob("**/site-packages/pulumi_agin/only_in_clone.py"))
    project.program(PROGRAM)
    printed = up_creates_ingress(project, emulator, started_as_by_host(folder, project, offline))
    assert f"using pulumi-resource-agin from $PATH at {folder}" in printed


def test_yaml_program_of_the_page_on_emulator(yaml_project: Project) -> None:
    project = yaml_project
    section = PAGE.partition("\n## Try it against the emulator\n")[2].partition("\n## ")[0]
    [program], [install, run] = blocks(section, "yaml"), blocks(section, "sh")
    # The wheel is installed as test_readme.py does it.
    assert "'../pulumi-agin[plugin,emulator]'" in install
    (project.folder / ".venv").symlink_to(project.user_env)
    project.yaml(program)
    # The stack of the page is made by its commands.
    (project.folder / "Pulumi.dev.yaml").unlink()
    port = free_port()
    commands = run.replace("24404", str(port)).replace("&\n", f"&\n{listening(port)}") + "pulumi destroy\nkill %1\n"
    printed = project.typed(commands, PATH=project.environment["PATH"].partition(":")[2])
    assert "2 created" in printed
    assert "warning" not in printed
    assert re.search(r"nsTargets: \[\n +\[0\]: \"ns-", printed)
    assert "2 deleted" in printed
