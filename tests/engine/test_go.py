"""The program in Go of the docs, with the generated SDK, a real BIND and the emulator."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.pages import blocks
from tests.support.project import Project

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "languages.md"
DOMAIN = "connect.acme.com"


@pytest.mark.weekly
def test_program_of_the_docs(project: Project, go_host: Path, sdks: Path, emulator: Emulator, tmp_path: Path) -> None:
    command = ["go", "env", "GOROOT", "GOMODCACHE", "GOCACHE"]
    root, downloads, cache = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    project.add_to_path(go_host, f"{root}/bin")
    # All modules are in the cache since the SDK was made.
    project.environment |= {"GOMODCACHE": downloads, "GOCACHE": cache, "GOPROXY": "off", "GOWORK": "off"}
    project.yaml(f"name: {project.name}\nruntime: go\n{project.plugin}")
    modules = (sdks / "go" / "go.mod").read_text()
    [name] = re.findall("^module (.*)$", modules, re.M)
    needed = f"require {name} v0.0.0\n\nreplace {name} => {sdks / 'go'}\n"
    (project.folder / "go.mod").write_text(f"{modules.replace(f'module {name}', 'module program')}\n{needed}")
    (project.folder / "go.sum").write_text((sdks / "go" / "go.sum").read_text())

    [program] = blocks(PAGE.read_text(), "go")
    (project.folder / "main.go").write_text(program)
    project.edit({", pulumi.Protect(true)": ""})
    key = Key("agin", [DOMAIN])
    with Bind(tmp_path / "bind", [key]) as bind:
        project.edit({'"ns1.acme.com"),': f'"127.0.0.1"), Port: pulumi.Int({bind.port}),'})
        project.config(secret={"tsigSecret": key.secret})
        emulator.configure(job_after_seconds=0, issue_after_seconds=0)
        project.up()
        [ingress] = emulator.ingresses()
        assert bind.referral(DOMAIN) == sorted(f"{target}." for target in ingress["ns_targets"])
        outputs = project.outputs()
        assert outputs["renewsAt"]
        agent = yaml.safe_load(outputs["agentConfig"])["agent"]
        assert agent == {"connect_url": f"{DOMAIN}:443", "connect_cas": "host"}
        project.up("--expect-no-changes")
        project.destroy()
        assert emulator.ingresses() == []
        assert bind.referral(DOMAIN) == []
