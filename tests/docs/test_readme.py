"""The commands and the programs of the README, run exactly as written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.cloud_provider import install_dns
from tests.support.keys import API_KEY
from tests.support.pages import blocks, type_lines
from tests.support.project import Project

README = (Path(__file__).parents[2] / "README.md").read_text()
# test_demo.py runs the first command.
_, INSTALL, RUN = blocks(README, "sh")
PROGRAM, DELEGATION, VALIDATION = blocks(README, "python")


@pytest.mark.rest
def test_from_the_clone_to_the_first_ingress_and_its_delegation(
    project: Project, main_dns_packages: Path, emulator: Emulator
) -> None:
    route53 = install_dns(project, main_dns_packages)
    plugins = (project.folder / "Pulumi.yaml").read_text().partition("plugins:")[2]
    variables = clone.offline(project.folder / "dependencies")
    variables["PYTHONPATH"] += f":{project.environment['PYTHONPATH']}"
    project.folder = clone.copy(project.folder / "pulumi-agin")
    project.environment |= variables
    installed = project.typed(INSTALL, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert "does not provide the extra" not in installed
    project.folder = project.folder.parent / "acme"
    project.environment["PATH"] = f"{project.folder / '.venv' / 'bin'}:{project.environment['PATH']}"
    name = (project.folder / "Pulumi.yaml").read_text()
    assert name == "{name: acme, runtime: python}\n"
    project.yaml(f"name: acme\nruntime: python\nplugins:{plugins}")

    program = project.folder / "__main__.py"
    program.write_text(PROGRAM)
    type_lines(project, RUN, {"agin:apiKey": API_KEY}, NGROK_API_KEY="")
    [ingress] = emulator.ingresses()
    assert [value for value, _ in route53.records("connect.acme.com")] == sorted(ingress["ns_targets"])
    assert "connect_url" in project.outputs()["agent_config"]
    assert "3 unchanged" in project.up()

    # What the README adds in place of the record.
    project.destroy()
    assert (emulator.ingresses(), route53.records("connect.acme.com")) == ([], [])
    program.write_text(PROGRAM.partition("aws.route53.Record(")[0] + DELEGATION + VALIDATION)
    assert "5 created" in project.up()
