"""Installs the package `acmedns` in the project of a test: its plugin, and the module that a program imports."""

from __future__ import annotations

from tests.engine.dns_provider.service import DnsService
from tests.engine.project import Project
from tests.engine.stand_in import write_plugin

# Like the Python SDK of a package, with a class for each type. `set_of` and `each_of` are for `agin.dns.custom`.
MODULE = """
import pulumi

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
"""


def install(project: Project) -> DnsService:
    """Installs the package in a project, and returns the service that it uses."""
    file = project.folder / "dns-service.json"
    python = project.user_env / "bin" / "python"
    plugin = write_plugin("acmedns", project.folder / "acmedns-plugin", python, "tests.engine.dns_provider", file)
    project.yaml(f"name: {project.name}\nruntime: python\nplugins: {{providers: [{plugin}]}}\n")
    (project.folder / "acmedns.py").write_text(MODULE)
    return DnsService(file)
