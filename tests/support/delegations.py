"""The adapters of `pulumi_agin.dns` with the records that each declares, and delegations under Pulumi's mocks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import pulumi
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor

import pulumi_agin as agin
from tests.support.mocks import TYPE, run

DELEGATION = "agin:index:AgentIngressDelegation"
ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
UNDOTTED = [f"ns-{number}.example.net" for number in (1, 2, 3, 4)]
DOTTED = [f"{name}." for name in UNDOTTED]
ALL_KNOWN = {"domain": "connect.acme.com", "ns_targets": DOTTED, "agent_ingress_id": ID}


class Expected(NamedTuple):
    """The package of an adapter, and what it declares for connect.acme.com in the zone acme.com."""

    package: str
    arguments: dict[str, Any]
    token: str
    inputs: dict[str, Any]
    value: str
    """The name of the input with the values, or with one of them."""
    values: list[Any]
    named_by: str = "name"
    import_id: str = ""
    """The ID for the import of a record that has one value, where ID is the DNS provider's."""


# One resource with all values.
SETS = {
    "aws": Expected(
        "pulumi_aws",
        {"zone_id": "Z1", "zone_name": "acme.com"},
        "aws:route53/record:Record",
        {"zoneId": "Z1", "name": "connect.acme.com", "type": "NS", "ttl": 300},
        "records",
        DOTTED,
    ),
    "gcp": Expected(
        "pulumi_gcp",
        {"managed_zone": "acme-com", "project": "acme-dns", "dns_name": "acme.com"},
        "gcp:dns/recordSet:RecordSet",
        {"managedZone": "acme-com", "project": "acme-dns", "name": "connect.acme.com.", "type": "NS", "ttl": 300},
        "rrdatas",
        DOTTED,
    ),
    "azure": Expected(
        "pulumi_azure_native",
        {"resource_group_name": "dns-rg", "zone_name": "acme.com"},
        "azure-native:dns:RecordSet",
        {
            "resourceGroupName": "dns-rg",
            "zoneName": "acme.com",
            "relativeRecordSetName": "connect",
            "recordType": "NS",
            "ttl": 300,
        },
        "nsRecords",
        [{"nsdname": value} for value in DOTTED],
        named_by="relativeRecordSetName",
    ),
    "ns1": Expected(
        "pulumi_ns1",
        {"zone": "acme.com"},
        "ns1:index/record:Record",
        {"zone": "acme.com", "domain": "connect.acme.com", "type": "NS", "ttl": 300},
        "answers",
        [{"answer": value} for value in UNDOTTED],
        named_by="domain",
    ),
    "hcloud": Expected(
        "pulumi_hcloud",
        {"zone": "acme.com"},
        "hcloud:index/zoneRrset:ZoneRrset",
        {"zone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "records",
        [{"value": value} for value in DOTTED],
    ),
    "gandi": Expected(
        "pulumiverse_gandi",
        {"zone": "acme.com"},
        "gandi:livedns/record:Record",
        {"zone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "values",
        DOTTED,
    ),
    "external_dns": Expected(
        "pulumi_kubernetes",
        {"namespace": "dns"},
        "kubernetes:externaldns.k8s.io/v1alpha1:DNSEndpoint",
        {
            "apiVersion": "externaldns.k8s.io/v1alpha1",
            "kind": "DNSEndpoint",
            "metadata": {"name": "connect.acme.com", "namespace": "dns"},
            "spec": {"endpoints": [{"dnsName": "connect.acme.com", "recordType": "NS", "recordTTL": 300}]},
        },
        "targets",
        UNDOTTED,
        named_by="metadata.name",
    ),
}

# A resource for each value.
SINGLES = {
    "cloudflare": Expected(
        "pulumi_cloudflare",
        {"zone_id": "023e105f", "zone_name": "acme.com"},
        "cloudflare:index/dnsRecord:DnsRecord",
        {"zoneId": "023e105f", "name": "connect.acme.com", "type": "NS", "ttl": 300},
        "content",
        UNDOTTED,
        import_id="023e105f/ID",
    ),
    "digitalocean": Expected(
        "pulumi_digitalocean",
        {"domain": "acme.com"},
        "digitalocean:index/dnsRecord:DnsRecord",
        {"domain": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        DOTTED,
        import_id="acme.com,ID",
    ),
    "dnsimple": Expected(
        "pulumi_dnsimple",
        {"zone_name": "acme.com"},
        "dnsimple:index/zoneRecord:ZoneRecord",
        {"zoneName": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        UNDOTTED,
        import_id="acme.com_ID",
    ),
    "linode": Expected(
        "pulumi_linode",
        {"domain_id": "12345", "zone_name": "acme.com"},
        "linode:index/domainRecord:DomainRecord",
        {"domainId": 12345, "name": "connect", "recordType": "NS", "ttlSec": 300},
        "target",
        UNDOTTED,
        import_id="12345,ID",
    ),
    "vercel": Expected(
        "pulumiverse_vercel",
        {"domain": "acme.com", "team_id": "team_1"},
        "vercel:index/dnsRecord:DnsRecord",
        {"domain": "acme.com", "teamId": "team_1", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        DOTTED,
        import_id="team_1/ID",
    ),
    "ovh": Expected(
        "pulumi_ovh",
        {"zone": "acme.com"},
        "ovh:Domain/zoneRecord:ZoneRecord",
        {"zone": "acme.com", "subdomain": "connect", "fieldtype": "NS", "ttl": 300},
        "target",
        DOTTED,
        named_by="subdomain",
        import_id="ID.acme.com",
    ),
    "scaleway": Expected(
        "pulumiverse_scaleway",
        {"dns_zone": "acme.com"},
        "scaleway:domain/record:Record",
        {"dnsZone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "data",
        DOTTED,
        import_id="acme.com/ID",
    ),
}
ADAPTERS = {**SETS, **SINGLES}

# The argument with the zone's name of each adapter that has one.
ZONES = {
    name: argument
    for name, expected in ADAPTERS.items()
    for argument, value in expected.arguments.items()
    if value == "acme.com"
}


class Declared:
    """A resource as the program registered it."""

    def __init__(self, request: Any) -> None:
        self.token: str = request.type
        self.name: str = request.name
        self.inputs: dict[str, Any] = MessageToDict(request.object)
        self.parent: str = request.parent
        self.dependencies: list[str] = [urn.rpartition("::")[2] for urn in request.dependencies]
        self.provider: str = request.provider
        self.is_protected: bool = request.protect
        self.import_id: str = request.importId
        self.replace_on_changes: list[str] = list(request.replaceOnChanges)
        is_set = request.deleteBeforeReplaceDefined
        self.delete_before_replace: bool | None = request.deleteBeforeReplace if is_set else None


class DnsMocks(pulumi.runtime.Mocks):
    """The engine of a program with a delegation. In a preview, it knows no ID and no output of what it is to create."""

    def __init__(self) -> None:
        self.declared: list[Declared] = []
        self.to_create: set[str] = set()
        """The names of these resources."""
        self.ns_targets = DOTTED

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.name in self.to_create:
            return "", args.inputs
        if args.typ == TYPE:
            return ID, {**args.inputs, "ns_targets": self.ns_targets}
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError("an adapter called a function of its package")

    def records(self) -> list[Declared]:
        """Returns all resources but the ingress and the delegation, by name."""
        others = [each for each in self.declared if each.token not in (TYPE, DELEGATION)]
        return sorted(others, key=lambda each: each.name)


class Monitor(MockMonitor):
    """Keeps the whole registrations. Pulumi's monitor passes only a part of them to the mocks."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - its name in Pulumi
        if not request.type.startswith("pulumi:"):
            self.mocks.declared.append(Declared(request))  # type: ignore[attr-defined]
        register: Any = super().RegisterResource
        return register(request)


def adapter(name: str, **arguments: Any) -> Any:
    make: Any = getattr(agin.dns, name)
    return make(**{**ADAPTERS[name].arguments, **arguments})


def connect() -> agin.AgentIngress:
    return agin.AgentIngress("ingress", domain="connect.acme.com")


def with_values(expected: Expected, values: Any) -> dict[str, Any]:
    """Returns the inputs of a record with all values, or with one of them."""
    if expected.package == "pulumi_kubernetes":
        [endpoint] = expected.inputs["spec"]["endpoints"]
        return {**expected.inputs, "spec": {"endpoints": [{**endpoint, expected.value: values}]}}
    return {**expected.inputs, expected.value: values}


def run_delegation(make: Callable[[], Any], **arguments: Any) -> dict[str, Any]:
    """Runs a program with an ingress and its delegation by an adapter. Returns the delegation's known outputs."""
    known: dict[str, Any] = {}

    def program() -> None:
        delegation = agin.AgentIngressDelegation("connect", connect(), make(), **arguments)
        for name in ALL_KNOWN:
            output: pulumi.Output[Any] = getattr(delegation, name)
            output.apply(functools.partial(known.__setitem__, name))

    run(program)
    return known


def refusal(make: Callable[[], Any], **arguments: Any) -> str:
    """Returns the error of a delegation without its beginning, which names the delegation."""
    with pytest.raises(pulumi.RunError) as caught:
        run_delegation(make, **arguments)
    named, _, message = str(caught.value).partition(": ")
    assert named == 'AgentIngressDelegation "connect"'
    return message
