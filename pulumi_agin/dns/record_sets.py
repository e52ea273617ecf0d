"""Adapters for packages in which one resource has all values: one resource for each delegation.

Each package gets its arguments in a form for which a second `pulumi up` shows no change. Some values keep the trailing
dot. Without the dot, the package would treat the value as relative to the zone, or show a change in every preview.

The arguments of an adapter may be Outputs, because the same program may create the zone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi

from .adapter import Adapter, NsRecords, canonical_zone, package


def _record_set(
    record_class: Any,
    arguments: Callable[[NsRecords], dict[str, Any]],
    opts: pulumi.ResourceOptions | None,
    named_by: str = "name",
) -> Adapter:
    """Returns an adapter. `named_by` is the engine's name for the argument that holds the record's name."""
    return Adapter(
        lambda records: record_class(records.name, **arguments(records), opts=records.options(opts, named_by=named_by))
    )


def aws(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records in Amazon Route 53, with pulumi-aws.

    Route 53 rejects the records if the domain already has NS records.

    Args:
        zone_id: The ID of the hosted zone.
        zone_name: The name of the zone. If given, the preview fails for a domain outside the zone.
        opts: The options of the record, such as a provider.
    """
    route53 = package("pulumi_aws.route53", extra="aws")

    def arguments(records: NsRecords) -> dict[str, Any]:
        return {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            "ttl": records.ttl,
            "records": records.ns_targets,
        }

    return _record_set(route53.Record, arguments, opts)


def gcp(
    managed_zone: pulumi.Input[str],
    project: pulumi.Input[str] | None = None,
    dns_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records in Google Cloud DNS, with pulumi-gcp.

    Warning: Google Cloud DNS replaces existing NS records of the domain without a warning.

    Args:
        managed_zone: The resource name of the zone, such as "acme-com".
        project: The project of the zone, if it is not the provider's project.
        dns_name: The DNS name of the zone, such as "acme.com.". If given, the preview fails for a domain outside the
            zone.
        opts: The options of the record, such as a provider.
    """
    dns = package("pulumi_gcp.dns", extra="gcp")

    def arguments(records: NsRecords) -> dict[str, Any]:
        return {
            "managed_zone": managed_zone,
            "project": project,
            "name": records.within(dns_name).apply(lambda domain: f"{domain}."),
            "type": "NS",
            "ttl": records.ttl,
            "rrdatas": records.ns_targets,
        }

    return _record_set(dns.RecordSet, arguments, opts)


def azure(
    resource_group_name: pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records in Azure DNS, with pulumi-azure-native.

    Azure rejects the records if the domain already has NS records.

    Args:
        resource_group_name: The name of the resource group of the zone.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
    """
    dns = package("pulumi_azure_native.dns", extra="azure")

    def arguments(records: NsRecords) -> dict[str, Any]:
        return {
            "resource_group_name": resource_group_name,
            "zone_name": canonical_zone(zone_name),
            "relative_record_set_name": records.relative_to(zone_name),
            "record_type": "NS",
            "ttl": records.ttl,
            "ns_records": records.ns_targets.apply(lambda targets: [{"nsdname": each} for each in targets]),
        }

    return _record_set(dns.RecordSet, arguments, opts, named_by="relativeRecordSetName")


def ns1(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records at NS1 (IBM), with pulumi-ns1.

    NS1 may reject the records if the domain already has NS records.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
    """
    module = package("pulumi_ns1", extra="ns1")

    def arguments(records: NsRecords) -> dict[str, Any]:
        return {
            "zone": canonical_zone(zone),
            "domain": records.within(zone),
            "type": "NS",
            "ttl": records.ttl,
            "answers": records.undotted().apply(lambda targets: [{"answer": each} for each in targets]),
        }

    return _record_set(module.Record, arguments, opts, named_by="domain")


def hcloud(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records in Hetzner Cloud DNS, with pulumi-hcloud.

    Hetzner may replace existing NS records of the domain.

    Args:
        zone: The name of the zone, such as "acme.com". The zone's ID does not work, because the record name is relative
            to the zone's name.
        opts: The options of the record, such as a provider.
    """
    module = package("pulumi_hcloud", extra="hcloud")

    def arguments(records: NsRecords) -> dict[str, Any]:
        return {
            "zone": canonical_zone(zone),
            "name": records.relative_to(zone),
            "type": "NS",
            "ttl": records.ttl,
            "records": records.ns_targets.apply(lambda targets: [{"value": each} for each in targets]),
        }

    return _record_set(module.ZoneRrset, arguments, opts)


def gandi(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates the NS records in Gandi LiveDNS, with pulumiverse-gandi.

    Gandi may replace existing NS records of the domain.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
    """
    livedns = package("pulumiverse_gandi.livedns", extra="gandi")

    def arguments(records: NsRecords) -> dict[str, Any]:
        return {
            "zone": canonical_zone(zone),
            "name": records.relative_to(zone),
            "type": "NS",
            "ttl": records.ttl,
            "values": records.ns_targets,
        }

    return _record_set(livedns.Record, arguments, opts)


def external_dns(namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates a DNSEndpoint for external-dns in Kubernetes, with pulumi-kubernetes.

    The DNSEndpoint is named after the domain. external-dns must run with `--source=crd`, `--managed-record-types=NS`
    and `--policy=sync`.

    external-dns creates the records at its next sync, so the state does not show whether the records exist. On destroy,
    external-dns also deletes the records at its next sync, when the ingress may already be deleted.

    Args:
        namespace: The namespace that external-dns watches for the DNSEndpoint.
        opts: The options of the DNSEndpoint, such as a provider.
    """
    apiextensions = package("pulumi_kubernetes.apiextensions", extra="external_dns")

    def arguments(records: NsRecords) -> dict[str, Any]:
        endpoint = {"dnsName": records.domain, "recordType": "NS", "recordTTL": records.ttl}
        return {
            "api_version": "externaldns.k8s.io/v1alpha1",
            "kind": "DNSEndpoint",
            "metadata": {"name": records.domain, "namespace": namespace},
            "spec": {"endpoints": [{**endpoint, "targets": records.undotted()}]},
        }

    return _record_set(apiextensions.CustomResource, arguments, opts, named_by="metadata.name")
