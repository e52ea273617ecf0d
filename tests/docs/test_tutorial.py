"""The programs and the commands of docs/tutorial.md, run exactly as written.

In the second part, an emulator takes the place of ngrok, and a stand-in that of Route 53. Nothing runs the `ngrok`
agent, which the page says. test_demo.py runs the commands of the demo, and test_installation.py those that add
an extra.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support import clone
from tests.support.cloud_provider import ZONE_ID, install_dns
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project, listening

ROOT = Path(__file__).parents[2]
PART_1, PART_2 = (ROOT / "docs" / "tutorial.md").read_text().split("\n## Part 2: With ngrok\n")

CLONE, INSTALL, BACKEND, START, CREATE, SHOW, REMOVE, *DEMO = blocks(PART_1, "sh")
PROJECT, CONFIGURATION = blocks(PART_1, "yaml")
[REQUIREMENTS] = blocks(PART_1, "text")
[PROGRAM] = blocks(PART_1, "python")

_, CONFIGURE, PROMPTS, _, BACK_UP, WRITE_CONFIGURATION, REMOVE_ALL = blocks(PART_2, "sh")
[FULL_CONFIGURATION] = blocks(PART_2, "yaml")
FULL_PROGRAM, _ = blocks(PART_2, "python")
[PROTECT] = re.findall("`(opts=.*)`", PART_2)

AUTHTOKEN = "2tst_an-authtoken"


def write(name: str, text: str) -> str:
    """Returns commands that put a text in a file, as a reader does in an editor."""
    return f"cat > {name} <<'END_OF_FILE'\n{text}END_OF_FILE"


def run_steps(project: Project, steps: dict[str, str], stdin: str = "", **environment: str) -> dict[str, str]:
    """Runs the commands of all steps in one shell. Returns the output of each step."""
    script = "\n".join(f"{{ echo; echo '--- {name}'; }} 2>&-\n{commands}" for name, commands in steps.items())
    printed = project.typed(script, stdin, **environment)
    _, *parts = re.split(r"^--- (.+)\n", printed, flags=re.MULTILINE)
    outputs = dict(zip(parts[::2], parts[1::2], strict=True))
    assert outputs.keys() == steps.keys(), printed
    return outputs


def write_files() -> str:
    """Returns commands that make the project's files, as a reader does."""
    files = {"Pulumi.yaml": PROJECT, "requirements.txt": REQUIREMENTS, "__main__.py": PROGRAM}
    return "\n".join(write(name, text) for name, text in files.items())


def on_port(port: int, steps: dict[str, str]) -> dict[str, str]:
    """Returns the steps with another port than the page's."""
    return {name: commands.replace("24404", str(port)) for name, commands in steps.items()}


# The stack's config has the emulator's URL and key.
WITHOUT_SETTINGS = dict.fromkeys(("NGROK_API_BASE_URL", "NGROK_API_KEY"), "")


def test_ingress_is_created_changed_and_removed_on_the_emulator(project: Project) -> None:
    """With the package already installed."""
    port = free_port()
    assert "| in `__main__.py`, `acme devices` becomes `our devices` |" in PART_1
    [replace] = re.findall(r"^\| `(pulumi config set .*)` \|", PART_1, re.MULTILINE)
    steps = {
        "files": write_files(),
        "start": f"{START}{listening(port)}",
        "create": CREATE,
        "show": SHOW,
        "unchanged": "pulumi up",
        "update": "sed -i 's/acme devices/our devices/' __main__.py\npulumi up",
        "replace": f"{replace}\npulumi up",
        "remove": REMOVE,
    }
    printed = run_steps(project, on_port(port, steps), **WITHOUT_SETTINGS)
    assert "2 created" in printed["create"]
    assert "this command does not use ngrok itself" in printed["create"]
    assert CONFIGURATION in printed["show"]
    assert "2 unchanged" in printed["unchanged"]
    assert "1 updated" in printed["update"]
    assert "1 replaced" in printed["replace"]
    assert "2 deleted" in printed["remove"]


@pytest.mark.rest
def test_clone_is_installed_and_keeps_its_state_on_this_machine(project: Project) -> None:
    port = free_port()
    steps = {
        "clone": CLONE.replace("URL", ROOT.as_uri()),
        "files": write_files(),
        "install": INSTALL,
        "backend": BACKEND,
        "start": f"{START}{listening(port)}",
        "create": CREATE,
        "remove": REMOVE,
    }
    variables = clone.offline(project.folder / "packages")
    variables["PATH"] = f"{project.cli}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    printed = run_steps(project, on_port(port, steps), **variables, **WITHOUT_SETTINGS)
    assert "does not provide the extra" not in printed["install"]
    assert "2 created" in printed["create"]
    assert "2 deleted" in printed["remove"]
    assert (project.folder / ".pulumi").is_dir()


@pytest.mark.rest
def test_from_new_stack_to_configured_agent_and_back(
    project: Project, emulator: Emulator, main_dns_packages: Path
) -> None:
    route53 = install_dns(project, main_dns_packages)
    program = project.folder / "__main__.py"
    program.write_text(FULL_PROGRAM)
    answers = {"authtoken": f"{AUTHTOKEN}\n", "agin:apiKey": f"{API_KEY}\n"}

    def typed(commands: str) -> str:
        """Runs lines as a reader of acme.com, who types the secrets. The key is in the stack alone."""
        lines = commands.replace("YOUR-DOMAIN", "acme.com").replace("YOUR-ZONE-ID", ZONE_ID).splitlines()
        return "".join(project.typed(line, answers.get(line.split()[-1], ""), NGROK_API_KEY="") for line in lines)

    assert "Missing required configuration variable 'test:domain'" in project.preview(fails=True)
    assert "3 created" in typed(CONFIGURE + PROMPTS)
    [ingress] = emulator.ingresses()
    assert [value for value, _ in route53.records(ingress["domain"])] == sorted(ingress["ns_targets"])

    typed(BACK_UP)
    backup = (project.folder / "state.json").read_text()
    assert ingress["id"] in backup
    assert AUTHTOKEN not in backup

    typed(WRITE_CONFIGURATION)
    configuration = project.folder / "ngrok.yml"
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
    expected = FULL_CONFIGURATION.replace("YOUR-DOMAIN", "acme.com").replace("YOUR-AUTHTOKEN", AUTHTOKEN)
    assert yaml.safe_load(configuration.read_text()) == yaml.safe_load(expected)

    protected = re.sub(r"^( +)(records|description)=(.*)\n", rf"\g<0>\1{PROTECT}\n", FULL_PROGRAM, flags=re.MULTILINE)
    assert protected.count(PROTECT) == 2
    program.write_text(protected)
    project.up()
    assert "protected" in project.destroy(fails=True)
    assert (len(emulator.ingresses()), len(route53.records(ingress["domain"]))) == (1, 4)
    assert "deleted" in typed(REMOVE_ALL)
    assert (emulator.ingresses(), route53.records(ingress["domain"])) == ([], [])
