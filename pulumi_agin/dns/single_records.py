"""Adapters for packages in which each value is a resource of its own, named by the value.

The arguments with which a second `up` shows no change come from each Python SDK and the provider behind it. Arguments
may be Outputs, because the same program may create the zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import pulumi

from pulumi_agin.api.canonical import canonical_ns_targets
from pulumi_agin.program.argument_errors import checks_arguments

from .adapter import Adapter, Made, NsRecords, canonical_name, error, package
from .take_over import (
    Found,
    Ids,
    RecordType,
    checked_ids,
    import_each,
    invoke_options,
    prepare,
)

Pairs: TypeAlias = Sequence[tuple[str, str | int]]
"""The values of records, and the ids that the DNS provider gave them."""


class Import(NamedTuple):
    """How a package imports the records of a domain."""

    type: RecordType
    """The type of its resource."""
    id: Callable[[str], pulumi.Input[str]]
    """Returns the id to import, given the id that the DNS provider gave the record."""
    find: Callable[[NsRecords], pulumi.Output[Pairs]] | None = None
    """Finds the records that exist; None if the package has no function for it."""


def resource_for_each(
    resource: Callable[..., pulumi.Resource],
    shared: Callable[[NsRecords], Mapping[str, Any]],
    own: Callable[[str], Mapping[str, Any]],
    *,
    named_by: str,
    opts: pulumi.ResourceOptions | None,
    take_over: bool | Ids | None,
    imported: Import,
) -> Adapter:
    """Returns an adapter that creates a resource for each value, or imports it.

    Args:
        resource: The class of the resources.
        shared: Returns the arguments that all of them have.
        own: Returns those of the resource with one value.
        named_by: The engine's name of the property that holds the record's name; see `NsRecords.options`.
        opts: The options of the resources.
        take_over: Whether to import records that exist, or their ids.
        imported: How to import them.
    """
    ids = checked_ids(take_over, can_find=imported.find is not None)
    if take_over:
        prepare(opts)

    def create(records: NsRecords) -> Made:
        # Called before the values are known, so that the first preview checks the arguments too.
        arguments = shared(records)

        def make(name: str, target: str, more: pulumi.ResourceOptions | None = None) -> pulumi.Resource:
            options = pulumi.ResourceOptions.merge(records.options(opts, named_by=named_by), more)
            return resource(name, **arguments, **own(target), opts=options)

        def find(records: NsRecords) -> pulumi.Output[Mapping[str, str]]:
            if imported.find is None or ids:
                found = pulumi.Output.from_input(cast(Pairs, list(ids.items())))
            else:
                found = imported.find(records)
            return found.apply(by_value)

        def by_value(pairs: Pairs) -> Any:
            # pulumi.Output.all() of nothing would be a list.
            return pulumi.Output.from_input(
                {canonical_ns_targets([value])[0]: imported.id(str(id_)) for value, id_ in pairs}
            )

        def read(made: pulumi.Resource) -> Found:
            [value], [ttl] = own(""), [name for name in arguments if name.startswith("ttl")]
            return Found(getattr(made, named_by), [getattr(made, value)], getattr(made, ttl))

        if not take_over:
            return records.of_each(make)
        return import_each(records, imported.type, make, find, read, are_given=bool(ids))

    return Adapter(create)


# Linode rounds every other TTL to the nearest of these.
LINODE_TTLS = (
    30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200
)  # fmt: skip


@checks_arguments
def cloudflare(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool | Ids = False,
) -> Adapter:
    """Creates the NS records at Cloudflare, with pulumi-cloudflare.

    Args:
        zone_id: The id of the zone.
        zone_name: The name of the zone. If you give it, the preview refuses a domain outside of the zone.
        opts: The options of the records, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md. Or the ids of these records, by their values: {"ns-1.example.net": "…"}.

    Returns:
        The adapter. It takes a TTL of 60 to 86400 seconds, 30 to 86400 in Enterprise zones, or 1, which lets
        Cloudflare choose.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    cloudflare = package("pulumi_cloudflare", extra="cloudflare")

    def find(records: NsRecords) -> pulumi.Output[Pairs]:
        found = cloudflare.get_dns_records_output(
            zone_id=zone_id, name={"exact": records.domain}, type="NS", opts=invoke_options(records, opts)
        )
        pairs: pulumi.Output[Pairs] = found.results.apply(lambda results: [(each.content, each.id) for each in results])
        return pairs

    return resource_for_each(
        cloudflare.DnsRecord,
        lambda records: {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            # A number with a fraction in this package.
            "ttl": records.ttl_where(
                lambda ttl: ttl == 1 or 30 <= ttl <= 86400, "30 to 86400 seconds, or 1 for a choice of its own"
            ).apply(float),
        },
        lambda target: {"content": target.rstrip(".")},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("cloudflare:index/dnsRecord:DnsRecord", "name", "zoneId", zone_id, "content", zone_name),
            lambda id_: pulumi.Output.concat(zone_id, "/", id_),
            find,
        ),
    )


@checks_arguments
def digitalocean(
    domain: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool | Ids = False,
) -> Adapter:
    """Creates the NS records at DigitalOcean, with pulumi-digitalocean.

    Args:
        domain: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md. Or the ids of these records, by their values: {"ns-1.example.net": "…"}.

    Returns:
        The adapter. It takes a TTL of 30 seconds or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    digitalocean = package("pulumi_digitalocean", extra="digitalocean")

    def find(records: NsRecords) -> pulumi.Output[Pairs]:
        filters = [{"key": "type", "values": ["NS"]}, {"key": "name", "values": [records.relative_to(domain)]}]
        found = digitalocean.get_records_output(
            domain=canonical_name(domain), filters=filters, opts=invoke_options(records, opts)
        )
        pairs: pulumi.Output[Pairs] = found.records.apply(lambda results: [(each.value, each.id) for each in results])
        return pairs

    return resource_for_each(
        digitalocean.DnsRecord,
        lambda records: {
            "domain": canonical_name(domain),
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 30, "30 seconds and more"),
        },
        lambda target: {"value": target},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("digitalocean:index/dnsRecord:DnsRecord", "name", "domain", domain, "value"),
            lambda id_: pulumi.Output.concat(canonical_name(domain), ",", id_),
            find,
        ),
    )


@checks_arguments
def dnsimple(
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: Ids | None = None,
) -> Adapter:
    """Creates the NS records at DNSimple, with pulumi-dnsimple.

    Args:
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        take_over: The ids of NS records that exist, by their values, such as {"ns-1.example.net": "…"}. They are
            imported into a stack that does not have them yet; see docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 1 second or more, because DNSimple's package never sends 0.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    dnsimple = package("pulumi_dnsimple", extra="dnsimple")
    return resource_for_each(
        dnsimple.ZoneRecord,
        lambda records: {
            "zone_name": canonical_name(zone_name),
            "name": records.relative_to(zone_name),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 1, "1 second and more"),
        },
        lambda target: {"value": target.rstrip(".")},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("dnsimple:index/zoneRecord:ZoneRecord", "name", "zoneName", zone_name, "value"),
            lambda id_: pulumi.Output.concat(canonical_name(zone_name), "_", id_),
        ),
    )


@checks_arguments
def linode(
    domain_id: pulumi.Input[int] | pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: Ids | None = None,
) -> Adapter:
    """Creates the NS records at Linode (Akamai), with pulumi-linode.

    Args:
        domain_id: The number of the zone, or the `id` of a linode.Domain.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        take_over: The ids of NS records that exist, by their values, such as {"ns-1.example.net": "…"}. They are
            imported into a stack that does not have them yet; see docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL that is one of LINODE_TTLS, in seconds.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    linode = package("pulumi_linode", extra="linode")
    return resource_for_each(
        linode.DomainRecord,
        lambda records: {
            "domain_id": pulumi.Output.from_input(cast(pulumi.Output[int | str], domain_id)).apply(
                lambda id_: _number(records, id_)
            ),
            "name": records.relative_to(zone_name),
            "record_type": "NS",
            "ttl_sec": records.ttl_where(lambda ttl: ttl in LINODE_TTLS, ", ".join(map(str, LINODE_TTLS))),
        },
        lambda target: {"target": target.rstrip(".")},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("linode:index/domainRecord:DomainRecord", "name", "domainId", domain_id, "target", zone_name),
            lambda id_: pulumi.Output.all(domain_id, id_).apply(lambda known: ",".join(map(str, known))),
        ),
    )


def _number(records: NsRecords, domain_id: int | str) -> int:
    # The id of a resource is text.
    if isinstance(domain_id, str) and not domain_id.isdecimal():
        raise error(
            records, f'the domain_id of dns.linode is "{domain_id}": it must be the number of the zone, such as 1234'
        )
    return int(domain_id)


@checks_arguments
def vercel(
    domain: pulumi.Input[str],
    team_id: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: Ids | None = None,
) -> Adapter:
    """Creates the NS records at Vercel, with pulumiverse-vercel.

    Args:
        domain: The name of the zone, such as "acme.com".
        team_id: The id of the team that has the zone.
        opts: The options of the records, such as a provider.
        take_over: The ids of NS records that exist, by their values, such as {"ns-1.example.net": "…"}. They are
            imported into a stack that does not have them yet; see docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 60 seconds or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    vercel = package("pulumiverse_vercel", extra="vercel")
    return resource_for_each(
        vercel.DnsRecord,
        lambda records: {
            "domain": canonical_name(domain),
            "team_id": team_id,
            "name": records.relative_to(domain),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 60, "60 seconds and more"),
        },
        lambda target: {"value": target},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("vercel:index/dnsRecord:DnsRecord", "name", "domain", domain, "value"),
            lambda id_: pulumi.Output.all(team_id, id_).apply(lambda known: "/".join(filter(None, known))),
        ),
    )


@checks_arguments
def ovh(
    zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: Ids | None = None,
) -> Adapter:
    """Creates the NS records at OVHcloud, with pulumi-ovh.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        take_over: The ids of NS records that exist, by their values, such as {"ns-1.example.net": "…"}. They are
            imported into a stack that does not have them yet; see docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 60 seconds or more, or 0 for the TTL of the zone.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    domain = package("pulumi_ovh.domain", extra="ovh")
    return resource_for_each(
        domain.ZoneRecord,
        lambda records: {
            "zone": canonical_name(zone),
            "subdomain": records.relative_to(zone),
            "fieldtype": "NS",
            "ttl": records.ttl_where(
                lambda ttl: ttl == 0 or ttl >= 60, "60 seconds and more, or 0 for that of the zone"
            ),
        },
        lambda target: {"target": target},
        named_by="subdomain",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("ovh:Domain/zoneRecord:ZoneRecord", "subdomain", "zone", zone, "target"),
            lambda id_: pulumi.Output.concat(id_, ".", canonical_name(zone)),
        ),
    )


@checks_arguments
def scaleway(
    dns_zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool | Ids = False,
) -> Adapter:
    """Creates the NS records at Scaleway, with pulumiverse-scaleway.

    Args:
        dns_zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md. Or the ids of these records, by their values: {"ns-1.example.net": "…"}.

    Returns:
        The adapter. It takes a TTL of 60 to 2592000 seconds.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    domain = package("pulumiverse_scaleway.domain", extra="scaleway")

    def find(records: NsRecords) -> pulumi.Output[Pairs]:
        # The package can't list records: it finds the record with a value, and fails if there is none.
        return records.ns_targets.apply(
            lambda targets: pulumi.Output.all(*(record(records, target) for target in targets))
        )

    def record(records: NsRecords, target: str) -> Any:
        found = domain.get_record_output(
            dns_zone=canonical_name(dns_zone),
            name=records.relative_to(dns_zone),
            type="NS",
            data=target,
            opts=invoke_options(records, opts),
        )
        # Its id may be "ZONE/ID", too.
        return found.id.apply(lambda id_: (target, id_.rpartition("/")[2]))

    return resource_for_each(
        domain.Record,
        lambda records: {
            "dns_zone": canonical_name(dns_zone),
            "name": records.relative_to(dns_zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: 60 <= ttl <= 2592000, "60 to 2592000 seconds"),
        },
        lambda target: {"data": target},
        named_by="name",
        opts=opts,
        take_over=take_over,
        imported=Import(
            RecordType("scaleway:domain/record:Record", "name", "dnsZone", dns_zone, "data"),
            lambda id_: pulumi.Output.concat(canonical_name(dns_zone), "/", id_),
            find,
        ),
    )
