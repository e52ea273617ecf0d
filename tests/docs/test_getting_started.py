"""docs/getting-started.md: its program and its commands, run as they stand there."""

from __future__ import annotations

from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
INSTALL, ON_THE_EMULATOR, UNPROTECT, DESTROY, ON_NGROK, UP = blocks(PAGE.read_text(), "sh")
[PROGRAM] = blocks(PAGE.read_text(), "python")
UNSET = "unset NGROK_API_BASE_URL NGROK_API_KEY\n"


def test_the_package_is_installed_as_the_readme_says() -> None:
    # Which test_readme.py runs.
    readme = (PAGE.parents[1] / "README.md").read_text()
    assert INSTALL.replace("[emulator]", "[aws,doctor]") in readme


def test_from_the_emulator_to_ngrok(project: Project, emulator: Emulator) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    assert "24404" in ON_THE_EMULATOR
    port = free_port()
    # A reader sees its URL before they type on.
    commands = ON_THE_EMULATOR.replace("24404", str(port)).replace("&\n", f"&\n{listening(port)}")
    # Another emulator stands for ngrok.
    assert UNSET in ON_NGROK
    on_ngrok = ON_NGROK.replace(UNSET, f"{UNSET}export NGROK_API_BASE_URL={emulator.url}\n")
    printed = project.typed(commands + UNPROTECT + DESTROY + on_ngrok + UP, stdin=f"{API_KEY}\n")
    assert printed.count("2 created") == 2
    assert "2 deleted" in printed
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["connect.acme.com"]
    assert set(project.outputs()) == {"ns_targets", "region_domains"}
    assert "protected" in project.destroy(fails=True)
