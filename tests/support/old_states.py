"""States that versions of the package wrote, in `tests/engine/states/VERSION/KIND`, and their programs.

The kinds are `base` (ingresses), `dns` (delegations, validations and accounts) and `native` (the provider plugin). Each
has the program, the state, and the ingresses as the emulator keeps them. The base URL is that of ngrok's public API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.bind import Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import PASSPHRASE, Project

FOLDER = Path(__file__).parents[1] / "engine" / "states"
PROGRAM, STATE, INGRESSES = "program.txt", "state.json", "ingresses.json"
KEY = Key("agin", ("lost.acme.com", "ours.acme.com", "theirs.acme.com"))

# From the oldest one to the newest.
VERSIONS = sorted(FOLDER.glob("*.*.*"), key=lambda folder: [int(number) for number in folder.name.split(".")])
NEWEST = VERSIONS[-1]
RECORDINGS = [recording for version in VERSIONS for recording in sorted(version.iterdir())]


def environment(api: Mapping[str, str], dns_port: int) -> dict[str, str]:
    """Returns the environment of the programs, in which the CLI can decrypt the states. `api` is from `public_api`."""
    return {
        **api,
        "NGROK_API_KEY": API_KEY,
        "SECOND_API_KEY": OTHER_ACCOUNTS_KEY,
        "DNS_PORT": str(dns_port),
        "TSIG_SECRET": KEY.secret,
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    }


def write_program(project: Project, recording: Path, dns_port: int) -> None:
    """Writes the recorded program into a project, and the config of a program in YAML."""
    program = (recording / PROGRAM).read_text()
    if program.startswith("import "):
        (project.folder / "__main__.py").write_text(program)
    else:
        project.yaml_program(program)
        project.config(secret={"second": OTHER_ACCOUNTS_KEY, "tsig": KEY.secret}, plain={"port": dns_port})


def read_state(recording: Path) -> dict[str, Any]:
    """Returns the recorded state."""
    state: dict[str, Any] = json.loads((recording / STATE).read_text())
    return state


def records_of(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the NS records of a state."""
    return [each for each in state["deployment"]["resources"] if each["type"].endswith(":Rfc2136Delegation")]
