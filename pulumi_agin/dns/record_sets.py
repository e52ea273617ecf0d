"""Adapters for packages in which one resource has all values: one resource for each delegation.

The arguments are those for which each Python SDK and its provider show no change in a second `up`. Some values keep
their dot: without it, the package would treat the value as relative to the zone, or show a change in every preview.
Arguments may be Outputs, because the same program may create the zone.
"""

from __future__ import annotations

import pulumi

from pulumi_agin.program.resource import require_options

from .adapter import Adapter, NsRecords, canonical_name, invoke_options, package
from .builders import record_set
from .declared_record import RecordClass


def aws(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    adopt: bool = False,
) -> Adapter:
    """Creates the NS records in Amazon Route 53, with pulumi-aws.

    Route 53 rejects the records if the domain already has NS records.

    Args:
        zone_id: The ID of the hosted zone.
        zone_name: The name of the zone. With it, the preview fails for a domain outside the zone.
        opts: The options of the record, such as a provider.
        adopt: Whether to adopt existing NS records. Needed for one `pulumi up`.
    """
    route53 = package("pulumi_aws.route53", extra="aws")
    return record_set(
        RecordClass(route53.Record, type="aws:route53/record:Record"),
        lambda records: {
            "zone_id": zone_id,
            "name": records.within(zone_name),
            "type": "NS",
            "ttl": records.ttl,
            "records": records.ns_targets,
        },
        import_id=lambda records: pulumi.Output.concat(zone_id, "_", records.domain, "_NS"),
        values=lambda record: record.records,
        opts=opts,
        adopt=adopt,
    )


def gcp(
    managed_zone: pulumi.Input[str],
    project: pulumi.Input[str] | None = None,
    dns_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    adopt: bool = False,
) -> Adapter:
    """Creates the NS records in Google Cloud DNS, with pulumi-gcp.

    Warning: Google Cloud DNS replaces existing NS records of the domain without a warning. Only if the stack has them
    as another resource, the preview fails.

    Args:
        managed_zone: The resource name of the zone, such as "acme-com".
        project: The project of the zone, if it differs from the provider's.
        dns_name: The DNS name of the zone, such as "acme.com.". With it, the preview fails for a domain outside the
            zone.
        opts: The options of the record, such as a provider.
        adopt: Whether to adopt existing NS records. Needed for one `pulumi up`.
    """
    dns = package("pulumi_gcp.dns", extra="gcp")
    return record_set(
        RecordClass(dns.RecordSet, type="gcp:dns/recordSet:RecordSet", overwrites=True),
        lambda records: {
            "managed_zone": managed_zone,
            "project": project,
            "name": records.within(dns_name).apply(lambda domain: f"{domain}."),
            "type": "NS",
            "ttl": records.ttl,
            "rrdatas": records.ns_targets,
        },
        import_id=lambda records: pulumi.Output.all(project, managed_zone, records.domain).apply(
            # Without a project, the provider's is used.
            lambda known: "/".join([each for each in (*known[:2], f"{known[2]}.", "NS") if each])
        ),
        values=lambda record: record.rrdatas,
        opts=opts,
        adopt=adopt,
    )


def azure(
    resource_group_name: pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    adopt: bool = False,
) -> Adapter:
    """Creates the NS records in Azure DNS, with pulumi-azure-native.

    Azure rejects the records if the domain already has NS records. The TTL must be 1 second or more.

    Args:
        resource_group_name: The name of the resource group of the zone.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
        adopt: Whether to adopt existing NS records. Needed for one `pulumi up`.
    """
    dns = package("pulumi_azure_native.dns", extra="azure")

    def import_id(records: NsRecords) -> pulumi.Output[str]:
        # Also compared with the ID in the state (see IDENTITIES), so that a record of the stack is not imported again.
        authorization = package("pulumi_azure_native.authorization", extra="azure")
        account = authorization.get_client_config_output(opts=invoke_options(records, opts))
        return pulumi.Output.format(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/dnsZones/{}/NS/{}",
            account.subscription_id,
            resource_group_name,
            canonical_name(zone_name),
            records.relative_to(zone_name),
        )

    return record_set(
        RecordClass(dns.RecordSet, type="azure-native:dns:RecordSet", name="relative_record_set_name"),
        lambda records: {
            "resource_group_name": resource_group_name,
            "zone_name": canonical_name(zone_name),
            "relative_record_set_name": records.relative_to(zone_name),
            "record_type": "NS",
            # This package expects a float.
            "ttl": records.ttl_where(lambda ttl: ttl >= 1, "1 second or more").apply(float),
            "ns_records": records.ns_targets.apply(lambda targets: [{"nsdname": each} for each in targets]),
        },
        import_id=import_id,
        values=lambda record: record.ns_records.apply(lambda values: [each.nsdname for each in values or ()]),
        opts=opts,
        adopt=adopt,
    )


def ns1(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: bool = False) -> Adapter:
    """Creates the NS records at NS1 (IBM), with pulumi-ns1.

    NS1 may reject the records if the domain already has NS records. The TTL must be 1 second or more, because the
    package never sends 0.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
        adopt: Whether to adopt existing NS records. Needed for one `pulumi up`.
    """
    ns1 = package("pulumi_ns1", extra="ns1")
    return record_set(
        RecordClass(ns1.Record, type="ns1:index/record:Record", name="domain"),
        lambda records: {
            "zone": canonical_name(zone),
            "domain": records.within(zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 1, "1 second or more"),
            "answers": records.undotted().apply(lambda targets: [{"answer": each} for each in targets]),
        },
        import_id=lambda records: pulumi.Output.concat(canonical_name(zone), "/", records.domain, "/NS"),
        values=lambda record: record.answers.apply(lambda values: [each.answer for each in values or ()]),
        opts=opts,
        adopt=adopt,
    )


def hcloud(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: bool = False) -> Adapter:
    """Creates the NS records in Hetzner Cloud DNS, with pulumi-hcloud.

    It may replace existing NS records of the domain. Only if the stack has them as another resource, the preview fails.

    The TTL must be 60 seconds or more.

    Args:
        zone: The name of the zone, such as "acme.com". Its ID does not work, because the record name is relative to the
            zone name.
        opts: The options of the record, such as a provider.
        adopt: Whether to adopt existing NS records. Needed for one `pulumi up`.
    """
    hcloud = package("pulumi_hcloud", extra="hcloud")
    return record_set(
        RecordClass(hcloud.ZoneRrset, type="hcloud:index/zoneRrset:ZoneRrset", overwrites=True),
        lambda records: {
            "zone": canonical_name(zone),
            "name": records.relative_to(zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: ttl >= 60, "60 seconds or more"),
            "records": records.ns_targets.apply(lambda targets: [{"value": each} for each in targets]),
        },
        import_id=lambda records: pulumi.Output.concat(canonical_name(zone), "/", records.relative_to(zone), "/NS"),
        values=lambda record: record.records.apply(lambda values: [each.value for each in values or ()]),
        opts=opts,
        adopt=adopt,
    )


def gandi(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None, *, adopt: bool = False) -> Adapter:
    """Creates the NS records in Gandi LiveDNS, with pulumiverse-gandi.

    It may replace existing NS records of the domain. Only if the stack has them as another resource, the preview fails.

    The TTL must be 300 to 2592000 seconds.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
        adopt: Whether to adopt existing NS records. Needed for one `pulumi up`.
    """
    livedns = package("pulumiverse_gandi.livedns", extra="gandi")
    return record_set(
        RecordClass(livedns.Record, type="gandi:livedns/record:Record", overwrites=True),
        lambda records: {
            "zone": canonical_name(zone),
            "name": records.relative_to(zone),
            "type": "NS",
            "ttl": records.ttl_where(lambda ttl: 300 <= ttl <= 2592000, "300 to 2592000 seconds"),
            "values": records.ns_targets,
        },
        import_id=lambda records: pulumi.Output.concat(canonical_name(zone), "/", records.relative_to(zone), "/NS"),
        values=lambda record: record.values,
        opts=opts,
        adopt=adopt,
    )


def external_dns(namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates a DNSEndpoint for external-dns in Kubernetes, with pulumi-kubernetes.

    The DNSEndpoint is named after the domain. external-dns must run with `--source=crd`, `--managed-record-types=NS`
    and `--policy=sync`. It creates the records at its next sync, so the state does not show whether they exist. On
    destroy, it also deletes them at its next sync, when the ingress may already be deleted. There is no `adopt`,
    because external-dns keeps correct records.

    Args:
        namespace: The namespace that external-dns watches for the DNSEndpoint.
        opts: The options of the DNSEndpoint, such as a provider.
    """
    require_options(opts, "the adapter")
    apiextensions = package("pulumi_kubernetes.apiextensions", extra="external_dns")

    def create(records: NsRecords) -> pulumi.Resource:
        endpoint = {"dnsName": records.domain, "recordType": "NS", "recordTTL": records.ttl}
        created: pulumi.Resource = apiextensions.CustomResource(
            records.name,
            api_version="externaldns.k8s.io/v1alpha1",
            kind="DNSEndpoint",
            metadata={"name": records.domain, "namespace": namespace},
            spec={"endpoints": [{**endpoint, "targets": records.undotted()}]},
            # The object is named after the domain: `named_by` makes another domain a replacement, not an update. The
            # new object is first, because `options` sets delete_before_replace=False for every adapter.
            opts=records.options(opts, named_by="metadata.name"),
        )
        return created

    return Adapter(create)
