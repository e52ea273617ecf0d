"""Adapters of the packages in which each value is a resource of its own, named by the value.

What each wants, and that a second `up` shows no change, is from its Python SDK and from the provider behind it.
Arguments that can be Outputs are: a zone made by the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi

from .records import Adapter, Made, NsRecords, canonical_name, package


def _of_each(
    resource: Callable[..., pulumi.Resource],
    shared: Callable[[NsRecords], Mapping[str, Any]],
    own: Callable[[str], Mapping[str, Any]],
    *,
    named_by: str,
    opts: pulumi.ResourceOptions | None,
) -> Adapter:
    """A resource for each value. `shared` gives the arguments of all of them, and `own` those of one by its value."""

    def make(records: NsRecords) -> Made:
        # Before the values are known, so that a first preview judges them too.
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
    """Cloudflare, by pulumi-cloudflare.

    zone_id: of the zone. zone_name: its name; where it is given, the preview refuses a domain outside of it. opts: of
    the records, such as a provider. Raises pulumi.RunError where the package is missing.

    The TTL is 60 to 86400 seconds, from 30 on in Enterprise zones, or 1: Cloudflare's choice.
    """
    cloudflare = package("pulumi_cloudflare", extra="cloudflare")
    return _of_each(
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
    """DigitalOcean, by pulumi-digitalocean.

    domain: the zone's name, such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where
    the package is missing.

    The TTL is 30 seconds and more.
    """
    digitalocean = package("pulumi_digitalocean", extra="digitalocean")
    return _of_each(
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
    """DNSimple, by pulumi-dnsimple.

    Args:
        zone_name: The zone's name, such as "acme.com".
        opts: Options of the records, such as a provider.

    Returns:
        The adapter. The TTL that it takes is 1 second and more: DNSimple's package never sends 0.

    Raises:
        pulumi.RunError: The package is missing.
    """
    dnsimple = package("pulumi_dnsimple", extra="dnsimple")
    return _of_each(
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
    """Linode (Akamai), by pulumi-linode.

    domain_id: the number of the zone, or the `id` of a linode.Domain. zone_name: its name, such as "acme.com". opts:
    of the records, such as a provider. Raises pulumi.RunError where the package is missing.

    The TTL is one of LINODE_TTLS.
    """
    linode = package("pulumi_linode", extra="linode")
    return _of_each(
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
    """Vercel, by pulumiverse-vercel.

    domain: the zone's name, such as "acme.com". team_id: of the team whose it is. opts: of the records, such as a
    provider. Raises pulumi.RunError where the package is missing.

    The TTL is 60 seconds and more.
    """
    vercel = package("pulumiverse_vercel", extra="vercel")
    return _of_each(
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
    """OVHcloud, by pulumi-ovh.

    zone: such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where the package is
    missing.

    The TTL is 60 seconds and more, or 0: that of the zone.
    """
    domain = package("pulumi_ovh.domain", extra="ovh")
    return _of_each(
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
    """Scaleway, by pulumiverse-scaleway.

    dns_zone: such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where the package is
    missing.

    The TTL is 60 to 2592000 seconds.
    """
    domain = package("pulumiverse_scaleway.domain", extra="scaleway")
    return _of_each(
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
