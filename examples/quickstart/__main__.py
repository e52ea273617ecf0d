"""An ngrok Agent Ingress: the custom connect URL of a fleet of ngrok agents."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

ingress = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description=config.get("description") or "acme devices",
    # A fleet depends on this domain, so Pulumi does not delete or replace the ingress until it is unprotected:
    # run `pulumi state unprotect URN`, or set protect=False and run `pulumi up`.
    opts=pulumi.ResourceOptions(protect=True),
)

pulumi.export("agent_ingress_id", ingress.id)
pulumi.export("domain", ingress.domain)
# The values of the domain's NS records: pass ingress.ns_targets to a record of your DNS package.
pulumi.export("ns_targets", ingress.ns_targets)
pulumi.export("region_domains", ingress.region_domains)
