"""The program in Go of the docs, with the generated SDK, a real BIND and the emulator. `make go` runs it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from pulumi_agin.emulator import Emulator
from tests.support.pages import blocks
from tests.support.project import Project
from tools.bind import Bind, Key

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "languages.md"
DOMAIN = "connect.acme.com"


def write(project: Project, sdk: Path, program: str) -> None:
    """Makes this a project in Go, whose modules are those of the SDK."""
    project.yaml(f"name: {project.name}\nruntime: go\n{project.plugin}")
    (project.folder / "main.go").write_text(program)
    modules = (sdk / "go.mod").read_text()
    [module] = re.findall("^module (.*)$", modules, re.M)
    needed = f"require {module} v0.0.0\n\nreplace {module} => {sdk}\n"
    (project.folder / "go.mod").write_text(f"{modules.replace(f'module {module}', 'module program')}\n{needed}")
    (project.folder / "go.sum").write_text((sdk / "go.sum").read_text())


def test_from_the_domain_to_the_configuration_of_the_agents(
    project: Project, go_host: Path, sdks: Path, emulator: Emulator, tmp_path: Path
) -> None:
    asked = ["go", "env", "GOROOT", "GOMODCACHE", "GOCACHE"]
    root, modules, cache = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    project.add_to_path(go_host, f"{root}/bin")
    # All modules have been in the cache since the SDK was made.
    project.environment |= {"GOMODCACHE": modules, "GOCACHE": cache, "GOPROXY": "off", "GOWORK": "off"}

    [program] = blocks(PAGE.read_text(), "go")
    key = Key("agin", [DOMAIN])
    with Bind(tmp_path / "bind", [key]) as bind:
        server = 'Server:      pulumi.String("ns1.acme.com"),'
        assert server in program
        program = program.replace(server, f'Server: pulumi.String("127.0.0.1"), Port: pulumi.Int({bind.port}),')
        assert program.count(", pulumi.Protect(true)") == 2
        program = program.replace(", pulumi.Protect(true)", "")
        write(project, sdks / "go", program)
        project.config(secret={"tsigSecret": key.secret})
        emulator.configure(job_after_seconds=0, issue_after_seconds=0)

        project.up()
        [ingress] = emulator.ingresses()
        assert bind.referral(DOMAIN) == sorted(f"{target}." for target in ingress["ns_targets"])
        outputs = project.outputs()
        assert outputs["renewsAt"]
        assert yaml.safe_load(outputs["agentConfig"])["agent"] == {
            "connect_url": f"{DOMAIN}:443",
            "connect_cas": "host",
        }
        project.up("--expect-no-changes")

        project.destroy()
        assert emulator.ingresses() == []
        assert bind.referral(DOMAIN) == []
