"""Records the state that this version of the package writes, for later ones to read.

`make env && .build/venv/bin/python -m tests.engine.states.record` makes a folder of the version's name beside this
file: the program, the state with its secrets encrypted, and the ingresses as the emulator keeps them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from pulumi_agin.emulator import Emulator
from pulumi_agin.version import VERSION
from tests.engine.project import Project
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tools import environment, pulumi_cli

FOLDER = Path(__file__).parent
PROGRAM, STATE, INGRESSES = "program.txt", "state.json", "ingresses.json"

# What the program below reads besides the settings.
SECOND_KEY = "SECOND_API_KEY"
REMOVE_POLICY = "REMOVE_POLICY"

TEXT = f"""\
import os

import pulumi
import pulumi_agin as agin

ecdsa = agin.AgentIngressCertPolicyArgs(authority="letsencrypt", private_key_type="ecdsa")

plain = agin.AgentIngress("plain", domain="Plain.ACME.com.")
agin.AgentIngress("described", domain="described.acme.com", description="Geräte", metadata='{{"team": "iot"}}')
agin.AgentIngress("managed", domain="managed.acme.com", certificate_management_policy={{"authority": "letsencrypt"}})
agin.AgentIngress(
    "secret",
    domain="secret.acme.com",
    description=pulumi.Output.secret("hush-hush"),
    certificate_management_policy=ecdsa,
)

# ngrok keeps a policy that is to be removed: that update fails, and leaves an init error in the state.
remove = os.environ.get("{REMOVE_POLICY}")
agin.AgentIngress("kept", domain="kept.acme.com", certificate_management_policy=None if remove else ecdsa)

devices = pulumi.ComponentResource("acme:index:Devices", "devices")
agin.AgentIngress("child", domain="child.acme.com", opts=pulumi.ResourceOptions(parent=devices))

acct2 = pulumi.ProviderResource(
    "pulumi-python", "acct2", {{"ngrok:apiKey": pulumi.Output.secret(os.environ["{SECOND_KEY}"])}}
)
agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=acct2))

agin.AgentIngress.get("looked-up", plain.id)

pulumi.export("ns_targets", plain.ns_targets)
"""


def settings(emulator: Emulator) -> dict[str, str]:
    """What the program needs in its environment."""
    return {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY, SECOND_KEY: OTHER_ACCOUNTS_KEY}


def record(folder: Path) -> None:
    """Writes the three files into `folder`, which must be new."""
    folder.mkdir()
    with (
        tempfile.TemporaryDirectory() as made,
        Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=folder / INGRESSES) as emulator,
    ):
        # So that a certificate's job stands in the state too.
        emulator.configure(job_after_seconds=0)
        project = Project(Path(made), pulumi_cli.ensure(), environment.user(), settings(emulator))
        (project.folder / "__main__.py").write_text(TEXT)
        project.up()
        project.up(fails=True, env={REMOVE_POLICY: "1"})
        state = project.state()
    for resource in state["deployment"]["resources"]:
        # They are paths of this machine.
        resource.pop("sourcePosition", None)
        resource.pop("stackTrace", None)
    (folder / PROGRAM).write_text(TEXT)
    (folder / STATE).write_text(json.dumps(state, indent=1) + "\n")


if __name__ == "__main__":
    record(FOLDER / VERSION)
