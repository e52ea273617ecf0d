"""`pulumi up` that is killed during its creates."""

from __future__ import annotations

import subprocess
from collections.abc import Collection

from pulumi_agin.emulator import Emulator
from tests.support.project import COMMAND_TIMEOUT_SECONDS, Project
from tests.support.waiting import until


def kill_up_during_creates(project: Project, emulator: Emulator, domains: Collection[str]) -> None:
    """Kills `pulumi up` after ngrok has created these domains, but before it responds, and unlocks the stack."""
    emulator.clear_faults()
    emulator.clear_requests()
    for domain in domains:
        emulator.add_fault("POST", "hang", after=True, domain=domain)
    # A separate session, so that the plugin, which outlives it, can be found and killed.
    options = ("--yes", "--skip-preview", "--parallel", str(len(domains)))
    with project.start("up", *options, stdout=subprocess.DEVNULL, start_new_session=True) as up:

        def has_created_all() -> bool:
            return {*domains} <= {each["domain"] for each in emulator.ingresses()}

        try:
            until("the ingresses are created", has_created_all, COMMAND_TIMEOUT_SECONDS)
        finally:
            up.kill()
            up.wait()
            subprocess.run(["pkill", "-KILL", "-s", str(up.pid)], check=False)
    project.pulumi("cancel", "--yes")
    emulator.clear_faults()
