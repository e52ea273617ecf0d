"""The commands and the programs of the README, run exactly as written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.cloud_provider import install_dns
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
# test_demo.py runs the first command.
_, INSTALL, UP = blocks((ROOT / "README.md").read_text(), "sh")
PROGRAM, DELEGATION, VALIDATION = blocks((ROOT / "README.md").read_text(), "python")


@pytest.mark.rest
def test_package_installs_from_a_clone(tmp_path: Path) -> None:
    (tmp_path / "pulumi-agin").symlink_to(ROOT)
    (tmp_path / "project").mkdir()
    subprocess.run(
        ["bash", "-euc", INSTALL],
        env={**os.environ, **clone.without_dependencies(), "PIP_TARGET": str(tmp_path / "to")},
        cwd=tmp_path / "project",
        check=True,
    )
    assert (tmp_path / "to" / "pulumi_agin" / "py.typed").exists()


@pytest.mark.rest
def test_first_program_delegates_a_domain_with_a_plain_record(
    project: Project, main_dns_packages: Path, emulator: Emulator
) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    route53 = install_dns(project, main_dns_packages)
    (project.folder / "__main__.py").write_text(PROGRAM)
    project.typed(UP, stdin=f"{API_KEY}\n", NGROK_API_KEY="")
    [ingress] = emulator.ingresses()
    assert [value for value, _ in route53.records("connect.acme.com")] == sorted(ingress["ns_targets"])
    assert "connect_url" in project.outputs()["agent_config"]
    assert "ciphertext" not in str(project.resources())
    assert "3 unchanged" in project.up()
    project.destroy()
    assert (emulator.ingresses(), route53.records("connect.acme.com")) == ([], [])

    # What the README adds in place of the record.
    ingress_alone = PROGRAM.partition("aws.route53.Record(")[0]
    (project.folder / "__main__.py").write_text(ingress_alone + DELEGATION + VALIDATION)
    assert "5 created" in project.up()
