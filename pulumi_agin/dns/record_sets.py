"""Adapters for packages in which one resource holds all values: one resource for each delegation.

The arguments with which a second `up` shows no change come from each Python SDK and the provider behind it.
Some values keep their dot: without it, the package would treat the value as relative to the zone, or show a change in
every preview. Arguments may be Outputs, because the same program may create the zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import pulumi

from pulumi_agin.program.argument_errors import checks_arguments

from .adapter import Adapter, Made, NsRecords, canonical_name, package
from .take_over import Found, RecordType, check_is_bool, import_one, invoke_options, prepare


class Import(NamedTuple):
    """How a package imports the records of a domain."""

    type: RecordType
    """The type of its resource."""
    id: Callable[[NsRecords], pulumi.Input[str]]
    """Returns the id to import."""
    values: Callable[[Any], pulumi.Input[Sequence[str]]]
    """Returns the values that a resource has."""
    exists: Callable[[NsRecords], pulumi.Output[bool]] | None = None
    """Returns whether the domain has NS records; None if the package has no function that lists records."""


def one_resource(
    resource: Callable[..., pulumi.Resource],
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    *,
    named_by: str,
    opts: pulumi.ResourceOptions | None,
    take_over: bool = False,
    imported: Import | None = None,
) -> Adapter:
    """Returns an adapter that creates one resource with all values, or imports it.

    Args:
        resource: The class of the resource.
        arguments: Returns its arguments.
        named_by: The engine's name of the property that holds the record's name; see `NsRecords.options`.
        opts: The options of the resource.
        take_over: Whether to import records that exist.
        imported: How to import them; None if that can't be done.
    """

    check_is_bool(take_over)
    if take_over:
        prepare(opts)

    def create(records: NsRecords) -> Made:
        # Called before it is known what to import, so that the first preview checks the arguments too.
        given = arguments(records)

        def make(more: pulumi.ResourceOptions | None = None) -> pulumi.Resource:
            options = pulumi.ResourceOptions.merge(records.options(opts, named_by=named_by), more)
            return resource(records.name, **given, opts=options)

        if not take_over or imported is None:
            return make()
        id_, values, exists = imported.id, imported.values, imported.exists
        return import_one(
            records,
            imported.type,
            make,
            lambda: id_(records),
            exists,
            lambda made: Found("", values(made), cast(Any, made).ttl),
        )

    return Adapter(create)


def _has_ns(found: pulumi.Output[Any], name: str | None = None) -> pulumi.Output[bool]:
    """Returns whether there are NS records, of one name if it is given. Under Pulumi's mocks, there may be no list."""
    return found.apply(lambda sets: any(each.type == "NS" and name in (None, each.name) for each in sets or ()))


@checks_arguments
def aws(
    zone_id: pulumi.Input[str],
    zone_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool = False,
) -> Adapter:
    """Creates the NS records in Amazon Route 53, with pulumi-aws.

    Route 53 refuses to create records that already exist.

    Args:
        zone_id: The id of the hosted zone.
        zone_name: The name of the zone. If you give it, the preview refuses a domain outside of the zone.
        opts: The options of the record, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md.

    Returns:
        The adapter.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    route53 = package("pulumi_aws.route53", extra="aws")

    def exists(records: NsRecords) -> pulumi.Output[bool]:
        found = route53.get_records_output(
            zone_id=zone_id,
            name_regex=records.domain.apply(lambda domain: f"^{re.escape(domain)}\\.?$"),
            opts=invoke_options(records, opts),
        )
        return _has_ns(found.resource_record_sets)

    return one_resource(
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
        take_over=take_over,
        imported=Import(
            RecordType("aws:route53/record:Record", "name", "zoneId", zone_id, zone_name=zone_name),
            lambda records: pulumi.Output.concat(zone_id, "_", records.domain, "_NS"),
            lambda record: record.records,
            exists,
        ),
    )


@checks_arguments
def gcp(
    managed_zone: pulumi.Input[str],
    project: pulumi.Input[str] | None = None,
    dns_name: pulumi.Input[str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool = False,
) -> Adapter:
    """Creates the NS records in Google Cloud DNS, with pulumi-gcp.

    Google replaces existing records without telling.

    Args:
        managed_zone: The name of the zone as a resource, such as "acme-com".
        project: The project of the zone, if it is not that of the provider.
        dns_name: The name of the zone in DNS, such as "acme.com.". If you give it, the preview refuses a domain outside
            of the zone.
        opts: The options of the record, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md.

    Returns:
        The adapter.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    dns = package("pulumi_gcp.dns", extra="gcp")

    def exists(records: NsRecords) -> pulumi.Output[bool]:
        found = dns.get_record_sets_output(
            managed_zone=managed_zone,
            project=project,
            name=records.domain.apply(lambda domain: f"{domain}."),
            type="NS",
            opts=invoke_options(records, opts),
        )
        return _has_ns(found.rrsets)

    return one_resource(
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
        take_over=take_over,
        imported=Import(
            RecordType("gcp:dns/recordSet:RecordSet", "name", "managedZone", managed_zone, zone_name=dns_name),
            lambda records: pulumi.Output.all(project, managed_zone, records.domain).apply(
                # Without a project, it is that of the provider.
                lambda known: "/".join([each for each in (*known[:2], f"{known[2]}.", "NS") if each])
            ),
            lambda record: record.rrdatas,
            exists,
        ),
    )


@checks_arguments
def azure(
    resource_group_name: pulumi.Input[str],
    zone_name: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool = False,
) -> Adapter:
    """Creates the NS records in Azure DNS, with pulumi-azure-native.

    Args:
        resource_group_name: The resource group of the zone.
        zone_name: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 1 second or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    dns = package("pulumi_azure_native.dns", extra="azure")

    def import_id(records: NsRecords) -> pulumi.Output[str]:
        authorization = package("pulumi_azure_native.authorization", extra="azure")
        account = authorization.get_client_config_output(opts=invoke_options(records, opts))
        return pulumi.Output.concat(
            "/subscriptions/",
            account.subscription_id,
            "/resourceGroups/",
            resource_group_name,
            "/providers/Microsoft.Network/dnsZones/",
            canonical_name(zone_name),
            "/NS/",
            records.relative_to(zone_name),
        )

    return one_resource(
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
        take_over=take_over,
        imported=Import(
            RecordType("azure-native:dns:RecordSet", "fqdn", "", ""),
            import_id,
            lambda record: record.ns_records.apply(lambda values: [each.nsdname for each in values or ()]),
        ),
    )


@checks_arguments
def ns1(
    zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool = False,
) -> Adapter:
    """Creates the NS records at NS1 (IBM), with pulumi-ns1.

    NS1 can refuse to create records that already exist.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 1 second or more, because NS1's package never sends 0.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    ns1 = package("pulumi_ns1", extra="ns1")
    return one_resource(
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
        take_over=take_over,
        imported=Import(
            RecordType("ns1:index/record:Record", "domain", "zone", zone),
            lambda records: pulumi.Output.concat(canonical_name(zone), "/", records.domain, "/NS"),
            lambda record: record.answers.apply(lambda values: [each.answer for each in values or ()]),
        ),
    )


@checks_arguments
def hcloud(
    zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool = False,
) -> Adapter:
    """Creates the NS records in Hetzner Cloud DNS, with pulumi-hcloud.

    Args:
        zone: The name of the zone, such as "acme.com". Its id does not work, because the name of the record is relative
            to the name of the zone.
        opts: The options of the record, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 60 seconds or more.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    hcloud = package("pulumi_hcloud", extra="hcloud")

    def exists(records: NsRecords) -> pulumi.Output[bool]:
        found = hcloud.get_zone_rrsets_output(zone=canonical_name(zone), opts=invoke_options(records, opts))
        return records.relative_to(zone).apply(lambda name: _has_ns(found.rrsets, name))

    return one_resource(
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
        take_over=take_over,
        imported=Import(
            RecordType("hcloud:index/zoneRrset:ZoneRrset", "name", "zone", zone),
            lambda records: pulumi.Output.concat(canonical_name(zone), "/", records.relative_to(zone), "/NS"),
            lambda record: record.records.apply(lambda values: [each.value for each in values or ()]),
            exists,
        ),
    )


@checks_arguments
def gandi(
    zone: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None = None,
    *,
    take_over: bool = False,
) -> Adapter:
    """Creates the NS records in Gandi LiveDNS, with pulumiverse-gandi.

    Args:
        zone: The name of the zone, such as "acme.com".
        opts: The options of the record, such as a provider.
        take_over: Whether to import the NS records that exist into a stack that does not have them yet; see
            docs/guides/dns.md.

    Returns:
        The adapter. It takes a TTL of 300 to 2592000 seconds.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    livedns = package("pulumiverse_gandi.livedns", extra="gandi")
    return one_resource(
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
        take_over=take_over,
        imported=Import(
            RecordType("gandi:livedns/record:Record", "name", "zone", zone),
            lambda records: pulumi.Output.concat(canonical_name(zone), "/", records.relative_to(zone), "/NS"),
            lambda record: record.values,
        ),
    )


@checks_arguments
def external_dns(namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Adapter:
    """Creates a DNSEndpoint for external-dns in Kubernetes, with pulumi-kubernetes.

    The DNSEndpoint is named after the domain. external-dns must run with `--source=crd`, `--managed-record-types=NS`
    and `--policy=sync`. It decides in which zone and when it creates the records, so Pulumi does not know whether
    they exist. After a destroy, external-dns deletes them at its next look. The ingress may be gone by then. This
    adapter has no `take_over`, because external-dns keeps records that exist if they are right.

    Args:
        namespace: The namespace in which external-dns looks for the DNSEndpoint.
        opts: The options of the DNSEndpoint, such as a provider.

    Returns:
        The adapter.

    Raises:
        pulumi.RunError: The package is not installed.
    """
    apiextensions = package("pulumi_kubernetes.apiextensions", extra="external_dns")
    return one_resource(
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
