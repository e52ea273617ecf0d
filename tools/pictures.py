"""`make pictures`: the pictures in docs/pictures, made from a run of the real Pulumi engine on an emulated ngrok API.

The run takes a domain from nothing to an issued certificate, with its NS records in a real BIND. What the terminal
shows becomes one picture, and the resources in the state become the other.

As long as what users see stays the same, a run makes the same files. For that, the emulator gets a clock of its own
and a seed for its ids, `pulumi-agin doctor` gets the date and time of that clock, and some of the printed text is
edited. What is edited says something about the machine, but nothing about this package:

- The ports of the emulator and of BIND, which the system chooses, are always the same ones.
- How long Pulumi took for each resource and in all is left out. So is the column "Info", whose place depends on that.
  It would say how many lines there are below "Diagnostics".
- The seconds of the wait for the certificate are those of its schedule, without what a busy machine adds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from rich.text import Text

from pulumi_agin.emulator import Emulator
from tools import bind, demo, environment, flow, node, pulumi_cli, terminal_picture
from tools.steps import BUILD, ROOT, StepError, exit_status, say

PICTURES = ROOT / "docs" / "pictures"
TERMINAL = "terminal.svg"
FLOW = "flow.svg"

TERMINAL_TITLE = (
    "A terminal. pulumi preview plans five resources, pulumi up creates them and waits until the certificate of "
    "connect.acme.com is issued, and pulumi-agin doctor finds that all is well."
)

PROGRAM = """\
import pulumi
import pulumi_agin as agin

config = pulumi.Config()

ingress = agin.AgentIngress(
    "connect", domain="connect.acme.com", certificate_management_policy={"authority": "letsencrypt"}
)
delegation = agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.rfc2136(
        server="127.0.0.1",
        port=config.require_int("port"),
        zone="acme.com",
        tsig_key_name="agin",
        tsig_secret=config.require_secret("tsigSecret"),
    ),
)
certificate = agin.AgentIngressCertificateValidation("connect", agent_ingress_id=delegation.agent_ingress_id)

pulumi.export("renews_at", certificate.renews_at)
"""

STACK = "dev"

# The seed of the emulator's ids.
SEED = 0

# When the emulator's clock begins, and how far each look at an ingress moves it on.
BEGAN = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
LOOK = timedelta(seconds=10)

# What is shown in place of the ports.
EMULATOR_PORT = 24404
BIND_PORT = 53053

# `pulumi-agin`, with the date and time that the first argument says.
COMMAND_LINE = """\
import sys
from datetime import datetime
from pulumi_agin.api.clock import Clock
from pulumi_agin.cli import main

class EmulatorsClock(Clock):
    def utc_now(self):
        return datetime.fromisoformat(sys.argv[1])

sys.exit(main(sys.argv[2:], EmulatorsClock()))
"""


@dataclass(frozen=True)
class Run:
    """What came of a run: what the terminal showed, and the resources in the state."""

    lines: list[Text]
    resources: list[dict[str, Any]]


def run(build: Path, cli: Path, user: Path) -> Run:
    """Runs preview, up and doctor.

    Args:
        build: A folder for everything that the run makes.
        cli: The folder of the Pulumi CLI.
        user: The Python environment with the wheel.

    Raises:
        StepError: A command failed.
    """
    project = build / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: agents\nruntime: python\n", encoding="utf-8")
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")

    def now() -> datetime:
        looks = sum(count for request, count in emulator.counts().items() if request.startswith("GET "))
        return BEGAN + looks * LOOK

    with demo.name_server(build) as server:
        emulator = Emulator(demo.API_KEY, dns=server.address, random=Random(SEED), clock=now)
        with emulator:
            env = _environment(build, project, cli, user, emulator)
            demo.pulumi(env, "stack", "select", "--create", STACK)
            demo.pulumi(env, "config", "set", "port", str(server.port))
            # Not on the command line, which other users of this machine can see.
            demo.pulumi(env, "config", "set", "--secret", "tsigSecret", stdin=server.keys[0].secret)
            demo.pulumi(env, "config", "set", "--secret", "ngrok:apiKey", stdin=demo.API_KEY)
            ports = {emulator.url.rpartition(":")[2]: EMULATOR_PORT, str(server.port): BIND_PORT}
            doctor = f"pulumi-agin doctor {demo.DOMAIN} --dns {server.address}"
            lines: list[Text] = []
            for typed in ("pulumi preview", "pulumi up --skip-preview", doctor):
                command = typed.split()
                if command[0] == "pulumi-agin":
                    command = [str(user / "bin" / "python"), "-c", COMMAND_LINE, now().isoformat(), *command[1:]]
                shown = terminal_picture.run(command, cwd=project, env=env, edit=lambda text: _edited(text, ports))
                prompt = terminal_picture.prompt(_edited(typed.encode(), ports).decode())
                lines += [*([Text()] if lines else []), prompt, *_without_times(shown)]
            return Run(lines, _resources(env))


def _environment(build: Path, project: Path, cli: Path, user: Path, emulator: Emulator) -> dict[str, str]:
    """Returns the environment of a terminal, without what the caller's may say of colors, languages and CI."""
    whole = demo.pulumi_environment(build, project, STACK, user, [user / "bin", cli])
    kept = re.compile("(PATH|HOME|VIRTUAL_ENV|PULUMI_(?!AGIN_).*)$")
    return {
        **{name: value for name, value in whole.items() if kept.match(name)},
        "NGROK_API_BASE_URL": emulator.url,
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
    }


def _edited(printed: bytes, ports: Mapping[str, int]) -> bytes:
    """Edits what a command printed, as the docstring of this module says."""
    for port, shown in ports.items():
        printed = printed.replace(f"127.0.0.1:{port}".encode(), f"127.0.0.1:{shown}".encode())
    # Spaces in its place, because Pulumi has aligned the text already.
    printed = re.sub(rb" \([\d.hms]+s\)", lambda found: b" " * len(found[0]), printed)
    printed = re.sub(rb"for \d+ seconds? \((.+? at most)\)", rb"for \1", printed)
    return re.sub(rb"after \d+ seconds", b"after 4 seconds", printed)


def _without_times(lines: list[Text]) -> list[Text]:
    """Leaves out what depends on how long something took: the last line, and where the column "Info" begins."""
    shown, width = [], terminal_picture.COLUMNS
    for line in lines:
        if line.plain.split()[:3] == ["Type", "Name", "Status"]:
            width = line.plain.index("Status") + len("Status  ")
        elif not line.plain:
            width = terminal_picture.COLUMNS
        shown.append(line[:width])
    if shown[-1].plain.startswith("Duration:"):
        return shown[:-2]
    return shown


def _resources(env: Mapping[str, str]) -> list[dict[str, Any]]:
    exported = subprocess.run(["pulumi", "stack", "export"], env=env, capture_output=True, text=True, check=False)
    if exported.returncode != 0:
        raise StepError(f"pulumi stack export ended with exit code {exported.returncode}:\n{exported.stderr}")
    resources: list[dict[str, Any]] = json.loads(exported.stdout)["deployment"]["resources"]
    return resources


def make() -> None:
    """Makes the pictures again, and says which of them have changed."""
    bind.ensure()
    # First, so that a long run is not for nothing where there is no npm.
    node.ensure(node.GRAPHVIZ)
    user = environment.user()
    cli = pulumi_cli.ensure(pulumi_cli.from_environment(), python=user / "bin" / "python")
    if not pulumi_cli.is_pinned(cli):
        raise StepError(
            f"The pictures show Pulumi {pulumi_cli.pins()['pulumi']}, which {cli / 'pulumi'} is not. "
            "PULUMI_AGIN_CLI=build makes one that is."
        )
    with tempfile.TemporaryDirectory(prefix="pictures-", dir=BUILD) as build:
        done = run(Path(build), cli, user)
    pictures = {TERMINAL: terminal_picture.draw(done.lines, TERMINAL_TITLE), FLOW: flow.draw(done.resources)}
    PICTURES.mkdir(exist_ok=True)
    for name, svg in pictures.items():
        file = PICTURES / name
        is_same = file.exists() and file.read_text(encoding="utf-8") == svg
        file.write_text(svg, encoding="utf-8")
        say(f"{file.relative_to(ROOT)} {'is as it was' if is_same else 'has changed: look at it'}")


if __name__ == "__main__":
    sys.exit(exit_status(make))
