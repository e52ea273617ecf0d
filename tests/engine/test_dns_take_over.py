"""NS records that exist are imported by `take_over`, without a write at the DNS provider."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import RECORD_SET, SINGLE_RECORD, Cloud, install_dns
from tests.support.ngrok import ns_targets
from tests.support.project import Project

OTHER = "ns-9.elsewhere.example."


@pytest.fixture
def cloud(project: Project, dns_packages: Path) -> Cloud:
    return install_dns(project, dns_packages)


def writes(cloud: Cloud) -> Counter[tuple[str, str]]:
    """The number of records that were created, updated and deleted, by their domains."""
    return Counter((each.verb, each.name.removesuffix(".acme.com")) for each in cloud.operations())


def assert_nothing_was_written(emulator: Emulator, cloud: Cloud) -> None:
    assert cloud.operations() == []
    assert [each for each in emulator.requests() if each["method"] != "GET"] == []


# A stack with ingresses, some of which have no delegation yet, and with a secret: it makes everything secret that the
# engine says about the stack.
BEFORE = """
import pulumi_aws as aws

def ingress(name):
    return agin.AgentIngress(name, domain=f"{name}.acme.com")

for shape, dns in {"aws": agin.dns.aws("Z1"), "cloudflare": agin.dns.cloudflare("Z1")}.items():
    ingress(f"adopted-{shape}")
    ingress(f"absent-{shape}")
    agin.AgentIngressDelegation(f"ns::created-{shape}", ingress(f"created-{shape}"), dns)
    agin.AgentIngressDelegation(f"renamed-{shape}", ingress(f"renamed-{shape}"), dns)
    agin.AgentIngressDelegation(f"late-{shape}", ingress(f"late-{shape}"), dns)

agin.AgentIngressDelegation("partial", ingress("partial"), agin.dns.cloudflare("Z1"))
declared = ingress("declared")
aws.route53.Record("record", zone_id="Z1", name=declared.domain, type="NS", ttl=300, records=declared.ns_targets)
agin.AgentIngress("hidden", domain=pulumi.Output.secret("hidden.acme.com"))
pulumi.export("secret", pulumi.Output.secret("s"))
"""

AFTER = """
import pulumi_aws as aws

def ingress(name, domain=None):
    return agin.AgentIngress(name, domain=domain or f"{name}.acme.com")

def renamed(*names, **options):
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name, **options) for name in names])

take_over = True
ttl = 300
suffix = ""

aws_dns = agin.dns.aws("Z1", take_over=take_over)
cloudflare_dns = agin.dns.cloudflare("Z1", take_over=take_over)

for shape, dns in {"aws": aws_dns, "cloudflare": cloudflare_dns}.items():
    adopted = ingress(f"adopted-{shape}", f"adopted-{shape}{suffix}.acme.com")
    agin.AgentIngressDelegation(f"adopted-{shape}", adopted, dns)
    agin.AgentIngressDelegation(f"absent-{shape}", ingress(f"absent-{shape}"), dns, ttl=ttl)
    agin.AgentIngressDelegation(f"new-{shape}", ingress(f"new-{shape}"), dns)
    created = ingress(f"created-{shape}")
    agin.AgentIngressDelegation(f"ns::created-{shape}", created, dns)
    agin.AgentIngressDelegation(
        f"other-{shape}", ingress(f"renamed-{shape}"), dns, opts=renamed(f"renamed-{shape}")
    )
    if shape == "aws":
        # As in a public and a private zone.
        agin.AgentIngressDelegation("second-zone", created, agin.dns.aws("Z2", take_over=take_over))

agin.AgentIngressDelegation("whole", ingress("partial"), cloudflare_dns, opts=renamed("partial"))
opts = renamed("record", parent=pulumi.ROOT_STACK_RESOURCE)
agin.AgentIngressDelegation("declared", ingress("declared"), agin.dns.aws("Z1", opts=opts, take_over=take_over))

agin.AgentIngress("hidden", domain=pulumi.Output.secret("hidden.acme.com"))
pulumi.export("secret", pulumi.Output.secret("s"))
"""

LATE_BEFORE = """
for shape, dns in {"aws": agin.dns.aws("Z1"), "cloudflare": agin.dns.cloudflare("Z1")}.items():
    agin.AgentIngressDelegation(f"late-{shape}", ingress(f"late-{shape}"), dns)
"""

# Each adapter is made when its delegation is registered already, so that the stack is read while it changes.
LATE_AFTER = """
for shape in ["aws", "cloudflare"]:
    def create(records, adapter=getattr(agin.dns, shape)):
        return records.ns_targets.apply(lambda _: adapter("Z1", take_over=True).create_records(records))

    agin.AgentIngressDelegation(
        f"later-{shape}", ingress(f"late-{shape}"), agin.dns.custom(create), opts=renamed(f"late-{shape}")
    )
"""


def test_existing_records_are_taken_over_unchanged(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    project.program(BEFORE)
    cloud.limit("partial.acme.com", 3)
    project.up("--continue-on-error", fails=True)
    cloud.remove_limits()
    cloud.add_record_set("Z1", "adopted-aws.acme.com", ns_targets(emulator, "adopted-aws.acme.com"))
    cloud.add_record_set("Z2", "created-aws.acme.com", ns_targets(emulator, "created-aws.acme.com"))
    cloud.add_single_records("Z1", "adopted-cloudflare.acme.com", ns_targets(emulator, "adopted-cloudflare.acme.com"))
    there = [f"{value}." for value, _ in cloud.records("partial.acme.com")]
    [missing] = set(ns_targets(emulator, "partial.acme.com")) - set(there)
    cloud.add_single_records("Z1", "partial.acme.com", [missing])
    emulator.clear_requests()
    cloud.clear_operations()

    # To import: a set in each of two zones, four single records, and the one that the stack lacks. What the stack has
    # is not imported, not even under another name without an alias, because the engine would then delete it.
    project.program(AFTER.replace("opts=opts, ", "") + LATE_BEFORE)
    assert "= 7 to import" in project.preview()
    assert_nothing_was_written(emulator, cloud)
    project.program(AFTER + LATE_BEFORE)
    assert "= 7 imported" in project.up()
    created = {"absent-aws": 1, "absent-cloudflare": 4, "new-aws": 1, "new-cloudflare": 4}
    assert writes(cloud) == {("create", name): count for name, count in created.items()}
    for domain in ("absent-aws.acme.com", "new-cloudflare.acme.com"):
        assert cloud.records(domain) == [(value.rstrip("."), 300) for value in ns_targets(emulator, domain)]
    emulator.clear_requests()
    cloud.clear_operations()

    # The argument may be removed and come back.
    without = AFTER.replace("take_over = True", "take_over = False")
    project.program(without + LATE_AFTER)
    project.up("--expect-no-changes")
    project.program(AFTER + LATE_AFTER)
    project.up("--refresh", "--expect-no-changes")
    assert_nothing_was_written(emulator, cloud)

    # From then on, the records are like any others.
    changed = AFTER.replace("ttl = 300", "ttl = 600").replace('suffix = ""', 'suffix = "-moved"')
    project.program(changed + LATE_AFTER)
    project.up()
    assert writes(cloud) == {
        ("update", "absent-aws"): 1,
        ("update", "absent-cloudflare"): 4,
        ("create", "adopted-aws-moved"): 1,
        ("create", "adopted-cloudflare-moved"): 4,
        ("delete", "adopted-aws"): 1,
        ("delete", "adopted-cloudflare"): 4,
    }
    project.destroy()
    with cloud.content() as content:
        assert content.resources == {}


INGRESSES = """
ingresses = {name: agin.AgentIngress(name, domain=f"{name}.acme.com") for name in ["set", "singles", "values", "same"]}

aws = agin.dns.aws("Z1", take_over=True)
cloudflare = agin.dns.cloudflare("Z1", take_over=True)

def delegate(name, ingress, dns, ttl=300):
    agin.AgentIngressDelegation(name, ingress, dns, ttl=ttl)

"""
SET = 'delegate("set", ingresses["set"], aws)\n'
SINGLES = 'delegate("singles", ingresses["singles"], cloudflare)\n'
VALUES = 'delegate("values", ingresses["values"], cloudflare)\n'
SAME = 'delegate("same", ingresses["same"], aws)\ndelegate("other", ingresses["same"], aws)\n'
NEW_SET = 'delegate("new", agin.AgentIngress("new", domain="new-set.acme.com"), aws)\n'
NEW_SINGLES = 'delegate("new", agin.AgentIngress("new", domain="new-singles.acme.com"), cloudflare)\n'


def test_different_records_fail_with_both_and_the_step(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    project.program(INGRESSES)
    project.up()
    emulator.clear_requests()
    targets = {name: ns_targets(emulator, f"{name}.acme.com") for name in ("set", "singles", "values", "same")}
    cloud.add_record_set("Z1", "set.acme.com", [*targets["set"][1:], OTHER], ttl=3600)
    cloud.add_single_records("Z1", "singles.acme.com", targets["singles"], ttl=3600)
    cloud.add_single_records("Z1", "values.acme.com", [*targets["values"][1:], OTHER])
    cloud.add_record_set("Z1", "same.acme.com", targets["same"])
    cloud.add_record_set("Z1", "new-set.acme.com", [OTHER])
    cloud.add_single_records("Z1", "new-singles.acme.com", [OTHER])

    def other_value(name: str) -> str:
        return f"remove {OTHER} at the DNS provider and add {targets[name][0]} at the DNS provider"

    declared = {name: f"The program declares {', '.join(values)} (TTL 300). To " for name, values in targets.items()}
    set_differs = f"{declared['set']}take them over, {other_value('set')} and give the delegation ttl=3600, and run"
    singles_differ = f"{declared['singles']}take them over, give the delegation ttl=3600, and run this again"
    not_in_stack = "can't take over NS records, because its Agent Ingress is not in the stack"
    sentences = {
        SET: set_differs,
        VALUES: f"To take them over, {other_value('values')}, and run this again",
        SAME: "are both to take over the record Z1_same.acme.com_NS: it can belong to only one of them",
        NEW_SET: not_in_stack,
        NEW_SINGLES: not_in_stack,
    }
    for delegation, sentence in sentences.items():
        project.program(INGRESSES + delegation)
        failed = project.preview(fails=True)
        assert sentence in failed, delegation
        assert not failed.has_traceback, delegation

    # Without a preview, the records are in the stack then, and no later run writes what differs.
    for delegation, sentence in ((SET, set_differs), (SINGLES, singles_differ)) * 2:
        project.program(INGRESSES + delegation)
        assert sentence in project.up(fails=True)
    assert (len(project.of_type(RECORD_SET)), len(project.of_type(SINGLE_RECORD))) == (1, 4)
    with cloud.content() as content:
        [id_] = content.find(RECORD_SET, name="set.acme.com")
        content.resources[id_][1]["records"] = targets["set"]
    project.program(INGRESSES + (SET + SINGLES).replace(")\n", ", ttl=3600)\n"))
    project.up("--refresh")
    assert_nothing_was_written(emulator, cloud)


def test_wrong_ids_fail_and_can_be_corrected(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    def program(ids: dict[str, str]) -> str:
        return f"""
            ingress = agin.AgentIngress("connect", domain="connect.acme.com")
            agin.AgentIngressDelegation("ns", ingress, agin.dns.cloudflare("Z1", take_over={ids}))
            """

    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    project.up()
    emulator.clear_requests()
    first, *others = ns_targets(emulator, "connect.acme.com")
    ids = cloud.add_single_records("Z1", "connect.acme.com", [first, *others])
    [id_of_www] = cloud.add_single_records("Z1", "www.acme.com", [first]).values()

    project.program(program({**{value: ids[value] for value in others}, OTHER: "id-99"}))
    failed = project.preview(fails=True)
    assert f"has an id for {OTHER}, which ngrok does not name for connect.acme.com; lacks the id of {first}" in failed

    project.program(program({**ids, first: "id-99"}))
    assert "'Z1/id-99' does not exist" in project.up("--continue-on-error", fails=True)

    project.program(program({**ids, first: id_of_www}))
    failed = project.up(fails=True)
    assert "has the id of a record of www.acme.com, and not of connect.acme.com: correct the ids" in failed

    # To correct that, the engine would delete the record of www.
    project.program(program(ids))
    failed = project.up(fails=True)
    assert "Take it out of the state, which leaves the record as it is, and run this again:" in failed
    [urn] = [each["urn"] for each in project.of_type(SINGLE_RECORD) if each["id"] == id_of_www]
    project.pulumi("state", "delete", "--yes", urn)
    project.up()
    assert {each["id"] for each in project.of_type(SINGLE_RECORD)} == set(ids.values())
    assert_nothing_was_written(emulator, cloud)
