"""Protocol of adapters, and the NS records that they create."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pulumi

from pulumi_agin.api.values import canonical_domain

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
            The resource, or a list of resources. Return the records, not a component with them: `agent_ingress_id` of
            the delegation waits only until a component is registered.
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
    """The values: lowercase, one trailing dot, sorted. Not known before the ingress is created."""
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
            named_by: The engine's name for the property that holds the record's name, for a package that renames a
                record in place. The record is then replaced. Otherwise, the engine would see no reason to delete it
                before an ingress that has `delete_before_replace=True`.

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


def package(module: str, *, extra: str) -> Any:
    """Loads a module of a DNS provider's package, or fails with the command that installs it.

    An adapter calls it when the program calls the adapter, before any resource is declared.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise pulumi.RunError(
            f"dns.{extra} needs a package that is not installed: pip install 'pulumi-agin[{extra}]'"
        ) from None
