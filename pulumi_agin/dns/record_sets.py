"""Adapters of the packages in which one resource holds all values of a record: one for each delegation.

What each wants, and that a second `up` shows no change, is from its Python SDK and from the provider behind it; where
a value's dot is kept, a package without it takes the value as relative to the zone, or shows a change for ever.
Arguments that can be Outputs are: a zone made by the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from .records import Adapter, NsRecords, canonical_name, package


def _set(
    resource: Callable[..., pulumi.Resource],
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    *,
    named_by: str,
    opts: pulumi.ResourceOptions | None,
) -> Adapter:
    """One resource with all values."""
    return Adapter(
        lambda records: resource(records.name, **arguments(records), opts=records.options(opts, named_by=named_by))
    )


def aws(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Amazon Route 53, by pulumi-aws.

    zone_id: of the hosted zone. zone_name: its name; where it is given, the preview refuses a domain outside of it.
    opts: of the record, such as a provider. Raises pulumi.RunError where the package is missing.

    Route 53 refuses to create records that exist already.
    """
    route53 = package("pulumi_aws.route53", extra="aws")
    return _set(
        route53.Record,
        lambda records: {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            "ttl": records.ttl,
            "records": records.ns_targets,
        },
        named_by="name",
        opts=opts,
    )


def gcp(
    managed_zone: pulumi.Input[str],
    project: pulumi.Input[str] | None = None,
    dns_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Google Cloud DNS, by pulumi-gcp.

    managed_zone: the zone's name as a resource, such as "acme-com". project: of the zone, if it is not the provider's.
    dns_name: the zone's name in DNS, such as "acme.com."; where it is given, the preview refuses a domain outside of
    it. opts: of the record, such as a provider. Raises pulumi.RunError where the package is missing.

    Google replaces records that exist already, without a word.
    """
    dns = package("pulumi_gcp.dns", extra="gcp")
    return _set(
        dns.RecordSet,
        lambda records: {
            "managed_zone": managed_zone,
            "project": project,
            "name": records.within(dns_name).apply(lambda domain: f"{domain}."),
            "type": "NS",
            "ttl": records.ttl,
            "rrdatas": records.ns_targets,
        },
        named_by="name",
        opts=opts,
    )


def azure(
    resource_group_name: pulumi.Input[str], zone_name: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
) -> Adapter:
    """Azure DNS, by pulumi-azure-native.

    resource_group_name: of the zone. zone_name: such as "acme.com". opts: of the record, such as a provider. Raises
    pulumi.RunError where the package is missing.

    The TTL is 1 second and more.
    """
    dns = package("pulumi_azure_native.dns", extra="azure")
    return _set(
        dns.RecordSet,
        lambda records: {
            "resource_group_name": resource_group_name,
            "zone_name": canonical_name(zone_name),
            "relative_record_set_name": records.relative_to(zone_name),
            "record_type": "NS",
            # A number with a fraction in this package.
            "ttl": records.ttl_where(lambda ttl: ttl >= 1, "1 second and more").apply(float),
            "ns_records": records.ns_targets.apply(
                lambda targets: [dns.NsRecordArgs(nsdname=each) for each in targets]
            ),
        },
        named_by="relativeRecordSetName",
        opts=opts,
    )


def ns1(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """NS1 (IBM), by pulumi-ns1.

    NS1 can refuse to create records that exist already.

    Args:
        zone: The zone's name, such as "acme.com".
        opts: Options of the record, such as a provider.

    Returns:
        The adapter. The TTL that it takes is 1 second and more: NS1's package never sends 0.

    Raises:
        pulumi.RunError: The package is missing.
    """
    ns1 = package("pulumi_ns1", extra="ns1")
    return _set(
        ns1.Record,
        lambda records: {
            "zone": canonical_name(zone),
            "domain": records.within(zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 1, "1 second and more"),
            "answers": records.undotted().apply(
                lambda targets: [ns1.RecordAnswerArgs(answer=each) for each in targets]
            ),
        },
        named_by="domain",
        opts=opts,
    )


def hcloud(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Hetzner Cloud DNS, by pulumi-hcloud.

    zone: its name, such as "acme.com", not its id: the record's name is relative to it. opts: of the record, such as a
    provider. Raises pulumi.RunError where the package is missing.

    The TTL is 60 seconds and more.
    """
    hcloud = package("pulumi_hcloud", extra="hcloud")
    return _set(
        hcloud.ZoneRrset,
        lambda records: {
            "zone": canonical_name(zone),
            "name": records.relative_to(zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 60, "60 seconds and more"),
            "records": records.ns_targets.apply(
                lambda targets: [hcloud.ZoneRrsetRecordArgs(value=each) for each in targets]
            ),
        },
        named_by="name",
        opts=opts,
    )


def gandi(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Gandi LiveDNS, by pulumiverse-gandi.

    zone: such as "acme.com". opts: of the record, such as a provider. Raises pulumi.RunError where the package is
    missing.

    The TTL is 300 to 2592000 seconds.
    """
    livedns = package("pulumiverse_gandi.livedns", extra="gandi")
    return _set(
        livedns.Record,
        lambda records: {
            "zone": canonical_name(zone),
            "name": records.relative_to(zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: 300 <= ttl <= 2592000, "300 to 2592000 seconds"),
            "values": records.ns_targets,
        },
        named_by="name",
        opts=opts,
    )


def external_dns(namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """external-dns in Kubernetes, by pulumi-kubernetes: a DNSEndpoint with the domain's name.

    namespace: where external-dns looks for it. opts: of the DNSEndpoint, such as a provider. Raises pulumi.RunError
    where the package is missing.

    external-dns has to run with `--source=crd`, `--managed-record-types=NS` and `--policy=sync`; in which zone it
    makes the records is its own affair, and so is when: Pulumi does not know whether they are there, and on destroy
    external-dns deletes them at its next look, when the ingress may be gone already.
    """
    apiextensions = package("pulumi_kubernetes.apiextensions", extra="external_dns")
    return _set(
        apiextensions.CustomResource,
        lambda records: {
            "api_version": "externaldns.k8s.io/v1alpha1",
            "kind": "DNSEndpoint",
            "metadata": {"name": records.domain, "namespace": namespace},
            "spec": {
                "endpoints": [
                    {
                        "dnsName": records.domain,
                        "recordType": "NS",
                        "recordTTL": records.ttl,
                        "targets": records.undotted(),
                    }
                ]
            },
        },
        named_by="metadata.name",
        opts=opts,
    )
