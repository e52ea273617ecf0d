"""Existing NS records are adopted by `adopt`, without a write at the DNS provider."""

from __future__ import annotations

import re
import shlex
from collections import Counter

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import RECORD_SET, SINGLE_RECORD, Cloud
from tests.support.ngrok import ns_targets
from tests.support.project import Project

OTHER = "ns-9.elsewhere.example."


def writes(cloud: Cloud) -> Counter[tuple[str, str]]:
    """The number of records that were created, updated and deleted, by their domains."""
    return Counter((each.verb, each.name.removesuffix(".acme.com")) for each in cloud.operations())


def assert_nothing_was_written(emulator: Emulator, cloud: Cloud) -> None:
    assert cloud.operations() == []
    assert [each for each in emulator.requests() if each["method"] != "GET"] == []


PROGRAM = """
adopt = True
ttl = 300
suffix = ""

aws = agin.dns.aws("Z1", adopt=adopt)
cloudflare = agin.dns.cloudflare("Z1", adopt=adopt)
# As in a public and a private zone.
second_zone = agin.dns.aws("Z2", adopt=adopt)

for name, adapters in {"set": [aws, second_zone], "singles": [cloudflare]}.items():
    ingress = agin.AgentIngress(name, domain=f"{name}{suffix}.acme.com")
    for number, dns in enumerate(adapters):
        agin.AgentIngressDelegation(f"ns::{name}-{number}", ingress, dns, ttl=ttl)
"""


def test_existing_records_are_adopted_unchanged(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    project.program(re.sub("    for number.*", "", PROGRAM, flags=re.DOTALL))
    project.up()
    for zone in ("Z1", "Z2"):
        cloud.add_record_set(zone, "set.acme.com", ns_targets(emulator, "set.acme.com"))
    cloud.add_single_records("Z1", "singles.acme.com", ns_targets(emulator, "singles.acme.com"))
    emulator.clear_requests()
    project.program(PROGRAM)
    assert "= 6 to import" in project.preview()
    assert "= 6 imported" in project.up()

    # Left in the program, `adopt` imports nothing again, also after a refresh, and it writes nothing.
    project.up("--expect-no-changes")
    project.up("--refresh", "--expect-no-changes")
    project.program(PROGRAM.replace("ttl = 300", "ttl = 600"))
    assert " explain adopt" in project.preview(fails=True)
    without = PROGRAM.replace("adopt = True", "adopt = False")
    project.program(without)
    project.up("--expect-no-changes")
    assert_nothing_was_written(emulator, cloud)

    # After that, the records are like any others.
    project.program(without.replace("ttl = 300", "ttl = 600"))
    project.up()
    assert writes(cloud) == {("update", "set"): 2, ("update", "singles"): 4}
    cloud.clear_operations()
    project.program(without.replace('suffix = ""', 'suffix = "-moved"'))
    project.up()
    assert writes(cloud) == {
        ("create", "set-moved"): 2,
        ("create", "singles-moved"): 4,
        ("delete", "set"): 2,
        ("delete", "singles"): 4,
    }
    project.destroy()
    with cloud.content() as content:
        assert content.resources == {}


OWN_RECORDS = """
ZONE = pulumi.Config().require_secret("zone")
for protect in (False, True):
    opts = pulumi.ResourceOptions(protect=protect)
    adapters = {
        "set": agin.dns.aws(ZONE, opts=opts, adopt=ADOPT),
        "singles": agin.dns.cloudflare(ZONE, opts=opts, adopt=ADOPT),
    }
    for kind, dns in adapters.items():
        name = f"{kind}-{protect}"
        ingress = agin.AgentIngress(name, domain=f"{name}.acme.com")
        opts = pulumi.ResourceOptions(aliases=[ALIASES])
        agin.AgentIngressDelegation(f"{name}RENAMED", ingress, dns, ttl=TTL, opts=opts)
"""


def test_adopting_records_that_the_stack_has_changes_nothing(
    project: Project, emulator: Emulator, cloud: Cloud
) -> None:
    def program(**parts: str) -> None:
        given = {"ADOPT": "True", "TTL": "300", "RENAMED": "", "ALIASES": "", **parts}
        project.program(re.sub("|".join(given), lambda match: given[match[0]], OWN_RECORDS))

    project.config(secret={"zone": "Z1"})
    program(ADOPT="False")
    project.up()
    emulator.clear_requests()
    cloud.clear_operations()
    # As after `adopt` was removed and set again.
    program()
    project.preview("--expect-no-changes")
    project.up("--expect-no-changes")

    program(TTL="600")
    for _ in range(2):
        assert "set ttl=300 on the delegation, and run `pulumi up` again" in project.up(fails=True)
    program(RENAMED="-new")
    for failed in (project.preview(fails=True), project.up(fails=True)):
        assert re.search(r'give the delegation (\S+)-new the option below(.|\n)*"urn:\S+Delegation::\1"', failed.output)
        assert not failed.has_traceback
    program(RENAMED="-new", ALIASES="pulumi.Alias(name=name)")
    # Only the components of the old names, which the failed run has left in the state.
    assert "- 4 to delete\n    19 unchanged" in project.preview()
    project.up()
    program(RENAMED="-new", ADOPT="False")
    project.up("--expect-no-changes")
    assert_nothing_was_written(emulator, cloud)


INGRESSES = """
names = ["set", "singles", "values", "none", "same"]
ingresses = {name: agin.AgentIngress(name, domain=f"{name}.acme.com") for name in names}

aws = agin.dns.aws("Z1", adopt=True)
cloudflare = agin.dns.cloudflare("Z1", adopt=True)

def delegate(name, ingress, dns, ttl=300):
    agin.AgentIngressDelegation(name, ingress, dns, ttl=ttl)

"""
SET = 'delegate("set", ingresses["set"], aws)\n'
SINGLES = 'delegate("singles", ingresses["singles"], cloudflare)\n'
VALUES = 'delegate("values", ingresses["values"], cloudflare)\n'
NO_SET = 'delegate("none", ingresses["none"], aws)\n'
SAME = 'delegate("same", ingresses["same"], aws)\ndelegate("other", ingresses["same"], aws)\n'


def test_different_records_fail_with_the_next_step(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    project.program(INGRESSES)
    project.up()
    emulator.clear_requests()
    targets = {name: ns_targets(emulator, f"{name}.acme.com") for name in ("set", "singles", "values", "none", "same")}
    cloud.add_record_set("Z1", "set.acme.com", [*targets["set"][1:], OTHER], ttl=3600)
    cloud.add_single_records("Z1", "singles.acme.com", targets["singles"], ttl=3600)
    cloud.add_single_records("Z1", "values.acme.com", [*targets["values"][1:], OTHER])
    cloud.add_record_set("Z1", "same.acme.com", targets["same"])

    def other_value(name: str) -> str:
        return f"remove {OTHER} at the DNS provider and add {targets[name][0]} at the DNS provider"

    def declared(name: str) -> str:
        return f"the program declares {', '.join(f'{value} (TTL 300)' for value in targets[name])}. To adopt them, "

    set_differs = f"{declared('set')}{other_value('set')} and set ttl=3600 on the delegation, and run `pulumi up` again"
    singles_differ = f"{declared('singles')}set ttl=3600 on the delegation, and run `pulumi up` again"
    sentences = {
        SET: set_differs,
        VALUES: f"To adopt them, {other_value('values')}, and run `pulumi up` again",
        NO_SET: "resource 'Z1_none.acme.com_NS' does not exist",
        SAME: "both adopt the record Z1_same.acme.com_NS, which can belong to only one of them",
    }
    for delegation, sentence in sentences.items():
        project.program(INGRESSES + delegation)
        failed = project.preview(fails=True)
        assert sentence in failed, delegation
        assert not failed.has_traceback, delegation

    # Without a preview, the records are then in the stack, and no later run writes the differences.
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
            agin.AgentIngressDelegation("ns", ingress, agin.dns.cloudflare("Z1", adopt={ids}))
            """

    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    project.up()
    emulator.clear_requests()
    first, *others = ns_targets(emulator, "connect.acme.com")
    ids = cloud.add_single_records("Z1", "connect.acme.com", [first, *others])
    [id_of_www] = cloud.add_single_records("Z1", "www.acme.com", [first]).values()

    project.program(program({**{value: ids[value] for value in others}, OTHER: "id-99"}))
    failed = project.preview(fails=True)
    assert f"has an ID for {OTHER}, which ngrok does not list for connect.acme.com; has no ID for {first}" in failed

    project.program(program({**ids, first: "id-99"}))
    assert "'Z1/id-99' does not exist" in project.up("--continue-on-error", fails=True)

    project.program(program({**ids, first: id_of_www}))
    failed = project.up(fails=True)
    assert "has the ID of a record of www.acme.com instead of connect.acme.com: correct the IDs" in failed
    # Without that, the engine would delete the record of www.
    [urn] = [each["urn"] for each in project.of_type(SINGLE_RECORD) if each["id"] == id_of_www]
    assert f"pulumi state delete --stack dev --yes --force {shlex.quote(urn)}" in failed
    project.pulumi("state", "delete", "--yes", urn)
    project.program(program(ids))
    project.up()
    assert {each["id"] for each in project.of_type(SINGLE_RECORD)} == set(ids.values())
    assert_nothing_was_written(emulator, cloud)
