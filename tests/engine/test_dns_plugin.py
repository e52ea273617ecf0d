"""AgentIngressDelegation through the engine, with a DNS package whose plugin answers as the real ones do.

What matters is the order of what is done at ngrok and at the DNS service.
"""

from __future__ import annotations

from itertools import groupby

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.dns_provider.package import install
from tests.support.dns_provider.service import DnsService
from tests.support.project import Project

PROGRAM = """
import acmedns

{more}
ingress = agin.AgentIngress("connect", domain="{domain}"{ingress})
agin.AgentIngressDelegation(
    "{name}", agent_ingress=ingress, dns=agin.dns.custom(acmedns.{shape}), opts=pulumi.ResourceOptions({opts})
)
"""

# One resource with all values, and one for each.
SHAPES = ["set_of", "each_of"]


@pytest.fixture
def service(project: Project) -> DnsService:
    return install(project)


def write(
    project: Project,
    shape: str,
    domain: str = "connect.acme.com",
    *,
    name: str = "ns",
    ingress: str = "",
    opts: str = "",
    more: str = "",
) -> None:
    project.program(PROGRAM.format(shape=shape, domain=domain, name=name, ingress=ingress, opts=opts, more=more))


def done(emulator: Emulator, service: DnsService) -> list[str]:
    """What was written at ngrok and at the DNS service, in order. What is done more than once in a row is one."""
    ngrok = [(each["time"], f"{each['method']} ingress") for each in emulator.requests() if each["method"] != "GET"]
    dns = [(each.time, f"{each.what} {each.name}") for each in service.operations()]
    return [what for what, _ in groupby(what for _, what in sorted(ngrok + dns))]


def forget(emulator: Emulator, service: DnsService) -> None:
    emulator.clear_requests()
    service.clear_operations()


def values(service: DnsService, name: str) -> list[str]:
    return [each.value for each in service.records("acme.com", name)]


def targets(emulator: Emulator, domain: str) -> list[str]:
    [ingress] = [each for each in emulator.ingresses() if each["domain"] == domain]
    return sorted(f"{target}." for target in ingress["ns_targets"])


@pytest.mark.parametrize("shape", SHAPES)
def test_another_domain_is_delegated_before_the_old_delegation_goes(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    write(project, shape)
    project.up()
    assert values(service, "connect") == targets(emulator, "connect.acme.com")
    forget(emulator, service)

    write(project, shape, "devices.acme.com")
    project.up()
    assert done(emulator, service) == ["POST ingress", "create devices", "delete connect", "DELETE ingress"]
    assert values(service, "devices") == targets(emulator, "devices.acme.com")
    assert values(service, "connect") == []
    assert "unchanged" in project.up("--expect-no-changes")
    assert "unchanged" in project.refresh("--expect-no-changes")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_old_delegation_stays_where_the_new_one_is_refused(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    write(project, shape)
    project.up()
    forget(emulator, service)
    service.lock_name("devices")

    write(project, shape, "devices.acme.com")
    refused = project.up(fails=True)
    assert "the name devices is locked" in refused.diagnostics
    assert done(emulator, service) == ["POST ingress"]
    assert values(service, "connect") == targets(emulator, "connect.acme.com")

    forget(emulator, service)
    service.unlock_names()
    project.up()
    assert done(emulator, service) == ["create devices", "delete connect", "DELETE ingress"]
    assert values(service, "devices") == targets(emulator, "devices.acme.com")


@pytest.mark.parametrize("shape", SHAPES)
def test_an_ingress_that_has_to_go_first_goes_after_its_records(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    write(project, shape, ingress=", opts=pulumi.ResourceOptions(delete_before_replace=True)")
    project.up()
    [ingress] = project.resources()
    forget(emulator, service)

    project.up("--replace", ingress["urn"])
    assert done(emulator, service) == ["delete connect", "DELETE ingress", "POST ingress", "create connect"]
    assert values(service, "connect") == targets(emulator, "connect.acme.com")
    forget(emulator, service)

    project.destroy()
    assert done(emulator, service) == ["delete connect", "DELETE ingress"]
    assert values(service, "connect") == []


SHORTER = """
def shorter(args):
    if args.type_ == "acmedns:index:RecordSet":
        return pulumi.ResourceTransformationResult({**args.props, "ttl": 60}, args.opts)
"""


def test_records_that_a_transformation_changes_keep_the_order(
    project: Project, emulator: Emulator, service: DnsService
) -> None:
    transformed = {"opts": "transformations=[shorter]", "more": SHORTER}
    write(project, "set_of", **transformed)
    project.up()
    assert {each.ttl for each in service.records("acme.com", "connect")} == {60}
    forget(emulator, service)

    write(project, "set_of", "devices.acme.com", **transformed)
    project.up()
    assert done(emulator, service) == ["POST ingress", "create devices", "delete connect", "DELETE ingress"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_delegation_is_renamed_together_with_its_alias(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    write(project, shape)
    project.up()
    forget(emulator, service)

    write(project, shape, name="renamed")
    assert "NS records of connect exist already" in project.up(fails=True).diagnostics
    alias = "aliases=[pulumi.Alias(name='ns')]"
    # By now the state has the new component, so its records inherit no alias.
    write(project, shape, name="renamed", opts=alias)
    assert "NS records of connect exist already" in project.up(fails=True).diagnostics

    write(project, shape)
    project.up()
    write(project, shape, name="renamed", opts=alias)
    project.up()
    assert done(emulator, service) == []
    assert values(service, "connect") == targets(emulator, "connect.acme.com")
