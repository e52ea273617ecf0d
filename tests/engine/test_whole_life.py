"""A whole lifecycle of an ingress, for every combination of versions, because we use private names of the SDK.

noxfile.py runs the first test with the lowest versions that the package allows, and with the newest.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.ngrok import create
from tests.support.project import UNCHANGED, Project
from tools.environment import OWN, find_python, supported_pythons

DEPRECATIONS_ARE_ERRORS = "error::DeprecationWarning,error::PendingDeprecationWarning"

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


OTHER_PYTHONS = [version for version in supported_pythons() if version != OWN]
FOUND_PYTHONS = [version for version in OTHER_PYTHONS if find_python(version)]


def parameter(version: str) -> Any:
    """Returns a Python as a parameter. `make test` runs the highest one of this machine, and names the missing ones."""
    if version not in FOUND_PYTHONS:
        is_missing = pytest.mark.skip(reason=f"Python {version} is not on this machine")
        return pytest.param(version, marks=[pytest.mark.main, is_missing])
    return pytest.param(version, marks=pytest.mark.main if version == FOUND_PYTHONS[-1] else pytest.mark.rest)


def test_whole_life(project: Project, emulator: Emulator, user_env: Path) -> None:
    live(project, emulator, user_env)


@pytest.mark.parametrize("user_env", [parameter(version) for version in OTHER_PYTHONS], indirect=True)
def test_whole_life_with_another_python(project: Project, emulator: Emulator, user_env: Path) -> None:
    # The newest Python may deprecate what other packages still use; each older one has deprecated what it removes.
    if not user_env.name.endswith(supported_pythons()[-1]):
        project.environment["PYTHONWARNINGS"] = DEPRECATIONS_ARE_ERRORS
    live(project, emulator, user_env)


def live(project: Project, emulator: Emulator, user_env: Path) -> None:
    theirs = create(emulator, "looked-up.acme.com")
    project.program(PROGRAM)
    project.up()
    assert project.outputs() == {"prefix": str(user_env), "looked_up": [theirs, "connect.acme.com"]}

    project.edit({'"one"': '"two"'})
    updated = project.pulumi("up", "--yes", "--diff")
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
    assert "the domain has a scheme, a port or a path; use only the domain" in failed
    assert not failed.has_traceback
    project.edit({'"https://connect.acme.com"': '"other.acme.com"'})
    project.up()
    assert [each["domain"] for each in emulator.ingresses()] == ["looked-up.acme.com", "other.acme.com"]
    project.destroy()
    assert [each["id"] for each in emulator.ingresses()] == [theirs]
