"""Connect URLs in two ngrok accounts, created by one component, with both domains in one zone."""

import pulumi

import pulumi_agin as agin


class ConnectUrl(pulumi.ComponentResource):
    """A connect URL with its delegation, in the account of the component's provider."""

    def __init__(
        self, name: str, domain: str, dns: agin.dns.DnsAdapter, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("acme:index:ConnectUrl", name, {}, opts)
        # Without a certificate policy, ngrok's internal CA signs the certificate immediately, so no wait is needed.
        ingress = agin.AgentIngress(name, domain=domain, opts=pulumi.ResourceOptions(parent=self, protect=True))
        delegation = agin.AgentIngressDelegation(
            name, agent_ingress=ingress, dns=dns, opts=pulumi.ResourceOptions(parent=self, protect=True)
        )
        self.agent_config = agin.agent_config(ingress)
        self.ns_targets = delegation.ns_targets
        self.register_outputs({"agent_config": self.agent_config, "ns_targets": self.ns_targets})


config = pulumi.Config()
zone = config.require("zone")
dns = agin.dns.rfc2136(
    server=config.require("server"),
    port=config.get_int("port") or 53,
    zone=zone,
    tsig_key_name=config.require("tsigKeyName"),
    tsig_secret=config.require_secret("tsigSecret"),
)

# An explicit provider uses only its own key, never the one of the stack.
partner = agin.Provider("partner", api_key=config.require_secret("partnerApiKey"))

# With the key in `ngrok:apiKey` of the stack config, or NGROK_API_KEY.
ours = ConnectUrl("connect", f"connect.{zone}", dns)
theirs = ConnectUrl("partner", f"partner.{zone}", dns, pulumi.ResourceOptions(providers=[partner]))

pulumi.export("ours", ours.agent_config)
pulumi.export("theirs", theirs.agent_config)
