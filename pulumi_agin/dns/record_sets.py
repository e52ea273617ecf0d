"""Adapters of the packages in which one resource holds all values of a record: one for each delegation.

What each wants, and that a second `up` shows no change, is from its Python SDK and from the provider behind it; where
a value's dot is kept, a package without it takes the value as relative to the zone, or shows a change for ever.
Arguments that can be Outputs are: a zone made by the same program.
"""

from __future__ import annotations

import pulumi

from .records import Adapter, NsRecords, canonical_name, package


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

    def make(records: NsRecords) -> pulumi.Resource:
        record: pulumi.Resource = route53.Record(
            records.name,
            zone_id=zone_id,
            name=records.within(zone_name),
            type="NS",
            ttl=records.ttl,
            records=records.ns_targets,
            opts=records.options(opts, named_by="name"),
        )
        return record

    return Adapter(make)


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

    def make(records: NsRecords) -> pulumi.Resource:
        record: pulumi.Resource = dns.RecordSet(
            records.name,
            managed_zone=managed_zone,
            project=project,
            name=records.within(dns_name).apply(lambda domain: f"{domain}."),
            type="NS",
            ttl=records.ttl,
            rrdatas=records.ns_targets,
            opts=records.options(opts, named_by="name"),
        )
        return record

    return Adapter(make)


def azure(
    resource_group_name: pulumi.Input[str], zone_name: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
) -> Adapter:
    """Azure DNS, by pulumi-azure-native.

    resource_group_name: of the zone. zone_name: such as "acme.com". opts: of the record, such as a provider. Raises
    pulumi.RunError where the package is missing.

    The TTL is 1 second and more.
    """
    dns = package("pulumi_azure_native.dns", extra="azure")

    def make(records: NsRecords) -> pulumi.Resource:
        record: pulumi.Resource = dns.RecordSet(
            records.name,
            resource_group_name=resource_group_name,
            zone_name=canonical_name(zone_name),
            relative_record_set_name=records.relative_to(zone_name),
            record_type="NS",
            # A number with a fraction in this package.
            ttl=records.ttl_where(lambda ttl: ttl >= 1, "1 second and more").apply(float),
            ns_records=records.ns_targets.apply(lambda targets: [dns.NsRecordArgs(nsdname=each) for each in targets]),
            opts=records.options(opts, named_by="relativeRecordSetName"),
        )
        return record

    return Adapter(make)


def ns1(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """NS1 (IBM), by pulumi-ns1.

    zone: such as "acme.com". opts: of the record, such as a provider. Raises pulumi.RunError where the package is
    missing.
    """
    ns1 = package("pulumi_ns1", extra="ns1")

    def make(records: NsRecords) -> pulumi.Resource:
        record: pulumi.Resource = ns1.Record(
            records.name,
            zone=canonical_name(zone),
            domain=records.within(zone),
            type="NS",
            ttl=records.ttl,
            answers=records.undotted().apply(lambda targets: [ns1.RecordAnswerArgs(answer=each) for each in targets]),
            opts=records.options(opts, named_by="domain"),
        )
        return record

    return Adapter(make)


def hcloud(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Hetzner Cloud DNS, by pulumi-hcloud.

    zone: its name, such as "acme.com", not its id: the record's name is relative to it. opts: of the record, such as a
    provider. Raises pulumi.RunError where the package is missing.

    The TTL is 60 seconds and more.
    """
    hcloud = package("pulumi_hcloud", extra="hcloud")

    def make(records: NsRecords) -> pulumi.Resource:
        record: pulumi.Resource = hcloud.ZoneRrset(
            records.name,
            zone=canonical_name(zone),
            name=records.relative_to(zone),
            type="NS",
            ttl=records.ttl_where(lambda ttl: ttl >= 60, "60 seconds and more"),
            records=records.ns_targets.apply(
                lambda targets: [hcloud.ZoneRrsetRecordArgs(value=each) for each in targets]
            ),
            opts=records.options(opts, named_by="name"),
        )
        return record

    return Adapter(make)


def gandi(zone: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Gandi LiveDNS, by pulumiverse-gandi.

    zone: such as "acme.com". opts: of the record, such as a provider. Raises pulumi.RunError where the package is
    missing.

    The TTL is 300 to 2592000 seconds.
    """
    livedns = package("pulumiverse_gandi.livedns", extra="gandi")

    def make(records: NsRecords) -> pulumi.Resource:
        record: pulumi.Resource = livedns.Record(
            records.name,
            zone=canonical_name(zone),
            name=records.relative_to(zone),
            type="NS",
            ttl=records.ttl_where(lambda ttl: 300 <= ttl <= 2592000, "300 to 2592000 seconds"),
            values=records.ns_targets,
            opts=records.options(opts, named_by="name"),
        )
        return record

    return Adapter(make)


def external_dns(namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """external-dns in Kubernetes, by pulumi-kubernetes: a DNSEndpoint with the domain's name.

    namespace: where external-dns looks for it. opts: of the DNSEndpoint, such as a provider. Raises pulumi.RunError
    where the package is missing.

    external-dns has to run with `--source=crd`, `--managed-record-types=NS` and `--policy=sync`; in which zone it
    makes the records is its own affair, and so is when: Pulumi does not know whether they are there, and on destroy
    external-dns deletes them at its next look, when the ingress may be gone already.
    """
    apiextensions = package("pulumi_kubernetes.apiextensions", extra="external_dns")

    def make(records: NsRecords) -> pulumi.Resource:
        endpoint = {
            "dnsName": records.domain,
            "recordType": "NS",
            "recordTTL": records.ttl,
            "targets": records.undotted(),
        }
        record: pulumi.Resource = apiextensions.CustomResource(
            records.name,
            api_version="externaldns.k8s.io/v1alpha1",
            kind="DNSEndpoint",
            metadata={"name": records.domain, "namespace": namespace},
            spec={"endpoints": [endpoint]},
            opts=records.options(opts, named_by="metadata.name"),
        )
        return record

    return Adapter(make)
