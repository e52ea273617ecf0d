"""Aliases that are added after a rename has failed, when the new component is in the state already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cloud_provider import Cloud, install_dns
from tests.support.project import Project
from tools.bind import Bind, Key

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
def cloud(project: Project, dns_packages: Path) -> Cloud:
    return install_dns(project, dns_packages)


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    with Bind(tmp_path / "bind", [KEY]) as running:
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
    program(ALIASED)
    project.up()
    assert cloud.operations() == []
    assert {name: bind.referral(name) for name in KEY.grants} == referrals
    project.up("--expect-no-changes")
