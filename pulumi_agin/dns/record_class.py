"""RecordClass: a package's class for NS records, and IDENTITIES: what identifies a record in the stack's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

# The outputs in the state that identify a record, by the type of its resource. Except for the ID, which the state has
# as an output only in Azure's package, they have the names of the package's arguments. Vercel's team is not needed.
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


@dataclass(frozen=True)
class RecordClass:
    """A package's class for NS records, with the names in Python of the arguments that all packages have."""

    make: Callable[..., pulumi.Resource]
    """The class."""
    type: str
    """The type of its resources, which has its line in IDENTITIES."""
    name: str = "name"
    """The argument with the name of the record."""
    value: str = ""
    """The argument with the value; "" if a resource has all values."""
    ttl: str = "ttl"
    """The argument with the TTL."""
    overwrites: bool = False
    """Whether a create may succeed although the record exists.

    A renamed delegation without aliases would then create its record and delete it with the old resource.
    """

    @property
    def name_property(self) -> str:
        """The engine's name for the argument with the name of the record, which its output has, too."""
        return camel_case(self.name)

    @property
    def value_property(self) -> str:
        """The engine's name for the argument with the value."""
        return camel_case(self.value)


def camel_case(argument: str) -> str:
    """Returns the engine's name for an argument: zoneId for zone_id."""
    first, *rest = argument.split("_")
    return first + "".join(map(str.capitalize, rest))
