"""A whole life of an ingress, for every combination of versions: some of what we use of the SDK is its private ground.

`make versions` runs this in environments with the lowest versions that the package allows, and with the newest.
"""

from __future__ import annotations

from pathlib import Path

import requests

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.project import UNCHANGED, Project


def test_a_whole_life(project: Project, emulator: Emulator, user_env: Path) -> None:
    def program(description: str, domain: str = "connect.acme.com") -> None:
        project.program(
            f"""
            import sys

            ingress = agin.AgentIngress("connect", domain="{domain}", description="{description}")
            ingress.ns_targets.apply(lambda targets: print(f"{{len(targets)}} targets"))
            theirs = agin.get_agent_ingress(domain="looked-up.acme.com")
            opts = pulumi.InvokeOutputOptions(depends_on=[ingress])
            later = agin.get_agent_ingress_output(id=ingress.id, opts=opts)
            pulumi.export("prefix", sys.prefix)
            pulumi.export("looked_up", [theirs.id, later.domain])
            """
        )

    headers = {"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"}
    requests.post(f"{emulator.url}/agent_ingresses", json={"domain": "looked-up.acme.com"}, headers=headers, timeout=20)
    [theirs] = emulator.ingresses()

    program("one")
    project.up()
    outputs = project.outputs()
    assert Path(outputs["prefix"]) == user_env
    assert outputs["looked_up"] == [theirs["id"], "connect.acme.com"]
    program("two")
    preview = project.preview()
    assert "1 to update" in preview
    assert "4 targets" in preview
    project.up()
    assert UNCHANGED in project.up()
    [_, ingress] = emulator.ingresses()
    emulator.set_ingress(ingress["id"], {"description": "theirs"})
    project.pulumi("refresh", "--yes")
    assert "1 to update" in project.preview()
    program("two", domain="https://connect.acme.com")
    failed = project.preview(fails=True)
    assert "property domain is a URL; give the domain alone" in failed
    assert not failed.has_traceback
    program("two", domain="other.acme.com")
    project.up()
    assert [each["domain"] for each in emulator.ingresses()] == ["looked-up.acme.com", "other.acme.com"]
    project.pulumi("destroy", "--yes")
    assert emulator.ingresses() == [theirs]
