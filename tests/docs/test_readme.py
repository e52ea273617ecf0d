"""The commands and the program of the README, run exactly as written."""

from __future__ import annotations

import os
import re
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
README = (ROOT / "README.md").read_text()
TRY, INSTALL, UP, TEST = blocks(README, "sh")
[PROGRAM] = blocks(README, "python")


def test_commands_to_try_and_to_test_are_tested() -> None:
    # test_demo.py runs `make demo`, and `make test` runs this test.
    assert (TRY, TEST) == ("make demo\n", "make test\n")


def test_picture_is_in_the_repository_and_has_a_text() -> None:
    [(picture, text)] = re.findall(r'<img [^>]*src="([^":]+)"\s+alt="([^"]{100,})">', README)
    assert (ROOT / picture).is_file()
    assert "connect.acme.com" in text


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


def test_every_page_installs_the_package_with_pip_like_the_readme() -> None:
    def without_extras(text: str) -> set[str]:
        lines = [line for line in text.splitlines() if "pip install" in line and "pulumi-agin[" in line]
        return {re.sub(r"\[[\w,]+\]|^\S*(?=pip )", "", line) for line in lines}

    known = without_extras(INSTALL)
    assert len(known) == 1
    pages = [path for path in (ROOT / "docs").rglob("*.md") if "pulumi-agin[" in path.read_text()]
    assert len(pages) > 2
    for page in pages:
        assert without_extras("".join(blocks(page.read_text(), "sh"))) <= known, page


@pytest.mark.rest
def test_program_delegates_a_domain_and_configures_an_agent(
    project: Project, main_dns_packages: Path, emulator: Emulator
) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    route53 = install_dns(project, main_dns_packages)
    (project.folder / "__main__.py").write_text(PROGRAM)
    project.typed(UP, stdin=f"{API_KEY}\n", NGROK_API_KEY="")

    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "connect.acme.com"
    assert [(each.verb, each.name) for each in route53.operations()] == [("create", "connect.acme.com")]
    assert "connect_url" in project.outputs()["agent_config"]
    assert "ciphertext" not in str(project.resources())
    assert "5 unchanged" in project.up()
