"""A stand-in for the plugins of cloud and DNS providers, with resources of any type. A test reads them as a `Cloud`.

For NS records, it behaves like the real plugins:

- The IDs for imports differ from those in the state, and it rejects a record that exists.
- `aws.route53.Record` has all values of a name, and a new name replaces it.
- `cloudflare.DnsRecord` has one value, and is updated in place even if the name changes.
- A replacement requests that the old resource is deleted first, like the Terraform bridge for named resources.
"""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.support.project import Project

ZONE_ID = "Z0123456789ABCDEFGHIJ"

RECORD_SET = "aws:route53/record:Record"
SINGLE_RECORD = "cloudflare:index/dnsRecord:DnsRecord"
# The inputs that no two records have in common.
KEYS = {RECORD_SET: ("zoneId", "name"), SINGLE_RECORD: ("zoneId", "name", "content")}

# The part of the real package that `agin.dns.cloudflare` needs. The package takes seconds to load.
CLOUDFLARE_SDK = """
import pulumi


class DnsRecord(pulumi.CustomResource):
    def __init__(self, resource_name, zone_id, name, type, ttl, content, opts=None):
        inputs = dict(zoneId=zone_id, name=name, type=type, ttl=ttl, content=content)
        super().__init__("cloudflare:index/dnsRecord:DnsRecord", resource_name, inputs, opts)
"""


class Operation(NamedTuple):
    """A write that succeeded: create, update or delete."""

    verb: str
    type: str
    """The type of the resource."""
    inputs: dict[str, Any]
    time: float
    """In seconds of `time.monotonic()`, like the times of the emulator's requests."""


class Cloud(provider_pb2_grpc.ResourceProviderServicer):
    """The resources of all providers, and the service that the engine calls instead of their plugins."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        """The domains for which creates of records fail."""
        self._resources: dict[str, tuple[str, dict[str, Any]]] = {}
        self._operations: list[Operation] = []
        self._numbers = itertools.count(1)
        # With one thread, calls follow one another.
        self._server = grpc.server(ThreadPoolExecutor(1))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    # -- for tests --------------------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """Returns the writes by the plugins, oldest first."""
        return list(self._operations)

    def clear_operations(self) -> None:
        self._operations.clear()

    def records(self, domain: str) -> list[tuple[str, int]]:
        """Returns the values, without trailing dots, and the TTLs of the NS records of a domain, sorted."""
        return sorted(
            (value.rstrip("."), int(inputs["ttl"]))
            for _, inputs in self._resources.values()
            if inputs.get("name", "").rstrip(".") == domain and inputs.get("type") == "NS"
            for value in inputs.get("records") or [inputs["content"]]
        )

    def add(self, type_: str, inputs: dict[str, Any]) -> str:
        """Adds a resource, as by hand, and returns its ID."""
        id_ = f"id-{next(self._numbers)}"
        self._resources[id_] = (type_, inputs)
        return id_

    # -- for the engine ---------------------------------------------------------------------------------------

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802 - gRPC's names
        return plugin_pb2.PluginInfo(version="99.0.0")

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:  # noqa: N802
        return provider_pb2.ConfigureResponse()

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        """Returns the arguments of any function and a `zoneId`."""
        response = provider_pb2.InvokeResponse()
        # Python has a keyword of this name.
        getattr(response, "return").update({"zoneId": ZONE_ID, **MessageToDict(request.args)})
        return response

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        olds, news = MessageToDict(request.old_inputs), MessageToDict(request.news)
        # An unknown value is a string that differs from all others.
        changed = [name for name in olds | news if olds.get(name) != news.get(name)]
        replaces = [name for name in changed if _type(request.urn) == RECORD_SET and name in KEYS[RECORD_SET]]
        response, kind = provider_pb2.DiffResponse, provider_pb2.PropertyDiff
        kinds = {name: kind.UPDATE_REPLACE if name in replaces else kind.UPDATE for name in changed}
        return response(
            changes=response.DIFF_SOME if changed else response.DIFF_NONE,
            replaces=replaces,
            diffs=changed,
            detailedDiff={name: kind(kind=each, inputDiff=True) for name, each in kinds.items()},
            hasDetailedDiff=True,
            deleteBeforeReplace=True,
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:  # noqa: N802
        type_, inputs = _type(request.urn), MessageToDict(request.properties)
        name = inputs.get("name")
        if name in self.refused:
            context.abort(grpc.StatusCode.UNKNOWN, f"no records for {name}")
        if type_ in KEYS and self._find(type_, {key: inputs[key] for key in KEYS[type_]}):
            context.abort(grpc.StatusCode.UNKNOWN, f"NS records of {name} exist already")
        self._log("create", type_, inputs)
        return provider_pb2.CreateResponse(id=self.add(type_, inputs), properties=request.properties)

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        """Reads by the ID in the state, or by one for an import: ZONE_NAME_NS or ZONE/ID."""
        id_ = request.id.rpartition("/")[2]
        if id_.endswith("_NS"):
            zone, name, _ = id_.split("_")
            id_ = self._find(RECORD_SET, {"zoneId": zone, "name": name})
        if id_ not in self._resources:
            return provider_pb2.ReadResponse()
        properties = struct_pb2.Struct()
        properties.update(self._resources[id_][1])
        return provider_pb2.ReadResponse(id=id_, properties=properties, inputs=properties)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:  # noqa: N802
        type_, inputs = _type(request.urn), MessageToDict(request.news)
        self._resources[request.id] = (type_, inputs)
        self._log("update", type_, inputs)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        if resource := self._resources.pop(request.id, None):
            self._log("delete", *resource)
        return empty_pb2.Empty()

    def _find(self, type_: str, inputs: dict[str, Any]) -> str:
        """Returns the ID of a resource with these inputs; "" if there is none."""
        found = (
            id_
            for id_, (other, others) in self._resources.items()
            if other == type_ and inputs.items() <= {name: others.get(name) for name in inputs}.items()
        )
        return next(found, "")

    def _log(self, verb: str, type_: str, inputs: dict[str, Any]) -> None:
        self._operations.append(Operation(verb, type_, inputs, time.monotonic()))


def install(project: Project, package: str, cloud: Cloud | None = None) -> tuple[Cloud, str]:
    """Makes the plugin of a package in a project. Returns the cloud, and the plugin's entry in Pulumi.yaml."""
    cloud = cloud or Cloud()
    folder = project.folder / f"{package}-plugin"
    folder.mkdir()
    executable = folder / f"pulumi-resource-{package}"
    # The engine reads the port of the service, and ends the process.
    executable.write_text(f"#!/bin/sh\necho {cloud.port}\nexec sleep 600\n")
    executable.chmod(0o755)
    return cloud, f"{{name: {package}, path: {folder}}}"


def install_dns(project: Project, dns_packages: Path) -> Cloud:
    """Installs the plugins of two DNS providers, and the modules that the program imports, in a Python project."""
    cloud, aws = install(project, "aws")
    _, cloudflare = install(project, "cloudflare", cloud)
    project.yaml(f"name: {project.name}\nruntime: python\nplugins: {{providers: [{aws}, {cloudflare}]}}\n")
    (project.folder / "pulumi_cloudflare.py").write_text(CLOUDFLARE_SDK)
    # Of the real packages only this one: the engine tries to download the plugin of each package that it finds.
    folder = project.folder / "packages"
    folder.mkdir()
    for package in (*dns_packages.glob("pulumi_aws*"), *dns_packages.glob("parver*")):
        (folder / package.name).symlink_to(package)
    project.environment["PYTHONPATH"] = str(folder)
    return cloud


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]
