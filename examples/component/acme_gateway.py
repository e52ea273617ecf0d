"""A component for programs in any language: an Agent Ingress with its NS records in Route 53."""

from typing import TypedDict

import pulumi
from pulumi.provider.experimental import component_provider_host

import pulumi_agin as agin


class GatewayArgs(TypedDict):
    domain: pulumi.Input[str]
    zone_id: pulumi.Input[str]
    zone_name: pulumi.Input[str]


class Gateway(pulumi.ComponentResource):
    agent_config: pulumi.Output[str]

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:Gateway", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        ingress = agin.AgentIngress(name, domain=args["domain"], opts=inside)
        agin.AgentIngressDelegation(
            name,
            agent_ingress=ingress,
            dns=agin.dns.aws(zone_id=args["zone_id"], zone_name=args["zone_name"]),
            opts=inside,
        )
        self.agent_config = agin.agent_config(ingress)
        self.register_outputs({"agent_config": self.agent_config})


def serve() -> None:
    """Serves the component to programs in other languages."""
    component_provider_host(name="gateway", namespace="acme", components=[Gateway])
