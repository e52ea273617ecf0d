"""The stack that owns the NS records of an Agent Ingress in another stack."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

edge = pulumi.StackReference(config.require("ingressStack"))
# Only reads the ingress. This stack never changes or deletes it.
ingress = agin.AgentIngress.get("connect", edge.require_output("connect_id"))
agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.rfc2136(
        server=config.require("server"),
        port=config.get_int("port") or 53,
        zone=config.require("zone"),
        tsig_key_name=config.require("tsigKeyName"),
        tsig_secret=config.require_secret("tsigSecret"),
    ),
    opts=pulumi.ResourceOptions(protect=True),
)
