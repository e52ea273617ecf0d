"""docs/guides/live-fleet.md: its commands import ingresses and their records in Route 53."""

from __future__ import annotations

import json
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import ZONE_ID, Cloud, install_dns
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, ns_targets
from tests.support.pages import blocks
from tests.support.project import Project

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "live-fleet.md"

CHECK = "pulumi preview --expect-no-changes\n"


def create_fleet(emulator: Emulator, route53: Cloud, key: str, names: list[str]) -> dict[str, str]:
    """Creates ingresses and their records, and returns the ids by the names in the domains."""
    ids = {}
    for number, name in enumerate(names):
        domain = f"{name}.acme.com"
        policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"} if number % 2 else None
        description = f'"{number}"'
        ids[name] = create(emulator, domain, key, description=description, certificate_management_policy=policy)
        route53.add_record_set(ZONE_ID, domain, ns_targets(emulator, domain))
    return ids


def install_terraform(project: Project, names: dict[str, str]) -> None:
    """Installs a `terraform` that prints an output, or otherwise its arguments."""
    (project.folder / "output.json").write_text(json.dumps(names))
    terraform = project.folder / "bin" / "terraform"
    terraform.parent.mkdir()
    terraform.write_text('#!/bin/sh\n[ "$2" = output ] && exec cat output.json\necho "$@"\n')
    terraform.chmod(0o755)
    project.environment["PATH"] = f"{terraform.parent}:{project.environment['PATH']}"


def names(project: Project) -> dict[str, str]:
    return {each["id"]: each["urn"].rpartition("::")[2] for each in project.resources()}


def test_commands_of_the_page(project: Project, dns_packages: Path, emulator: Emulator) -> None:
    route53 = install_dns(project, dns_packages)
    by_terraform = create_fleet(emulator, route53, API_KEY, ["tf-0", "tf-1", "tf-2"])
    by_hand = create_fleet(emulator, route53, API_KEY, ["hand-3", "hand-4", "hand-5"])
    others = create_fleet(emulator, route53, OTHER_ACCOUNTS_KEY, ["other-0", "other-1", "other-2"])
    emulator.clear_requests()
    install_terraform(project, {id_: f"fleet-{name}" for name, id_ in by_terraform.items()})

    main, in_component = PAGE.read_text().split("## In a component, with an explicit provider")
    commands = "".join(blocks(main, "sh"))
    # The preview without a change is that of the first `up` below.
    assert CHECK in commands
    output = project.typed(commands.replace(CHECK, ""))
    assert "= 6 to import" in output
    assert "+ 6 to create" in output, "the delegations"
    assert "= 6 imported" in output
    assert "state rm ngrok_agent_ingress.fleet" in output
    assert names(project) == {
        **{id_: f"fleet-{name}" for name, id_ in by_terraform.items()},
        **{id_: f"{name}-acme-com" for name, id_ in by_hand.items()},
    }
    assert all(resource["protect"] for resource in project.resources())
    assert all(resource["protect"] for resource in project.of_type("aws:route53/record:Record"))

    # The ingresses of another account are added.
    (project.folder / "names.json").write_text(json.dumps({"Other-1.acme.com.": "one", others["other-2"]: "two"}))
    project.config(secret={"devicesApiKey": OTHER_ACCOUNTS_KEY})
    with (project.folder / "__main__.py").open("a") as program:
        program.write(blocks(in_component, "python")[0])
    output = project.typed("".join(blocks(in_component, "sh")))
    assert "19 unchanged" in output, "the stack, and each ingress with its delegation and its record"
    assert "+ 2 created" in output, "the component and the provider"
    assert "= 3 to import" in output, "the records"
    assert "+ 3 to create" in output, "the delegations"
    in_fleet = {each["id"]: each["urn"] for each in project.resources() if "acme:index:Fleet$" in each["urn"]}
    assert in_fleet.keys() == set(others.values())
    assert {names(project)[id_] for id_ in in_fleet} == {"other-0-acme-com", "one", "two"}

    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert route53.operations() == []
