"""AgentIngressDelegation with the engine: the writes at ngrok and at the DNS provider, in order.

No delegation outlives its Agent Ingress, because an attacker could hijack the domain. A replaced domain is always
delegated.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from itertools import groupby
from typing import Any

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import RECORD_SET, SINGLE_RECORD, Cloud
from tests.support.ngrok import ns_targets
from tests.support.project import Project

SHAPES = ["aws", "cloudflare"]


# Each case has an ingress with a delegation in Route 53, and one at Cloudflare.
PROGRAM = """
import json, os
import pulumi_aws as aws

RECORDS = ["aws:route53/record:Record", "cloudflare:index/dnsRecord:DnsRecord"]

def transform(args):
    if args.type_ in RECORDS:
        return pulumi.ResourceTransformResult({**args.props, "ttl": 60}, args.opts)

def transformation(args):
    if args.type_ in RECORDS:
        return pulumi.ResourceTransformationResult({**args.props, "ttl": 60}, args.opts)

@agin.dns.custom
def custom(records):
    # Without Outputs in its arguments, the record depends on the ingress only by its options.
    return pulumi.Output.all(records.domain, records.ns_targets).apply(
        lambda known: aws.route53.Record(
            records.name, zone_id="Z1", name=known[0], type="NS", ttl=300, records=known[1],
            opts=records.options(named_by="name"),
        )
    )

for shape, adapter in {"aws": agin.dns.aws("Z1"), "cloudflare": agin.dns.cloudflare("Z1")}.items():
    for case, given in json.loads(os.environ["CASES"]).items():
        name = f"{case}-{shape}"
        ingress = agin.AgentIngress(
            name,
            domain=f"{name}{given.get('suffix', '')}.acme.com",
            description=given.get("description", "devices"),
            opts=pulumi.ResourceOptions(delete_before_replace=(case == "replaced")),
        )
        opts = pulumi.ResourceOptions()
        if case == "transforms":
            opts.transforms = [transform]
        if case == "transformations":
            opts.transformations = [transformation]
        if "alias" in given:
            opts.aliases = [pulumi.Alias(name=f"{given['alias']}-{shape}")]
        delegation = f"{given.get('delegation', case)}-{shape}"
        dns = custom if case == "custom" else adapter
        agin.AgentIngressDelegation(delegation, ingress, dns, ttl=given.get("ttl", 300), opts=opts)
"""

Cases = dict[str, dict[str, Any]]

CASES = [
    "custom",
    "described",
    "ttl",
    "transforms",
    "transformations",
    "retargeted",
    "moved",
    "refused",
    "replaced",
    "renamed",
    "aliased",
]
BEFORE: Cases = {case: {} for case in CASES}

CHANGES: Cases = {
    "described": {"description": "other devices"},
    "ttl": {"ttl": 600},
    "moved": {"suffix": "-new"},
    "transformations": {"suffix": "-new"},
}
MOVED = ["POST NAME-new", "create NAME-new", "delete NAME", "DELETE NAME"]
CHANGED = {
    "described": ["PATCH NAME"],
    "ttl": ["update NAME"],
    "moved": MOVED,
    "transformations": MOVED,
}


def each_shape(steps: dict[str, list[str]]) -> dict[str, list[str]]:
    """Returns the same steps for both shapes of each case."""
    return {
        f"{case}-{shape}": [step.replace("NAME", f"{case}-{shape}") for step in expected]
        for case, expected in steps.items()
        for shape in SHAPES
    }


def history(emulator: Emulator, cloud: Cloud, domains: dict[str, str]) -> dict[str, list[str]]:
    """Returns the writes at ngrok and at the DNS provider since the last `clear`, by case, in order.

    `domains` has the domains of ingresses by ID. New ones are added.
    """
    domains.update({each["id"]: each["domain"] for each in emulator.ingresses()})
    writes = [(each.time, each.verb, each.name) for each in cloud.operations()]
    for request in emulator.requests():
        if request["method"] != "GET":
            id_ = request["path"].rpartition("/")[2]
            domain = domains[id_] if id_ in domains else request["body"]["domain"]
            writes.append((request["time"], request["method"], domain))
    steps = defaultdict(list)
    for _, verb, domain in sorted(writes):
        name = domain.removesuffix(".acme.com")
        steps[name.removesuffix("-new")].append(f"{verb} {name}")
    # A set of single records is one step.
    return {case: [step for step, _ in groupby(each)] for case, each in steps.items()}


def clear(emulator: Emulator, cloud: Cloud) -> None:
    emulator.clear_requests()
    cloud.clear_operations()


def test_order_of_writes_of_ingresses_and_records(project: Project, emulator: Emulator, cloud: Cloud) -> None:
    domains: dict[str, str] = {}

    def run_with(cases: Cases) -> None:
        project.environment["CASES"] = json.dumps(cases)

    project.program(PROGRAM)
    run_with(BEFORE)
    # The values of single records are not known yet.
    preview = project.preview()
    assert "the NS records of moved-cloudflare are not shown yet: ngrok returns their values when the" in preview
    assert "+ 55 to create" in preview, "the stack, each ingress and its delegation, and record sets"
    project.up()
    assert history(emulator, cloud, domains) == each_shape({case: ["POST NAME", "create NAME"] for case in CASES})
    for name in domains.values():
        ttl = 60 if name.startswith("transform") else 300
        assert cloud.records(name) == [(value.rstrip("."), ttl) for value in ns_targets(emulator, name)]
    # Each record is deleted before its ingress.
    for record in project.of_type(RECORD_SET) + project.of_type(SINGLE_RECORD):
        name = record["parent"].rpartition("::")[2]
        assert f"urn:pulumi:dev::test::{project.INGRESS}::{name}" in record.get("dependencies", []), record["urn"]
    clear(emulator, cloud)

    # One name server is removed, and another one is added.
    for id_, name in domains.items():
        if name.startswith("retargeted"):
            targets = [value.rstrip(".") for value in ns_targets(emulator, name)]
            emulator.set_ingress(id_, {"ns_targets": ["ns-9.example.net", *targets[1:]]})
    run_with(BEFORE | CHANGES)
    project.up("--refresh")
    assert history(emulator, cloud, domains) == each_shape(CHANGED) | {
        "retargeted-aws": ["update retargeted-aws"],
        "retargeted-cloudflare": ["create retargeted-cloudflare", "delete retargeted-cloudflare"],
    }
    assert {ttl for _, ttl in cloud.records("ttl-cloudflare.acme.com")} == {600}
    assert ("ns-9.example.net", 300) in cloud.records("retargeted-cloudflare.acme.com")
    clear(emulator, cloud)

    # Nothing is deleted if new records can't be created, or if a delegation has a new name without an alias.
    for shape in SHAPES:
        cloud.limit(f"refused-{shape}-new.acme.com", 0)
    refused = CHANGES | {"refused": {"suffix": "-new"}}
    for renamed, message in (
        ({}, r"the limit of refused-\S+ is reached"),
        ({"renamed": {"delegation": "new-name"}}, r"NS records of renamed-\S+ exist already"),
    ):
        run_with(BEFORE | refused | renamed)
        assert re.search(message, project.up(fails=True).diagnostics)
        written = {step.split()[0] for steps in history(emulator, cloud, domains).values() for step in steps}
        assert written - {"create"} == {"POST"}
        cloud.remove_limits()

    # An ingress with delete_before_replace is deleted after its records.
    run_with(BEFORE | refused | {"aliased": {"delegation": "other-name", "alias": "aliased"}})
    replaced = [each["urn"] for each in project.resources() if "::replaced" in each["urn"]]
    project.up(*(f"--replace={urn}" for urn in replaced))
    assert history(emulator, cloud, domains) == each_shape(
        {
            "refused": MOVED,
            "replaced": ["delete NAME", "DELETE NAME", "POST NAME", "create NAME"],
        }
    )
    clear(emulator, cloud)

    project.destroy()
    deleted = history(emulator, cloud, domains)
    is_new = ("moved", "transformations", "refused")
    assert deleted == {
        name: [f"delete {name}-new", f"DELETE {name}-new"]
        if name.startswith(is_new)
        else [f"delete {name}", f"DELETE {name}"]
        for name in each_shape({case: [] for case in CASES})
    }


def test_preview_reports_all_wrong_zones_at_once(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        def delegate(number, zone):
            ingress = agin.AgentIngress(f"site-{number}", domain=f"Site-{number}.acme.com")
            agin.AgentIngressDelegation(f"site-{number}", ingress, agin.dns.rfc2136("127.0.0.1", zone))

        for number, zone in enumerate(["acme.org", "acme.com", "site-2.acme.com"] * 3):
            delegate(number, zone)
        delegate(9, pulumi.Output.from_input("acme.org"))
        """
    )
    failed = project.preview(fails=True)
    lines = (project.folder / "__main__.py").read_text().splitlines()
    [line] = [number for number, text in enumerate(lines, 1) if "agin.AgentIngressDelegation(" in text]
    named = re.findall(rf"__main__\.py:{line}: the domain site-(\d+)\.acme\.com is ", failed.output)
    # Not those whose domain is in the zone.
    assert named == ["0", "2", "3", "5", "6", "8", "9"]
    assert not failed.has_traceback
    assert emulator.counts().keys() <= {"GET /agent_ingresses"}
