"""The programs of the page about components, each from create to destroy."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import Cloud, install_dns
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.project import Project
from tools import sdks

pytestmark = pytest.mark.rest

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "components.md").read_text()
[COMPONENT, PYTHON], [PACKAGE], [YAML], [TYPESCRIPT] = (
    blocks(PAGE, language) for language in ("python", "toml", "yaml", "typescript")
)
[_, COMMANDS] = blocks(PAGE, "sh")


@pytest.fixture
def cloud(project: Project, dns_packages: Path) -> Cloud:
    """The DNS provider. The component is in an environment of its own, as the commands of the page install it."""
    cloud = install_dns(project, dns_packages)
    package = project.folder.parent / "acme-gateway"
    package.mkdir()
    (package / "acme_gateway.py").write_text(COMPONENT)
    environment = project.folder / ".venv" / "bin"
    environment.mkdir(parents=True)
    python = f"exec env PYTHONPATH={package}:{dns_packages} {project.user_env}/bin/python"
    [(name, module, function)] = re.findall(r'^(pulumi-resource-\w+) = "(\w+):(\w+)"$', PACKAGE, re.MULTILINE)
    serve = shlex.quote(f"import {module}; {module}.{function}()")
    for executable, arguments in (("python", ""), (name, f"-c {serve}")):
        (environment / executable).write_text(f'#!/bin/sh\n{python} {arguments} "$@"\n')
        (environment / executable).chmod(0o755)
    # Only the environment of the component has this package.
    project.environment["PATH"] = project.environment["PATH"].partition(":")[2]
    del project.environment["PYTHONPATH"], project.environment["NGROK_API_KEY"]
    return cloud


def with_plugins(project: Project, runtime: str) -> str:
    """Returns the settings of a project with the plugins of the page and of the DNS provider."""
    plugins = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())["plugins"]
    plugins["providers"] += yaml.safe_load(YAML)["plugins"]["providers"]
    return json.dumps({"name": project.name, "runtime": runtime, "plugins": plugins})


def assert_life(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    created = project.typed(COMMANDS, stdin=API_KEY)
    assert "warning" not in created
    [ingress] = emulator.ingresses()
    assert cloud.records("connect.acme.com") == sorted((target.rstrip("."), 300) for target in ingress["ns_targets"])
    assert "connect.acme.com:443" in project.outputs()["agentConfig"]
    environment = {"PULUMI_PYTHON_CMD": str(project.folder / ".venv" / "bin" / "python")}
    project.preview("--expect-no-changes", env=environment)
    project.destroy(env=environment)
    assert (emulator.ingresses(), cloud.records("connect.acme.com")) == ([], [])


def test_yaml_program(project: Project, emulator: Emulator, cloud: Cloud, yaml_host: Path) -> None:
    project.add_to_path(yaml_host)
    program = yaml.safe_load(YAML)
    project.yaml(json.dumps(program | json.loads(with_plugins(project, "yaml"))))
    assert_life(project, emulator, cloud)


def test_python_program(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    (project.folder / "__main__.py").write_text(PYTHON)
    assert_life(project, emulator, cloud)


@pytest.mark.weekly
def test_typescript_program(typescript_project: Project, emulator: Emulator, cloud: Cloud, tmp_path: Path) -> None:
    project = typescript_project
    schema = tmp_path / "schema.json"
    schema.write_text(project.shell("pulumi package get-schema .venv/bin/pulumi-resource-gateway"))
    sdks.generate_from(schema, tmp_path / "sdks")
    project.link_package("@acme/gateway", tmp_path / "sdks" / "nodejs")
    settings = with_plugins(project, "nodejs")
    project.typescript_program("")
    (project.folder / "index.ts").write_text(TYPESCRIPT)
    project.yaml(settings)
    project.check_types()
    assert_life(project, emulator, cloud)
