"""Adapters of the packages in which each value is a resource of its own, named by the value.

What each wants, and that a second `up` shows no change, is from its Python SDK and from the provider behind it.
Arguments that can be Outputs are: a zone made by the same program.
"""

from __future__ import annotations

from typing import cast

import pulumi

from .records import Adapter, Made, NsRecords, canonical_name, package

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

    def make(records: NsRecords) -> Made:
        domain = records.within(zone_name)
        ttl = records.ttl_where(
            lambda ttl: ttl == 1 or 30 <= ttl <= 86400, "30 to 86400 seconds, or 1 for a choice of its own"
        )

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = cloudflare.DnsRecord(
                name,
                zone_id=zone_id,
                name=domain,
                type="NS",
                ttl=ttl.apply(float),
                content=target.rstrip("."),
                opts=records.options(opts, named_by="name"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)


def digitalocean(domain: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """DigitalOcean, by pulumi-digitalocean.

    domain: the zone's name, such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where
    the package is missing.

    The TTL is 30 seconds and more.
    """
    digitalocean = package("pulumi_digitalocean", extra="digitalocean")

    def make(records: NsRecords) -> Made:
        relative = records.relative_to(domain)
        ttl = records.ttl_where(lambda ttl: ttl >= 30, "30 seconds and more")

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = digitalocean.DnsRecord(
                name,
                domain=canonical_name(domain),
                name=relative,
                type="NS",
                ttl=ttl,
                value=target,
                opts=records.options(opts, named_by="name"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)


def dnsimple(zone_name: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """DNSimple, by pulumi-dnsimple.

    zone_name: such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where the package is
    missing.
    """
    dnsimple = package("pulumi_dnsimple", extra="dnsimple")

    def make(records: NsRecords) -> Made:
        relative = records.relative_to(zone_name)

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = dnsimple.ZoneRecord(
                name,
                zone_name=canonical_name(zone_name),
                name=relative,
                type="NS",
                ttl=records.ttl,
                value=target.rstrip("."),
                opts=records.options(opts, named_by="name"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)


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

    def make(records: NsRecords) -> Made:
        relative = records.relative_to(zone_name)
        number = pulumi.Output.from_input(cast(pulumi.Output[int | str], domain_id)).apply(_number)
        ttl = records.ttl_where(lambda ttl: ttl in LINODE_TTLS, f"{', '.join(map(str, LINODE_TTLS))}")

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = linode.DomainRecord(
                name,
                domain_id=number,
                name=relative,
                record_type="NS",
                ttl_sec=ttl,
                target=target.rstrip("."),
                opts=records.options(opts, named_by="name"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)


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

    def make(records: NsRecords) -> Made:
        relative = records.relative_to(domain)
        ttl = records.ttl_where(lambda ttl: ttl >= 60, "60 seconds and more")

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = vercel.DnsRecord(
                name,
                domain=canonical_name(domain),
                team_id=team_id,
                name=relative,
                type="NS",
                ttl=ttl,
                value=target,
                opts=records.options(opts, named_by="name"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)


def ovh(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """OVHcloud, by pulumi-ovh.

    zone: such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where the package is
    missing.

    The TTL is 60 seconds and more, or 0: that of the zone.
    """
    domain = package("pulumi_ovh.domain", extra="ovh")

    def make(records: NsRecords) -> Made:
        relative = records.relative_to(zone)
        ttl = records.ttl_where(lambda ttl: ttl == 0 or ttl >= 60, "60 seconds and more, or 0 for that of the zone")

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = domain.ZoneRecord(
                name,
                zone=canonical_name(zone),
                subdomain=relative,
                fieldtype="NS",
                ttl=ttl,
                target=target,
                opts=records.options(opts, named_by="subdomain"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)


def scaleway(dns_zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Scaleway, by pulumiverse-scaleway.

    dns_zone: such as "acme.com". opts: of the records, such as a provider. Raises pulumi.RunError where the package is
    missing.

    The TTL is 60 to 2592000 seconds.
    """
    domain = package("pulumiverse_scaleway.domain", extra="scaleway")

    def make(records: NsRecords) -> Made:
        relative = records.relative_to(dns_zone)
        ttl = records.ttl_where(lambda ttl: 60 <= ttl <= 2592000, "60 to 2592000 seconds")

        def record(name: str, target: str) -> pulumi.Resource:
            made: pulumi.Resource = domain.Record(
                name,
                dns_zone=canonical_name(dns_zone),
                name=relative,
                type="NS",
                ttl=ttl,
                data=target,
                opts=records.options(opts, named_by="name"),
            )
            return made

        return records.of_each(record)

    return Adapter(make)
