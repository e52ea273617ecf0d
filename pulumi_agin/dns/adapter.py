"""Protocol of adapters, the NS records that they create, and helpers for all DNS packages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pulumi

from pulumi_agin.base.installation import missing_extra
from pulumi_agin.base.names import canonical_domain, zone_problem
from pulumi_agin.lifecycle.urns import Urn
from pulumi_agin.program import sdk
from pulumi_agin.program.aliases import former_name
from pulumi_agin.program.errors import WrongZonesError, place_in_program
from pulumi_agin.program.resource import deleted_with_problem
from pulumi_agin.program.run import ProgramRun

Made: TypeAlias = pulumi.Input[pulumi.Resource | Sequence[pulumi.Resource]]


class DnsAdapter(Protocol):
    """An adapter, which creates the records of a delegation in a zone with the package of a DNS provider.

    `pulumi_agin.dns` has adapters for many packages. To write your own, implement this method, or pass a function with
    the same parameter to `dns.custom`.
    """

    def create_records(self, records: NsRecords, /) -> Made:
        """Creates the resources of the records, all with the options `records.options(…)`.

        Without these options, which nothing checks, a record may outlive its ingress. If the package needs a resource
        for each value, use `records.of_each` for their names and previews.

        Args:
            records: The records to create.

        Returns:
            The resource, a list of resources, or an Output of either.
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
    ttl: pulumi.Output[int]
    """The time to live of the records, in seconds."""
    delegation: pulumi.ComponentResource
    """The parent of the records."""
    agent_ingress: pulumi.CustomResource
    """The Agent Ingress, which exists as long as the records do."""
    place: str = ""
    """The file and line of the program that declare the delegation, for messages."""
    former_urns: Sequence[pulumi.Output[str]] = ()
    """The URNs that the delegation had before, by its aliases and those of its parent."""

    def options(
        self,
        given: pulumi.ResourceOptions | None = None,
        *,
        named_by: str | None = None,
        name: str | None = None,
    ) -> pulumi.ResourceOptions:
        """Returns the options of each record: a child of the delegation, deleted before the ingress is.

        When the domain changes, the new record is created before the old one is deleted, even if the package requests
        the opposite: `delete_before_replace` is False. When the delegation is renamed or moved with aliases, the record
        gets its own.

        Args:
            given: Further options from the program, such as a provider. Its `delete_before_replace` takes precedence.
            named_by: The engine's name for the property that holds the record's name, for a package that changes it in
                place. The record is then replaced instead. Without this, an ingress with `delete_before_replace=True`
                would be deleted while its record is still there.
            name: The name of the resource, if it differs from `name` of the records.

        Returns:
            The options to pass to the resource of each record.

        Raises:
            pulumi.RunError: `given` has a `deleted_with` by which the record would stay.
        """
        name = name or self.name

        def alias(urn: str) -> pulumi.Alias:
            former = Urn.parse(urn)
            # A URN has only the types of the parents. The engine would misread a parent's name that contains "::".
            parent = str(former._replace(name="delegation"))
            return pulumi.Alias(name=former_name(name, self.name, former.name), parent=parent)

        ours = pulumi.ResourceOptions(
            parent=self.delegation,
            aliases=[urn.apply(alias) for urn in self.former_urns],
            depends_on=[self.agent_ingress],
            replace_on_changes=[named_by] if named_by else None,
            # A package that can choose a name itself assumes that two records can't share a name from the program, and
            # requests that the old record is deleted first. Until the new one exists, there would be no delegation.
            delete_before_replace=False,
        )
        merged = pulumi.ResourceOptions.merge(ours, given)
        reject_deleted_with(self, merged)
        return merged

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
        run = ProgramRun.current()

        def check(domain: str, zone: str) -> None:
            if problem := zone_problem(domain, zone):
                run.add_wrong_zone(self.delegation, str(error(self, problem)))

        def name(domain: str, zone: str) -> str:
            check(domain, zone)
            if self.delegation in run.wrong_zones:
                raise WrongZonesError(run.wrong_zones)
            return domain.removesuffix(f".{zone}")

        # A domain that the program has as a string is checked now, so that one error has the problems of all
        # delegations: the engine returns it only when the ingress is registered, and the first error ends the program.
        declared: str | None = getattr(self.agent_ingress, "_declared_domain", None)
        if declared is not None:
            canonical_name(zone).apply(lambda known: check(declared, known))
        return pulumi.Output.all(self.domain, canonical_name(zone)).apply(lambda known: name(*known))

    def ttl_where(self, is_right: Callable[[int], bool], right: str) -> pulumi.Output[int]:
        """Returns the TTL, and fails if the DNS provider does not accept it.

        Args:
            is_right: Returns whether the DNS provider accepts a TTL in seconds.
            right: The TTLs that it accepts, for the message, such as "60 seconds or more".

        Returns:
            The TTL in seconds. The preview and the update fail if the DNS provider does not accept it.
        """

        def valid(ttl: int) -> int:
            if not is_right(ttl):
                raise error(
                    self, f"the ttl of the delegation {self.name} is {ttl}, but this DNS provider accepts {right}"
                )
            return ttl

        return self.ttl.apply(valid)

    def undotted(self) -> pulumi.Output[list[str]]:
        """Returns `ns_targets` without trailing dots."""
        return self.ns_targets.apply(lambda targets: [target.rstrip(".") for target in targets])

    def of_each(self, make: Callable[[str, str], pulumi.Resource]) -> pulumi.Output[list[pulumi.Resource]]:
        """Creates a resource for each value, for a package in which a record has one value.

        The resources are named after their values, so that adding or removing a value changes no other record. While
        the values are unknown, no record is shown, and a preview logs that.

        Args:
            make: Creates one resource from its name, which `options` needs, too, and its value.

        Returns:
            The resources.
        """
        # As an Output, so that the program waits for it.
        announced: pulumi.Input[None] = self._announce()
        pulumi.Output.from_input(announced)
        return self.ns_targets.apply(lambda targets: [make(resource_name(self, target), target) for target in targets])

    async def _announce(self) -> None:
        """Logs why the records are not in this preview, unless their values are known or something else has logged it.

        If the ingress exists, the program has read it for the preview, or has warned that it can't.
        """
        if await is_ingress_to_be_created(self):
            pulumi.log.info(
                f"the NS records of {self.name} are not shown yet: ngrok returns their values when the Agent "
                "Ingress is created, and the same `pulumi up` then creates the records",
                self.delegation,
            )


async def is_ingress_to_be_created(records: NsRecords) -> bool:
    """Returns whether this is a preview that creates or replaces the ingress: only then is its ID not known."""
    return pulumi.runtime.is_dry_run() and not await sdk.is_known(records.agent_ingress.id)


def resource_name(records: NsRecords, target: str) -> str:
    """Returns the name of the resource with this value, for a package with a resource for each value."""
    return f"{records.name}-{target.rstrip('.')}"


def canonical_name(name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Returns the name of a domain or a zone in lowercase and without a trailing dot, as most DNS packages need it."""
    return pulumi.Output.from_input(name).apply(canonical_domain)


def error(records: NsRecords, message: str) -> pulumi.RunError:
    """Returns an error that begins with the place of the delegation in the program."""
    return pulumi.RunError(f"{records.place}: {message}" if records.place else message)


def reject_deleted_with(records: NsRecords, opts: pulumi.ResourceOptions | None) -> None:
    """Fails if the records would stay at the DNS provider because of their `deleted_with`, which may name the zone."""
    if problem := deleted_with_problem(opts, records.delegation):
        raise error(records, f"the records of the delegation {records.name}: {problem}")


def invoke_options(records: NsRecords, opts: pulumi.ResourceOptions | None) -> pulumi.InvokeOutputOptions:
    """Returns the options of a function of the package, which uses the provider of the records."""
    return pulumi.InvokeOutputOptions(parent=records.delegation, provider=opts.provider if opts else None)


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
        function: Creates the records, and returns the resource, a list of resources, or an Output of either.

    Returns:
        The adapter.
    """
    return Adapter(function)


def package(module: str, *, extra: str) -> Any:
    """Loads a module of a DNS provider's package, or fails with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise pulumi.RunError(f"{place_in_program()}: {missing_extra(f'dns.{extra}', extra)}") from None
