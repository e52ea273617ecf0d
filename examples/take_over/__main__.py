"""Agent Ingresses that exist already: one that this stack has taken over, and others that it only looks up."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

# As it is, so that nothing changes: `pulumi-agin import --code` prints this for any ingress.
connect = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description="made by hand",
    # `pulumi import` protects what it takes over; without this, the next `pulumi up` would take that away.
    opts=pulumi.ResourceOptions(protect=True),
)

# Another stack's: read in each preview and `up`, and never touched.
shared = agin.get_agent_ingress(domain=config.require("shared"))

account = agin.get_agent_ingresses().agent_ingresses

pulumi.export("ns_targets", connect.ns_targets)
pulumi.export("shared_agent_config", agin.agent_config(shared))
pulumi.export("domains_of_the_account", [each.domain for each in account])
