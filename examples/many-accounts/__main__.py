"""Connect URLs in many ngrok accounts: for each account, one explicit provider and one component."""

import pulumi

import pulumi_agin as agin


class ConnectUrl(pulumi.ComponentResource):
    """A connect URL with its delegation, in the account of the component's provider."""

    def __init__(self, name: str, domain: str, dns: agin.dns.DnsAdapter, opts: pulumi.ResourceOptions) -> None:
        super().__init__("acme:index:ConnectUrl", name, {}, opts)
        protected = pulumi.ResourceOptions(parent=self, protect=True)
        # Without a certificate policy, ngrok's internal CA signs the certificate immediately; it needs no validation.
        ingress = agin.AgentIngress(name, domain=domain, opts=protected)
        agin.AgentIngressDelegation(name, agent_ingress=ingress, dns=dns, opts=protected)
        self.agent_config = agin.agent_config(ingress)
        self.register_outputs({"agent_config": self.agent_config})


config = pulumi.Config()
dns = agin.dns.rfc2136(
    server=config.require("server"),
    port=config.get_int("port") or 53,
    zone=config.require("zone"),
    tsig_key_name=config.require("tsigKeyName"),
    tsig_secret=config.require_secret("tsigSecret"),
)

# By account. The keys are one secret, of which each provider gets its own part.
domains: dict[str, str] = config.require_object("domains")
api_keys = config.require_secret_object("apiKeys")

agent_configs: dict[str, pulumi.Output[str]] = {}
providers: dict[str, pulumi.Output[str]] = {}
for account, domain in domains.items():
    provider = agin.Provider(account, api_key=api_keys[account])
    connect_url = ConnectUrl(account, domain, dns, pulumi.ResourceOptions(providers=[provider]))
    agent_configs[account] = connect_url.agent_config
    providers[account] = provider.urn

pulumi.export("agent_configs", agent_configs)
pulumi.export("providers", providers)
