"""A changed domain with `--target` or `--exclude`, which deletes no ingress of a domain that stays delegated."""

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

KEY = Key("agin", ["bind.acme.com", "bind-new.acme.com"])

PROGRAM = """
import os
import pulumi_aws as aws

SUFFIX = ""
DELEGATED = "before"


class InMyDns(pulumi.ComponentResource):
    def __init__(self, records):
        super().__init__("acme:index:InMyDns", records.name, None, records.options())
        # The zone and the part of the name before it.
        arguments = {"zone_id": "acme.com", "name": records.relative_to("acme.com")}
        opts = pulumi.ResourceOptions.merge(records.options(named_by="name"), pulumi.ResourceOptions(parent=self))
        aws.route53.Record(
            records.name, **arguments, type="NS", ttl=300, records=records.ns_targets, opts=opts
        )


adapters = {
    "bind": agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", os.environ["SECRET"], port=int(os.environ["PORT"])),
    "aws": agin.dns.aws("Z1"),
    "custom": agin.dns.custom(InMyDns),
    "cloudflare": agin.dns.cloudflare("Z1"),
}
for name, dns in adapters.items():
    agin.AgentIngressDelegation(name, agin.AgentIngress(name, domain=f"{name}{SUFFIX}.acme.com"), dns)

# The delegation of one ingress becomes that of another one.
ingresses = {name: agin.AgentIngress(name, domain=f"{name}.acme.com") for name in ("before", "after")}
agin.AgentIngressDelegation("exchanged", ingresses[DELEGATED], agin.dns.aws("Z1"))
"""

INGRESS = f"urn:pulumi:dev::test::{Project.INGRESS}"
DELEGATION = "urn:pulumi:dev::test::agin:index:AgentIngressDelegation"
RFC2136 = "pulumi-python:dynamic/agin:Rfc2136Delegation"
CHANGED = ["bind", "aws", "custom"]

WARNED = re.compile(r"this update will fail, because it keeps the NS records of (\S+)\.acme\.com, although the domain")


@pytest.fixture
def bind(project: Project, tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        project.environment |= {"SECRET": KEY.secret, "PORT": str(running.port)}
        yield running


def create_and_change(project: Project) -> None:
    """Runs the program, and then changes all domains in it, and the ingress of a delegation."""
    project.program(PROGRAM)
    project.up()
    project.edit({'SUFFIX = ""': 'SUFFIX = "-new"', 'DELEGATED = "before"': 'DELEGATED = "after"'})


def domains(emulator: Emulator) -> set[str]:
    return {ingress["domain"] for ingress in emulator.ingresses()}


@pytest.mark.main
def test_domain_change_without_its_records_deletes_nothing(
    project: Project, emulator: Emulator, cloud: Cloud, bind: Bind
) -> None:
    create_and_change(project)
    values, before = bind.referral("bind.acme.com"), domains(emulator)
    targets = [f"--target={INGRESS}::{name}" for name in CHANGED]
    assert sorted(WARNED.findall(project.preview(*targets).output)) == sorted(CHANGED)

    # The second run finds the new ingresses, and the old ones that are still to be deleted.
    for _ in range(2):
        failed = project.up(*targets, fails=True)
        assert re.search(r"error: __main__\.py:\d+: this run keeps the NS records of \S+, although", failed.diagnostics)
        assert "so nothing is deleted. Run `pulumi up` with --target-dependents, or without" in failed.diagnostics
        assert not failed.has_traceback
        assert domains(emulator) == before | {f"{name}-new.acme.com" for name in CHANGED}
        assert bind.referral("bind.acme.com") == values
        assert {operation.verb for operation in cloud.operations()} == {"create"}

    project.up("--target-dependents", *targets)
    assert domains(emulator) == before - {f"{name}.acme.com" for name in CHANGED} | {
        f"{name}-new.acme.com" for name in CHANGED
    }
    for name in CHANGED:
        former, new = (name, f"{name}-new") if name == "custom" else (f"{name}.acme.com", f"{name}-new.acme.com")
        records = bind.referral if name == "bind" else cloud.records
        assert (len(records(former)), len(records(new))) == (0, 4)


def test_other_runs_with_a_changed_domain(project: Project, emulator: Emulator, cloud: Cloud, bind: Bind) -> None:
    create_and_change(project)
    excluded = project.preview(f"--exclude={DELEGATION}${RFC2136}::bind")
    assert WARNED.findall(excluded.output) == ["bind"]
    targets = [f"--target={INGRESS}::{name}" for name in CHANGED]
    for arguments in (["--target-dependents", *targets], [f"--target={INGRESS}::after"]):
        assert not WARNED.search(project.preview(*arguments).output)

    # The engine itself rejects it for single records, after it has created the new ingress.
    failed = project.up(f"--target={INGRESS}::cloudflare", fails=True)
    assert "will be destroyed but was not specified in --target list" in failed
    assert {"cloudflare.acme.com", "cloudflare-new.acme.com"} < domains(emulator)
    assert len(cloud.records("cloudflare.acme.com")) == 4

    project.refresh("--run-program")
    project.destroy("--run-program")
    assert (domains(emulator), bind.referral("bind.acme.com"), cloud.records("aws.acme.com")) == (set(), [], [])
