"""Adapters for packages in which each value is a resource of its own, named by the value.

The arguments with which a second `up` shows no change come from each Python SDK and the provider behind it. Arguments
may be Outputs, because the same program may create the zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi

from .records import Adapter, Made, NsRecords, canonical_name, package


def _resource_for_each(
    resource: Callable[..., pulumi.Resource],
    shared: Callable[[NsRecords], Mapping[str, Any]],
    own: Callable[[str], Mapping[str, Any]],
    *,
    named_by: str,
    opts: pulumi.ResourceOptions | None,
) -> Adapter:
    """Returns an adapter that creates a resource for each value.

    `shared` returns the arguments that all of them have, and `own` returns those of the resource with one value.
    """

    def make(records: NsRecords) -> Made:
        # Called before the values are known, so that the first preview checks the arguments too.
        arguments = shared(records)

        def record(name: str, target: str) -> pulumi.Resource:
            return resource(name, **arguments, **own(target), opts=records.options(opts, named_by=named_by))

        return records.of_each(record)

    return Adapter(make)


# Linode rounds every other TTL to the nearest of these.
LINODE_TTLS = (
    30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200
)  # fmt: skip


def cloudflare(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records at Cloudflare, with pulumi-cloudflare.

    Args:
        zone_id: The id of the zone.
        zone_name: The name of the zone. If you give it, the preview refuses a domain outside of the zone.
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL of 60 to 86400 seconds, 30 to 86400 in Enterprise zones, or 1, which lets
        Cloudflare choose.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    cloudflare = package("pulumi_cloudflare", extra="cloudflare")
    return _resource_for_each(
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
    )


def digitalocean(domain: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records at DigitalOcean, with pulumi-digitalocean.

    Args:
        domain: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL of 30 seconds or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    digitalocean = package("pulumi_digitalocean", extra="digitalocean")
    return _resource_for_each(
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
    )


def dnsimple(zone_name: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records at DNSimple, with pulumi-dnsimple.

    Args:
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL of 1 second or more: DNSimple's package never sends 0.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    dnsimple = package("pulumi_dnsimple", extra="dnsimple")
    return _resource_for_each(
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
    )


def linode(
    domain_id: pulumi.Input[int] | pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records at Linode (Akamai), with pulumi-linode.

    Args:
        domain_id: The number of the zone, or the `id` of a linode.Domain.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL that is one of LINODE_TTLS, in seconds.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    linode = package("pulumi_linode", extra="linode")
    return _resource_for_each(
        linode.DomainRecord,
        lambda records: {
            "domain_id": pulumi.Output.from_input(cast(pulumi.Output[int | str], domain_id)).apply(_number),
            "name": records.relative_to(zone_name),
            "record_type": "NS",
            "ttl_sec": records.ttl_where(lambda ttl: ttl in LINODE_TTLS, ", ".join(map(str, LINODE_TTLS))),
        },
        lambda target: {"target": target.rstrip(".")},
        named_by="name",
        opts=opts,
    )


def _number(domain_id: int | str) -> int:
    # The id of a resource is text.
    if isinstance(domain_id, str) and not domain_id.isdecimal():
        raise pulumi.RunError(
            f'the domain_id of dns.linode is "{domain_id}": it must be the number of the zone, such as 1234'
        )
    return int(domain_id)


def vercel(
    domain: pulumi.Input[str],
    team_id: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records at Vercel, with pulumiverse-vercel.

    Args:
        domain: The name of the zone, such as "acme.com".
        team_id: The id of the team that has the zone.
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL of 60 seconds or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    vercel = package("pulumiverse_vercel", extra="vercel")
    return _resource_for_each(
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
    )


def ovh(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records at OVHcloud, with pulumi-ovh.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL of 60 seconds or more, or 0 for the TTL of the zone.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    domain = package("pulumi_ovh.domain", extra="ovh")
    return _resource_for_each(
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
    )


def scaleway(dns_zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records at Scaleway, with pulumiverse-scaleway.

    Args:
        dns_zone: The name of the zone, such as "acme.com".
        opts: The options of the records, such as a provider.

    Returns:
        The adapter. It takes a TTL of 60 to 2592000 seconds.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    domain = package("pulumiverse_scaleway.domain", extra="scaleway")
    return _resource_for_each(
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
    )
