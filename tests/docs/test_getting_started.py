"""docs/getting-started.md: its program and its commands, run as they stand there."""

from __future__ import annotations

from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
_, _, ON_THE_EMULATOR, DESTROY, ON_NGROK = blocks(PAGE.read_text(), "sh")
PROGRAM, PROTECTED = blocks(PAGE.read_text(), "python")
UNSET = "unset NGROK_API_BASE_URL NGROK_API_KEY\n"


def test_from_the_emulator_to_ngrok(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    assert "24404" in ON_THE_EMULATOR
    port = free_port()
    # A reader sees its URL before they type on.
    commands = ON_THE_EMULATOR.replace("24404", str(port)).replace("&\n", f"&\n{listening(port)}")
    # Another emulator stands for ngrok.
    assert UNSET in ON_NGROK
    on_ngrok = ON_NGROK.replace(UNSET, f"{UNSET}export NGROK_API_BASE_URL={emulator.url}\n")
    change = """sed -i 's/"acme devices"/"ours"/' __main__.py\npulumi up\n"""
    move = """sed -i 's/"connect.acme.com"/"devices.acme.com"/' __main__.py\npulumi up\n"""
    printed = project.typed(commands + change + move + DESTROY + on_ngrok, stdin=f"{API_KEY}\n")
    assert "1 updated" in printed
    assert "1 replaced" in printed
    assert printed.count("2 created") == 2
    assert "2 deleted" in printed
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["devices.acme.com"]
    assert set(project.outputs()) == {"ns_targets", "region_domains"}


def test_a_protected_ingress_stays(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(f"import pulumi\nimport pulumi_agin as agin\n\n{PROTECTED}")
    project.up()
    assert "protected" in project.destroy(fails=True)
    assert len(emulator.ingresses()) == 1
    project.typed("pulumi state unprotect --all --yes\npulumi destroy --yes\n")
    assert emulator.ingresses() == []
