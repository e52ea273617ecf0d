"""A connect URL for ngrok agents in a Google Cloud DNS zone, with the agents' configuration in Secret Manager."""

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

# Google's provider would overwrite NS records that the domain already has, without a warning.
delegation = agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.gcp(managed_zone=zone.name, dns_name=zone.dns_name),
    opts=pulumi.ResourceOptions(protect=True),
)

certificate = agin.AgentIngressCertificateValidation("connect", agent_ingress_id=delegation.agent_ingress_id)

# The agents' configuration. It exists only once the certificate is issued.
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
