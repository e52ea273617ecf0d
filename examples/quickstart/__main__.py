"""An ngrok Agent Ingress: the custom connect URL that a fleet of ngrok agents dials."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

ingress = agin.AgentIngress(
    "connect",
    domain=config.get("domain") or "connect.acme.com",
    description=config.get("description") or "acme devices",
    # A fleet of devices dials this domain, and the ingress costs money every month. So Pulumi refuses to
    # delete or replace it until it is unprotected: `pulumi state unprotect URN`, or protect=False and an up.
    opts=pulumi.ResourceOptions(protect=True),
)

pulumi.export("agent_ingress_id", ingress.id)
pulumi.export("domain", ingress.domain)
# Delegate the domain to these name servers, by NS records at its DNS provider.
pulumi.export("ns_targets", ingress.ns_targets)
pulumi.export("region_domains", ingress.region_domains)
