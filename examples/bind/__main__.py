"""A connect URL for ngrok agents in a zone on your own BIND server, with the agents' configuration."""

import pulumi

import pulumi_agin as agin

config = pulumi.Config()

# Not protected, so that the demo can destroy it. In production, use ResourceOptions(protect=True).
ingress = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description="acme devices",
    certificate_management_policy={"authority": "letsencrypt"},
)

delegation = agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.rfc2136(
        server=config.require("server"),
        port=config.get_int("port") or 53,
        zone=config.require("zone"),
        tsig_key_name=config.require("tsigKeyName"),
        tsig_secret=config.require_secret("tsigSecret"),
    ),
)

certificate = agin.AgentIngressCertificateValidation(
    "connect",
    agent_ingress_id=delegation.agent_ingress_id,
    timeout_seconds=config.get_float("certificateTimeoutSeconds") or 2700,
)

pulumi.export("agent_ingress_id", ingress.id)
pulumi.export("ns_targets", delegation.ns_targets)
pulumi.export("renews_at", certificate.renews_at)
# The ngrok.yml of every agent. It is a secret if it has an authtoken.
pulumi.export("agent_config", agin.agent_config(ingress, authtoken=config.get_secret("authtoken")))
