"""A connect URL for ngrok agents in a Cloudflare zone."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

ingress = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description="acme devices",
    certificate_management_policy={"authority": "letsencrypt"},
    opts=pulumi.ResourceOptions(protect=True),
)

# Cloudflare has a record for each name server: connect-1 to connect-4.
delegation = agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.cloudflare(zone_id=config.require("zoneId"), zone_name=config.require("zone")),
    opts=pulumi.ResourceOptions(protect=True),
)

certificate = agin.AgentIngressCertificateValidation("connect", agent_ingress_id=delegation.agent_ingress_id)

pulumi.export("ns_targets", delegation.ns_targets)
pulumi.export("renews_at", certificate.renews_at)
# The ngrok.yml of every agent. It is a secret if it has an authtoken.
pulumi.export("agent_config", agin.agent_config(ingress, authtoken=config.get_secret("authtoken")))
