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

    The records are children of this component. The records are created after the ingress and deleted before the
    ingress, because an attacker could hijack the domain if the records outlived the ingress.

    A change of the domain has four steps: create the new ingress, create the new records, delete the old records, and
    delete the old ingress. If the ingress has `delete_before_replace`, both deletes come first. If a run fails between
    two steps, the next `pulumi up` continues, and deletes the old ingress. An interrupted run may leave records that
    are not in the state. Delete such records at the DNS provider.

    Documentation: docs/reference/delegation.md in the repository, and docs/guides/dns.md#prevent-a-domain-takeover for
    the options that break this order

    Attributes:
        ns_targets: The values of the records: lowercase, trailing dot, sorted.
        domain: The delegated domain, in lowercase and without a trailing dot.
        agent_ingress_id: The ID of the ingress. In `pulumi up`, the ID is known only once all records exist, so use
            this output in resources that must wait for the records. In a preview, the ID is known if the ingress
            exists.
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

        The preview checks the values that are already known. It fails in these cases:

        - The domain is outside the zone, or is the apex of the zone.
        - ngrok returned another number of `ns_targets` than the adapter declares.

        Args:
            resource_name: The name of the component in Pulumi.
            agent_ingress: The ingress whose `domain` is delegated to its `ns_targets`.
            dns: An adapter that creates the records, such as `agin.dns.aws(zone_id=…)`; see `pulumi_agin.dns`.
            ttl: The time to live of the records in seconds, 0 to 2147483647. Many DNS providers have narrower limits.
            opts: The options of the component. The component's `providers` and `transforms` apply to the records.

        Raises:
            pulumi.RunError: `deleted_with` in `opts` is `agent_ingress`, or the function of a custom adapter returns no
                records.
        """
        if opts is not None and opts.deleted_with is agent_ingress:
            # When the ingress is deleted, the engine would only remove the records from the state, and not from DNS.
            raise pulumi.RunError(f'AgentIngressDelegation "{resource_name}": deleted_with must not be its ingress')
        super().__init__("agin:index:AgentIngressDelegation", resource_name, {}, opts)
        # `check` also makes the domain canonical, but Pulumi's mocks do not call `check`.
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
        # Without this error, nothing would show that the domain is not delegated.
        if not resources:
            raise records.error("its adapter has returned no records")
        # The ID of a custom resource is known once the resource exists. In a preview, a new record has no known ID, and
        # every use of `agent_ingress_id` would be shown as a change. So a preview waits only for the URNs.
        is_preview = pulumi.runtime.is_dry_run()
        awaited = [
            resource.urn if is_preview or not isinstance(resource, pulumi.CustomResource) else resource.id
            for resource in resources
        ]
        self.agent_ingress_id = pulumi.Output.all(agent_ingress.id, *awaited).apply(lambda values: str(values[0]))
        self.register_outputs(
            {"ns_targets": self.ns_targets, "domain": self.domain, "agent_ingress_id": self.agent_ingress_id}
        )
