"""A connect URL for ngrok agents, with its zone at Cloudflare."""

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

# Cloudflare has a record for each name server. They are named by their values, so that one that comes or goes
# changes no other.
delegation = agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.cloudflare(zone_id=config.require("zoneId"), zone_name=config.require("zone")),
)

certificate = agin.AgentIngressCertificateValidation("connect", agent_ingress_id=delegation.agent_ingress_id)

pulumi.export("ns_targets", delegation.ns_targets)
pulumi.export("renews_at", certificate.renews_at)
# The ngrok.yml of every agent; a secret where it holds an authtoken.
pulumi.export("agent_config", agin.agent_config(ingress, authtoken=config.get_secret("authtoken")))
