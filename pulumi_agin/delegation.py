"""AgentIngressDelegation: the NS records that delegate the domain of an Agent Ingress, at any DNS provider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pulumi

from .agent_ingress import AgentIngress
from .base.names import LONGEST_TTL_SECONDS
from .base.redaction import one_line
from .dns.adapter import DnsAdapter, NsRecords, canonical_name
from .dns.former_domain import require_new_domain
from .lifecycle import urns
from .program.aliases import former_urns
from .program.errors import WrongArgumentsError, place_in_program
from .program.resource import deleted_with_problem, require_options
from .program.run import ProgramRun

DEFAULT_TTL_SECONDS = 300


class AgentIngressDelegation(pulumi.ComponentResource):
    """The NS records that delegate the domain of an Agent Ingress to ngrok, created with a DNS provider's package.

    The records are children of this component. They are created after the ingress and deleted before it, because an
    attacker could hijack the domain of a delegation that outlives its ingress. An interrupted run may leave records
    that are not in the state. Delete them at the DNS provider.

    Documentation: docs/reference/delegation.md in the repository

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

        The preview fails if the domain is outside the zone or is its apex, if the ingress has no `ns_targets`, and
        if the DNS provider does not accept the TTL. It can check only values that are known.

        Args:
            resource_name: The name of the component in Pulumi.
            agent_ingress: The ingress whose `domain` is delegated to its `ns_targets`.
            dns: An adapter that creates the records, such as `agin.dns.aws(zone_id=…)`; see `pulumi_agin.dns`.
            ttl: The time to live of the records in seconds, 0 to 2147483647. Many DNS providers have narrower limits.
            opts: The options of the component. The records use its `providers`, and its `transforms` apply to them.

        Raises:
            pulumi.RunError: `agent_ingress` is not an AgentIngress, `dns` is not an adapter, or `opts` has a
                `deleted_with` by which the records would stay.
        """
        # The program may not be type-checked.
        if not isinstance(cast(object, agent_ingress), AgentIngress):
            # A component in another process gets only Outputs.
            advice = ". From an Output of its ID, AgentIngress.get(NAME, ID) makes one"
            raise WrongArgumentsError(
                f'AgentIngressDelegation "{resource_name}": agent_ingress must be an AgentIngress; got '
                f"{type(agent_ingress).__name__}{advice if isinstance(agent_ingress, pulumi.Output) else ''}"
            )
        if not callable(getattr(dns, "create_records", None)):
            raise WrongArgumentsError(
                f'AgentIngressDelegation "{resource_name}": dns must be an adapter such as agin.dns.aws(zone_id=…), or '
                f"agin.dns.custom(function); got {type(dns).__name__}"
            )
        require_options(opts, "AgentIngressDelegation")
        # The records inherit this option.
        if problem := deleted_with_problem(opts, opts.parent if opts else None):
            raise WrongArgumentsError(f'AgentIngressDelegation "{resource_name}": {problem}')
        super().__init__(urns.DELEGATION, resource_name, {}, opts)
        # `check` makes it canonical, too, but does not run under Pulumi's mocks.
        self.domain = canonical_name(agent_ingress.domain)
        place = place_in_program()
        self.ns_targets = pulumi.Output.all(self.domain, agent_ingress.ns_targets).apply(
            lambda known: _valid_ns_targets(place, *known)
        )
        records = NsRecords(
            name=resource_name,
            domain=self.domain,
            ns_targets=self.ns_targets,
            ttl=pulumi.Output.from_input(ttl).apply(lambda seconds: _valid_ttl(place, resource_name, seconds)),
            delegation=self,
            agent_ingress=agent_ingress,
            place=place,
            former_urns=former_urns(self, opts.parent if opts else None),
        )
        made: Any = dns.create_records(records)
        # `all` puts it into a list, because Pulumi would treat a single Resource as a nested value.
        existence = pulumi.Output.all(made).apply(lambda known: _existence_of(place, resource_name, known[0]))
        watched: pulumi.Input[None] = ProgramRun.current().failed_resources.watch_records(self, existence)
        # As an Output, so that the program waits for it.
        pulumi.Output.from_input(watched)
        moved: pulumi.Output[None] = pulumi.Output.all(made).apply(lambda known: require_new_domain(records, known[0]))
        self.agent_ingress_id = pulumi.Output.all(agent_ingress.id, existence, moved).apply(lambda known: str(known[0]))
        self.register_outputs(
            {"ns_targets": self.ns_targets, "domain": self.domain, "agent_ingress_id": self.agent_ingress_id}
        )


def _valid_ns_targets(place: str, domain: str, ns_targets: Sequence[str]) -> Sequence[str]:
    if not ns_targets:
        raise pulumi.RunError(
            f"{place}: ngrok returned no ns_targets for {domain}, so it can't be delegated; contact ngrok support"
        )
    return ns_targets


def _valid_ttl(place: str, name: str, seconds: Any) -> int:
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds <= LONGEST_TTL_SECONDS or seconds != int(seconds):
        raise pulumi.RunError(
            f'{place}: AgentIngressDelegation "{name}": ttl is {one_line(repr(seconds), 40)}, but must be a whole '
            f"number of seconds from 0 to {LONGEST_TTL_SECONDS}, such as {DEFAULT_TTL_SECONDS}"
        )
    return int(seconds)


def _existence_of(place: str, name: str, made: Any) -> pulumi.Output[Any]:
    """Returns an output that is known when all records exist, and immediately in a preview, which creates nothing."""
    resources = [made] if isinstance(made, pulumi.Resource) else made
    is_list = isinstance(resources, list | tuple) and bool(resources)
    if not is_list or not all(isinstance(each, pulumi.Resource) for each in resources):
        raise pulumi.RunError(
            f'{place}: AgentIngressDelegation "{name}": the dns function returned {type(made).__name__}: it must '
            "return the record that it created, or a list of them"
        )
    # In a preview, the ID of a record that is to be created is not known, so everything that uses `agent_ingress_id`
    # would be shown as changing. A component has no ID.
    is_preview = pulumi.runtime.is_dry_run()
    return pulumi.Output.all(
        *(each.urn if is_preview or not isinstance(each, pulumi.CustomResource) else each.id for each in resources)
    )
