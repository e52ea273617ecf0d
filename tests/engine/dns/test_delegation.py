"""NS records with the engine: the writes at ngrok and at the DNS provider, in order.

No delegation outlives its Agent Ingress, because an attacker could hijack the domain. A domain is delegated as long as
the program declares it. Each case has an ingress whose records are in one resource, at Route 53 (`set`), and one whose
records are a resource for each value, at Cloudflare (`singles`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import groupby
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import RECORD_SET, SINGLE_RECORD, Cloud
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, ns_targets
from tests.support.project import Project

SHAPES = ("set", "singles")

PROGRAM = """
import json
import os

import pulumi_aws as aws

ADAPTERS = {"set": agin.dns.aws("Z1"), "singles": agin.dns.cloudflare("Z1")}


def plain(name, ingress, ttl):
    opts = pulumi.ResourceOptions(delete_before_replace=False)
    records = ingress.ns_targets
    aws.route53.Record(name, zone_id="Z1", name=ingress.domain, type="NS", ttl=ttl, records=records, opts=opts)


for case, changes in json.loads(os.environ["CASES"]).items():
    for shape, dns in ADAPTERS.items():
        name = f"{case}-{shape}"
        ingress = agin.AgentIngress(
            name,
            domain=f"{name}{changes.get('suffix', '')}.acme.com",
            description=changes.get("description", "devices"),
            opts=pulumi.ResourceOptions(delete_before_replace=(case == "replaced")),
        )
        if name == "plain-set":
            plain(name, ingress, 300)
        else:
            delegation = f"{changes.get('delegation', case)}-{shape}"
            opts = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name)])
            agin.AgentIngressDelegation(delegation, ingress, dns, ttl=changes.get("ttl", 300), opts=opts)
"""

Cases = dict[str, dict[str, Any]]
Steps = dict[str, list[str]]

MOVED = ["POST NAME-new", "create NAME-new", "delete NAME", "DELETE NAME"]


def of_each_shape(steps: Steps) -> Steps:
    """Returns the same steps for both shapes of each case."""
    return {
        f"{case}-{shape}": [step.replace("NAME", f"{case}-{shape}") for step in expected]
        for case, expected in steps.items()
        for shape in SHAPES
    }


class History:
    """The writes at ngrok and at the DNS provider."""

    def __init__(self, emulator: Emulator, cloud: Cloud) -> None:
        self._emulator = emulator
        self._cloud = cloud
        self._domains: dict[str, str] = {}

    def read(self) -> Steps:
        """Returns the writes since the last call, by case and shape. Those of several single records are one."""
        self._domains.update({each["id"]: each["domain"] for each in self._emulator.ingresses()})
        writes = [(each.time, each.verb, each.inputs["name"]) for each in self._cloud.operations()]
        for request in self._emulator.requests():
            if request["method"] != "GET":
                id_ = request["path"].rpartition("/")[2]
                domain = self._domains[id_] if id_ in self._domains else request["body"]["domain"]
                writes.append((request["time"], request["method"], domain))
        self._emulator.clear_requests()
        self._cloud.clear_operations()
        steps = defaultdict(list)
        for _, verb, domain in sorted(writes):
            name = domain.removesuffix(".acme.com")
            steps[name.removesuffix("-new")].append(f"{verb} {name}")
        return {case: [step for step, _ in groupby(each)] for case, each in steps.items()}


@pytest.fixture
def history(emulator: Emulator, cloud: Cloud) -> History:
    return History(emulator, cloud)


def declare(project: Project, cases: Cases) -> None:
    project.environment["CASES"] = json.dumps(cases)


@pytest.mark.main
def test_order_of_writes_over_a_life(project: Project, emulator: Emulator, cloud: Cloud, history: History) -> None:
    project.program(PROGRAM)
    before: Cases = {case: {} for case in ("described", "ttl", "moved", "refused", "replaced", "renamed", "plain")}
    declare(project, before)
    # The stack, the ingresses, the delegations (all but that of plain-set), and one record or four for each.
    assert f"+ {1 + 14 + 13 + 7 * (1 + 4)} to create" in project.preview()
    project.up()
    assert history.read() == of_each_shape({case: ["POST NAME", "create NAME"] for case in before})
    for name in (f"{case}-{shape}" for case in before for shape in SHAPES):
        domain = f"{name}.acme.com"
        assert cloud.records(domain) == [(value.rstrip("."), 300) for value in ns_targets(emulator, domain)]
    project.up("--expect-no-changes")

    changes: Cases = {
        "described": {"description": "other devices"},
        "ttl": {"ttl": 600},
        "moved": {"suffix": "-new"},
        "renamed": {"delegation": "other-name"},
        "plain": {"suffix": "-new"},
    }
    declare(project, before | changes)
    project.up()
    assert history.read() == of_each_shape(
        {"described": ["PATCH NAME"], "ttl": ["update NAME"], "moved": MOVED, "plain": MOVED}
    )

    # If the new records of a domain can't be created, the old ones stay.
    changes["refused"] = {"suffix": "-new"}
    cloud.refused = {f"refused-{shape}-new.acme.com" for shape in SHAPES}
    declare(project, before | changes)
    assert "no records for refused-" in project.up(fails=True).diagnostics
    assert history.read() == of_each_shape({"refused": ["POST NAME-new"]})
    cloud.refused = set()

    # An ingress with delete_before_replace is deleted after its records.
    replaced = [each["urn"] for each in project.resources() if "::replaced" in each["urn"]]
    project.up(*(f"--replace={urn}" for urn in replaced))
    assert history.read() == of_each_shape(
        {"refused": MOVED[1:], "replaced": ["delete NAME", "DELETE NAME", "POST NAME", "create NAME"]}
    )

    project.destroy()
    is_moved = ("moved", "plain", "refused")
    assert history.read() == of_each_shape(
        {case: [f"{verb} NAME{'-new' * (case in is_moved)}" for verb in ("delete", "DELETE")] for case in before}
    )


def test_failure_with_continue_on_error_deletes_no_record(
    project: Project, emulator: Emulator, cloud: Cloud, history: History
) -> None:
    project.program(PROGRAM)
    before: Cases = {case: {} for case in ("updated", "moved", "refused")}
    declare(project, before)
    project.up()
    records = [each["urn"] for each in project.of_type(RECORD_SET) + project.of_type(SINGLE_RECORD)]

    # The update of an ingress fails, the create of one for another domain, and the create of records for another one.
    new = {"suffix": "-new"}
    declare(project, {"updated": {"description": "other devices"}, "moved": new, "refused": new})
    emulator.add_fault("PATCH", "respond", status=400, times=4)
    others = [create(emulator, f"moved-{shape}-new.acme.com", OTHER_ACCOUNTS_KEY) for shape in SHAPES]
    cloud.refused = {f"refused-{shape}-new.acme.com" for shape in SHAPES}
    history.read()
    for _ in range(2):
        project.up("--continue-on-error", fails=True)
    assert emulator.unused_faults() == []
    steps = history.read()
    assert "delete" not in {step.split()[0] for each in steps.values() for step in each}
    assert [each["urn"] for each in project.of_type(RECORD_SET) + project.of_type(SINGLE_RECORD)] == records
    # Pulumi deletes an ingress that was replaced, although its old records are still there.
    assert steps["refused-set"] == ["POST refused-set-new", "DELETE refused-set"]

    for id_ in others:
        emulator.delete_ingress(id_)
    cloud.refused = set()
    project.up()
    assert history.read() == of_each_shape({"updated": ["PATCH NAME"], "moved": MOVED, "refused": MOVED[1:3]})


IMPORTING = """
import json
import os

import pulumi_aws as aws

opts = pulumi.ResourceOptions
ids = json.loads(os.environ["IDS"])


def ingress(name):
    return agin.AgentIngress(name, domain=f"{name}.acme.com", opts=opts(import_=ids.get(name)))


def imported(zone, name):
    return opts(import_=f"{zone}_{name}.acme.com_NS") if ids else None


agin.AgentIngressDelegation("set", ingress("set"), agin.dns.aws("Z1", opts=imported("Z1", "set")))
agin.AgentIngressDelegation("singles", ingress("singles"), agin.dns.cloudflare("Z1", record_ids=ids.get("records")))
plain = ingress("plain")
aws.route53.Record(
    "plain", zone_id="Z2", name=plain.domain, type="NS", ttl=300, records=plain.ns_targets, opts=imported("Z2", "plain")
)
"""


def test_ingress_and_records_are_imported_in_one_up(
    project: Project, emulator: Emulator, cloud: Cloud, history: History
) -> None:
    ids: dict[str, Any] = {name: create(emulator, f"{name}.acme.com") for name in ("set", "singles", "plain")}

    def inputs(zone: str, name: str) -> dict[str, Any]:
        return {"zoneId": zone, "name": f"{name}.acme.com", "type": "NS", "ttl": 300}

    for zone, name in (("Z1", "set"), ("Z2", "plain")):
        cloud.add(RECORD_SET, {**inputs(zone, name), "records": ns_targets(emulator, f"{name}.acme.com")})
    # As the DNS provider shows them: in another order, and without dots.
    undotted = [value.rstrip(".") for value in reversed(ns_targets(emulator, "singles.acme.com"))]
    records = {value: cloud.add(SINGLE_RECORD, {**inputs("Z1", "singles"), "content": value}) for value in undotted}
    history.read()
    project.program(IMPORTING)
    project.environment["IDS"] = json.dumps({**ids, "records": records})
    assert "= 6 to import" in project.preview()
    project.up()
    assert history.read() == {}
    assert {each["id"] for each in project.resources()} == set(ids.values())
    assert {each["id"] for each in project.of_type(SINGLE_RECORD)} == set(records.values())
    assert len(project.of_type(RECORD_SET)) == 2

    # The options left in the program change nothing, and neither does their removal.
    project.up("--expect-no-changes")
    project.environment["IDS"] = json.dumps({"the record set": "Z1"})
    project.edit({'f"{name}.acme.com", opts': 'f"new-{name}.acme.com", opts'})
    # In an update, the run would fail at the records, when the new ingresses exist.
    assert '"set": its adapter imports the records of an existing ingress' in project.preview(fails=True)
    project.edit({"new-": ""})
    project.environment["IDS"] = "{}"
    project.up("--expect-no-changes")
    project.up("--refresh", "--expect-no-changes")
    assert history.read() == {}


def test_error_of_a_delegation_is_a_sentence_in_the_preview(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    id_ = create(emulator, "connect.acme.com")
    project.program(
        f"""
        opts = pulumi.ResourceOptions(import_="{id_}")
        ingress = agin.AgentIngress("connect", domain="connect.acme.com", opts=opts)
        agin.AgentIngressDelegation("connect", ingress, agin.dns.cloudflare("Z1", name_servers=3))
        """
    )
    failed = project.preview(fails=True)
    assert not failed.has_traceback
    assert 'error: AgentIngressDelegation "connect": ngrok returned 4 ns_targets, and the adapter declares 3' in failed
