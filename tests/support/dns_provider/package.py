"""Installs the package `acmedns` in the project of a test: its plugin, and the module that a program imports."""

from __future__ import annotations

from tests.support.dns_provider.service import DnsService
from tests.support.project import Project
from tests.support.stand_in import write_plugin

# Like the Python SDK of a package, with a class for each type and a function. `set_of` and `each_of` are for
# `agin.dns.custom`. `sets` and `singles` make adapters that take over records, as `agin.dns.gandi` and
# `agin.dns.digitalocean` do.
MODULE = """
import pulumi
from pulumi_agin.dns import record_sets, single_records
from pulumi_agin.dns.take_over import RecordType, invoke_options

ZONE = "acme.com"


class RecordSet(pulumi.CustomResource):
    def __init__(self, name, *, zone, host, ttl, values, opts):
        super().__init__("acmedns:index:RecordSet", name, dict(zone=zone, name=host, ttl=ttl, values=values), opts)


class Record(pulumi.CustomResource):
    def __init__(self, name, *, zone, host, ttl, value, opts):
        super().__init__("acmedns:index:Record", name, dict(zone=zone, name=host, ttl=ttl, value=value), opts)


def set_of(records):
    shared = dict(zone=ZONE, host=records.relative_to(ZONE), ttl=records.ttl, opts=records.options(named_by="name"))
    return RecordSet(records.name, values=records.ns_targets, **shared)


def each_of(records):
    shared = dict(zone=ZONE, host=records.relative_to(ZONE), ttl=records.ttl)
    return records.of_each(
        lambda name, value: Record(name, value=value, opts=records.options(named_by="name"), **shared)
    )


def shared(records, zone=ZONE):
    return dict(zone=zone, host=records.relative_to(zone), ttl=records.ttl)


def find(records, opts, zone):
    arguments = dict(zone=zone, name=records.relative_to(zone))
    found = pulumi.runtime.invoke_output("acmedns:index:getRecords", arguments, invoke_options(records, opts))
    return found.apply(lambda answer: [(each["value"], int(each["id"])) for each in answer["records"]])


def sets(take_over=False, opts=None, zone=ZONE):
    return record_sets.one_resource(
        RecordSet,
        lambda records: {**shared(records, zone), "values": records.ns_targets},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=record_sets.Import(
            RecordType("acmedns:index:RecordSet", "name", "zone", zone),
            lambda records: pulumi.Output.concat(zone, "/", records.relative_to(zone), "/NS"),
            lambda record: record.values,
            lambda records: find(records, opts, zone).apply(bool),
        ),
    )


def singles(take_over=False, opts=None):
    return single_records.resource_for_each(
        Record,
        shared,
        lambda value: dict(value=value),
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=single_records.Import(
            RecordType("acmedns:index:Record", "name", "zone", ZONE, "value"), lambda id_: f"{ZONE},{id_}",
            lambda records: find(records, opts, ZONE)
        ),
    )
"""


def install(project: Project) -> DnsService:
    """Installs the package in a project, and returns the service that it uses."""
    (project.folder / "acmedns.py").write_text(MODULE)
    return _install_plugin(project, "acmedns")


def install_aws(project: Project, dns_sdks: str) -> DnsService:
    """Installs the plugin of aws in a project. `dns_sdks` is the folder of the real package, which the program imports.

    Returns:
        Route 53.
    """
    project.environment["PYTHONPATH"] = dns_sdks
    return _install_plugin(project, "aws")


def _install_plugin(project: Project, package: str) -> DnsService:
    file = project.folder / "dns-service.json"
    python = project.user_env / "bin" / "python"
    plugin = write_plugin(package, project.folder / f"{package}-plugin", python, "tests.support.dns_provider", file)
    project.yaml(f"name: {project.name}\nruntime: python\nplugins: {{providers: [{plugin}]}}\n")
    return DnsService(file)
