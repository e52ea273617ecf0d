"""`pulumi up --continue-on-error` when an ingress or a record fails: whatever is live remains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.cloud_provider import Cloud, install_dns
from tests.support.project import Project
from tools.bind import Programs

# The resources with an explicit provider, and where they are declared.
RENAMED = [f"{provider}-{place}" for provider in ("none", "ingress", "both") for place in ("flat", "component")]
CASES = [*RENAMED, "skipped", "described", "moved"]
KEY = Key("agin", [f"{case}.acme.com" for case in (*CASES, "moved-new", "early", "late")])
REJECTION = {"msg": "no", "status_code": 400, "error_code": "ERR_NGROK_1"}


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


# Each ingress has its records at Route 53, at Cloudflare and in a BIND.
PROGRAM = """
import os
import pulumi_aws as aws

account = agin.Provider("account", api_key=os.environ["NGROK_API_KEY"])
OF_ACCOUNT = pulumi.ResourceOptions(provider=account)
SECRET = os.environ["SECRET"]

class Site(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("acme:index:Site", name)

def delegate(name, domain, provider="none", parent=None, depends_on=(), description="devices"):
    opts = pulumi.ResourceOptions(parent=parent, depends_on=depends_on)
    of_ingress = OF_ACCOUNT if provider in ("ingress", "both") else None
    ingress = agin.AgentIngress(
        name,
        domain=f"{domain}.acme.com",
        description=description,
        opts=pulumi.ResourceOptions.merge(opts, of_ingress),
    )
    of_records = OF_ACCOUNT if provider == "both" else None
    bind = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", SECRET, port=PORT, opts=of_records)
    for server, dns in {"aws": agin.dns.aws("Z1"), "cloudflare": agin.dns.cloudflare("Z1"), "bind": bind}.items():
        agin.AgentIngressDelegation(f"{name}-{server}", ingress, dns, opts=opts)
    return ingress

for provider in ("none", "ingress", "both"):
    delegate(f"PREFIX{provider}", f"{provider}-flat", provider)
    delegate(f"PREFIX{provider}-site", f"{provider}-component", provider, Site(f"PREFIX{provider}"))
"""
BEFORE = """
delegate("skipped", "skipped")
delegate("described", "described")
delegate("moved", "moved")
"""
# Renamed, and behind a resource that fails; an update that fails; a domain change whose new records can't be created;
# and an ingress that is registered after the failures.
AFTER = """
blocked = aws.route53.Record("blocked", zone_id="Z9", name="blocked.acme.com", type="A", ttl=60, records=["192.0.2.1"])
delegate("new-skipped", "skipped", depends_on=[blocked])
delegate("described", "described", description="others")
delegate("moved", "moved-new")
delegate("late", "late", depends_on=[delegate("early", "early")])
"""


def live(
    emulator: Emulator, cloud: Cloud, bind: Bind
) -> dict[str, tuple[str | None, list[tuple[str, int]], list[str]]]:
    """Returns the ID of the ingress and the records of each case, at ngrok and at the DNS providers."""
    ids = {each["domain"]: each["id"] for each in emulator.ingresses()}
    domains = {case: f"{case}.acme.com" for case in CASES}
    return {case: (ids.get(name), cloud.records(name), bind.referral(name)) for case, name in domains.items()}


@pytest.mark.main
def test_failed_ingresses_and_records_delete_nothing(
    project: Project, emulator: Emulator, cloud: Cloud, bind: Bind
) -> None:
    text = PROGRAM.replace("PORT", str(bind.port))
    project.environment["SECRET"] = KEY.secret
    project.program(text.replace("PREFIX", "") + BEFORE)
    project.up()
    before = live(emulator, cloud, bind)
    assert all(map(all, before.values()))

    project.program(text.replace("PREFIX", "new-") + AFTER)
    emulator.add_fault("PATCH", "respond", domain="described.acme.com", status=400, json_body=REJECTION)
    for name in ("moved-new.acme.com", "blocked.acme.com"):
        cloud.limit(name, 0)
    failed = project.up("--continue-on-error", fails=True)
    assert live(emulator, cloud, bind) == before
    assert not failed.has_traceback
    assert "error: this run deletes nothing more, because these resources failed, or were skipped: " in failed
    # Everything was registered before the program ended.
    assert len(cloud.records("late.acme.com")) == 8

    # The next run finishes the domain change.
    emulator.clear_faults()
    cloud.remove_limits()
    after = AFTER.replace('"new-skipped"', '"skipped"')
    project.program(text.replace("PREFIX", "") + after)
    project.up()
    assert live(emulator, cloud, bind) == before | {"moved": (None, [], [])}
    assert len(cloud.records("moved-new.acme.com")) == 8


THEIRS = """
import pulumi_aws as aws

REMOVED
kept = agin.AgentIngress("kept", domain="kept.acme.com")
agin.AgentIngressDelegation("kept", kept, agin.dns.aws("Z1"))
aws.route53.Record("theirs", zone_id="Z9", name="theirs.acme.com", type="A", ttl=60, records=["192.0.2.1"])
"""
REMOVED = """
removed = agin.AgentIngress("removed", domain="removed.acme.com")
agin.AgentIngressDelegation("removed", removed, agin.dns.cloudflare("Z1"))
"""


def test_failures_of_other_resources_delete_what_was_removed(
    project: Project, emulator: Emulator, cloud: Cloud
) -> None:
    project.program(THEIRS.replace("REMOVED", REMOVED))
    # Without a failure, records that --target skips do not make the run fail.
    kept = f"urn:pulumi:dev::test::{project.INGRESS}::kept"
    project.up("--target", kept)
    project.up()
    assert len(cloud.records("removed.acme.com")) == 4
    cloud.limit("theirs.acme.com", 1)
    project.program(THEIRS.replace("REMOVED", "").replace('theirs",', 'renamed",'))
    failed = project.up("--continue-on-error", fails=True)
    assert "the limit of theirs.acme.com is reached" in failed
    assert "deletes nothing" not in failed
    assert cloud.records("removed.acme.com") == []
    assert [each["domain"] for each in emulator.ingresses()] == ["kept.acme.com"]


# The provider of a component, which runs in its own process.
SITE = """
from typing import TypedDict
from pulumi.provider.experimental import component_provider_host

class SiteArgs(TypedDict):
    description: pulumi.Input[str]

class Site(pulumi.ComponentResource):
    def __init__(self, name: str, args: SiteArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__("site:index:Site", name, {}, opts)
        opts = pulumi.ResourceOptions(parent=self)
        ingress = agin.AgentIngress(name, domain="connect.acme.com", description=args["description"], opts=opts)
        agin.AgentIngressDelegation(name, ingress, agin.dns.cloudflare("Z1"), opts=opts)
        self.register_outputs({})

component_provider_host(name="site", components=[Site])
"""
CONSUMER = "{type: site:index:Site, properties: {description: DESCRIPTION}}"


def test_component_in_another_process_deletes_nothing(
    yaml_project: Project, emulator: Emulator, dns_packages: Path
) -> None:
    project = yaml_project
    cloud = install_dns(project, dns_packages)
    [plugins] = [line for line in (project.folder / "Pulumi.yaml").read_text().splitlines() if "plugins:" in line]
    project.program(SITE)
    executable = project.folder / "pulumi-resource-site"
    executable.write_text(f'#!/bin/sh\nexec {project.user_env}/bin/python {project.folder}/__main__.py "$@"\n')
    executable.chmod(0o755)
    plugins = plugins.replace("]}", f", {{name: site, path: {project.folder}}}]}}")

    def consume(name: str, description: str) -> None:
        site = CONSUMER.replace("DESCRIPTION", description)
        project.yaml(f"name: {project.name}\nruntime: yaml\n{plugins}\nresources: {{{name}: {site}}}\n")

    consume("site", "devices")
    project.up()
    before = cloud.records("connect.acme.com")
    assert len(before) == 4
    emulator.add_fault("PATCH", "respond", status=400, json_body=REJECTION)
    for name in ("site", "renamed"):
        consume(name, "others")
        assert (
            "this run deletes nothing more, because these" in project.up("--continue-on-error", fails=True).diagnostics
        )
        assert cloud.records("connect.acme.com") == before


BLOCKED = (
    'aws.route53.Record("blocked", zone_id="Z9", name="blocked.acme.com", type="A", ttl=60, records=["192.0.2.1"])'
)

# The records are declared once the zone is known.
IN_APPLY = """
import pulumi_aws as aws

def later(records):
    def record(zone):
        opts = records.options()
        name = records.name
        return aws.route53.Record(
            name, zone_id=zone, name=records.domain, type="NS", ttl=300, records=records.ns_targets, opts=opts
        )
    return zone.apply(record)

zone = pulumi.Output.from_input(ZONE)
for name, dns in {"adopted": agin.dns.aws(zone, adopt=ADOPT), "later": agin.dns.custom(later)}.items():
    agin.AgentIngressDelegation(name, agin.AgentIngress(name, domain=f"{name}.acme.com"), dns)
"""


def test_records_that_are_declared_in_an_apply_remain(project: Project, cloud: Cloud) -> None:
    program = IN_APPLY.replace("ZONE", '"Z1"')
    project.program(program.replace("ADOPT", "False"))
    project.up()
    cloud.limit("blocked.acme.com", 0)
    project.program(IN_APPLY.replace("ZONE", f"{BLOCKED}.zone_id").replace("ADOPT", "True"))
    failed = project.up("--continue-on-error", fails=True)
    for name in ("adopted", "later"):
        assert f"{name} (AgentIngressDelegation)" in failed.diagnostics
        assert len(cloud.records(f"{name}.acme.com")) == 4


ALONE = """
import os
import pulumi_aws as aws

agin.dns.Rfc2136Delegation(
    NAME, domain="early.acme.com", ns_targets=["ns-1.example.net"], ttl=300, server="127.0.0.1", port=PORT,
    zone="acme.com", tsig_key_name="agin", tsig_secret=os.environ["SECRET"], opts=pulumi.ResourceOptions(AFTER),
)
"""


def test_renamed_records_of_a_program_without_an_ingress_remain(project: Project, cloud: Cloud, bind: Bind) -> None:
    project.environment["SECRET"] = KEY.secret
    program = ALONE.replace("PORT", str(bind.port))
    project.program(program.replace("NAME", '"old"').replace("AFTER", ""))
    project.up()
    cloud.limit("blocked.acme.com", 0)
    project.program(program.replace("NAME", '"new"').replace("AFTER", f"depends_on=[{BLOCKED}]"))
    project.up("--continue-on-error", fails=True)
    assert bind.referral("early.acme.com") == ["ns-1.example.net."]


CONSUMER_IN_PYTHON = """
import pulumi_aws as aws

class Site(pulumi.ComponentResource):
    def __init__(self, name, description):
        super().__init__("site:index:Site", name, {"description": description}, None, remote=True)

Site(NAME, DESCRIPTION)
"""


def test_component_in_another_process_that_is_skipped_remains(project: Project, cloud: Cloud) -> None:
    (project.folder / "site_provider.py").write_text(f"import pulumi\nimport pulumi_agin as agin\n{SITE}")
    executable = project.folder / "pulumi-resource-site"
    executable.write_text(f'#!/bin/sh\nexec {project.user_env}/bin/python {project.folder}/site_provider.py "$@"\n')
    executable.chmod(0o755)
    settings = (project.folder / "Pulumi.yaml").read_text()
    project.yaml(settings.replace("]}", f", {{name: site, path: {project.folder}}}]}}"))
    project.program(CONSUMER_IN_PYTHON.replace("NAME", '"old"').replace("DESCRIPTION", '"devices"'))
    project.up()
    # Only the consumer's process gets the failure.
    cloud.limit("blocked.acme.com", 0)
    project.program(CONSUMER_IN_PYTHON.replace("NAME", '"new"').replace("DESCRIPTION", f"{BLOCKED}.name"))
    project.up("--continue-on-error", fails=True)
    assert len(cloud.records("connect.acme.com")) == 4
