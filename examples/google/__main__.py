"""A connect URL for ngrok agents, with its zone in Google Cloud DNS and their configuration in the Secret Manager."""

import pulumi
import pulumi_gcp as gcp

import pulumi_agin as agin

config = pulumi.Config()
zone = gcp.dns.get_managed_zone_output(name=config.require("managedZone"))

ingress = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description="acme devices",
    certificate_management_policy={"authority": "letsencrypt"},
    opts=pulumi.ResourceOptions(protect=True),
)

# Google would replace NS records that the domain has already, without a word.
delegation = agin.AgentIngressDelegation(
    "connect", agent_ingress=ingress, dns=agin.dns.gcp(managed_zone=zone.name, dns_name=zone.dns_name)
)

certificate = agin.AgentIngressCertificateValidation("connect", agent_ingress_id=delegation.agent_ingress_id)

# What an agent starts with, as soon as the connect URL works.
secret = gcp.secretmanager.Secret(
    "agent",
    secret_id=f"ngrok-agent-{pulumi.get_stack()}",
    replication={"auto": {}},
    opts=pulumi.ResourceOptions(depends_on=[certificate]),
)
gcp.secretmanager.SecretVersion(
    "agent",
    secret=secret.id,
    secret_data=agin.agent_config(ingress, authtoken=config.require_secret("authtoken")),
)

pulumi.export("ns_targets", delegation.ns_targets)
pulumi.export("renews_at", certificate.renews_at)
pulumi.export("secret", secret.id)
