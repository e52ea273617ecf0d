"""docs/guides/live-fleet.md: its commands import ingresses and adopt their records in Route 53."""

from __future__ import annotations

import json
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import RECORD_SET, ZONE_ID, Cloud, install_dns
from tests.support.imported_program import with_delegations
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, ns_targets
from tests.support.pages import blocks
from tests.support.project import UNCHANGED, Project

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "live-fleet.md").read_text()


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


[FROM_DASHBOARD] = blocks(section("One ingress from the dashboard"), "sh")
FLEET = section("Many ingresses")

BY_TERRAFORM = [f"tf-{number}" for number in range(3)]
BY_HAND = [f"hand-{number}" for number in range(7)]
OTHERS = [f"other-{number}" for number in range(3)]

IN_COMPONENT = """
class Fleet(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("acme:index:Fleet", name)


provider = agin.Provider(
    "devices", api_key=pulumi.Config().require_secret("devicesApiKey")
)
parent = Fleet("fleet")
"""
# As the section about components says.
COMMANDS_IN_COMPONENT = r"""
pulumi up --yes
PROVIDER="$(pulumi stack --show-urns | grep -o 'urn:.*::devices$')"
PARENT="$(pulumi stack --show-urns | grep -o 'urn:.*Fleet::fleet$')"
pulumi-agin import --all --names names.json --parent "$PARENT" --provider "$PROVIDER" --code >> __main__.py
pulumi-agin import --all --names names.json --parent "$PARENT" --provider "$PROVIDER" \
  | pulumi import --file /dev/stdin --generate-code=false --yes
"""


def create_fleet(
    emulator: Emulator, route53: Cloud, key: str, names: list[str], ttls: tuple[int, ...] = (300, 3600, 60)
) -> dict[str, str]:
    """Creates ingresses, and records of all but the last one, and returns the IDs by the names in the domains.

    The records have one of the TTLs in turn.
    """
    ids = {}
    for number, name in enumerate(names):
        domain = f"{name}.acme.com"
        policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"} if number % 2 else None
        description = f'"{number}"'
        ids[name] = create(emulator, domain, key, description=description, certificate_management_policy=policy)
        if name != names[-1]:
            route53.add_record_set(ZONE_ID, domain, ns_targets(emulator, domain), ttls[number % len(ttls)])
    return ids


def install_tools(project: Project) -> None:
    """Installs an `aws` and a `terraform` that print their arguments."""
    folder = project.folder / "bin"
    folder.mkdir()
    for name in ("aws", "terraform"):
        (folder / name).write_text('#!/bin/sh\necho "$@"\n')
        (folder / name).chmod(0o755)
    project.environment["PATH"] = f"{folder}:{project.environment['PATH']}"


def names(project: Project) -> dict[str, str]:
    return {each["id"]: each["urn"].rpartition("::")[2] for each in project.resources()}


def test_commands_of_the_page(project: Project, main_dns_packages: Path, emulator: Emulator) -> None:
    route53 = install_dns(project, main_dns_packages)
    by_terraform = create_fleet(emulator, route53, API_KEY, BY_TERRAFORM)
    by_hand = create_fleet(emulator, route53, API_KEY, BY_HAND)
    others = create_fleet(emulator, route53, OTHER_ACCOUNTS_KEY, OTHERS, ttls=(300,))
    emulator.clear_requests()
    install_tools(project)
    chosen = {id_: f"fleet-{name}" for name, id_ in by_terraform.items()}
    (project.folder / "names.json").write_text(json.dumps(chosen))
    project.config(secret={"devicesApiKey": OTHER_ACCOUNTS_KEY})
    program = project.folder / "__main__.py"

    commands = blocks(FLEET, "sh")
    output = project.typed("".join(commands[:4]), stdin=f"{API_KEY}\n")
    assert "= 10 to import" in output
    assert "11 unchanged" in output
    domains = {f"{name}-acme-com": name for name in BY_HAND} | {f"fleet-{name}": name for name in BY_TERRAFORM}
    assert names(project) == {{**by_terraform, **by_hand}[name]: resource for resource, name in domains.items()}

    # The loop on the page is the one in the program, with delegations.
    [on_page] = blocks(FLEET, "python")
    loop = on_page.partition("\nwithout_records = ")[2].partition("\n")[2]
    printed = program.read_text()
    assert loop.partition("    dns = ")[0] in printed
    records = {resource: route53.records(f"{name}.acme.com") for resource, name in domains.items()}
    ttls = {resource: found[0][1] for resource, found in records.items() if found}
    without_records = {"fleet-tf-2", "hand-6-acme-com"}
    assert without_records == domains.keys() - ttls.keys()
    edited = f"ttls = {ttls}\nwithout_records = {without_records}\n{loop}"
    program.write_text(printed.partition("for name, args in ")[0] + edited)
    output = project.typed("".join(commands[4:]))
    preview = output.partition("+ pulumi up --yes\n")[0]
    assert "= 8 to import" in preview
    assert "+ 12 to create" in preview, "the delegations, and the records of two"
    assert "warning" not in preview
    assert f"list-resource-record-sets --hosted-zone-id {ZONE_ID}" in preview
    assert "state rm ngrok_agent_ingress.fleet" in output
    assert all(resource["protect"] for resource in [*project.resources(), *project.of_type(RECORD_SET)])
    assert {each.name for each in route53.operations()} == {"tf-2.acme.com", "hand-6.acme.com"}
    for name in ("tf-2", "hand-6"):
        targets = [target.rstrip(".") for target in ns_targets(emulator, f"{name}.acme.com")]
        assert route53.records(f"{name}.acme.com") == [(target, 300) for target in targets]
    route53.clear_operations()

    # The ingresses of another account are added.
    (project.folder / "names.json").write_text(json.dumps({"Other-1.acme.com.": "one", others["other-2"]: "two"}))
    before = program.read_text() + IN_COMPONENT
    program.write_text(before)
    output = project.typed(COMMANDS_IN_COMPONENT)
    assert "+ 2 created" in output, "the component and the provider"
    assert "= 3 imported" in output
    added = program.read_text().removeprefix(before)
    program.write_text(before + with_delegations(added, f'agin.dns.aws(zone_id="{ZONE_ID}", adopt=name != "two")'))
    preview = project.preview().output
    assert "36 unchanged" in preview, "the stack, the fleet with delegations and records, and what was added"
    assert "= 2 to import" in preview, "the records"
    assert "+ 4 to create" in preview, "the delegations, and the records of one"
    in_fleet = {each["id"]: each["urn"] for each in project.resources() if "acme:index:Fleet$" in each["urn"]}
    assert in_fleet.keys() == set(others.values())
    assert {names(project)[id_] for id_ in in_fleet} == {"other-0-acme-com", "one", "two"}

    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert route53.operations() == []


def test_from_dashboard_to_pulumi(project: Project, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    create(emulator, "connect.acme.com", description="made in the dashboard", certificate_management_policy=policy)
    emulator.clear_requests()
    assert UNCHANGED in project.typed(FROM_DASHBOARD, stdin=f"{API_KEY}\n", NGROK_API_KEY="")
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert "made in the dashboard" in (project.folder / "__main__.py").read_text()
