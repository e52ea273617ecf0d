"""AgentIngressDelegation: the NS records that delegate an Agent Ingress's domain to ngrok, at any DNS provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pulumi

from .agent_ingress import AgentIngress
from .api.text import one_line
from .dns.records import DnsAdapter, NsRecords, canonical_name
from .dynamic.rfc2136 import LONGEST_TTL_SECONDS

DEFAULT_TTL_SECONDS = 300


class AgentIngressDelegation(pulumi.ComponentResource):
    """The NS records that delegate the domain of an Agent Ingress to ngrok: its children, by a DNS provider's package.

    They are made after the ingress and deleted before it, as a delegation that outlives its ingress can be taken over
    by others. A run that is killed may leave records that the state does not know of, and that nothing deletes.
    """

    ns_targets: pulumi.Output[Sequence[str]]
    """The values of the records: lower case, trailing dot, sorted."""
    domain: pulumi.Output[str]
    """The domain that is delegated."""
    agent_ingress_id: pulumi.Output[str]
    """The ingress's id, which is known only when all records exist: what has to wait for them takes it from here.

    A preview, in which nothing is made, knows it as soon as the ingress exists.
    """

    def __init__(
        self,
        resource_name: str,
        agent_ingress: AgentIngress,
        dns: DnsAdapter,
        ttl: pulumi.Input[int] = DEFAULT_TTL_SECONDS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares the delegation.

        agent_ingress: whose `domain` is delegated to its `ns_targets`.
        dns: where, such as `agin.dns.aws(zone_id=…)`; see `pulumi_agin.dns`.
        ttl: how long others may remember the records, in seconds; 0 to 2147483647, or what the DNS provider takes.
        opts: `providers` are those of the records, `transforms` change their arguments and options.

        What is wrong is shown by the preview, as soon as it can be known: a domain outside of the zone, the zone's
        apex, no name servers, a ttl that the DNS provider does not take. Raises pulumi.RunError where `agent_ingress`
        or `dns` is something else.
        """
        # From a program that nobody has type-checked.
        if not isinstance(cast(object, agent_ingress), AgentIngress):
            raise pulumi.RunError(
                f"agent_ingress of the delegation {resource_name} must be an AgentIngress; got "
                f"{type(agent_ingress).__name__}"
            )
        if not callable(getattr(dns, "create_records", None)):
            raise pulumi.RunError(
                f"dns of the delegation {resource_name} must be an adapter such as agin.dns.aws(zone_id=…), or "
                f"agin.dns.custom(function); got {type(dns).__name__}"
            )
        super().__init__("agin:index:AgentIngressDelegation", resource_name, {}, opts)
        # As check has it, which does not run under Pulumi's mocks.
        self.domain = canonical_name(agent_ingress.domain)
        self.ns_targets = pulumi.Output.all(self.domain, agent_ingress.ns_targets).apply(lambda known: _some(*known))
        records = NsRecords(
            name=resource_name,
            domain=self.domain,
            ns_targets=self.ns_targets,
            ttl=pulumi.Output.from_input(ttl).apply(lambda seconds: _ttl(resource_name, seconds)),
            delegation=self,
            agent_ingress=agent_ingress,
        )
        made: Any = dns.create_records(records)
        # In a list, as Pulumi would take a Resource alone for a nested value.
        all_exist = pulumi.Output.all(made).apply(lambda known: _all_exist(resource_name, known[0]))
        self.agent_ingress_id = pulumi.Output.all(agent_ingress.id, all_exist).apply(lambda known: str(known[0]))
        self.register_outputs(
            {"ns_targets": self.ns_targets, "domain": self.domain, "agent_ingress_id": self.agent_ingress_id}
        )


def _some(domain: str, ns_targets: Sequence[str]) -> Sequence[str]:
    if not ns_targets:
        raise pulumi.RunError(
            f"ngrok names no name servers for {domain}, so there is nothing to delegate it to: ask ngrok's support"
        )
    return ns_targets


def _ttl(name: str, seconds: Any) -> int:
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_TTL_SECONDS or seconds != int(seconds):
        raise pulumi.RunError(
            f"the ttl of the delegation {name} is {one_line(repr(seconds), 40)}, and must be a whole number of seconds "
            f"from 0 to {LONGEST_TTL_SECONDS}, such as {DEFAULT_TTL_SECONDS}"
        )
    return int(seconds)


def _all_exist(name: str, made: Any) -> pulumi.Output[Any]:
    """Known when all of the records exist; in a preview, where nothing is made, at once."""
    resources = [made] if isinstance(made, pulumi.Resource) else made
    is_list = isinstance(resources, list | tuple) and bool(resources)
    if not is_list or not all(isinstance(each, pulumi.Resource) for each in resources):
        raise pulumi.RunError(
            f"the dns of the delegation {name} gave back {type(made).__name__}: its function has to give back the "
            "record that it made, or a list of them"
        )
    # The id of a record that is to be made is not known in a preview, which would then show all that takes the
    # ingress's id from here as changing. A component has none.
    is_preview = pulumi.runtime.is_dry_run()
    return pulumi.Output.all(
        *(each.urn if is_preview or not isinstance(each, pulumi.CustomResource) else each.id for each in resources)
    )
