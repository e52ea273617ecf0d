"""The adapters of `pulumi_agin.dns`, and programs with a delegation under Pulumi's mocks."""

from __future__ import annotations

import functools
import linecache
from typing import Any, NamedTuple

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.program.run import ProgramRun
from tests.support.mocks import NS_TARGETS, TYPE, Mocks, Request, run

DELEGATION = "agin:index:AgentIngressDelegation"
ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
DOTTED = NS_TARGETS
UNDOTTED = ["ns-1.example.net", "ns-2.example.net"]


class Expected(NamedTuple):
    """The package of an adapter, and the record that it should make in the zone acme.com."""

    package: str
    arguments: dict[str, Any]
    token: str
    inputs: dict[str, Any]
    value: str
    values: list[Any]
    named_by: str = "name"


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
    ),
    "digitalocean": Expected(
        "pulumi_digitalocean",
        {"domain": "acme.com"},
        "digitalocean:index/dnsRecord:DnsRecord",
        {"domain": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        DOTTED,
    ),
    "dnsimple": Expected(
        "pulumi_dnsimple",
        {"zone_name": "acme.com"},
        "dnsimple:index/zoneRecord:ZoneRecord",
        {"zoneName": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        UNDOTTED,
    ),
    "linode": Expected(
        "pulumi_linode",
        {"domain_id": "12345", "zone_name": "acme.com"},
        "linode:index/domainRecord:DomainRecord",
        {"domainId": 12345, "name": "connect", "recordType": "NS", "ttlSec": 300},
        "target",
        UNDOTTED,
    ),
    "vercel": Expected(
        "pulumiverse_vercel",
        {"domain": "acme.com", "team_id": "team_1"},
        "vercel:index/dnsRecord:DnsRecord",
        {"domain": "acme.com", "teamId": "team_1", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        DOTTED,
    ),
    "ovh": Expected(
        "pulumi_ovh",
        {"zone": "acme.com"},
        "ovh:Domain/zoneRecord:ZoneRecord",
        {"zone": "acme.com", "subdomain": "connect", "fieldtype": "NS", "ttl": 300},
        "target",
        DOTTED,
        named_by="subdomain",
    ),
    "scaleway": Expected(
        "pulumiverse_scaleway",
        {"dns_zone": "acme.com"},
        "scaleway:domain/record:Record",
        {"dnsZone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "data",
        DOTTED,
    ),
}
ADAPTERS = {**SETS, **SINGLES}


def adapter(name: str, **arguments: Any) -> Any:
    make: Any = getattr(agin.dns, name)
    return make(**{**ADAPTERS[name].arguments, **arguments})


def connect() -> agin.AgentIngress:
    return agin.AgentIngress("ingress", domain="connect.acme.com")


def records(mocks: Mocks) -> list[Request]:
    """Returns the registered resources except the ingress and the delegation."""
    others = (TYPE, DELEGATION)
    return sorted(
        (each for each in mocks.requests if each.token not in others and not each.token.startswith("pulumi:")),
        key=lambda each: each.name,
    )


def with_values(expected: Expected, values: Any) -> dict[str, Any]:
    if expected.package == "pulumi_kubernetes":
        [endpoint] = expected.inputs["spec"]["endpoints"]
        return {**expected.inputs, "spec": {"endpoints": [{**endpoint, expected.value: values}]}}
    return {**expected.inputs, expected.value: values}


def known_of(delegation: agin.AgentIngressDelegation) -> dict[str, Any]:
    """Returns the known outputs of a delegation, once the program has run."""
    known: dict[str, Any] = {}
    for name in ("domain", "ns_targets", "agent_ingress_id"):
        output: pulumi.Output[Any] = getattr(delegation, name)
        output.apply(functools.partial(known.__setitem__, name))
    return known


def run_delegation(dns: Any, **arguments: Any) -> dict[str, Any]:
    """Runs a program with an ingress and its delegation. Returns the delegation's known outputs."""
    known: list[dict[str, Any]] = []

    def program() -> None:
        made: Any = dns() if callable(dns) else dns
        known.append(known_of(agin.AgentIngressDelegation("connect", connect(), made, **arguments)))

    run(program)
    return known[0]


def refusal(dns: Any, **arguments: Any) -> str:
    """Returns the error of a delegation, without its place in the program."""
    # Each is a separate run.
    ProgramRun.current()._wrong_zones.clear()
    with pytest.raises(pulumi.RunError) as caught:
        run_delegation(dns, **arguments)
    return without_place(str(caught.value))


def without_place(message: str) -> str:
    """Returns the rest of a message that begins with the place of a delegation in this file."""
    file, line, rest = message.split(":", 2)
    assert file == "delegations.py"
    assert "AgentIngressDelegation(" in linecache.getline(__file__, int(line))
    return rest.removeprefix(" ")
