"""Adapters for packages in which one resource holds all values: one resource for each delegation.

The arguments with which a second `up` shows no change come from each Python SDK and the provider behind it.
Some values keep their dot: without it, the package would treat the value as relative to the zone, or show a change in
every preview. Arguments may be Outputs, because the same program may create the zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from .records import Adapter, NsRecords, canonical_name, package


def _one_resource(
    resource: Callable[..., pulumi.Resource],
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    *,
    named_by: str,
    opts: pulumi.ResourceOptions | None,
) -> Adapter:
    """Returns an adapter that creates one resource with all values."""
    return Adapter(
        lambda records: resource(records.name, **arguments(records), opts=records.options(opts, named_by=named_by))
    )


def aws(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records in Amazon Route 53, with pulumi-aws.

    Route 53 refuses to create records that already exist.

    Args:
        zone_id: The id of the hosted zone.
        zone_name: The name of the zone. If you give it, the preview refuses a domain outside of the zone.
        opts: The options of the record, such as a provider.

    Returns:
        The adapter.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    route53 = package("pulumi_aws.route53", extra="aws")
    return _one_resource(
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
    """Creates the NS records in Google Cloud DNS, with pulumi-gcp.

    Google replaces existing records without telling.

    Args:
        managed_zone: The name of the zone as a resource, such as "acme-com".
        project: The project of the zone, if it is not that of the provider.
        dns_name: The name of the zone in DNS, such as "acme.com.". If you give it, the preview refuses a domain outside
            of the zone.
        opts: The options of the record, such as a provider.

    Returns:
        The adapter.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    dns = package("pulumi_gcp.dns", extra="gcp")
    return _one_resource(
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
    """Creates the NS records in Azure DNS, with pulumi-azure-native.

    Args:
        resource_group_name: The resource group of the zone.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.

    Returns:
        The adapter. It takes a TTL of 1 second or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    dns = package("pulumi_azure_native.dns", extra="azure")
    return _one_resource(
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
    """Creates the NS records at NS1 (IBM), with pulumi-ns1.

    NS1 can refuse to create records that already exist.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.

    Returns:
        The adapter. It takes a TTL of 1 second or more: NS1's package never sends 0.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    ns1 = package("pulumi_ns1", extra="ns1")
    return _one_resource(
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
    """Creates the NS records in Hetzner Cloud DNS, with pulumi-hcloud.

    Args:
        zone: The name of the zone, such as "acme.com". Its id does not work, because the name of the record is relative
            to the name of the zone.
        opts: The options of the record, such as a provider.

    Returns:
        The adapter. It takes a TTL of 60 seconds or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    hcloud = package("pulumi_hcloud", extra="hcloud")
    return _one_resource(
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
    """Creates the NS records in Gandi LiveDNS, with pulumiverse-gandi.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.

    Returns:
        The adapter. It takes a TTL of 300 to 2592000 seconds.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    livedns = package("pulumiverse_gandi.livedns", extra="gandi")
    return _one_resource(
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
    """Creates a DNSEndpoint for external-dns in Kubernetes, with pulumi-kubernetes.

    The DNSEndpoint is named after the domain. external-dns must run with `--source=crd`, `--managed-record-types=NS`
    and `--policy=sync`. It decides in which zone and when it creates the records, so Pulumi does not know whether
    they exist. After a destroy, external-dns deletes them at its next look. The ingress may be gone by then.

    Args:
        namespace: The namespace in which external-dns looks for the DNSEndpoint.
        opts: The options of the DNSEndpoint, such as a provider.

    Returns:
        The adapter.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    apiextensions = package("pulumi_kubernetes.apiextensions", extra="external_dns")
    return _one_resource(
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
