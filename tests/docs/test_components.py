"""The example with a component, installed from a clone as its README says, and used by programs in three languages."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.cloud_provider import install
from tests.support.keys import API_KEY
from tests.support.pages import blocks, type_lines
from tests.support.project import Project
from tools import sdks

README = Path(__file__).parents[2] / "examples" / "component" / "README.md"
INSTALL, RUN, _ = blocks(README.read_text(), "sh")


class Example:
    """The example in a clone, and the DNS provider."""

    def __init__(self, project: Project, emulator: Emulator, dns_packages: Path) -> None:
        self._project, self._emulator = project, emulator
        self._cloud, aws = install(project, "aws")
        self._aws = yaml.safe_load(aws)
        self.folder = clone.copy(project.folder.parent / "clone") / "examples" / "component"
        variables = clone.offline(project.folder / "packages")
        variables["PYTHONPATH"] += f":{dns_packages}"
        project.environment |= variables
        project.folder = self.folder
        project.typed(INSTALL, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        # Only the environment of the example has the packages, and only the stack has the key.
        path = project.environment["PATH"].partition(":")[2]
        project.environment["PATH"] = f"{self.folder / '.venv' / 'bin'}:{path}"
        del project.environment["NGROK_API_KEY"]

    def assert_life(self, program: str) -> None:
        """Runs a program by the commands of the README, from create to destroy."""
        project, emulator, cloud = self._project, self._emulator, self._cloud
        project.folder = self.folder / program
        settings = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
        settings.setdefault("plugins", {"providers": []})["providers"].append(self._aws)
        project.yaml(yaml.safe_dump(settings))
        assert "warning" not in type_lines(project, RUN, {"agin:apiKey": API_KEY})
        [ingress] = emulator.ingresses()
        assert cloud.records("connect.acme.com") == sorted((value.rstrip("."), 300) for value in ingress["ns_targets"])
        assert "connect.acme.com:443" in project.outputs()["agentConfig"]
        project.preview("--expect-no-changes")
        assert "protected" in project.destroy(fails=True)
        project.typed("pulumi state unprotect --all --yes --stack dev")
        project.destroy()
        assert (emulator.ingresses(), cloud.records("connect.acme.com")) == ([], [])


@pytest.mark.rest
def test_programs_in_python_and_yaml(yaml_project: Project, emulator: Emulator, main_dns_packages: Path) -> None:
    example = Example(yaml_project, emulator, main_dns_packages)
    example.assert_life("python")
    example.assert_life("yaml")


@pytest.mark.weekly
def test_program_in_typescript(
    typescript_project: Project, emulator: Emulator, main_dns_packages: Path, npm_packages: Path, tmp_path: Path
) -> None:
    project = typescript_project
    example = Example(project, emulator, main_dns_packages)
    schema = tmp_path / "schema.json"
    schema.write_text(project.typed("pulumi package get-schema .venv/bin/pulumi-resource-gateway"))
    sdks.generate_from(schema, tmp_path / "sdks")
    project.folder = example.folder / "typescript"
    for name in ("@pulumi/pulumi", "@types/node", "ts-node", "typescript"):
        project.link_package(name, npm_packages / name)
    project.link_package("@acme/gateway", tmp_path / "sdks" / "nodejs")
    project.check_types()
    example.assert_life("typescript")
