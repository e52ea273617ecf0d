"""How many requests each command takes: 120 a minute are all that an account has."""

from __future__ import annotations

from math import ceil

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.project import Project


def ingresses(number: int, description: str = "") -> str:
    return f"""
        for number in range({number}):
            agin.AgentIngress(f"a{{number}}", domain=f"d{{number}}.acme.com", description="{description}")
        """


def asked(emulator: Emulator) -> dict[str, int]:
    """The requests since the last look."""
    counts = emulator.counts()
    emulator.clear_requests()
    return counts


@pytest.mark.parametrize(("number", "account"), [(1, 1), (30, 250)])
def test_a_refresh_takes_one_and_a_list(number: int, account: int, project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    project.program(ingresses(number))
    project.up()
    client = AgentIngressClient(Secret(API_KEY), emulator.url)
    for other in range(account - number):
        client.create({"domain": f"other{other}.acme.com"})
    emulator.clear_requests()
    assert f"{number + 1} unchanged" in project.refresh()
    counts = asked(emulator)
    assert counts.pop("GET /agent_ingresses/{id}") == 1
    assert counts == ({} if number == 1 else {"GET /agent_ingresses": ceil(account / 100)})


def test_what_a_list_lacks_is_asked_for_before_it_is_called_gone(project: Project, emulator: Emulator) -> None:
    project.program(ingresses(10))
    project.up()
    gone = emulator.ingresses()[:2]
    for ingress in gone:
        emulator.delete_ingress(ingress["id"])
    emulator.clear_requests()
    assert "2 deleted" in project.refresh()
    seen = [request["path"].rpartition("/")[2] for request in emulator.requests()]
    assert {ingress["id"] for ingress in gone} <= set(seen)
    assert len(seen) <= 1 + 1 + 2
    assert {r["id"] for r in project.resources()} == {ingress["id"] for ingress in emulator.ingresses()}
