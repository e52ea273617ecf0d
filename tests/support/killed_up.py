"""`pulumi up` that is killed during its creates."""

from __future__ import annotations

import subprocess
from collections.abc import Collection

from pulumi_agin.emulator import Emulator
from tests.support.project import COMMAND_TIMEOUT_SECONDS, Project
from tests.support.waiting import until


def kill_up_during_creates(
    project: Project, emulator: Emulator, created: Collection[str], unsent: Collection[str] = ()
) -> None:
    """Kills `pulumi up` while ngrok owes it the responses to the creates of these domains, and unlocks the stack.

    ngrok has carried out those of `created`, and none of `unsent`.
    """
    emulator.clear_faults()
    emulator.clear_requests()
    for domain in created:
        emulator.add_fault("POST", "hang", after=True, domain=domain)
    for domain in unsent:
        emulator.add_fault("POST", "hang", domain=domain)
    # A separate session, so that the plugin, which outlives it, can be found and killed.
    options = ("--yes", "--skip-preview", "--parallel", str(len(created) + len(unsent)))
    up = project.start("up", *options, stdout=subprocess.DEVNULL, start_new_session=True)

    def has_sent_all() -> bool:
        sent = {each["body"]["domain"] for each in emulator.requests() if each["method"] == "POST"}
        return sent == {*created, *unsent} and {*created} <= {each["domain"] for each in emulator.ingresses()}

    try:
        until("the creates are sent", has_sent_all, COMMAND_TIMEOUT_SECONDS)
    finally:
        up.kill()
        up.wait()
        subprocess.run(["pkill", "-KILL", "-s", str(up.pid)], check=False)
    project.pulumi("cancel", "--yes")
    emulator.clear_faults()
