"""Protocol of adapters, and the NS records that they create."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pulumi

from pulumi_agin.api.values import canonical_domain, canonical_ns_targets

# How many ns_targets ngrok returns for each ingress, as far as is known.
DEFAULT_NAME_SERVERS = 4

Made: TypeAlias = pulumi.Resource | Sequence[pulumi.Resource]


class DnsAdapter(Protocol):
    """An adapter, which creates the records of a delegation in a zone with the package of a DNS provider.

    `pulumi_agin.dns` has adapters for many packages. To write your own, implement this method, or pass a function with
    the same parameter to `dns.custom`.
    """

    def create_records(self, records: NsRecords, /) -> Made:
        """Creates the resources of the records, all with the options `records.options(…)`.

        AgentIngressDelegation calls it once. Without these options, which nothing checks, the engine may delete the
        ingress before a record. Declare the records here and not inside an `apply`: what an `apply` declares is not in
        the first preview, and the engine deletes it in a run in which the ingress fails.

        Args:
            records: The records to create.

        Returns:
            The resource, or a list of resources.
        """
        ...


@dataclass(frozen=True)
class NsRecords:
    """NS records that delegate a domain to ngrok."""

    name: str
    """The name of the delegation, and of the resource if there is one resource with all values."""
    domain: pulumi.Output[str]
    """The domain, in lowercase and without a trailing dot."""
    ns_targets: pulumi.Output[Sequence[str]]
    """The values: lowercase, one trailing dot, sorted, at least one. Not known before the ingress is created."""
    ttl: pulumi.Input[int]
    """The time to live of the records, in seconds."""
    delegation: pulumi.ComponentResource
    """The parent of the records."""
    agent_ingress: pulumi.CustomResource
    """The Agent Ingress, which exists as long as the records do."""

    def options(
        self, given: pulumi.ResourceOptions | None = None, *, named_by: str | None = None
    ) -> pulumi.ResourceOptions:
        """Returns the options of each record: a child of the delegation, deleted before the ingress is.

        When the domain changes, the new record is created before the old one is deleted, even if the package requests
        the opposite: `delete_before_replace` is False.

        Args:
            given: Further options from the program, such as a provider, which take precedence.
            named_by: The engine's name for the property that holds the record's name, for a package that changes it in
                place. The record is then replaced instead. Without this, an ingress with `delete_before_replace=True`
                would be deleted while its record is still there.

        Returns:
            The options to pass to the resource of each record.
        """
        ours = pulumi.ResourceOptions(
            parent=self.delegation,
            depends_on=[self.agent_ingress],
            replace_on_changes=[named_by] if named_by else None,
            # A package that can choose a name itself assumes that two records can't share a name from the program, and
            # requests that the old record is deleted first. Until the new one exists, there would be no delegation.
            delete_before_replace=False,
        )
        return pulumi.ResourceOptions.merge(ours, given)

    def within(self, zone: pulumi.Input[str] | None) -> pulumi.Output[str]:
        """Returns the domain, and fails if it is not below the apex of the zone.

        Args:
            zone: The name of the zone; None if it is not known.

        Returns:
            The domain. The preview and the update fail if it is outside the zone or is its apex.
        """
        if zone is None:
            return self.domain
        return pulumi.Output.all(self.domain, self.relative_to(zone)).apply(lambda known: str(known[0]))

    def relative_to(self, zone: pulumi.Input[str]) -> pulumi.Output[str]:
        """Returns the domain without the name of the zone, such as "connect" in acme.com.

        Args:
            zone: The name of the zone.

        Returns:
            The name. The preview and the update fail if the domain is outside the zone or is its apex.
        """
        return pulumi.Output.all(self.domain, canonical_zone(zone)).apply(lambda known: self._relative(*known))

    def _relative(self, domain: str, zone: str) -> str:
        if domain == zone:
            raise self.error(f"{domain} is the apex of the zone; only a name below it can be delegated to ngrok")
        if not domain.endswith(f".{zone}"):
            raise self.error(f"{domain} is not in the zone {zone or '(empty)'}; use the zone that contains it")
        return domain.removesuffix(f".{zone}")

    def undotted(self) -> pulumi.Output[list[str]]:
        """Returns `ns_targets` without trailing dots."""
        return self.ns_targets.apply(lambda targets: [target.rstrip(".") for target in targets])

    def ns_target(self, index: int, count: int, existing: Sequence[str] = ()) -> pulumi.Output[str]:
        """Returns one of the values, for a package in which each value has a resource of its own.

        Args:
            index: Which one, from 0 on.
            count: How many resources the program declares.
            existing: The values of the existing records to import, if there are any, in the form of `ns_targets`.

        Returns:
            The value. The preview and the update fail if ngrok returns another number of values, or others than the
            existing records have.
        """

        def select(targets: Sequence[str]) -> str:
            if existing and list(existing) != list(targets):
                raise self.error(
                    f"record_ids has the values {', '.join(existing)}, and ngrok returned the ns_targets "
                    f"{', '.join(targets)}: import records with these values, or remove record_ids"
                )
            if len(targets) != count:
                raise self.error(
                    f"ngrok returned {len(targets)} ns_targets, and the adapter declares {count} records: set its "
                    f"name_servers={len(targets)}"
                )
            return targets[index]

        return self.ns_targets.apply(select)

    def error(self, message: str) -> pulumi.RunError:
        """Returns an error that names the delegation. Pulumi shows it without a traceback."""
        return pulumi.RunError(f'AgentIngressDelegation "{self.name}": {message}')


def canonical_zone(name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Returns the name of a zone in lowercase and without a trailing dot, as most DNS packages need it."""
    return pulumi.Output.from_input(name).apply(canonical_domain)


class Adapter:
    """An adapter that is a function."""

    def __init__(self, create_records: Callable[[NsRecords], Made]) -> None:
        self._create_records = create_records

    def create_records(self, records: NsRecords, /) -> Made:
        """Creates the resources of the records; see DnsAdapter."""
        return self._create_records(records)


def custom(function: Callable[[NsRecords], Made]) -> Adapter:
    """Creates the NS records through any other DNS package, with your own function.

    Example::

        def in_my_dns(records):
            return my_dns.Record(records.name, host=records.domain, values=records.ns_targets, opts=records.options())

        agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=agin.dns.custom(in_my_dns))

    Args:
        function: Creates the records, and returns the resource or a list of resources.

    Returns:
        The adapter.
    """
    return Adapter(function)


def record_set(
    record_class: Any,
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    opts: pulumi.ResourceOptions | None,
    *,
    named_by: str = "name",
) -> Adapter:
    """Returns an adapter that creates one resource with all values.

    `arguments` returns those of the resource, and `named_by` is the engine's name for the one with the record's name.
    """
    return Adapter(
        lambda records: record_class(records.name, **arguments(records), opts=records.options(opts, named_by=named_by))
    )


def single_records(
    record_class: Any,
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    opts: pulumi.ResourceOptions | None,
    *,
    value: str,
    is_dotted: bool,
    name_servers: int,
    record_ids: Mapping[str, str] | None,
    import_id: Callable[[str], str],
    named_by: str = "name",
) -> Adapter:
    """Returns an adapter that creates a resource for each value, or imports those of `record_ids`.

    `arguments` returns those that all resources share. Each also gets its value as the argument `value`, with a
    trailing dot if `is_dotted`. `import_id` returns the package's import ID for the DNS provider's ID of a record.
    """
    ids = {canonical_ns_targets([target])[0]: id_ for target, id_ in (record_ids or {}).items()}
    existing = sorted(ids)
    count = len(existing) or name_servers

    def create(records: NsRecords) -> list[pulumi.Resource]:
        # Before the values are known, so that the first preview checks the zone, too.
        shared = arguments(records)

        def declare(index: int) -> pulumi.Resource:
            target = records.ns_target(index, count, existing)
            shown = target if is_dotted else target.apply(lambda known: known.rstrip("."))
            options = records.options(opts, named_by=named_by)
            if existing:
                options.import_ = import_id(ids[existing[index]])
            record: pulumi.Resource = record_class(
                f"{records.name}-{index + 1}", **shared, **{value: shown}, opts=options
            )
            return record

        return [declare(index) for index in range(count)]

    return Adapter(create)


def plain(value: pulumi.Input[Any], argument: str) -> str:
    """Returns an argument that is a part of an import ID, which Pulumi needs before any Output is known."""
    if isinstance(value, str | int):
        return str(value)
    raise pulumi.RunError(f"with record_ids, the adapter needs {argument} as a plain string, not as an Output")


def plain_zone(name: pulumi.Input[str], argument: str) -> str:
    """Returns the name of a zone that is a part of an import ID."""
    return canonical_domain(plain(name, argument))


def package(module: str, *, extra: str) -> Any:
    """Loads a module of a DNS provider's package, or fails with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise pulumi.RunError(
            f"dns.{extra} needs a package that is not installed: pip install 'pulumi-agin[{extra}]'"
        ) from None
