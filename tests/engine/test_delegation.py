"""AgentIngressDelegation through the engine, with a DNS package that has a record for each value.

The package is a dynamic provider of the test's own. It writes down what it is told, and whether, when it deletes a
record, the ingress is still there that the record delegates to.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.project import Project

DNS = '''
import os, pathlib, urllib.request
from pulumi.dynamic import *
from pulumi.output import Unknown

LOG = pathlib.Path(__file__).with_name("dns.log")


def there(value):
    """Whether an ingress of the account is delegated to by this value."""
    headers = {"Authorization": f"Bearer {os.environ['NGROK_API_KEY']}", "Ngrok-Version": "2"}
    request = urllib.request.Request(f"{os.environ['NGROK_API_BASE_URL']}/agent_ingresses", headers=headers)
    return value.rstrip(".") in urllib.request.urlopen(request).read().decode()


class Provider(ResourceProvider):
    def write(self, *words):
        with LOG.open("a") as log:
            log.write(" ".join(words) + "\\n")

    def diff(self, id, olds, news):
        # A record of another name is another record; the TTL is changed in place.
        renamed = isinstance(news["host"], Unknown) or olds["host"] != news["host"]
        changed = renamed or any(olds[key] != news[key] for key in ("value", "ttl"))
        return DiffResult(changes=changed, replaces=["host"] if renamed else [])

    def create(self, props):
        self.write("create", props["host"], props["value"], str(int(props["ttl"])))
        return CreateResult(f"{props['host']}={props['value']}", props)

    def update(self, id, olds, news):
        self.write("update", news["host"], news["value"], str(int(news["ttl"])))
        return UpdateResult(news)

    def delete(self, id, props):
        self.write("delete", props["host"], props["value"], "in-time" if there(props["value"]) else "TOO-LATE")


class Record(Resource):
    def __init__(self, name, host, value, ttl, opts):
        super().__init__(Provider(), name, {"host": host, "value": value, "ttl": ttl}, opts)
'''

PROGRAM = """
from my_dns import Record

ingress = agin.AgentIngress("connect", domain="{domain}", description="{description}"{more})

def in_my_dns(records):
    host = records.relative_to("{zone}")
    return records.of_each(lambda name, value: Record(name, host, value, records.ttl, records.options()))

delegation = agin.AgentIngressDelegation("ns", agent_ingress=ingress, dns=agin.dns.custom(in_my_dns), ttl={ttl})
wait = agin.AgentIngressCertificateValidation("wait", delegation.agent_ingress_id)
pulumi.export("agent_ingress_id", wait.agent_ingress_id)
"""

# The stack, the ingress, the delegation and its four records, and what waits for them.
ALL = 8


@pytest.fixture
def project(project: Project) -> Project:
    (project.folder / "my_dns.py").write_text(DNS)
    return project


def write(
    project: Project, domain: str = "connect.acme.com", description: str = "devices", ttl: object = 300, **more: str
) -> None:
    zone = more.pop("zone", "acme.com")
    arguments = "".join(f", {name}={value}" for name, value in more.items())
    project.program(PROGRAM.format(domain=domain, description=description, ttl=ttl, zone=zone, more=arguments))


def told(project: Project) -> list[str]:
    """What the package was told since the last look, in order."""
    log = project.folder / "dns.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def targets(emulator: Emulator) -> list[str]:
    [ingress] = emulator.ingresses()
    return sorted(f"{target}." for target in ingress["ns_targets"])


def test_only_what_changed_changes_and_every_preview_but_the_first_shows_it(
    project: Project, emulator: Emulator
) -> None:
    write(project)
    first = project.preview()
    assert "the NS records of ns are not shown yet: ngrok gives their values when the Agent Ingress is made" in first
    assert f"{ALL} created" in project.up()
    assert sorted(told(project)) == [f"create connect {target} 300" for target in targets(emulator)]
    assert project.outputs()["agent_ingress_id"] == emulator.ingresses()[0]["id"]

    write(project, description="other devices")
    updating = project.preview()
    assert "1 to update" in updating
    assert f"{ALL - 1} unchanged" in updating
    assert "not shown yet" not in updating

    # One value goes, one comes, and the service lists them in another order.
    [ingress] = emulator.ingresses()
    before = targets(emulator)
    changed = ["ns-0.example.net", *reversed([target.rstrip(".") for target in before[1:]])]
    emulator.set_ingress(ingress["id"], {"ns_targets": changed})
    project.refresh()
    write(project, ttl=600)
    preview = project.preview()
    assert {"1 to create", "1 to delete", "3 to update"} <= {line.strip(" +-~") for line in preview.output.splitlines()}
    assert "replace" not in preview
    project.up()
    kept = [target for target in targets(emulator) if target in before]
    assert Counter(told(project)) == Counter(
        [
            "create connect ns-0.example.net. 600",
            f"delete connect {before[0]} TOO-LATE",
            *(f"update connect {target} 600" for target in kept),
        ]
    )
    assert f"{ALL} unchanged" in project.up()


def test_no_delegation_outlives_its_ingress(project: Project, emulator: Emulator) -> None:
    write(project)
    project.up()
    old = targets(emulator)
    told(project)

    # Another domain: the new ingress and its records are there before the old ones go.
    write(project, "devices.acme.com")
    project.up()
    new = targets(emulator)
    lines = told(project)
    assert sorted(lines[:4]) == [f"create devices {target} 300" for target in new]
    assert sorted(lines[4:]) == [f"delete connect {target} in-time" for target in old]

    # The same domain: the old ingress has to go first, and its records before it.
    write(project, "devices.acme.com", opts="pulumi.ResourceOptions(delete_before_replace=True)")
    project.up()
    [ingress] = project.resources()
    project.up("--replace", ingress["urn"])
    lines = told(project)
    assert sorted(lines[:4]) == [f"delete devices {target} in-time" for target in new]
    assert sorted(lines[4:]) == [f"create devices {target} 300" for target in targets(emulator)]

    last = targets(emulator)
    project.destroy()
    assert sorted(told(project)) == [f"delete devices {target} in-time" for target in last]
    assert emulator.ingresses() == []


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (
            {"zone": "acme.net"},
            "the domain connect.acme.com is not in the zone acme.net: give the delegation's dns the",
        ),
        ({"domain": "acme.com"}, "the domain acme.com is the apex of the zone acme.com, whose NS records are the zone"),
        ({"ttl": 1.5}, "the ttl of the delegation ns is 1.5, but must be a whole number of seconds from 0 to"),
    ],
    ids=["outside", "apex", "ttl"],
)
def test_what_can_be_known_to_be_wrong_is_refused_in_the_first_preview(
    program: dict[str, Any], sentence: str, project: Project, emulator: Emulator
) -> None:
    write(project, **program)
    refused = project.preview(fails=True)
    line = place_of("delegation =", project)
    assert f"error: __main__.py:{line}: {sentence}" in " ".join(refused.output.split())
    assert not refused.has_traceback
    assert emulator.counts().keys() <= {"GET /agent_ingresses"}


def place_of(code: str, project: Project) -> int:
    """The number of the line of the program that begins with this code."""
    lines = (project.folder / "__main__.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(code))


def test_all_wrong_zones_are_named_at_once(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        def delegate(number, zone):
            ingress = agin.AgentIngress(f"site-{number}", domain=f"Site-{number}.acme.com")
            dns = agin.dns.rfc2136("127.0.0.1", zone)
            agin.AgentIngressDelegation(f"site-{number}", ingress, dns)

        for number, zone in enumerate(["acme.org", "acme.com", "site-2.acme.com", "acme.net"] * 5):
            delegate(number, zone)
        delegate(20, pulumi.Output.from_input("acme.org"))
        """
    )
    refused = project.preview(fails=True)
    place = f"__main__.py:{place_of('agin.AgentIngressDelegation', project)}"
    named = re.findall(rf"{place}: the domain site-(\d+)\.acme\.com is ", refused.output)
    # Not those whose domain is in the zone.
    assert named == [str(number) for number in range(21) if number % 4 != 1]
    assert not refused.has_traceback
    assert emulator.counts().keys() <= {"GET /agent_ingresses"}


def test_an_ingress_without_name_servers_is_not_delegated(project: Project, emulator: Emulator) -> None:
    write(project)
    project.up()
    told(project)
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"ns_targets": []})
    project.refresh()
    refused = project.preview(fails=True)
    assert "ngrok names no name servers for connect.acme.com, so there is nothing to delegate it to" in refused
    assert not refused.has_traceback
    project.up(fails=True)
    assert told(project) == []


def test_pulumis_transforms_change_the_records(project: Project, emulator: Emulator) -> None:
    write(project)
    program = (project.folder / "__main__.py").read_text()
    transform = """
def shorter(args):
    if args.type_.startswith("pulumi-python:dynamic"):
        return pulumi.ResourceTransformResult({**args.props, "ttl": 60}, args.opts)
"""
    changed = program.replace("delegation =", f"{transform}\ndelegation =").replace(
        "ttl=300)", "ttl=300, opts=pulumi.ResourceOptions(transforms=[shorter]))"
    )
    (project.folder / "__main__.py").write_text(changed)
    project.up()
    assert sorted(told(project)) == [f"create connect {target} 60" for target in targets(emulator)]
