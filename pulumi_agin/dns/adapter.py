"""Protocol of adapters, and the NS records that an adapter creates."""

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

    `pulumi_agin.dns` has adapters for many packages. To write your own adapter, implement `create_records`, or pass a
    function with the same parameter to `dns.custom`.
    """

    def create_records(self, records: NsRecords, /) -> Made:
        """Creates the resources of the records, all with the options `records.options(…)`.

        AgentIngressDelegation calls this method once. Without these options, the engine may delete the ingress before a
        record. Nothing checks that a resource has the options.

        Declare the records directly in this method, not inside an `apply`. The first preview does not show resources
        that an `apply` declares. In a run in which the ingress fails, the engine deletes such resources.

        Args:
            records: The records to create.

        Returns:
            The resource, or a list of resources. Return the records, not a component that contains the records:
            `agent_ingress_id` of the delegation waits only until a component is registered.
        """
        ...


@dataclass(frozen=True)
class NsRecords:
    """NS records that delegate a domain to ngrok."""

    name: str
    """The name of the delegation. If one resource has all values, also the name of this resource."""
    domain: pulumi.Output[str]
    """The domain, in lowercase and without a trailing dot."""
    ns_targets: pulumi.Output[Sequence[str]]
    """The values of the records: lowercase, one trailing dot, sorted. Unknown until the ingress is created."""
    ttl: pulumi.Input[int]
    """The time to live of the records, in seconds."""
    delegation: pulumi.ComponentResource
    """The parent of the records."""
    agent_ingress: pulumi.CustomResource
    """The Agent Ingress, which must exist as long as the records exist."""

    def options(
        self, given: pulumi.ResourceOptions | None = None, *, named_by: str | None = None
    ) -> pulumi.ResourceOptions:
        """Returns the options of each record: a child of the delegation, deleted before the ingress.

        When the domain changes, the new record is created before the old record is deleted, even if the package
        requests the opposite order, because `delete_before_replace` is False. If the ingress has
        `delete_before_replace`, the engine deletes the old record before the ingress.

        Args:
            given: Further options from the program, such as a provider, which take precedence. With `import_`, the
                preview fails if this run creates the ingress.
            named_by: The engine's name for the property that holds the record's name, for a package that can rename a
                record in place. With `named_by`, a new name replaces the record. Otherwise, the engine would not delete
                the old record before an ingress that has `delete_before_replace=True`.

        Returns:
            The options to pass to the resource of each record.
        """
        ours = pulumi.ResourceOptions(
            parent=self.delegation,
            depends_on=[self.agent_ingress],
            replace_on_changes=[named_by] if named_by else None,
            # A package that can choose names itself requests to delete the old record first if the name comes from the
            # program, because two records might have the same name. There would be no delegation in between.
            delete_before_replace=False,
        )
        if given is not None and given.import_ is not None:
            self._require_existing_ingress()
        return pulumi.ResourceOptions.merge(ours, given)

    def _require_existing_ingress(self) -> None:
        """Fails the preview if this run creates the ingress, because existing records have other values.

        In an update, the run would fail at the records, when it has already replaced the ingress.
        """

        def check(known: Sequence[Any]) -> Any:
            if pulumi.contains_unknowns(known[0]) and pulumi.contains_unknowns(known[1]):
                raise self.error(
                    "its adapter imports the records of an existing ingress, and this run creates another one, or the "
                    "preview can't read the ingress: remove import_ or record_ids, or check the API key"
                )

        pulumi.Output.all(self.agent_ingress.id, self.ns_targets).apply(check, run_with_unknowns=True)

    def within(self, zone: pulumi.Input[str] | None) -> pulumi.Output[str]:
        """Returns the domain, which must be below the apex of the zone.

        Args:
            zone: The name of the zone. None if the name is not known: then the domain is not checked.

        Returns:
            The domain. The preview and the update fail if the domain is outside the zone or is the apex of the zone.
        """
        if zone is None:
            return self.domain
        return pulumi.Output.all(self.domain, self.relative_to(zone)).apply(lambda known: str(known[0]))

    def relative_to(self, zone: pulumi.Input[str]) -> pulumi.Output[str]:
        """Returns the domain without the name of the zone, such as "connect" for connect.acme.com in acme.com.

        Args:
            zone: The name of the zone.

        Returns:
            The name. The preview and the update fail if the domain is outside the zone or is the apex of the zone.
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
        """Returns one of the values, for a package in which each value has its own resource.

        Args:
            index: The index of the value in `ns_targets`.
            count: How many resources the program declares.
            existing: The values of the existing records to import, in the form and order of `ns_targets`. Empty if no
                records are imported.

        Returns:
            The value. The preview and the update fail if ngrok returns another number of values than `count`, or other
            values than `existing`.
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
        """Returns an error that names the delegation. Pulumi shows the error without a traceback."""
        return pulumi.RunError(f'AgentIngressDelegation "{self.name}": {message}')


def canonical_zone(name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Returns the name of a zone in lowercase and without a trailing dot, the form that most DNS packages need."""
    return pulumi.Output.from_input(name).apply(canonical_domain)


class Adapter:
    """An adapter that calls a function."""

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
        function: A function that creates the records, and returns the resource or a list of resources.

    Returns:
        The adapter.
    """
    return Adapter(function)


def package(module: str, *, extra: str) -> Any:
    """Loads a module of a DNS provider's package. The error for a missing package has the command that installs it.

    The function of each adapter calls `package` first, before any record is declared.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise pulumi.RunError(
            f"dns.{extra} needs a package that is not installed: pip install 'pulumi-agin[{extra}]'"
        ) from None
