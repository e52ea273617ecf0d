"""The programs and the commands of docs/tutorial.md, run exactly as written.

In the second part, an emulator takes the place of ngrok, and a stand-in that of Route 53. Nothing runs the `ngrok`
agent, which the page says. test_demo.py runs the commands of the demo, and test_installation.py those that add an
extra.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.cloud_provider import ZONE_ID, install_dns
from tests.support.keys import API_KEY
from tests.support.pages import blocks, type_lines
from tests.support.ports import free_port
from tests.support.project import Project, listening

ROOT = Path(__file__).parents[2]
PART_1, PART_2 = (ROOT / "docs" / "tutorial.md").read_text().split("\n## Part 2: With ngrok\n")

INSTALL, BACKEND, START, CREATE, SHOW, REMOVE, *DEMO = blocks(PART_1, "sh")
[PROGRAM], [CONFIGURATION] = blocks(PART_1, "python"), blocks(PART_1, "yaml")
_, CONFIGURE, BACK_UP, WRITE_CONFIGURATION, REMOVE_ALL = blocks(PART_2, "sh")
[RECORD] = blocks(PART_2, "python")
[PROTECT] = re.findall("`(opts=[^`]*)`", PART_2)
[CHANGE] = re.findall(r"^\| `(pulumi config set .*)` \|", PART_1, re.MULTILINE)
UPDATE = "sed -i 's/acme devices/our devices/' __main__.py\n"


def run_steps(project: Project, steps: dict[str, str], **environment: str) -> dict[str, str]:
    """Runs the commands of all steps in one shell, on a free port. Returns the output of each step."""
    script = "\n".join(f"{{ echo; echo '--- {name}'; }} 2>&-\n{commands}" for name, commands in steps.items())
    port = free_port()
    script = script.replace(START, START + listening(port)).replace("24404", str(port))
    # The stack's config has the emulator's URL and key.
    printed = project.typed(script, NGROK_API_BASE_URL="", NGROK_API_KEY="", **environment)
    _, *parts = re.split(r"^--- (.+)\n", printed, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.rest
def test_part_1_from_the_clone_to_the_removed_stack(project: Project) -> None:
    up = "pulumi up --stack dev\n"
    steps = {
        "install": INSTALL.replace("URL", ROOT.as_uri()),
        "backend": BACKEND,
        "program": f"cat > __main__.py <<'END'\n{PROGRAM}END\n",
        "start": START,
        "create": CREATE,
        "show": SHOW,
        "unchanged": up,
        "update": UPDATE + up,
        "replace": f"{CHANGE}\n{up}",
        "remove": REMOVE,
    }
    variables = clone.offline(project.folder / "packages")
    variables["PATH"] = f"{project.cli}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    printed = run_steps(project, steps, **variables)
    assert "does not provide the extra" not in printed["install"]
    assert "2 created" in printed["create"]
    assert CONFIGURATION in printed["show"]
    assert "2 unchanged" in printed["unchanged"]
    assert "1 updated" in printed["update"]
    assert "1 replaced" in printed["replace"]
    assert "2 deleted" in printed["remove"]
    assert (project.folder / ".pulumi").is_dir()


@pytest.mark.rest
def test_part_2_from_new_stack_to_configured_agent_and_back(
    project: Project, emulator: Emulator, main_dns_packages: Path
) -> None:
    route53 = install_dns(project, main_dns_packages)
    program = project.folder / "__main__.py"
    program.write_text(PROGRAM + RECORD)

    def typed(commands: str) -> str:
        # The key is in the stack alone.
        commands = commands.replace("YOUR-ZONE-ID", ZONE_ID)
        return type_lines(project, commands, {"agin:apiKey": API_KEY}, NGROK_API_KEY="")

    assert "Missing required configuration variable 'test:domain'" in project.preview(fails=True)
    assert "3 created" in typed(CONFIGURE)
    [ingress] = emulator.ingresses()
    assert [value for value, _ in route53.records(ingress["domain"])] == sorted(ingress["ns_targets"])

    # The domain is not really delegated, so `doctor` would report it.
    doctor, back_up = BACK_UP.splitlines()
    assert doctor == "pulumi-agin doctor --stack test connect.YOUR-DOMAIN"
    typed(back_up)
    backup = (project.folder / "state.json").read_text()
    assert ingress["id"] in backup
    assert API_KEY not in backup

    typed(WRITE_CONFIGURATION)
    configuration = yaml.safe_load((project.folder / "ngrok.yml").read_text())
    assert configuration == {"version": 3, "agent": {"connect_url": "connect.acme.com:443"}}

    protected = re.sub(r"^( +)(records|description)=.*\n", rf"\g<0>\1{PROTECT}\n", PROGRAM + RECORD, flags=re.MULTILINE)
    assert protected.count(PROTECT) == 2
    program.write_text(protected)
    project.up()
    assert "protected" in project.destroy(fails=True)
    assert (len(emulator.ingresses()), len(route53.records(ingress["domain"]))) == (1, 4)
    assert "deleted" in typed(REMOVE_ALL)
    assert (emulator.ingresses(), route53.records(ingress["domain"])) == ([], [])
