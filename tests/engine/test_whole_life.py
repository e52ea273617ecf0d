"""A whole lifecycle of an ingress, for every combination of versions, because we use private names of the SDK.

`python -m tools.versions` runs this with the lowest versions that the package allows, and with the newest.
"""

from __future__ import annotations

import re
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.ngrok import create
from tests.support.project import UNCHANGED, Project

PROGRAM = """
    import sys

    ingress = agin.AgentIngress("connect", domain="connect.acme.com", description="one")
    ingress.ns_targets.apply(lambda targets: print(f"{len(targets)} targets"))
    theirs = agin.get_agent_ingress(domain="looked-up.acme.com")
    opts = pulumi.InvokeOutputOptions(depends_on=[ingress])
    later = agin.get_agent_ingress_output(id=ingress.id, opts=opts)
    pulumi.export("prefix", sys.prefix)
    pulumi.export("looked_up", [theirs.id, later.domain])
    """


def test_whole_life(project: Project, emulator: Emulator, user_env: Path) -> None:
    theirs = create(emulator, "looked-up.acme.com")
    project.program(PROGRAM)
    project.up()
    assert project.outputs() == {"prefix": str(user_env), "looked_up": [theirs, "connect.acme.com"]}

    project.edit({'"one"': '"two"'})
    updated = project.preview_and_up()
    preview = updated.output.partition("Updating (dev)")[0]
    assert "1 to update" in preview
    assert "4 targets" in preview
    assert "1 updated" in updated
    assert UNCHANGED in project.up()

    [_, ingress] = emulator.ingresses()
    emulator.set_ingress(ingress["id"], {"description": "theirs"})
    assert re.search('"two" *=> "theirs"', project.refresh("--diff").output)

    project.edit({'"connect.acme.com"': '"https://connect.acme.com"'})
    failed = project.preview(fails=True)
    assert "the domain is a URL; use only the domain" in failed
    assert not failed.has_traceback
    project.edit({'"https://connect.acme.com"': '"other.acme.com"'})
    project.up()
    assert [each["domain"] for each in emulator.ingresses()] == ["looked-up.acme.com", "other.acme.com"]
    project.destroy()
    assert [each["id"] for each in emulator.ingresses()] == [theirs]
