"""docs/guides/live-fleet.md: each command of the page is run, with 30 ingresses and their records in Route 53."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.support.dns_provider.package import install_aws
from tests.support.dns_provider.service import DnsService
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.pages import blocks
from tests.support.project import Project

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "live-fleet.md"
ZONE_ID = "Z0123456789ABCDEFGHIJ"

ALONE = "In a component, with an explicit provider"


def commands(text: str) -> str:
    return "".join(blocks(text, "sh"))


@pytest.fixture
def route53(project: Project, dns_packages: Path) -> DnsService:
    return install_aws(project, str(dns_packages))


def make_fleet(emulator: Emulator, route53: DnsService, key: str, count: int) -> Sequence[str]:
    """Makes ingresses and their records, and returns the ids."""
    client = AgentIngressClient(Secret(key), emulator.url)
    ids = []
    for number in range(count):
        policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"} if number % 2 else None
        ingress = client.create(
            {"domain": f"site-{number}.acme.com", "description": f'"{number}"', "certificate_management_policy": policy}
        )
        route53.create_set(ZONE_ID, ingress.domain, 300, ingress.ns_targets)
        ids.append(ingress.id)
    emulator.clear_requests()
    route53.clear_operations()
    return ids


def install_terraform(project: Project, names: dict[str, str]) -> None:
    """Installs a `terraform` that prints an output, and else only its arguments."""
    (project.folder / "output.json").write_text(json.dumps(names))
    terraform = project.folder / "bin" / "terraform"
    terraform.parent.mkdir()
    terraform.write_text('#!/bin/sh\n[ "$2" = output ] && exec cat output.json\necho "$@"\n')
    terraform.chmod(0o755)
    project.environment["PATH"] = f"{terraform.parent}:{project.environment['PATH']}"


def assert_was_only_read(emulator: Emulator, route53: DnsService) -> None:
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert route53.operations() == []


def test_a_fleet_of_terraform_and_by_hand(project: Project, emulator: Emulator, route53: DnsService) -> None:
    ids = make_fleet(emulator, route53, API_KEY, 30)
    install_terraform(project, {id_: f"fleet-{number}" for number, id_ in enumerate(ids[:20])})
    script = commands(PAGE.read_text().split(f"## {ALONE}")[0])
    output = project.typed(script)

    assert "= 30 to import" in output
    assert "+ 30 to create" in output, "the delegations"
    assert "91 unchanged" in output, "the stack, and each ingress with its delegation and its record"
    assert "state rm ngrok_agent_ingress.fleet" in output
    names = {resource["urn"].rpartition("::")[2]: resource["id"] for resource in project.resources()}
    assert names["fleet-7"] == ids[7]
    assert names["site-25-acme-com"] == ids[25]
    assert all(resource["protect"] for resource in project.resources())
    assert all(resource["protect"] for resource in project.of_type("aws:route53/record:Record"))

    # A second run of the import is harmless.
    again = next(line for line in script.splitlines() if "| pulumi import" in line)
    project.typed(again)
    assert "91 unchanged" in project.preview("--expect-no-changes")
    assert_was_only_read(emulator, route53)


def test_a_fleet_in_a_component_with_an_explicit_provider(
    project: Project, emulator: Emulator, route53: DnsService
) -> None:
    ids = make_fleet(emulator, route53, OTHER_ACCOUNTS_KEY, 3)
    (project.folder / "names.json").write_text(json.dumps({"Site-1.acme.com.": "one", ids[2]: "two"}))
    project.config(secret={"devicesApiKey": OTHER_ACCOUNTS_KEY}, plain={"zoneId": ZONE_ID})
    section = PAGE.read_text().split(f"## {ALONE}")[1]
    (project.folder / "__main__.py").write_text(blocks(section, "python")[0])
    # The page leads back to its fifth step.
    up = commands(PAGE.read_text().split("## 5. The records")[1].split("## 6")[0])
    output = project.typed(commands(section) + up)

    assert "12 unchanged" in output, "the stack, the provider, the component, and three times three"
    urns = {resource["urn"].partition("::")[2] for resource in project.resources()}
    assert {urn.rpartition("::")[2] for urn in urns} == {"site-0-acme-com", "one", "two"}
    assert all("acme:index:Fleet$" in urn for urn in urns)
    assert_was_only_read(emulator, route53)
