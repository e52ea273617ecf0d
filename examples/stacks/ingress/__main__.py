"""The stack that owns the Agent Ingress. The stack in ../records delegates its domain."""

import pulumi

import pulumi_agin as agin

ingress = agin.AgentIngress(
    "connect",
    domain=pulumi.Config().require("domain"),
    opts=pulumi.ResourceOptions(protect=True),
)
pulumi.export("connect_id", ingress.id)
