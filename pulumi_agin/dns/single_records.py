"""Adapters for packages in which each value has its own resource, named by the value.

Unless an adapter says otherwise, its records are added to any NS records that the domain already has.
The arguments are those for which each Python SDK and its provider show no change in a second `up`. Arguments may be
Outputs, because the same program may create the zone. The builder reads the arguments that a RecordClass names, and
those that identify a record by its type in IDENTITIES.
"""

from __future__ import annotations

from typing import Any

import pulumi

from .adapter import Adapter, NsRecords, canonical_name, error, invoke_options, package
from .adoption import Ids
from .builders import single_records
from .declared_record import RecordClass

# Linode rounds every other TTL to the nearest of these.
_LINODE_TTLS = (
    30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200
)  # fmt: skip


def cloudflare(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    adopt: bool | Ids = False,
) -> Adapter:
    """Creates the NS records at Cloudflare, with pulumi-cloudflare.

    The TTL must be 60 to 86400 seconds (30 to 86400 in Enterprise zones), or 1 for an automatic TTL.

    Args:
        zone_id: The ID of the zone.
        zone_name: The name of the zone. With it, the preview fails for a domain outside the zone.
        opts: The options of the records, such as a provider.
        adopt: Whether to adopt existing NS records, or the IDs of these records. Needed for one `pulumi up`.
    """
    cloudflare = package("pulumi_cloudflare", extra="cloudflare")

    def find(records: NsRecords) -> Any:
        found = cloudflare.get_dns_records_output(
            zone_id=zone_id, name={"exact": records.domain}, type="NS", opts=invoke_options(records, opts)
        )
        return found.results.apply(lambda results: [(each.content, each.id) for each in results])

    return single_records(
        RecordClass(cloudflare.DnsRecord, type="cloudflare:index/dnsRecord:DnsRecord", value="content"),
        lambda records: {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            # This package expects a float.
            "ttl": records.ttl_where(
                lambda ttl: ttl == 1 or 30 <= ttl <= 86400, "30 to 86400 seconds, or 1 for an automatic TTL"
            ).apply(float),
        },
        is_dotted=False,
        import_id=lambda id_: pulumi.Output.concat(zone_id, "/", id_),
        find=find,
        opts=opts,
        adopt=adopt,
    )


def digitalocean(
    domain: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: bool | Ids = False
) -> Adapter:
    """Creates the NS records at DigitalOcean, with pulumi-digitalocean.

    The TTL must be 30 seconds or more.

    Args:
        domain: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        adopt: Whether to adopt existing NS records, or the IDs of these records. Needed for one `pulumi up`.
    """
    digitalocean = package("pulumi_digitalocean", extra="digitalocean")

    def find(records: NsRecords) -> Any:
        filters = [{"key": "type", "values": ["NS"]}, {"key": "name", "values": [records.relative_to(domain)]}]
        found = digitalocean.get_records_output(
            domain=canonical_name(domain), filters=filters, opts=invoke_options(records, opts)
        )
        return found.records.apply(lambda results: [(each.value, each.id) for each in results])

    return single_records(
        RecordClass(digitalocean.DnsRecord, type="digitalocean:index/dnsRecord:DnsRecord", value="value"),
        lambda records: {
            "domain": canonical_name(domain),
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 30, "30 seconds or more"),
        },
        is_dotted=True,
        import_id=lambda id_: pulumi.Output.concat(canonical_name(domain), ",", id_),
        find=find,
        opts=opts,
        adopt=adopt,
    )


def dnsimple(
    zone_name: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: Ids | None = None
) -> Adapter:
    """Creates the NS records at DNSimple, with pulumi-dnsimple.

    The TTL must be 1 second or more, because the package never sends 0.

    Args:
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        adopt: The IDs of existing NS records to adopt. Needed for one `pulumi up`.
    """
    dnsimple = package("pulumi_dnsimple", extra="dnsimple")
    return single_records(
        RecordClass(dnsimple.ZoneRecord, type="dnsimple:index/zoneRecord:ZoneRecord", value="value"),
        lambda records: {
            "zone_name": canonical_name(zone_name),
            "name": records.relative_to(zone_name),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 1, "1 second or more"),
        },
        is_dotted=False,
        import_id=lambda id_: pulumi.Output.concat(canonical_name(zone_name), "_", id_),
        opts=opts,
        adopt=adopt,
    )


def linode(
    domain_id: pulumi.Input[int] | pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    adopt: Ids | None = None,
) -> Adapter:
    """Creates the NS records at Linode (Akamai), with pulumi-linode.

    The TTL must be 30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600 or 2419200
    seconds.

    Args:
        domain_id: The numeric ID of the zone, or the `id` of a linode.Domain.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        adopt: The IDs of existing NS records to adopt. Needed for one `pulumi up`.
    """
    linode = package("pulumi_linode", extra="linode")
    return single_records(
        RecordClass(linode.DomainRecord, type="linode:index/domainRecord:DomainRecord", value="target", ttl="ttl_sec"),
        lambda records: {
            # The ID of a resource is a string.
            "domain_id": pulumi.Output.format("{}", domain_id).apply(lambda id_: _number(records, id_)),
            "name": records.relative_to(zone_name),
            "record_type": "NS",
            "ttl_sec": records.ttl_where(lambda ttl: ttl in _LINODE_TTLS, ", ".join(map(str, _LINODE_TTLS))),
        },
        is_dotted=False,
        import_id=lambda id_: pulumi.Output.format("{},{}", domain_id, id_),
        opts=opts,
        adopt=adopt,
    )


def _number(records: NsRecords, domain_id: str) -> int:
    if not domain_id.isdecimal():
        raise error(
            records,
            f'the domain_id of dns.linode is "{domain_id}", but must be the numeric ID of the zone, such as 1234',
        )
    return int(domain_id)


def vercel(
    domain: pulumi.Input[str],
    team_id: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    adopt: Ids | None = None,
) -> Adapter:
    """Creates the NS records at Vercel, with pulumiverse-vercel.

    The TTL must be 60 seconds or more.

    Args:
        domain: The name of the zone, such as "acme.com".
        team_id: The ID of the team that owns the zone.
        opts: The options of the records, such as a provider.
        adopt: The IDs of existing NS records to adopt. Needed for one `pulumi up`.
    """
    vercel = package("pulumiverse_vercel", extra="vercel")
    return single_records(
        RecordClass(vercel.DnsRecord, type="vercel:index/dnsRecord:DnsRecord", value="value"),
        lambda records: {
            "domain": canonical_name(domain),
            "team_id": team_id,
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 60, "60 seconds or more"),
        },
        is_dotted=True,
        import_id=lambda id_: pulumi.Output.all(team_id, id_).apply(lambda known: "/".join(filter(None, known))),
        opts=opts,
        adopt=adopt,
    )


def ovh(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: Ids | None = None) -> Adapter:
    """Creates the NS records at OVHcloud, with pulumi-ovh.

    The TTL must be 60 seconds or more, or 0 for the TTL of the zone.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        adopt: The IDs of existing NS records to adopt. Needed for one `pulumi up`.
    """
    domain = package("pulumi_ovh.domain", extra="ovh")
    return single_records(
        RecordClass(domain.ZoneRecord, type="ovh:Domain/zoneRecord:ZoneRecord", name="subdomain", value="target"),
        lambda records: {
            "zone": canonical_name(zone),
            "subdomain": records.relative_to(zone),
            "fieldtype": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl == 0 or ttl >= 60, "60 seconds or more, or 0 for the zone's TTL"),
        },
        is_dotted=True,
        import_id=lambda id_: pulumi.Output.concat(id_, ".", canonical_name(zone)),
        opts=opts,
        adopt=adopt,
    )


def scaleway(
    dns_zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: bool | Ids = False
) -> Adapter:
    """Creates the NS records at Scaleway, with pulumiverse-scaleway.

    It may replace existing NS records of the domain. Only if the stack has them as another resource, the preview fails.

    The TTL must be 60 to 2592000 seconds.

    Args:
        dns_zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        adopt: Whether to adopt existing NS records, or the IDs of these records. Needed for one `pulumi up`.
    """
    domain = package("pulumiverse_scaleway.domain", extra="scaleway")

    def find(records: NsRecords) -> Any:
        def record(target: str) -> Any:
            found = domain.get_record_output(
                dns_zone=canonical_name(dns_zone),
                name=records.relative_to(dns_zone),
                type="NS",
                data=target,
                opts=invoke_options(records, opts),
            )
            # The ID may also be "ZONE/ID".
            return found.id.apply(lambda id_: (target, id_.rpartition("/")[2]))

        # The package can't list records. It finds the record with a value, and fails if there is none.
        return records.ns_targets.apply(lambda targets: pulumi.Output.all(*map(record, targets)))

    return single_records(
        RecordClass(domain.Record, type="scaleway:domain/record:Record", value="data", overwrites=True),
        lambda records: {
            "dns_zone": canonical_name(dns_zone),
            "name": records.relative_to(dns_zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: 60 <= ttl <= 2592000, "60 to 2592000 seconds"),
        },
        is_dotted=True,
        import_id=lambda id_: pulumi.Output.concat(canonical_name(dns_zone), "/", id_),
        find=find,
        opts=opts,
        adopt=adopt,
    )
