"""Adapters for packages in which each value has its own resource: NAME-1, NAME-2 and so on, in the order of the values.

Unless an adapter says otherwise, its records are added to any NS records that the domain already has.
The arguments are those for which each Python SDK and its provider show no change in a second `up`. Arguments may be
Outputs, because the same program may create the zone, except with `record_ids`.

All have these arguments:

- `name_servers`: how many records to declare, 4 unless ngrok returns another number of `ns_targets`.
- `record_ids`: the IDs of existing NS records to import, by their values, such as {"ns-1.example.net": "…"}. Needed for
  one `pulumi up`. The values must be those of ngrok.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from .adapter import (
    DEFAULT_NAME_SERVERS,
    Adapter,
    NsRecords,
    canonical_zone,
    package,
    plain,
    plain_zone,
    single_records,
)


def cloudflare(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Cloudflare, with pulumi-cloudflare. A TTL of 1 is automatic.

    Args:
        zone_id: The ID of the zone.
        zone_name: The name of the zone. With it, the preview fails for a domain outside the zone.
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumi_cloudflare", extra="cloudflare")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            "ttl": records.ttl,
        }

    return single_records(
        module.DnsRecord,
        arguments,
        opts,
        value="content",
        is_dotted=False,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: f"{plain(zone_id, 'zone_id')}/{id_}",
    )


def digitalocean(
    domain: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at DigitalOcean, with pulumi-digitalocean.

    Args:
        domain: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumi_digitalocean", extra="digitalocean")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            "domain": canonical_zone(domain),
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl,
        }

    return single_records(
        module.DnsRecord,
        arguments,
        opts,
        value="value",
        is_dotted=True,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: f"{plain_zone(domain, 'domain')},{id_}",
    )


def dnsimple(
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at DNSimple, with pulumi-dnsimple.

    Args:
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumi_dnsimple", extra="dnsimple")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            "zone_name": canonical_zone(zone_name),
            "name": records.relative_to(zone_name),
            "type": "NS",
            "ttl": records.ttl,
        }

    return single_records(
        module.ZoneRecord,
        arguments,
        opts,
        value="value",
        is_dotted=False,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: f"{plain_zone(zone_name, 'zone_name')}_{id_}",
    )


def linode(
    domain_id: pulumi.Input[int] | pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Linode (Akamai), with pulumi-linode, which rounds other TTLs to the nearest of its own.

    Args:
        domain_id: The numeric ID of the zone, or the `id` of a linode.Domain.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumi_linode", extra="linode")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            # The ID of a resource is a string.
            "domain_id": pulumi.Output.format("{}", domain_id).apply(int),
            "name": records.relative_to(zone_name),
            "record_type": "NS",
            "ttl_sec": records.ttl,
        }

    return single_records(
        module.DomainRecord,
        arguments,
        opts,
        value="target",
        is_dotted=False,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: f"{plain(domain_id, 'domain_id')},{id_}",
    )


def vercel(
    domain: pulumi.Input[str],
    team_id: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Vercel, with pulumiverse-vercel.

    Args:
        domain: The name of the zone, such as "acme.com".
        team_id: The ID of the team that owns the zone.
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumiverse_vercel", extra="vercel")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            "domain": canonical_zone(domain),
            "team_id": team_id,
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl,
        }

    return single_records(
        module.DnsRecord,
        arguments,
        opts,
        value="value",
        is_dotted=True,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: id_ if team_id is None else f"{plain(team_id, 'team_id')}/{id_}",
    )


def ovh(
    zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at OVHcloud, with pulumi-ovh. With a TTL of 0, they have that of the zone.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumi_ovh.domain", extra="ovh")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            "zone": canonical_zone(zone),
            "subdomain": records.relative_to(zone),
            "fieldtype": "NS",
            "ttl": records.ttl,
        }

    return single_records(
        module.ZoneRecord,
        arguments,
        opts,
        value="target",
        is_dotted=True,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: f"{id_}.{plain_zone(zone, 'zone')}",
        named_by="subdomain",
    )


def scaleway(
    dns_zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Scaleway, with pulumiverse-scaleway. It may replace existing NS records of the domain.

    Args:
        dns_zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The IDs of existing NS records to import, by their values.
    """
    module = package("pulumiverse_scaleway.domain", extra="scaleway")

    def arguments(records: NsRecords) -> dict[str, object]:
        return {
            "dns_zone": canonical_zone(dns_zone),
            "name": records.relative_to(dns_zone),
            "type": "NS",
            "ttl": records.ttl,
        }

    return single_records(
        module.Record,
        arguments,
        opts,
        value="data",
        is_dotted=True,
        name_servers=name_servers,
        record_ids=record_ids,
        import_id=lambda id_: f"{plain_zone(dns_zone, 'dns_zone')}/{id_}",
    )
