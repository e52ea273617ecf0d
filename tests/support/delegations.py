"""The adapters of `pulumi_agin.dns`, and programs with a delegation under Pulumi's mocks."""

from __future__ import annotations

import functools
import inspect
import linecache
from typing import Any, NamedTuple

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.program.run import ProgramRun
from tests.support.mocks import NS_TARGETS, TYPE, Mocks, Request, run
from tools import docs

DELEGATION = "agin:index:AgentIngressDelegation"
ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
DOTTED = NS_TARGETS
UNDOTTED = ["ns-1.example.net", "ns-2.example.net"]


class Ttls(NamedTuple):
    """TTLs that a DNS provider accepts, TTLs that it rejects, and the part of the message about those."""

    accepted: list[int]
    rejected: list[int]
    right: str


ANY_TTL = Ttls([0], [], "")


class Expected(NamedTuple):
    """The package of an adapter, and the record that it should make in the zone acme.com."""

    package: str
    arguments: dict[str, Any]
    token: str
    inputs: dict[str, Any]
    value: str
    values: list[Any]
    import_id: str | None
    """The ID to import, where R12 is the ID of a single record; None if there is no `adopt`."""
    ttls: Ttls
    named_by: str = "name"
    overwrites: bool = False
    """Whether a create may overwrite existing records."""


# One resource with all values.
SETS = {
    "aws": Expected(
        "pulumi_aws",
        {"zone_id": "Z1", "zone_name": "acme.com"},
        "aws:route53/record:Record",
        {"zoneId": "Z1", "name": "connect.acme.com", "type": "NS", "ttl": 300},
        "records",
        DOTTED,
        import_id="Z1_connect.acme.com_NS",
        ttls=ANY_TTL,
    ),
    "gcp": Expected(
        "pulumi_gcp",
        {"managed_zone": "acme-com", "project": "acme-dns", "dns_name": "acme.com"},
        "gcp:dns/recordSet:RecordSet",
        {"managedZone": "acme-com", "project": "acme-dns", "name": "connect.acme.com.", "type": "NS", "ttl": 300},
        "rrdatas",
        DOTTED,
        import_id="acme-dns/acme-com/connect.acme.com./NS",
        ttls=ANY_TTL,
        overwrites=True,
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
        import_id="/subscriptions/0b1f6471/resourceGroups/dns-rg/providers/Microsoft.Network/dnsZones/acme.com/NS/connect",
        ttls=Ttls([1], [0], "1 second or more"),
    ),
    "ns1": Expected(
        "pulumi_ns1",
        {"zone": "acme.com"},
        "ns1:index/record:Record",
        {"zone": "acme.com", "domain": "connect.acme.com", "type": "NS", "ttl": 300},
        "answers",
        [{"answer": value} for value in UNDOTTED],
        named_by="domain",
        import_id="acme.com/connect.acme.com/NS",
        ttls=Ttls([1], [0], "1 second or more"),
    ),
    "hcloud": Expected(
        "pulumi_hcloud",
        {"zone": "acme.com"},
        "hcloud:index/zoneRrset:ZoneRrset",
        {"zone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "records",
        [{"value": value} for value in DOTTED],
        import_id="acme.com/connect/NS",
        ttls=Ttls([60], [0, 59], "60 seconds or more"),
        overwrites=True,
    ),
    "gandi": Expected(
        "pulumiverse_gandi",
        {"zone": "acme.com"},
        "gandi:livedns/record:Record",
        {"zone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "values",
        DOTTED,
        import_id="acme.com/connect/NS",
        ttls=Ttls([300, 2592000], [0, 299, 2592001], "300 to 2592000 seconds"),
        overwrites=True,
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
        import_id=None,
        ttls=ANY_TTL,
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
        import_id="023e105f/R12",
        ttls=Ttls([1, 30, 86400], [0, 29, 86401], "30 to 86400 seconds, or 1 for an automatic TTL"),
    ),
    "digitalocean": Expected(
        "pulumi_digitalocean",
        {"domain": "acme.com"},
        "digitalocean:index/dnsRecord:DnsRecord",
        {"domain": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        DOTTED,
        import_id="acme.com,R12",
        ttls=Ttls([30], [0, 29], "30 seconds or more"),
    ),
    "dnsimple": Expected(
        "pulumi_dnsimple",
        {"zone_name": "acme.com"},
        "dnsimple:index/zoneRecord:ZoneRecord",
        {"zoneName": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        UNDOTTED,
        import_id="acme.com_R12",
        ttls=Ttls([1], [0], "1 second or more"),
    ),
    "linode": Expected(
        "pulumi_linode",
        {"domain_id": "12345", "zone_name": "acme.com"},
        "linode:index/domainRecord:DomainRecord",
        {"domainId": 12345, "name": "connect", "recordType": "NS", "ttlSec": 300},
        "target",
        UNDOTTED,
        import_id="12345,R12",
        ttls=Ttls(
            [30, 2419200],
            [0, 60, 2419201],
            "30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200",
        ),
    ),
    "vercel": Expected(
        "pulumiverse_vercel",
        {"domain": "acme.com", "team_id": "team_1"},
        "vercel:index/dnsRecord:DnsRecord",
        {"domain": "acme.com", "teamId": "team_1", "name": "connect", "type": "NS", "ttl": 300},
        "value",
        DOTTED,
        import_id="team_1/R12",
        ttls=Ttls([60], [0, 59], "60 seconds or more"),
    ),
    "ovh": Expected(
        "pulumi_ovh",
        {"zone": "acme.com"},
        "ovh:Domain/zoneRecord:ZoneRecord",
        {"zone": "acme.com", "subdomain": "connect", "fieldtype": "NS", "ttl": 300},
        "target",
        DOTTED,
        named_by="subdomain",
        import_id="R12.acme.com",
        ttls=Ttls([0, 60], [1, 59], "60 seconds or more, or 0 for the zone's TTL"),
    ),
    "scaleway": Expected(
        "pulumiverse_scaleway",
        {"dns_zone": "acme.com"},
        "scaleway:domain/record:Record",
        {"dnsZone": "acme.com", "name": "connect", "type": "NS", "ttl": 300},
        "data",
        DOTTED,
        import_id="acme.com/R12",
        ttls=Ttls([60, 2592000], [0, 59, 2592001], "60 to 2592000 seconds"),
        overwrites=True,
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

# The lookup function, its arguments, and its result. Ids are numbers if they are in the API.
FOUND: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "cloudflare": (
        "cloudflare:index/getDnsRecords:getDnsRecords",
        {"zoneId": "023e105f", "name": {"exact": "connect.acme.com"}, "type": "NS"},
        {"results": [{"id": "12", "content": "NS-1.example.net"}, {"id": "13", "content": "ns-2.example.net"}]},
    ),
    "digitalocean": (
        "digitalocean:index/getRecords:getRecords",
        {
            "domain": "acme.com",
            "filters": [{"key": "type", "values": ["NS"]}, {"key": "name", "values": ["connect"]}],
        },
        {"records": [{"id": 12, "value": "ns-1.example.net."}, {"id": 13, "value": "ns-2.example.net."}]},
    ),
    "scaleway": (
        "scaleway:domain/getRecord:getRecord",
        {"dnsZone": "acme.com", "name": "connect", "type": "NS", "data": "ns-1.example.net."},
        {"id": "acme.com/12"},
    ),
}


def kind_of_adopt(name: str) -> str:
    """Returns the type of an adapter's argument `adopt`; "" if it has none."""
    return str(inspect.get_annotations(getattr(agin.dns, name)).get("adopt", ""))


# The packages of these adapters can't find records, so `adopt` needs their IDs.
NEED_IDS = [name for name in docs.ADAPTERS if kind_of_adopt(name) == "Ids | None"]


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
