"""The oldest SDK of Pulumi's that the package allows: some of what we use of the SDK is its private ground."""

from __future__ import annotations

from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.engine.project import UNCHANGED, Project


def test_a_whole_life(project: Project, emulator: Emulator, oldest_sdk: Path) -> None:
    project.environment["PYTHONPATH"] = str(oldest_sdk)

    def program(description: str, domain: str = "connect.acme.com") -> None:
        project.program(
            f"""
            ingress = agin.AgentIngress("connect", domain="{domain}", description="{description}")
            ingress.ns_targets.apply(lambda targets: print(f"{{len(targets)}} targets"))
            pulumi.export("sdk", pulumi.__file__)
            """
        )

    program("one")
    project.up()
    assert Path(project.outputs()["sdk"]).is_relative_to(oldest_sdk)
    program("two")
    preview = project.preview()
    assert "1 to update" in preview
    assert "4 targets" in preview
    project.up()
    assert UNCHANGED in project.up()
    [ingress] = emulator.ingresses()
    emulator.set_ingress(ingress["id"], {"description": "theirs"})
    project.pulumi("refresh", "--yes")
    assert "1 to update" in project.preview()
    program("two", domain="https://connect.acme.com")
    failed = project.preview(fails=True)
    assert "the domain is a URL; give the domain alone" in failed
    assert not failed.has_traceback
    program("two", domain="other.acme.com")
    project.up()
    assert [each["domain"] for each in emulator.ingresses()] == ["other.acme.com"]
    project.pulumi("destroy", "--yes")
    assert emulator.ingresses() == []
