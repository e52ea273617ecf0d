"""docs/getting-started.md: its program and its commands, run as they stand there."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.engine.project import Project
from tests.keys import API_KEY

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
INSTALL, ON_THE_EMULATOR, ON_NGROK, DESTROY = [text for language, text in BLOCKS if language == "sh"]
[PROGRAM] = [text for language, text in BLOCKS if language == "python"]


def test_the_package_is_installed_as_the_readme_says() -> None:
    # Which test_readme.py runs.
    readme = (PAGE.parents[1] / "README.md").read_text()
    assert INSTALL.replace("[emulator]", "[aws]") in readme


def test_on_the_emulator(project: Project) -> None:
    (project.folder / "__main__.py").write_text(PROGRAM)
    assert "24404" in ON_THE_EMULATOR
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    # A reader sees its URL before they type on.
    ready = f"until (exec 3<>/dev/tcp/127.0.0.1/{port}); do sleep 0.1; done"
    commands = ON_THE_EMULATOR.replace("24404", port).replace("&\n", f"&\n{ready}\n")
    assert "2 created" in project.typed(commands)
    assert set(project.outputs()) == {"ns_targets", "region_domains"}


def test_on_ngrok_and_to_the_end(project: Project, emulator: Emulator) -> None:
    # The emulator stands for ngrok.
    project.config(plain={"ngrok:apiBaseUrl": emulator.url})
    (project.folder / "__main__.py").write_text(PROGRAM)
    project.typed(ON_NGROK, stdin=f"{API_KEY}\n")
    [ingress] = emulator.ingresses()
    assert ingress["domain"] == "connect.acme.com"
    assert project.pulumi("destroy", "--yes", fails=True), "it is protected"

    project.typed(DESTROY)
    assert emulator.ingresses() == []
