"""NS records that exist are taken over: imported, without a write at the DNS service.

The DNS package's plugin answers as the real ones do. The ids that it imports by are not those that it has in the state.
"""

from __future__ import annotations

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.dns_provider.package import install
from tests.support.dns_provider.service import DnsService
from tests.support.project import Project

ZONE = "acme.com"

PROGRAM = """
import acmedns

ingress = agin.AgentIngress("connect", domain="{domain}")
agin.AgentIngressDelegation(
    "{name}", agent_ingress=ingress, dns=acmedns.{adapter}, ttl={ttl}, opts=pulumi.ResourceOptions({opts})
)
"""

# One resource with all values, and one for each.
SHAPES = ["sets", "singles"]


@pytest.fixture
def service(project: Project) -> DnsService:
    return install(project)


def write(
    project: Project,
    adapter: str,
    *,
    domain: str = "connect.acme.com",
    name: str = "ns",
    ttl: int = 300,
    opts: str = "",
    more: str = "",
) -> None:
    program = PROGRAM.format(adapter=adapter, domain=domain, name=name, ttl=ttl, opts=opts)
    project.program(f"{program}{more}\n")


def targets(emulator: Emulator) -> list[str]:
    [ingress] = emulator.ingresses()
    return sorted(f"{target}." for target in ingress["ns_targets"])


def make_ingress(project: Project, emulator: Emulator) -> list[str]:
    """Makes the ingress in the stack, without a delegation, and returns the values that its NS records must have."""
    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    project.up()
    emulator.clear_requests()
    return targets(emulator)


def make_records(service: DnsService, values: list[str], ttl: int = 300) -> None:
    """Makes records by hand."""
    for value in values:
        service.create(ZONE, "connect", ttl, value)
    service.clear_operations()


def assert_nothing_was_written(emulator: Emulator, service: DnsService) -> None:
    assert service.operations() == []
    assert [each for each in emulator.requests() if each["method"] != "GET"] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_records_are_imported_and_take_over_may_stay_go_and_come(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    wanted = make_ingress(project, emulator)
    make_records(service, wanted)
    count = 1 if shape == "sets" else len(wanted)

    write(project, f"{shape}(take_over=True)")
    preview = project.preview()
    assert f"= {count} to import" in preview
    assert "+ 1 to create" in preview, "the component"
    assert f"= {count} imported" in project.up()
    for take_over in ["True", "False", "True"]:
        write(project, f"{shape}(take_over={take_over})")
        project.preview("--expect-no-changes")
        project.up("--expect-no-changes")
    project.refresh("--expect-no-changes")
    assert_nothing_was_written(emulator, service)

    project.destroy()
    assert service.records(ZONE, "connect") == []


@pytest.mark.parametrize("name", ["ns", "fleet::ns"])
@pytest.mark.parametrize("shape", SHAPES)
def test_records_that_the_stack_created_are_not_imported(
    shape: str, name: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    write(project, f"{shape}()", name=name)
    project.up()
    emulator.clear_requests()
    service.clear_operations()

    # The engine would import them, and then delete what it had before: the same records.
    write(project, f"{shape}(take_over=True)", name=name)
    project.preview("--expect-no-changes")
    write(project, f"{shape}(take_over=True)", name="renamed", opts=f'aliases=[pulumi.Alias(name="{name}")]')
    project.up()

    assert_nothing_was_written(emulator, service)
    assert [each.value for each in service.records(ZONE, "connect")] == targets(emulator)


# The adapter is made only when the delegation is registered already, so that the stack is read while it changes.
LATE = "agin.dns.custom(lambda r: r.ns_targets.apply(lambda _: acmedns.{}(take_over=True).create_records(r)))"


@pytest.mark.parametrize("shape", SHAPES)
def test_nor_are_they_if_the_adapter_is_made_late(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    write(project, f"{shape}()")
    project.up()
    emulator.clear_requests()
    service.clear_operations()

    write(project, f"{shape}()", name="renamed", opts='aliases=[pulumi.Alias(name="ns")]')
    program = project.folder / "__main__.py"
    program.write_text(program.read_text().replace(f"acmedns.{shape}()", LATE.format(shape)))
    project.up()
    assert_nothing_was_written(emulator, service)


@pytest.mark.parametrize("shape", SHAPES)
def test_nor_are_they_after_a_run_that_failed(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    # A delegation has no outputs in the state before a run has succeeded.
    write(
        project, f"{shape}()", more='acmedns.Record("x", zone="acme.com", host="locked", ttl=9, value="x.", opts=None)'
    )
    service.lock_name("locked")
    project.up("--continue-on-error", fails=True)
    assert len(service.records(ZONE, "connect")) == len(targets(emulator))
    emulator.clear_requests()
    service.clear_operations()

    write(project, f"{shape}(take_over=True)", name="renamed", opts='aliases=[pulumi.Alias(name="ns")]')
    project.up()
    assert_nothing_was_written(emulator, service)


def test_a_record_that_another_resource_has_is_not_imported(
    project: Project, emulator: Emulator, service: DnsService
) -> None:
    declared = (
        'acmedns.RecordSet("own", zone="acme.com", host="connect", ttl=300, values=ingress.ns_targets, opts=None)'
    )
    project.program(f'import acmedns\ningress = agin.AgentIngress("connect", domain="connect.acme.com")\n{declared}')
    project.up()
    service.clear_operations()

    # The engine would import it, and then delete it as "own", which the program does not have any more.
    write(project, "sets(take_over=True)")
    assert "to import" not in project.preview()
    assert "NS records of connect exist already" in project.up(fails=True)
    assert service.operations() == []
    alias = 'pulumi.Alias(name="own", parent=pulumi.ROOT_STACK_RESOURCE)'
    write(project, f"sets(take_over=True, opts=pulumi.ResourceOptions(aliases=[{alias}]))")
    project.up()
    assert service.operations() == []


def test_two_delegations_do_not_take_over_one_record(project: Project, emulator: Emulator, service: DnsService) -> None:
    make_records(service, make_ingress(project, emulator))
    write(project, "sets(take_over=True)")
    with (project.folder / "__main__.py").open("a") as program:
        program.write('agin.AgentIngressDelegation("other", ingress, acmedns.sets(take_over=True))')
    refused = project.preview(fails=True)
    assert "are both to take over the record acme.com/connect/NS: it can belong to only one of them" in refused


def test_records_that_the_program_declared_without_a_delegation_come_over_by_an_alias(
    project: Project, emulator: Emulator, service: DnsService
) -> None:
    project.program(
        """
        import acmedns

        ingress = agin.AgentIngress("connect", domain="connect.acme.com")
        acmedns.RecordSet("old", zone="acme.com", host="connect", ttl=300, values=ingress.ns_targets, opts=None)
        """
    )
    project.up()
    emulator.clear_requests()
    service.clear_operations()

    alias = 'pulumi.Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE)'
    write(project, f"sets(opts=pulumi.ResourceOptions(aliases=[{alias}]))")
    project.up()
    assert_nothing_was_written(emulator, service)


def test_a_stack_with_secrets_takes_over_as_well(project: Project, emulator: Emulator, service: DnsService) -> None:
    # Pulumi's SDK makes all of an answer secret, if a part of it is.
    secret = (
        'pulumi.export("secret", pulumi.Output.secret("s"))\n'
        'agin.AgentIngress("hidden", domain=pulumi.Output.secret("hidden.acme.com"))\n'
    )
    write(project, "singles()")
    with (project.folder / "__main__.py").open("a") as program:
        program.write(secret)
    project.up()
    service.clear_operations()

    write(project, "singles(take_over=True)")
    with (project.folder / "__main__.py").open("a") as program:
        program.write(secret)
    project.preview("--expect-no-changes")


def test_another_delegation_of_the_domain_is_not_this_one(
    project: Project, emulator: Emulator, service: DnsService
) -> None:
    # As in a public and a private zone: what the one has is not in the other.
    write(project, "sets()")
    project.up()
    for value in targets(emulator):
        service.create("com", "connect.acme", 300, value)
    service.clear_operations()
    with (project.folder / "__main__.py").open("a") as program:
        program.write('agin.AgentIngressDelegation("other", ingress, acmedns.sets(take_over=True, zone="com"))')
    assert "= 1 imported" in project.up()
    project.preview("--expect-no-changes")
    assert service.operations() == []


@pytest.mark.parametrize("shape", SHAPES)
def test_another_ttl_fails_in_the_preview_and_no_later_run_writes_it(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    wanted = make_ingress(project, emulator)
    make_records(service, wanted, ttl=3600)

    write(project, f"{shape}(take_over=True)")
    declared = (
        f"The program declares {', '.join(wanted)} (TTL 300). To take them over, give the delegation ttl=3600, and"
    )
    refused = project.preview(fails=True)
    assert f"The DNS provider has {wanted[0]} (TTL 3600), " in refused
    assert declared in refused
    assert not refused.has_traceback
    # Without a preview, the records are in the stack then.
    for _ in range(2):
        assert declared in project.up(fails=True)
    assert declared in project.preview(fails=True)
    write(project, f"{shape}(take_over=True)", ttl=3600)
    assert "to update" not in project.preview()
    project.up()
    project.preview("--expect-no-changes")
    assert_nothing_was_written(emulator, service)
    # It is for one `pulumi up`. From then on, the records are like others.
    write(project, f"{shape}(take_over=True)", ttl=600)
    assert "to update" in project.preview()


@pytest.mark.parametrize("shape", SHAPES)
def test_other_values_fail_in_the_preview(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    wanted = make_ingress(project, emulator)
    make_records(service, [*wanted[1:], "ns-9.elsewhere.example."])

    write(project, f"{shape}(take_over=True)")
    for refused in (project.preview(fails=True), project.up(fails=True)):
        assert (
            f"To take them over, remove ns-9.elsewhere.example. at the DNS provider and add {wanted[0]} at the DNS "
            "provider, and run this again"
        ) in refused
        assert not refused.has_traceback
    assert_nothing_was_written(emulator, service)


@pytest.mark.parametrize("shape", SHAPES)
def test_take_over_may_stay_when_the_domain_changes(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    make_records(service, make_ingress(project, emulator))
    write(project, f"{shape}(take_over=True)")
    project.up()

    write(project, f"{shape}(take_over=True)", domain="devices.acme.com")
    project.preview()
    project.up()
    assert [each.value for each in service.records(ZONE, "devices")] == targets(emulator)
    assert service.records(ZONE, "connect") == []
    project.preview("--expect-no-changes")


@pytest.mark.parametrize("shape", SHAPES)
def test_where_there_are_no_records_they_are_created(
    shape: str, project: Project, emulator: Emulator, service: DnsService
) -> None:
    # Those of another ingress, before this one was made.
    make_records(service, ["ns-9.elsewhere.example."])
    write(project, f"{shape}(take_over=True)")
    refused = project.preview(fails=True)
    assert "the delegation ns can't take over NS records, because its Agent Ingress is not in the stack" in refused
    assert not refused.has_traceback

    [record] = service.records(ZONE, "connect")
    service.delete(record.number)
    project.preview()
    project.up()
    assert [each.value for each in service.records(ZONE, "connect")] == targets(emulator)
    project.preview("--expect-no-changes")


def test_given_ids_are_used_and_a_wrong_one_can_be_mended(
    project: Project, emulator: Emulator, service: DnsService
) -> None:
    wanted = make_ingress(project, emulator)
    make_records(service, wanted)
    ids = {each.value.upper().rstrip("."): each.number for each in service.records(ZONE, "connect")}
    first, *others = ids

    write(project, f"singles(take_over={ {name: ids[name] for name in others} })")
    assert f"lacks the id of {wanted[0]}" in project.preview(fails=True)
    write(project, f"singles(take_over={ {**ids, 'ns-9.elsewhere.example': 99} })")
    refused = project.preview(fails=True)
    assert "has an id for ns-9.elsewhere.example., which ngrok does not name for connect.acme.com" in refused

    write(project, f"singles(take_over={ {**ids, first: 99} })")
    assert "'acme.com,99' does not exist" in project.up("--continue-on-error", fails=True)
    write(project, f"singles(take_over={ {name: ids[name] for name in others} })")
    assert f"lacks the id of {wanted[0]}" in project.preview(fails=True)
    write(project, f"singles(take_over={ids})")
    project.up()
    project.preview("--expect-no-changes")
    assert_nothing_was_written(emulator, service)


def test_the_id_of_another_record_is_refused_and_that_record_stays(
    project: Project, emulator: Emulator, service: DnsService
) -> None:
    wanted = make_ingress(project, emulator)
    make_records(service, wanted)
    other = service.create(ZONE, "www", 300, wanted[0])
    service.clear_operations()
    ids = {each.value: each.number for each in service.records(ZONE, "connect")}

    write(project, f"singles(take_over={ {**ids, wanted[0]: other} })")
    for refused in (project.preview(fails=True), project.up(fails=True)):
        assert "has the id of a record of www, and not of connect.acme.com: correct the ids" in refused

    # To correct it, the engine would delete the other record.
    write(project, f"singles(take_over={ids})")
    refused = project.up(fails=True)
    assert "Take it out of the state, which leaves the record as it is, and run this again:" in refused
    [urn] = [each["urn"] for each in project.of_type("acmedns:index:Record") if each["id"] == str(other)]
    project.pulumi("state", "delete", "--yes", urn)
    project.up()
    assert_nothing_was_written(emulator, service)
