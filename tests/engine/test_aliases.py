"""Aliases that are added after a rename has failed, when the new component is in the state already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.cloud_provider import Cloud
from tests.support.project import Project
from tools.bind import Programs

KEY = Key("agin", ["a.acme.com", "b.acme.com"])

# The delegations are renamed in the program, and those below a component are named after it.
PROGRAM = """
import os
import pulumi_aws as aws

class Fleet(pulumi.ComponentResource):
    def __init__(self, name, opts):
        super().__init__("acme:index:Fleet", name, None, opts)

@agin.dns.custom
def of_each(records):
    def record(name, value):
        arguments = dict(zone_id="Z9", name=f"{value}acme.com", type="NS", ttl=60, records=[value])
        opts = records.options(protected, named_by="name", name=name)
        return aws.route53.Record(name, **arguments, opts=opts)
    return records.of_each(record)

protected = pulumi.ResourceOptions(protect=True)
adapters = {
    "aws": agin.dns.aws("Z1", opts=protected),
    "cloudflare": agin.dns.cloudflare("Z1", opts=protected),
    "custom": of_each,
    "bind": agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", os.environ["SECRET"], port=PORT, opts=protected),
}
a, b = agin.AgentIngress("a", domain="a.acme.com"), agin.AgentIngress("b", domain="b.acme.com")
fleet = Fleet("FLEET", pulumi.ResourceOptions(aliases=[FLEET_ALIASES]))
for name, dns in adapters.items():
    agin.AgentIngressDelegation(f"NAME::{name}", a, dns, opts=pulumi.ResourceOptions(aliases=[ALIASES]))
    agin.AgentIngressDelegation(f"FLEET-{name}", b, dns, opts=pulumi.ResourceOptions(parent=fleet))
"""
BEFORE = {"FLEET_ALIASES": "", "FLEET": "fleet", "ALIASES": "", "NAME": "old"}
RENAMED = {**BEFORE, "FLEET": "armada", "NAME": "new"}
ALIASED = {**RENAMED, "FLEET_ALIASES": 'pulumi.Alias(name="fleet")', "ALIASES": 'pulumi.Alias(name=f"old::{name}")'}


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


def test_late_aliases_of_a_delegation_keep_its_records(project: Project, cloud: Cloud, bind: Bind) -> None:
    def program(parts: dict[str, str]) -> None:
        text = PROGRAM.replace("PORT", str(bind.port))
        project.program(re.sub("|".join(parts), lambda match: parts[match[0]], text))

    project.environment["SECRET"] = KEY.secret
    program(BEFORE)
    project.up()
    referrals = {name: bind.referral(name) for name in KEY.grants}
    assert all(referrals.values())
    cloud.clear_operations()

    program(RENAMED)
    failed = project.up("--continue-on-error", fails=True)
    # Everything else was renamed, and is protected.
    assert "NS records of a.acme.com exist already" in failed
    assert "renamed or moved in the program has them, use ResourceOptions(aliases=" in failed.messages["new::bind"]
    assert "pulumi-agin explain taken-records" in failed.messages["new::bind"]
    program(ALIASED)
    project.up()
    assert cloud.operations() == []
    assert {name: bind.referral(name) for name in KEY.grants} == referrals
    project.up("--expect-no-changes")


OVERWRITING = """
a, b = agin.AgentIngress("a", domain="a.acme.com"), agin.AgentIngress("b", domain="b.acme.com")
for name, ingress in {DELEGATIONS}.items():
    opts = pulumi.ResourceOptions(aliases=[ALIASES])
    agin.AgentIngressDelegation(name, ingress, agin.dns.gcp("acme-com"), opts=opts)
"""


def test_rename_at_a_provider_that_overwrites_fails_with_the_alias(project: Project, cloud: Cloud) -> None:
    def program(delegations: str, aliases: str = "") -> None:
        project.program(OVERWRITING.replace("DELEGATIONS", delegations).replace("ALIASES", aliases))

    def assert_fails_with_alias(new: str, former: str) -> None:
        for failed in (project.preview(fails=True), project.up(fails=True)):
            assert (
                f"give the delegation {new} the option below. Otherwise, remove it in a separate `pulumi up`" in failed
            )
            assert f'aliases=["urn:pulumi:dev::test::agin:index:AgentIngressDelegation::{former}"]' in failed
            assert not failed.has_traceback

    program('"one": a, "two": b')
    project.up()
    before = [cloud.records(name) for name in ("a.acme.com", "b.acme.com")]
    assert all(before)
    cloud.clear_operations()
    program('"new": a, "two": b')
    assert_fails_with_alias("new", "one")
    # The records of one are replaced by others, and those of two by its records. Both would be deleted afterwards.
    program('"one": b')
    assert_fails_with_alias("one", "two")
    # The alias of the message.
    program('"new": a, "two": b', '"urn:pulumi:dev::test::agin:index:AgentIngressDelegation::one"')
    project.preview()
    project.up()
    assert cloud.operations() == []
    assert [cloud.records(name) for name in ("a.acme.com", "b.acme.com")] == before
    # A new domain still replaces the records.
    project.edit({"a.acme.com": "c.acme.com"})
    project.up()
    assert cloud.records("a.acme.com") == []
    assert cloud.records("c.acme.com")


# The ingress is named after the component above it.
GATEWAY = """
    class Gateway(pulumi.ComponentResource):
        def __init__(self, name, opts, child):
            super().__init__("acme:index:Gateway", name, None, opts)
            child = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(parent=self))
            agin.AgentIngress(f"{self.pulumi_resource_name}-ingress", domain="connect.acme.com", opts=child)

    Gateway("{name}", pulumi.ResourceOptions(aliases=[{above}]), pulumi.ResourceOptions(aliases=[{own}]))
    """


def test_late_alias_of_a_component_is_needed_on_the_ingress_itself(project: Project, emulator: Emulator) -> None:
    def program(name: str, above: str = "", own: str = "") -> None:
        project.program(GATEWAY.replace("{name}", name).replace("{above}", above).replace("{own}", own))

    program("old")
    project.up()
    before = emulator.ingresses()
    for above in ("", 'pulumi.Alias(name="old")'):
        program("new", above)
        failed = project.up(fails=True)
        assert "use ResourceOptions(aliases=[…]) after a rename" in failed.messages["new-ingress"]
    program("new", 'pulumi.Alias(name="old")', 'pulumi.Alias(name="old-ingress")')
    project.up()
    assert emulator.ingresses() == before
