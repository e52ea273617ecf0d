"""Existing Agent Ingresses: one that this stack has imported, and others that it only looks up."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

# Declared exactly as it exists, so that nothing changes. `pulumi-agin import --code` prints this for any ingress.
connect = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description="made by hand",
    # `pulumi import` protects the ingress. Without this line, the next `pulumi up` would unprotect it.
    opts=pulumi.ResourceOptions(protect=True),
)

# Owned by another stack: this stack reads it in each preview and update, and never changes it.
shared = agin.get_agent_ingress(domain=config.require("shared"))

account = agin.get_agent_ingresses().agent_ingresses

pulumi.export("ns_targets", connect.ns_targets)
pulumi.export("shared_agent_config", agin.agent_config(shared))
pulumi.export("domains_of_the_account", [each.domain for each in account])
