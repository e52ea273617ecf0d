"""A device gateway: connect URLs for fleets of devices, with the devices' configuration in a secret."""

import pulumi
import pulumi_aws as aws

import pulumi_agin as agin


class DeviceGateway(pulumi.ComponentResource):
    """A connect URL with its delegation and its certificate, and the agents' configuration."""

    def __init__(
        self,
        name: str,
        domain: pulumi.Input[str],
        zone_id: pulumi.Input[str],
        zone_name: pulumi.Input[str],
        authtoken: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("acme:index:DeviceGateway", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        ingress = agin.AgentIngress(
            name,
            domain=domain,
            description=f"devices of {name}",
            certificate_management_policy=agin.AgentIngressCertPolicyArgs(
                authority=agin.CertificateAuthority.LETSENCRYPT, private_key_type=agin.PrivateKeyType.ECDSA
            ),
            # Devices in the field depend on this domain, so it must not be deleted by accident.
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        delegation = agin.AgentIngressDelegation(
            name,
            agent_ingress=ingress,
            dns=agin.dns.aws(zone_id=zone_id, zone_name=zone_name),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        certificate = agin.AgentIngressCertificateValidation(
            name, agent_ingress_id=delegation.agent_ingress_id, opts=child
        )
        # The devices read it when they start. It exists only once the certificate is issued.
        secret = aws.secretsmanager.Secret(name, opts=pulumi.ResourceOptions(parent=self, depends_on=[certificate]))
        aws.secretsmanager.SecretVersion(
            name, secret_id=secret.id, secret_string=agin.agent_config(ingress, authtoken=authtoken), opts=child
        )
        self.connect_url = certificate.domain
        self.renews_at = certificate.renews_at
        self.secret_arn = secret.arn
        self.register_outputs(
            {"connect_url": self.connect_url, "renews_at": self.renews_at, "secret_arn": self.secret_arn}
        )


config = pulumi.Config()
zone = aws.route53.get_zone_output(name=config.require("zone"))

gateways = {
    site: DeviceGateway(
        site,
        domain=f"{site}.{config.require('zone')}",
        zone_id=zone.zone_id,
        zone_name=zone.name,
        authtoken=config.require_secret("authtoken"),
    )
    for site in config.require_object("sites")
}

pulumi.export("connect_urls", {site: gateway.connect_url for site, gateway in gateways.items()})
pulumi.export("renewals", {site: gateway.renews_at for site, gateway in gateways.items()})
pulumi.export("secrets", {site: gateway.secret_arn for site, gateway in gateways.items()})
