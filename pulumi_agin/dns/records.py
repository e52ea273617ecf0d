"""What an adapter is told: the NS records to make, and what every DNS package needs done alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pulumi

from pulumi_agin.api.models import canonical_domain

Made: TypeAlias = pulumi.Input[pulumi.Resource | Sequence[pulumi.Resource]]


class DnsAdapter(Protocol):
    """Where a delegation's records are made: a DNS provider's package, and the zone in it.

    `pulumi_agin.dns` has those of many packages. Whoever writes one implements this method, or gives a function of
    the same signature to `dns.custom`.
    """

    def create_records(self, records: NsRecords, /) -> Made:
        """Makes the resources of `records`, all with `records.options(…)`, and gives them back.

        A resource for each value comes from `records.of_each`: so names and previews are right.
        """
        ...


@dataclass(frozen=True)
class NsRecords:
    """NS records that delegate a domain to ngrok."""

    name: str
    """The delegation's name, and so that of the one resource with all values."""
    domain: pulumi.Output[str]
    """The domain, in lower case and without a trailing dot."""
    ns_targets: pulumi.Output[Sequence[str]]
    """The records' values: lower case, one trailing dot, sorted; never none. Not known before the ingress is made."""
    ttl: pulumi.Output[int]
    """In seconds."""
    delegation: pulumi.ComponentResource
    agent_ingress: pulumi.CustomResource

    def options(
        self, given: pulumi.ResourceOptions | None = None, *, named_by: str | None = None
    ) -> pulumi.ResourceOptions:
        """Gives the options of each record: a child of the delegation, deleted before the ingress is.

        When the domain changes, the new record is created before the old one is deleted, whatever the package asks of
        the engine: `delete_before_replace` is False.

        Args:
            given: What the program wants besides, such as a provider. Its `delete_before_replace` wins over ours.
            named_by: The engine's name of the property that holds the record's name, for a package that changes it in
                place. The record is then replaced instead. Without this, an ingress with `delete_before_replace=True`
                would be deleted while its record is still there.

        Returns:
            The options to pass to the resource of each record.
        """
        ours = pulumi.ResourceOptions(
            parent=self.delegation,
            depends_on=[self.agent_ingress],
            replace_on_changes=[named_by] if named_by else None,
            # A package that can choose a record's name takes a name that it is given for one that two records can't
            # share, and asks the engine to delete the old record first. Until the new one exists, there would be no
            # delegation.
            delete_before_replace=False,
        )
        return pulumi.ResourceOptions.merge(ours, given)

    def within(self, zone: pulumi.Input[str] | None) -> pulumi.Output[str]:
        """The domain, once it is known to be below the zone's apex. None is a zone whose name is not known."""
        if zone is None:
            return self.domain
        return pulumi.Output.all(self.domain, zone).apply(lambda known: _below(*known) and str(known[0]))

    def relative_to(self, zone: pulumi.Input[str]) -> pulumi.Output[str]:
        """The domain without the zone's name: "connect" in the zone acme.com."""
        return pulumi.Output.all(self.domain, zone).apply(lambda known: _below(*known))

    def ttl_where(self, is_right: Callable[[int], bool], right: str) -> pulumi.Output[int]:
        """The TTL, once it is known to be one that the DNS provider takes; `right` says in words which it takes."""

        def checked(ttl: int) -> int:
            if not is_right(ttl):
                raise pulumi.RunError(
                    f"the ttl of the delegation {self.name} is {ttl}, and this DNS provider takes {right}"
                )
            return ttl

        return self.ttl.apply(checked)

    def undotted(self) -> pulumi.Output[list[str]]:
        """`ns_targets` without trailing dots."""
        return self.ns_targets.apply(lambda targets: [target.rstrip(".") for target in targets])

    def of_each(self, make: Callable[[str, str], pulumi.Resource]) -> pulumi.Output[list[pulumi.Resource]]:
        """A resource for each value, made by `make(name, value)`, where a package wants one for each.

        They are named by their value, so that a value which comes, goes or moves changes no other record. As long as
        the values are not known, nothing is made, and a preview says so.
        """
        self._say_that_they_follow()

        def made(targets: Sequence[str]) -> list[pulumi.Resource]:
            return [make(f"{self.name}-{target.rstrip('.')}", target) for target in targets]

        return self.ns_targets.apply(made)

    def _say_that_they_follow(self) -> None:
        if not pulumi.runtime.is_dry_run():
            return

        async def say() -> bool:
            # Of an ingress that exists, the preview has warned why its values are not known.
            follow = not await self.ns_targets.is_known() and not await self.agent_ingress.id.is_known()
            if follow:
                pulumi.log.info(
                    f"the NS records of {self.name} are not shown yet: ngrok gives their values when the Agent Ingress "
                    "is made, and they follow in the same `pulumi up`",
                    self.delegation,
                )
            return follow

        # As an Output, so that the program waits for it.
        said: pulumi.Input[bool] = say()
        pulumi.Output.from_input(said)


def canonical_name(name: pulumi.Input[str]) -> pulumi.Output[str]:
    """The name of a domain or a zone in lower case and without a trailing dot, as most DNS packages want it."""
    return pulumi.Output.from_input(name).apply(canonical_domain)


def _below(domain: str, zone: str) -> str:
    """The labels of the domain before the zone's. Raises pulumi.RunError where there are none."""
    apex = canonical_domain(zone)
    if domain == apex:
        raise pulumi.RunError(
            f"the domain {domain} is the apex of the zone {apex}, whose NS records are the zone's own: a delegation "
            f"is of a name below it, such as connect.{apex}"
        )
    if not domain.endswith(f".{apex}"):
        raise pulumi.RunError(
            f"the domain {domain} is not in the zone {apex or '(empty)'}: give the delegation's dns the zone that "
            f"{domain} is in"
        )
    return domain.removesuffix(f".{apex}")


# -- adapters ---------------------------------------------------------------------------------------------


class Adapter:
    """An adapter that is a function."""

    def __init__(self, create_records: Callable[[NsRecords], Made]) -> None:
        self._create_records = create_records

    def create_records(self, records: NsRecords, /) -> Made:
        """See DnsAdapter."""
        return self._create_records(records)


def custom(function: Callable[[NsRecords], Made]) -> Adapter:
    """Records of any package: the function makes them, and gives back the resource, or a list or an Output of them.

    ```python
    def in_my_dns(records):
        return my_dns.Record(records.name, host=records.domain, values=records.ns_targets, opts=records.options())

    agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=agin.dns.custom(in_my_dns))
    ```
    """
    return Adapter(function)


def package(module: str, *, extra: str) -> Any:
    """A module of a DNS provider's package. Raises pulumi.RunError, with what to install, where it isn't there."""
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise pulumi.RunError(
            f"dns.{extra} needs a package that is not installed here: pip install 'pulumi-agin[{extra}]'"
        ) from None
