"""A connect URL for ngrok agents in an Azure DNS zone, with the agents' configuration in a key vault."""

import pulumi
from pulumi_azure_native import keyvault

import pulumi_agin as agin

config = pulumi.Config()
resource_group = config.require("resourceGroup")

ingress = agin.AgentIngress(
    "connect",
    domain=config.require("domain"),
    description="acme devices",
    certificate_management_policy={"authority": "letsencrypt"},
    opts=pulumi.ResourceOptions(protect=True),
)

delegation = agin.AgentIngressDelegation(
    "connect",
    agent_ingress=ingress,
    dns=agin.dns.azure(resource_group_name=resource_group, zone_name=config.require("zone")),
    opts=pulumi.ResourceOptions(protect=True),
)

certificate = agin.AgentIngressCertificateValidation("connect", agent_ingress_id=delegation.agent_ingress_id)

# The agents' configuration. It exists only once the certificate is issued.
secret = keyvault.Secret(
    "agent",
    resource_group_name=resource_group,
    vault_name=config.require("vault"),
    secret_name=f"ngrok-agent-{pulumi.get_stack()}",
    properties={"value": agin.agent_config(ingress, authtoken=config.require_secret("authtoken"))},
    opts=pulumi.ResourceOptions(depends_on=[certificate]),
)

pulumi.export("ns_targets", delegation.ns_targets)
pulumi.export("renews_at", certificate.renews_at)
pulumi.export("secret", secret.id)
