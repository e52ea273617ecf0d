"""NS records in a stack's state: the outputs that identify one and have its values, by the type of its resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pulumi_agin.base.names import canonical_domain, canonical_ns_targets

# The outputs in the state that identify a record, by the type of its resource. Except for the ID, which the state has
# as an output only in Azure's package, they have the names of the package's arguments. Vercel's team is not needed.
# The zone comes first. The type of the record comes after its name, and then the value, if the record has only one.
IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "aws:route53/record:Record": ("zoneId", "name", "type"),
    "azure-native:dns:RecordSet": ("id",),
    "cloudflare:index/dnsRecord:DnsRecord": ("zoneId", "name", "type", "content"),
    "digitalocean:index/dnsRecord:DnsRecord": ("domain", "name", "type", "value"),
    "dnsimple:index/zoneRecord:ZoneRecord": ("zoneName", "name", "type", "value"),
    "gandi:livedns/record:Record": ("zone", "name", "type"),
    "gcp:dns/recordSet:RecordSet": ("managedZone", "project", "name", "type"),
    "hcloud:index/zoneRrset:ZoneRrset": ("zone", "name", "type"),
    "linode:index/domainRecord:DomainRecord": ("domainId", "name", "recordType", "target"),
    "ns1:index/record:Record": ("zone", "domain", "type"),
    "ovh:Domain/zoneRecord:ZoneRecord": ("zone", "subdomain", "fieldtype", "target"),
    "scaleway:domain/record:Record": ("dnsZone", "name", "type", "data"),
    "vercel:index/dnsRecord:DnsRecord": ("domain", "name", "type", "value"),
}

# The output with the values, by the type of a resource that has all values of a domain. In a list of objects, each has
# its value under the name after the dot.
VALUES: Mapping[str, str] = {
    "aws:route53/record:Record": "records",
    "azure-native:dns:RecordSet": "nsRecords.nsdname",
    "gandi:livedns/record:Record": "values",
    "gcp:dns/recordSet:RecordSet": "rrdatas",
    "hcloud:index/zoneRrset:ZoneRrset": "records.value",
    "ns1:index/record:Record": "answers.answer",
}

_AZURE_ID = re.compile(r"/dnsZones/([^/]+)/(NS)/([^/]+)\Z", re.IGNORECASE)


def ns_record(type_: str, outputs: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Returns the domain and the values of an NS record in the state, in canonical form; None for anything else.

    Also None if the state does not show the domain, as with Linode, whose records have only the number of their zone,
    and with a relative name beside the ID of the zone.
    """
    if type_ not in IDENTITIES:
        return None
    identity: list[Any] = [outputs.get(name) for name in IDENTITIES[type_]]
    if not all(isinstance(each, str) for each in identity):
        return None
    if azure := _AZURE_ID.search(identity[0]):
        zone, _, name = azure.groups()
    elif "NS" in identity:
        zone, name = identity[0], identity[identity.index("NS") - 1]
    else:
        return None
    zone, domain = canonical_domain(zone), canonical_domain(name)
    if "." not in zone:
        # It is an ID, and then the name is the whole domain, but with Route 53, a user's own may be relative.
        fqdn = outputs.get("fqdn")
        domain = canonical_domain(fqdn) if isinstance(fqdn, str) else domain
    elif not domain.endswith(f".{zone}"):
        domain = f"{domain}.{zone}"
    return (domain, canonical_ns_targets(_values(type_, outputs))) if "." in domain else None


def values_property(type_: str) -> str:
    """Returns the output with the values of a record, or with its only value; "" for other types of resources."""
    return _values_path(type_).partition(".")[0]


def _values_path(type_: str) -> str:
    return VALUES.get(type_) or IDENTITIES.get(type_, ("",))[-1]


def _values(type_: str, outputs: Mapping[str, Any]) -> list[str]:
    name, _, key = _values_path(type_).partition(".")
    values = outputs.get(name)
    each_value = values if isinstance(values, list) else [values]
    plain = [each.get(key) if isinstance(each, dict) else each for each in each_value]
    return [each for each in plain if isinstance(each, str)]
