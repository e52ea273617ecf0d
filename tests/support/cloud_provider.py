"""A plugin instead of the cloud providers' plugins: `python -m tests.support.cloud_provider FILE`.

It has resources of any type, which are objects in a file. A test reads them as a `Cloud`. For NS records, it behaves
like the real plugins:

- The IDs for imports differ from those in the state, and it rejects a record that exists.
- `aws.route53.Record` has all values of a name, and a new name replaces it.
- `cloudflare.DnsRecord` has one value, and is updated in place even if the name changes.
- A replacement requests that the old resource is deleted first, like the Terraform bridge for named resources.
"""

from __future__ import annotations

import fcntl
import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.support.project import Project

ROOT = Path(__file__).parents[2]
ZONE_ID = "Z0123456789ABCDEFGHIJ"

RECORD_SET = "aws:route53/record:Record"
SINGLE_RECORD = "cloudflare:index/dnsRecord:DnsRecord"
REPLACED_BY = {RECORD_SET: ("zoneId", "name", "type")}

# The part of the real package that `agin.dns.cloudflare` needs. The package takes seconds to load.
CLOUDFLARE_SDK = """
import pulumi


class DnsRecord(pulumi.CustomResource):
    def __init__(self, resource_name, zone_id, name, type, ttl, content, opts=None):
        inputs = dict(zoneId=zone_id, name=name, type=type, ttl=ttl, content=content)
        super().__init__("cloudflare:index/dnsRecord:DnsRecord", resource_name, inputs, opts)
"""


@dataclass(frozen=True)
class Operation:
    """A write that succeeded."""

    verb: str
    """create, update or delete."""
    type: str
    """The type of the resource."""
    inputs: dict[str, Any]
    time: float
    """In seconds of `time.monotonic()`, like the times of the emulator's requests."""

    @property
    def name(self) -> str:
        return str(self.inputs["name"])


@dataclass
class _Content:
    """The content of the file: the types and inputs of resources, by ID."""

    resources: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    operations: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    number: int = 0

    def add(self, type_: str, inputs: dict[str, Any]) -> str:
        self.number += 1
        id_ = f"id-{self.number}"
        self.resources[id_] = (type_, inputs)
        return id_

    def find(self, type_: str, **inputs: Any) -> list[str]:
        return [
            id_
            for id_, (other_type, others) in self.resources.items()
            if other_type == type_ and inputs.items() <= {name: others.get(name) for name in inputs}.items()
        ]

    def has_record(self, type_: str, inputs: dict[str, Any]) -> bool:
        """Returns whether such a record exists: any with the name, or for single records one with the value."""
        if type_ not in (RECORD_SET, SINGLE_RECORD):
            return False
        key = ("zoneId", "name", "content") if type_ == SINGLE_RECORD else ("zoneId", "name")
        return bool(self.find(type_, **{name: inputs[name] for name in key}))

    def log(self, verb: str, type_: str, inputs: dict[str, Any]) -> None:
        self.operations.append(asdict(Operation(verb, type_, inputs, time.monotonic())))


@dataclass(frozen=True)
class Cloud:
    """The resources at the cloud. Each call reads or writes the file, which the plugins also use."""

    file: Path

    def operations(self) -> list[Operation]:
        """Returns the writes by the plugins, oldest first."""
        with self.content() as content:
            return [Operation(**each) for each in content.operations]

    def clear_operations(self) -> None:
        with self.content() as content:
            content.operations.clear()

    def records(self, domain: str) -> list[tuple[str, int]]:
        """Returns the values, without trailing dots, and the TTLs of the NS records of a domain, sorted."""
        found = []
        with self.content() as content:
            for _, inputs in content.resources.values():
                if inputs.get("name", "").rstrip(".") == domain and inputs.get("type") == "NS":
                    values = inputs.get("records") or [inputs["content"]]
                    found += [(value.rstrip("."), int(inputs["ttl"])) for value in values]
        return sorted(found)

    def add_record_set(self, zone: str, domain: str, values: Sequence[str], ttl: int = 300) -> str:
        """Creates a record set of Route 53 by hand, and returns its ID."""
        inputs = {"zoneId": zone, "name": domain, "type": "NS", "ttl": ttl}
        with self.content() as content:
            return content.add(RECORD_SET, {**inputs, "records": [f"{value.rstrip('.')}." for value in values]})

    def add_single_records(self, zone: str, domain: str, values: Sequence[str], ttl: int = 300) -> dict[str, str]:
        """Creates records of Cloudflare by hand, and returns their IDs by their values."""
        inputs = {"zoneId": zone, "name": domain, "type": "NS", "ttl": ttl}
        with self.content() as content:
            return {value: content.add(SINGLE_RECORD, {**inputs, "content": value.rstrip(".")}) for value in values}

    def refuse(self, *domains: str) -> None:
        """Makes creates of records fail for these domains, and no longer for others."""
        with self.content() as content:
            content.refused = list(domains)

    @contextmanager
    def content(self) -> Iterator[_Content]:
        """Yields the content of the file, to read and to change, while no other process uses it."""
        with self.file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            content = _Content(**json.loads(file.read() or "{}"))
            yield content
            file.truncate(0)
            file.write(json.dumps(asdict(content)))


def install(project: Project, package: str) -> tuple[Cloud, str]:
    """Makes the plugin of a package in a project. Returns the cloud of all plugins, and its entry in Pulumi.yaml."""
    folder = project.folder / f"{package}-plugin"
    folder.mkdir()
    cloud = Cloud(project.folder.with_suffix(".cloud"))
    executable = folder / f"pulumi-resource-{package}"
    command = [project.user_env / "bin" / "python", "-m", "tests.support.cloud_provider", cloud.file]
    executable.write_text(f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {shlex.join(map(str, command))}\n")
    executable.chmod(0o755)
    return cloud, f"{{name: {package}, path: {folder}}}"


def install_dns(project: Project, dns_packages: Path) -> Cloud:
    """Installs the plugins of two DNS providers, and the modules that the program imports, in a Python project."""
    cloud, aws = install(project, "aws")
    _, cloudflare = install(project, "cloudflare")
    project.yaml(f"name: {project.name}\nruntime: python\nplugins: {{providers: [{aws}, {cloudflare}]}}\n")
    (project.folder / "pulumi_cloudflare.py").write_text(CLOUDFLARE_SDK)
    project.environment["PYTHONPATH"] = str(dns_packages)
    return cloud


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The plugin that the engine calls. It needs no configuration."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version="99.0.0")

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:  # noqa: N802
        return provider_pb2.ConfigureResponse()

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        """Returns the arguments of any function and a `zoneId`."""
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").update(
            {"zoneId": ZONE_ID, **MessageToDict(request.args)}
        )  # the name is a keyword of Python
        return response

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        olds, news = MessageToDict(request.old_inputs), MessageToDict(request.news)
        # An unknown value is a string that differs from all others.
        changed = [name for name in olds | news if olds.get(name) != news.get(name)]
        replaces = [name for name in changed if name in REPLACED_BY.get(_type(request.urn), ())]
        in_place, replacing = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=replaces,
            diffs=changed,
            detailedDiff={
                name: provider_pb2.PropertyDiff(kind=replacing if name in replaces else in_place, inputDiff=True)
                for name in changed
            },
            hasDetailedDiff=True,
            deleteBeforeReplace=True,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:  # noqa: N802
        type_, inputs = _type(request.urn), MessageToDict(request.properties)
        with self._cloud.content() as content:
            name = inputs.get("name", "")
            if name in content.refused:
                context.abort(grpc.StatusCode.UNKNOWN, f"no records for {name}")
            if content.has_record(type_, inputs):
                context.abort(grpc.StatusCode.UNKNOWN, f"NS records of {name} exist already")
            id_ = content.add(type_, inputs)
            content.log("create", type_, inputs)
        return provider_pb2.CreateResponse(id=id_, properties=request.properties)

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        with self._cloud.content() as content:
            id_ = _id_in_state(content, request.id)
            if id_ not in content.resources:
                return provider_pb2.ReadResponse()
            properties = struct_pb2.Struct()
            properties.update(content.resources[id_][1])
        return provider_pb2.ReadResponse(id=id_, properties=properties, inputs=properties)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:  # noqa: N802
        type_, inputs = _type(request.urn), MessageToDict(request.news)
        with self._cloud.content() as content:
            content.resources[request.id] = (type_, inputs)
            content.log("update", type_, inputs)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        with self._cloud.content() as content:
            if resource := content.resources.pop(request.id, None):
                content.log("delete", *resource)
        return empty_pb2.Empty()


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _id_in_state(content: _Content, id_: str) -> str:
    """Returns the ID that the state has, given that or an ID to import: ZONE_NAME_NS or ZONE/ID."""
    if id_.endswith("_NS"):
        zone, name, _ = id_.split("_")
        return next(iter(content.find(RECORD_SET, zoneId=zone, name=name)), "")
    return id_.rpartition("/")[2]


if __name__ == "__main__":
    server = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(Cloud(Path(sys.argv[1]))), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - for the engine
    server.wait_for_termination()
