"""AgentIngressDelegation: the NS records that delegate the domain of an Agent Ingress, at any DNS provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from .agent_ingress import AgentIngress
from .api.values import canonical_domain
from .dns.adapter import DnsAdapter, NsRecords
from .lifecycle.limits import DEFAULT_TTL_SECONDS


class AgentIngressDelegation(pulumi.ComponentResource):
    """The NS records that delegate the domain of an Agent Ingress to ngrok, created with a DNS provider's package.

    The records are children of this component. They are created after the ingress and deleted before it, because an
    attacker could hijack the domain of a delegation that outlives its ingress. A change of the domain creates the new
    ingress, then its records, then deletes the old records, and the old ingress last. If the ingress has
    `delete_before_replace`, the old records and the old ingress are deleted first. If a run fails in between, the next
    `pulumi up` continues, and deletes the old ingress. An interrupted run may leave records that are not in the state.
    Delete them at the DNS provider.

    Documentation: docs/reference/delegation.md in the repository, and docs/guides/dns.md#prevent-a-domain-takeover for
    the options that break this order

    Attributes:
        ns_targets: The values of the records: lowercase, trailing dot, sorted.
        domain: The delegated domain, in lowercase and without a trailing dot.
        agent_ingress_id: The ID of the ingress, known only once all records exist. Use it in resources that must wait
            for them. In a preview, it is known if the ingress exists.
    """

    ns_targets: pulumi.Output[Sequence[str]]
    domain: pulumi.Output[str]
    agent_ingress_id: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        agent_ingress: AgentIngress,
        dns: DnsAdapter,
        ttl: pulumi.Input[int] = DEFAULT_TTL_SECONDS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares the NS records of an Agent Ingress.

        The preview fails if the domain is outside the zone or is its apex, and if ngrok returns another number of
        `ns_targets` than the adapter declares. It can check only values that are known.

        Args:
            resource_name: The name of the component in Pulumi.
            agent_ingress: The ingress whose `domain` is delegated to its `ns_targets`.
            dns: An adapter that creates the records, such as `agin.dns.aws(zone_id=…)`; see `pulumi_agin.dns`.
            ttl: The time to live of the records in seconds, 0 to 2147483647. Many DNS providers have narrower limits.
            opts: The options of the component. The records use its `providers`, and its `transforms` apply to them.

        Raises:
            pulumi.RunError: `deleted_with` in `opts` is `agent_ingress`, or the function of a custom adapter returns no
                records.
        """
        if opts is not None and opts.deleted_with is agent_ingress:
            # The engine would not delete the records, so that nobody would see them again.
            raise pulumi.RunError(f'AgentIngressDelegation "{resource_name}": deleted_with must not be its ingress')
        super().__init__("agin:index:AgentIngressDelegation", resource_name, {}, opts)
        # `check` makes it canonical, too, but does not run under Pulumi's mocks.
        self.domain = agent_ingress.domain.apply(canonical_domain)
        self.ns_targets = agent_ingress.ns_targets
        records = NsRecords(
            name=resource_name,
            domain=self.domain,
            ns_targets=self.ns_targets,
            ttl=ttl,
            delegation=self,
            agent_ingress=agent_ingress,
        )
        created = dns.create_records(records)
        resources: Sequence[Any] = [created] if isinstance(created, pulumi.Resource) else created
        # Without records, nothing would show that the domain is not delegated.
        if not resources:
            raise records.error("its adapter has returned no records")
        # A resource exists if its ID is known. The ID of a record that a preview creates is not, so there, everything
        # that uses `agent_ingress_id` would be shown as changing.
        is_preview = pulumi.runtime.is_dry_run()
        awaited = [
            resource.urn if is_preview or not isinstance(resource, pulumi.CustomResource) else resource.id
            for resource in resources
        ]
        self.agent_ingress_id = pulumi.Output.all(agent_ingress.id, *awaited).apply(lambda values: str(values[0]))
        self.register_outputs(
            {"ns_targets": self.ns_targets, "domain": self.domain, "agent_ingress_id": self.agent_ingress_id}
        )
