"""docs/guides/live-fleet.md: its commands import ingresses and their records in BIND and Route 53, without an edit."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.cloud_provider import ZONE_ID, Cloud, install_dns
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.records import delegate, records, serial
from tools.bind import Programs

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "live-fleet.md"

BY_TERRAFORM = [f"tf-{number}" for number in range(3)]
BY_HAND = [f"hand-{number}" for number in range(27)]
OTHERS = [f"other-{number}" for number in range(3)]
KEY = Key("agin", [f"{name}.acme.com" for name in (*BY_TERRAFORM, *BY_HAND, *OTHERS)])
RFC2136 = "pulumi-python:dynamic/agin:Rfc2136Delegation"

CHECK = "pulumi preview --expect-no-changes\n"

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
pulumi-agin import --all --names names.json --parent "$PARENT" --provider "$PROVIDER" \
  --delegations aws --code >> __main__.py
pulumi-agin import --all --names names.json --parent "$PARENT" --provider "$PROVIDER" \
  | pulumi import --file /dev/stdin --generate-code=false --yes
pulumi preview
"""


# Of each domain of a fleet in turn, in seconds.
TTLS = [300, 3600, 60]


def create_fleet(emulator: Emulator, bind: Bind, key: str, names: list[str]) -> dict[str, str]:
    """Creates ingresses, and records of all but the last one, and returns the IDs by the names in the domains."""
    ids = {}
    for number, name in enumerate(names):
        domain = f"{name}.acme.com"
        policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"} if number % 2 else None
        description = f'"{number}"'
        ids[name] = create(emulator, domain, key, description=description, certificate_management_policy=policy)
        if name != names[-1]:
            delegate(bind, domain, ns_targets(emulator, domain), KEY, ttl=TTLS[number % len(TTLS)])
    return ids


def copy_records(bind: Bind, route53: Cloud, domains: list[str]) -> None:
    """Makes Route 53 the DNS provider of domains. BIND stands for public DNS."""
    for domain in domains:
        values, ttl = records(bind, domain)
        route53.add_record_set(ZONE_ID, domain, values, ttl)


def install_terraform(project: Project) -> None:
    """Installs a `terraform` that prints its arguments."""
    terraform = project.folder / "bin" / "terraform"
    terraform.parent.mkdir()
    terraform.write_text('#!/bin/sh\necho "$@"\n')
    terraform.chmod(0o755)
    project.environment["PATH"] = f"{terraform.parent}:{project.environment['PATH']}"


def names(project: Project) -> dict[str, str]:
    return {each["id"]: each["urn"].rpartition("::")[2] for each in project.resources()}


def test_commands_of_the_page(
    project: Project, dns_packages: Path, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    route53 = install_dns(project, dns_packages)
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as bind:
        by_terraform = create_fleet(emulator, bind, API_KEY, BY_TERRAFORM)
        by_hand = create_fleet(emulator, bind, API_KEY, BY_HAND)
        others = create_fleet(emulator, bind, OTHER_ACCOUNTS_KEY, OTHERS)
        copy_records(bind, route53, ["other-0.acme.com", "other-1.acme.com"])
        emulator.clear_requests()
        before = serial(bind)
        install_terraform(project)
        chosen = {id_: f"fleet-{name}" for name, id_ in by_terraform.items()}
        (project.folder / "names.json").write_text(json.dumps(chosen))

        commands = "".join(blocks(PAGE.read_text(), "sh"))
        # The preview without a change is that of the first `up` below.
        assert CHECK in commands
        settings = {"server": "127.0.0.1", "port": str(bind.port), "zone": "acme.com", "tsigKeyName": KEY.name}
        project.config(plain=settings, secret={"tsigSecret": KEY.secret, "devicesApiKey": OTHER_ACCOUNTS_KEY})
        rfc2136 = f"--delegations rfc2136 --dns {bind.address}"
        output = project.typed(commands.replace(CHECK, "").replace("--delegations aws", rfc2136))
        asked = re.findall("^# pulumi config set (.*)$", (project.folder / "__main__.py").read_text(), re.M)
        assert set(asked) == {*settings, "--secret tsigSecret"}
        assert "= 30 to import" in output
        preview = output.partition("+ pulumi preview\n")[2].partition("+ pulumi up --yes\n")[0]
        adopted = re.findall(
            r"the NS records of (\S+) at \S+ already match the program, so they will be adopted", preview
        )
        assert set(adopted) == {f"{name}.acme.com" for name in [*BY_TERRAFORM[:-1], *BY_HAND[:-1]]}
        assert "+ 60 to create\n" in preview, "the delegations and their records"
        assert "warning" not in preview
        assert "state rm ngrok_agent_ingress.fleet" in output
        assert names(project) == {
            **chosen,
            **{id_: f"{name}-acme-com" for name, id_ in by_hand.items()},
        }
        assert all(resource["protect"] for resource in project.resources())
        assert all(resource["protect"] for resource in project.of_type(RFC2136))
        assert serial(bind) == before + 2, "the domains without records"
        for name in (BY_TERRAFORM[-1], BY_HAND[-1]):
            domain = f"{name}.acme.com"
            assert records(bind, domain) == (ns_targets(emulator, domain), 300)

        # The ingresses of another account are added.
        (project.folder / "names.json").write_text(json.dumps({"Other-1.acme.com.": "one", others["other-2"]: "two"}))
        with (project.folder / "__main__.py").open("a") as program:
            program.write(IN_COMPONENT)
        in_route53 = f"--delegations aws --dns {bind.address}"
        output = project.typed(COMMANDS_IN_COMPONENT.replace("--delegations aws", in_route53))
    assert "91 unchanged" in output, "the stack, and each ingress with its delegation and its records"
    assert "+ 2 created" in output, "the component and the provider"
    assert "= 2 to import" in output, "the records"
    assert "+ 4 to create" in output, "the delegations, and the records of one"
    in_fleet = {each["id"]: each["urn"] for each in project.resources() if "acme:index:Fleet$" in each["urn"]}
    assert in_fleet.keys() == set(others.values())
    assert {names(project)[id_] for id_ in in_fleet} == {"other-0-acme-com", "one", "two"}

    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert route53.operations() == []
