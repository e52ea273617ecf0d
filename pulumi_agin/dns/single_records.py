"""Adapters for packages in which each value has its own resource: NAME-1, NAME-2 and so on, in the order of the values.

Unless an adapter's docstring says otherwise, the new records are added to any existing NS records of the domain. If the
adapter knows the zone's name, the preview fails for a domain outside the zone.

Each package gets its arguments in a form for which a second `pulumi up` shows no change. The arguments of an adapter
may be Outputs, because the same program may create the zone. With `record_ids`, the arguments that are a part of the
import ID must be plain values.

All adapters have these arguments:

- `name_servers`: how many records to declare without `record_ids`; 4 by default. The program fails if ngrok returns
  another number of `ns_targets`.
- `record_ids`: the ID of each existing NS record to import, by the record's value, such as {"ns-1.example.net": "…"}.
  Needed for one `pulumi up`. The values must equal the ingress's `ns_targets`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from pulumi_agin.api.values import canonical_domain, canonical_ns_targets

from .adapter import Adapter, NsRecords, canonical_zone, package

# How many ns_targets ngrok returns for each ingress, as far as is known.
DEFAULT_NAME_SERVERS = 4


def _single_records(
    record_class: Any,
    arguments: Callable[[NsRecords, pulumi.Output[str]], dict[str, Any]],
    opts: pulumi.ResourceOptions | None,
    name_servers: int,
    record_ids: Mapping[str, str] | None,
    import_id: Callable[[str], str],
    named_by: str = "name",
) -> Adapter:
    """Returns an adapter. `arguments` returns the arguments of the record for one value, which has a trailing dot.

    `import_id` returns the package's import ID for the DNS provider's ID of a record. `named_by` is the engine's name
    for the argument that holds the record's name. The program fails if ngrok returns another number of values, or other
    values than the keys of `record_ids`.
    """
    ids = {canonical_ns_targets([target])[0]: id_ for target, id_ in (record_ids or {}).items()}
    existing = sorted(ids)
    count = len(existing) or name_servers

    def declare(records: NsRecords, index: int) -> Any:
        imported = pulumi.ResourceOptions(import_=import_id(ids[existing[index]])) if existing else None
        options = records.options(pulumi.ResourceOptions.merge(opts, imported), named_by=named_by)
        values = arguments(records, records.ns_target(index, count, existing))
        return record_class(f"{records.name}-{index + 1}", **values, opts=options)

    return Adapter(lambda records: [declare(records, index) for index in range(count)])


def _undotted(target: pulumi.Output[str]) -> pulumi.Output[str]:
    return target.apply(lambda known: known.rstrip("."))


def _plain(value: pulumi.Input[Any]) -> str:
    """Returns an argument as a part of an import ID. Pulumi needs the import ID before any Output is known."""
    if isinstance(value, str | int):
        return str(value)
    raise pulumi.RunError("with record_ids, the zone of an adapter must be a plain string, not an Output")


def cloudflare(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Cloudflare, with pulumi-cloudflare. A TTL of 1 means automatic.

    Args:
        zone_id: The ID of the zone.
        zone_name: The name of the zone. If given, the preview fails for a domain outside the zone.
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumi_cloudflare", extra="cloudflare")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            "ttl": records.ttl,
            "content": _undotted(target),
        }

    return _single_records(
        module.DnsRecord, arguments, opts, name_servers, record_ids, import_id=lambda id_: f"{_plain(zone_id)}/{id_}"
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
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumi_digitalocean", extra="digitalocean")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            "domain": canonical_zone(domain),
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl,
            "value": target,
        }

    return _single_records(
        module.DnsRecord,
        arguments,
        opts,
        name_servers,
        record_ids,
        import_id=lambda id_: f"{canonical_domain(_plain(domain))},{id_}",
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
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumi_dnsimple", extra="dnsimple")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            "zone_name": canonical_zone(zone_name),
            "name": records.relative_to(zone_name),
            "type": "NS",
            "ttl": records.ttl,
            "value": _undotted(target),
        }

    return _single_records(
        module.ZoneRecord,
        arguments,
        opts,
        name_servers,
        record_ids,
        import_id=lambda id_: f"{canonical_domain(_plain(zone_name))}_{id_}",
    )


def linode(
    domain_id: pulumi.Input[int] | pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Linode (Akamai), with pulumi-linode.

    pulumi-linode rounds the TTL to the nearest TTL that Linode supports.

    Args:
        domain_id: The numeric ID of the zone, or the `id` of a linode.Domain.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumi_linode", extra="linode")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            # The `id` of a linode.Domain is a string.
            "domain_id": pulumi.Output.format("{}", domain_id).apply(int),
            "name": records.relative_to(zone_name),
            "record_type": "NS",
            "ttl_sec": records.ttl,
            "target": _undotted(target),
        }

    return _single_records(
        module.DomainRecord,
        arguments,
        opts,
        name_servers,
        record_ids,
        import_id=lambda id_: f"{_plain(domain_id)},{id_}",
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
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumiverse_vercel", extra="vercel")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            "domain": canonical_zone(domain),
            "team_id": team_id,
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl,
            "value": target,
        }

    return _single_records(
        module.DnsRecord,
        arguments,
        opts,
        name_servers,
        record_ids,
        import_id=lambda id_: id_ if team_id is None else f"{_plain(team_id)}/{id_}",
    )


def ovh(
    zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at OVHcloud, with pulumi-ovh. With a TTL of 0, the records have the zone's TTL.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumi_ovh.domain", extra="ovh")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            "zone": canonical_zone(zone),
            "subdomain": records.relative_to(zone),
            "fieldtype": "NS",
            "ttl": records.ttl,
            "target": target,
        }

    return _single_records(
        module.ZoneRecord,
        arguments,
        opts,
        name_servers,
        record_ids,
        import_id=lambda id_: f"{id_}.{canonical_domain(_plain(zone))}",
        named_by="subdomain",
    )


def scaleway(
    dns_zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    name_servers: int = DEFAULT_NAME_SERVERS,
    record_ids: Mapping[str, str] | None = None,
) -> Adapter:
    """Creates the NS records at Scaleway, with pulumiverse-scaleway.

    Scaleway may replace existing NS records of the domain.

    Args:
        dns_zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        name_servers: How many records to declare.
        record_ids: The ID of each existing NS record to import, by the record's value.
    """
    module = package("pulumiverse_scaleway.domain", extra="scaleway")

    def arguments(records: NsRecords, target: pulumi.Output[str]) -> dict[str, Any]:
        return {
            "dns_zone": canonical_zone(dns_zone),
            "name": records.relative_to(dns_zone),
            "type": "NS",
            "ttl": records.ttl,
            "data": target,
        }

    return _single_records(
        module.Record,
        arguments,
        opts,
        name_servers,
        record_ids,
        import_id=lambda id_: f"{canonical_domain(_plain(dns_zone))}/{id_}",
    )
