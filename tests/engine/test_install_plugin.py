"""How users of other languages get the provider plugin: each way, through the real CLI.

The language hosts for Python and YAML that can be built from Go's modules are too old for some ways. A test that needs
current ones is skipped without them, and says what the old ones answer. Plugin folders are tried in any case: a test
starts them as a current host does, and the engine attaches to them.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.native.provider import read_schema
from pulumi_agin.version import VERSION
from tests.support.git_host import HOST, git_host
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import COMMAND_TIMEOUT_SECONDS, Project, listening
from tests.support.projects import NewProject
from tools import plugin_archive

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "languages.md"

# What the archive and the repository need of the sources.
SOURCES = ("plugin", "pulumi_agin", "pyproject.toml", "README.md", "LICENSE")

# Python, because its host is always there. The program uses nothing of this package.
PROGRAM = """
ingress = pulumi.CustomResource("agin:index:AgentIngress", "connect", {"domain": "connect.acme.com", "nsTargets": None})
pulumi.export("targets", ingress.nsTargets)
"""

YAML_PROGRAM = """\
name: test
runtime: yaml
resources:
  connect:
    type: agin:AgentIngress
    properties:
      domain: connect.acme.com
outputs:
  targets: ${connect.nsTargets}
"""

PLUGIN_DOWNLOAD_URL = json.loads(read_schema())["pluginDownloadURL"]

# With it, the engine does not take the plugin from the environment that is on PATH.
NOT_FROM_PATH = {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}

# How hosts answer that are too old to run a plugin from its folder, or to add a package to a program.
TOO_OLD = ("method Link not implemented", "can't find '__main__' module", "no language plugin 'pulumi-language-yaml'")


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """The environment variables for a pip that has all it needs but pulumi-agin, and no index."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and not path.name.startswith(("pulumi_agin", "pip", "setuptools", "__editable__")):
            (packages / path.name).symlink_to(path)
    # The host has pip install the newest ones of these, which nothing here needs.
    for name in ("setuptools", "wheel"):
        metadata = packages / f"{name}-999.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 999\n")
    # Despite its name, false is what makes pip build with the packages that are there.
    return {"PYTHONPATH": str(packages), "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the repository, in which the CLI may make its environment."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("venv", "__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def check_that_it_is_used(project: Project, emulator: Emulator, env: dict[str, str] | None = None) -> str:
    """Creates an ingress. Returns what `up` printed."""
    up = project.up(env=env)
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "connect.acme.com"
    assert project.outputs()["targets"] == sorted(f"{target}." for target in ingress["ns_targets"])
    return up.output


@contextmanager
def started_as_by_a_host(folder: Path, project: Project, offline: dict[str, str]) -> Iterator[dict[str, str]]:
    """Starts a plugin folder as Pulumi's Python language host does, for one command.

    Yields:
        The environment variable by which the engine finds it.
    """
    [python] = folder.glob("**/bin/python")
    with socket.create_server(("127.0.0.1", 0)) as engine:
        address = f"127.0.0.1:{engine.getsockname()[1]}"
        process = subprocess.Popen(
            [python, folder, address],
            cwd=project.folder,
            env=project.environment | offline,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert process.stdout
                yield {"PULUMI_DEBUG_PROVIDERS": f"agin:{int(process.stdout.readline())}"}
            finally:
                process.terminate()


def installed(folder: Path) -> Path:
    """The package in the environment of a plugin folder."""
    [package] = folder.glob("**/site-packages/pulumi_agin")
    return package


def add_package(project: Project, source: str, env: dict[str, str]) -> None:
    """`pulumi package add`. Skips the test if the language hosts are too old for it."""
    command = project.start("package", "add", source, env=project.environment | env)
    output, _ = command.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    for answer in TOO_OLD:
        if answer in output:
            pytest.skip(f"`pulumi package add` needs current language hosts; what is here answers: {answer}")
    assert command.returncode == 0, output


@pytest.fixture
def yaml_project(project: Project) -> Project:
    """A project in YAML, to which packages can be added. That is tried with the executable, which is quick."""
    project.yaml(YAML_PROGRAM)
    add_package(project, str(project.user_env / "bin" / "pulumi-resource-agin"), {})
    shutil.rmtree(project.folder / "sdks")
    project.yaml(YAML_PROGRAM)
    return project


def test_ten_lines_of_yaml_on_the_emulator(project: Project, yaml_host: Path) -> None:
    section = PAGE.read_text().partition("\n## Try it on the emulator\n")[2].partition("\n## ")[0]
    [program], [install, run] = blocks(section, "yaml"), blocks(section, "sh")
    assert len(program.splitlines()) == 10
    assert all(f"{extra} = " in (ROOT / "pyproject.toml").read_text() for extra in ("plugin", "emulator"))
    # The wheel is installed as test_readme.py does it.
    assert "pip install 'pulumi-agin[plugin,emulator] @ git+" in install
    (project.folder / ".venv").symlink_to(project.user_env)
    project.add_to_path(yaml_host)
    project.yaml(program)
    # The one of the page is made by its commands.
    (project.folder / f"Pulumi.{project.stack}.yaml").unlink()
    assert "24404" in run
    port = free_port()
    commands = run.replace("24404", str(port)).replace("&\n", f"&\n{listening(port)}") + "pulumi destroy\nkill %1\n"
    printed = project.typed(commands, PATH=project.environment["PATH"].partition(":")[2])
    assert "2 created" in printed
    assert "warning" not in printed
    assert re.search(r"nsTargets: \[\n +\[0\]: \"ns-", printed)
    assert "2 deleted" in printed


def test_a_project_names_the_folder_of_the_executable(project: Project, emulator: Emulator) -> None:
    project.program(PROGRAM)
    folder = project.user_env / "bin"
    project.yaml(f"name: test\nruntime: python\nplugins:\n  providers:\n    - name: agin\n      path: {folder}\n")
    assert "resource-agin from $PATH" not in check_that_it_is_used(project, emulator)


def test_an_activated_environment_has_it_with_a_warning(project: Project, emulator: Emulator) -> None:
    project.program(PROGRAM)
    assert "warning: using pulumi-resource-agin from $PATH" in check_that_it_is_used(project, emulator)


def test_the_executable_is_installed_for_all_projects(project: Project, emulator: Emulator) -> None:
    executable = project.user_env / "bin" / "pulumi-resource-agin"
    project.pulumi("plugin", "install", "resource", "agin", VERSION, "--file", str(executable))
    project.program(PROGRAM)
    assert "resource-agin from $PATH" not in check_that_it_is_used(project, emulator, NOT_FROM_PATH)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin's archives of a release."""
    folder = tmp_path_factory.mktemp("archives")
    plugin_archive.build(folder)
    return folder


@contextmanager
def release_on_github(archives: Path) -> Iterator[dict[str, str]]:
    """Serves the archives in place of GitHub.

    Yields:
        The environment variable by which the CLI finds them.
    """
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(archives))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            replacement = f"^{PLUGIN_DOWNLOAD_URL}$=http://127.0.0.1:{server.server_port}"
            yield {"PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES": replacement}
        finally:
            server.shutdown()


def test_a_program_in_typescript_installs_the_plugin_by_itself(
    typescript_project: Project, emulator: Emulator, archives: Path, offline: dict[str, str]
) -> None:
    typescript_project.typescript_program("""
        const connect = new agin.AgentIngress("connect", { domain: "connect.acme.com" });
        export const targets = connect.nsTargets;
        """)
    typescript_project.yaml(f"name: {typescript_project.name}\nruntime: nodejs\n")
    installs_by_itself(typescript_project, emulator, archives, offline)


def test_a_program_in_yaml_installs_the_plugin_by_itself(
    project: Project, yaml_host: Path, emulator: Emulator, archives: Path, offline: dict[str, str]
) -> None:
    project.add_to_path(yaml_host)
    [resources] = [text for text in blocks(PAGE.read_text(), "yaml") if PLUGIN_DOWNLOAD_URL in text]
    outputs = "outputs:\n  targets: ${connect.nsTargets}\n"
    project.yaml(f"name: test\nruntime: yaml\n{resources.replace('X.Y.Z', VERSION)}{outputs}")
    installs_by_itself(project, emulator, archives, offline)


def installs_by_itself(project: Project, emulator: Emulator, archives: Path, offline: dict[str, str]) -> None:
    with release_on_github(archives) as variables:
        command = project.start("preview", env=project.environment | offline | variables | NOT_FROM_PATH)
        # Whether the preview succeeds, too, depends on the language host of Python.
        output, _ = command.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    folder = project.folder / "home" / "plugins" / f"resource-agin-v{VERSION}"
    assert folder.exists(), output
    with started_as_by_a_host(folder, project, offline) as attached:
        check_that_it_is_used(project, emulator, attached)


def test_the_archive_of_a_release_is_installed(
    project: Project, emulator: Emulator, archives: Path, offline: dict[str, str]
) -> None:
    archive = archives / f"pulumi-resource-agin-v{VERSION}-linux-amd64.tar.gz"
    with tarfile.open(archive) as content:
        wheel = f"pulumi_agin-{VERSION}-py3-none-any.whl"
        assert sorted(content.getnames()) == ["PulumiPlugin.yaml", "__main__.py", wheel, "requirements.txt"]
    assert len({path.read_bytes() for path in archives.iterdir()}) == 1

    printed = project.pulumi("plugin", "install", "resource", "agin", VERSION, "--file", str(archive), env=offline)
    assert "does not provide the extra" not in printed
    folder = project.folder / "home" / "plugins" / f"resource-agin-v{VERSION}"
    assert "native" in [path.name for path in installed(folder).iterdir()]
    project.program(PROGRAM)
    with started_as_by_a_host(folder, project, offline) as attached:
        check_that_it_is_used(project, emulator, attached)


def test_the_folder_of_a_clone_has_the_code_of_the_clone(
    project: Project, emulator: Emulator, clone: Path, offline: dict[str, str]
) -> None:
    (clone / "pulumi_agin" / "of_the_clone.py").touch()
    folder = clone / "plugin"
    env = project.environment | offline
    # What the host does: in the folder, with an environment in it.
    subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, env=env, check=True)
    command = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "-r", "requirements.txt"]
    run = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.returncode == 0, run.stdout
    assert f"Successfully installed pulumi-agin-{VERSION}" in run.stdout
    assert "does not provide the extra" not in run.stdout
    assert (installed(folder) / "of_the_clone.py").exists()
    project.program(PROGRAM)
    with started_as_by_a_host(folder, project, offline) as attached:
        check_that_it_is_used(project, emulator, attached)


def test_a_package_is_added_from_a_clone(
    yaml_project: Project, emulator: Emulator, clone: Path, offline: dict[str, str]
) -> None:
    add_package(yaml_project, str(clone / "plugin"), offline)
    assert "packages:" in (yaml_project.folder / "Pulumi.yaml").read_text()
    check_that_it_is_used(yaml_project, emulator, offline | NOT_FROM_PATH)


def test_a_package_is_added_from_a_tag_and_a_colleague_installs_it(
    yaml_project: Project,
    new_project: NewProject,
    emulator: Emulator,
    clone: Path,
    offline: dict[str, str],
    tmp_path: Path,
) -> None:
    repository = tmp_path / "repositories" / "acme" / "pulumi-agin.git"
    for command in ("init -q", "add -A", "-c user.name=t -c user.email=t@t commit -qm all", f"tag v{VERSION}"):
        subprocess.run(["git", *command.split()], cwd=clone, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", clone, repository], check=True)
    source = f"{HOST}/acme/pulumi-agin.git/plugin@v{VERSION}"
    with git_host(tmp_path / "repositories", tmp_path) as variables:
        add_package(yaml_project, f"https://{source}", offline | variables)
        assert f"agin: {source}" in (yaml_project.folder / "Pulumi.yaml").read_text()

        colleague = new_project("colleague")
        shutil.copy(yaml_project.folder / "Pulumi.yaml", colleague.folder)
        colleague.pulumi("install", env=offline | variables)
    check_that_it_is_used(colleague, emulator, offline | NOT_FROM_PATH)
