"""A program to test: an Agent Ingress and, if a zone is configured, the NS records that delegate its domain."""

import pulumi

import pulumi_agin as agin


def program() -> None:
    config = pulumi.Config()
    ingress = make_ingress(config.require("domain"), config.get("description"))
    if zone := config.get("zone"):
        delegate(ingress, zone, config.require_secret("tsigSecret"))
    pulumi.export("ns_targets", ingress.ns_targets)


def make_ingress(domain: str, description: str | None = None) -> agin.AgentIngress:
    return agin.AgentIngress("connect", domain=domain, description=description)


def delegate(ingress: agin.AgentIngress, zone: str, secret: pulumi.Input[str]) -> agin.AgentIngressDelegation:
    bind = agin.dns.rfc2136(server="ns1.acme.com", zone=zone, tsig_key_name="agin", tsig_secret=secret)
    return agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=bind)
