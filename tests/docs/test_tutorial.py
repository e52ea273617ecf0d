"""The program and the commands of docs/tutorial.md, run exactly as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.ngrok import create
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import UNCHANGED, Project, listening

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
_, EMULATOR_COMMANDS, DESTROY, NGROK_COMMANDS, FROM_DASHBOARD = blocks(PAGE.read_text(), "sh")
PROGRAM, PROTECTED_PROGRAM = blocks(PAGE.read_text(), "python")


@pytest.mark.rest
def test_from_emulator_to_ngrok(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    assert "24404" in EMULATOR_COMMANDS
    port = free_port()
    # Readers see the emulator's URL before they type the next command.
    commands = EMULATOR_COMMANDS.replace("24404", str(port)).replace("&\n", f"&\n{listening(port)}")
    # The second emulator, whose URL is in the environment, takes the place of ngrok.
    assert "pulumi config rm ngrok:apiBaseUrl\n" in NGROK_COMMANDS
    update = """sed -i 's/"acme devices"/"ours"/' __main__.py\npulumi up\n"""
    replace = """sed -i 's/"connect.acme.com"/"devices.acme.com"/' __main__.py\npulumi up\n"""
    output = project.typed(commands + update + replace + DESTROY + NGROK_COMMANDS, stdin=f"{API_KEY}\n")
    assert "1 updated" in output
    assert "1 replaced" in output
    assert output.count("2 created") == 2
    assert "2 deleted" in output
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["devices.acme.com"]
    assert set(project.outputs()) == {"ns_targets", "region_domains"}


def test_protected_ingress_is_kept(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(f"import pulumi\nimport pulumi_agin as agin\n\n{PROTECTED_PROGRAM}")
    project.up()
    assert "protected" in project.destroy(fails=True)
    assert len(emulator.ingresses()) == 1
    project.typed("pulumi state unprotect --all --yes\npulumi destroy --yes\n")
    assert emulator.ingresses() == []


@pytest.mark.rest
def test_from_dashboard_to_pulumi(project: Project, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    create(emulator, "connect.acme.com", description="made in the dashboard", certificate_management_policy=policy)
    emulator.clear_requests()
    assert UNCHANGED in project.typed(FROM_DASHBOARD, stdin=f"{API_KEY}\n", NGROK_API_KEY="")
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert "made in the dashboard" in (project.folder / "__main__.py").read_text()
