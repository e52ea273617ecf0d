"""agent_config: what an ngrok agent has to be told to connect to an Agent Ingress."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from .agent_ingress import AgentIngress
    from .lookup import GetAgentIngressResult

# ngrok's documentation of agents' configuration, version 3.
VERSION = 3
PORT = 443


def agent_config(
    agent_ingress: AgentIngress | GetAgentIngressResult,
    authtoken: pulumi.Input[str | None] | None = None,
    region: pulumi.Input[str | None] | None = None,
) -> pulumi.Output[str]:
    """The configuration file of an ngrok agent, as YAML: `ngrok.yml`, version 3.

    agent_ingress: what the agent connects to. With a Let's Encrypt policy, the agent is told to trust what its host
        trusts (`connect_cas: host`); without one, ngrok's internal CA, as it does by itself.
    authtoken: the agent's, not an API key. Left out, the file has none, and the agent needs it from elsewhere, as from
        NGROK_AUTHTOKEN. With one, the result is a secret.
    region: such as "eu": the agent connects to that region's domain, one of `region_domains`. Left out, it connects to
        the domain itself.

    The preview and the update fail where ngrok has no such region, or the authtoken can't be one.
    """
    token: pulumi.Input[str | None] = authtoken
    if token is not None:
        token = pulumi.Output.secret(token)
    known = pulumi.Output.all(
        domain=agent_ingress.domain,
        policy=agent_ingress.certificate_management_policy,
        # Where no region is asked for, nothing waits for them.
        region_domains=[] if region is None else agent_ingress.region_domains,
        authtoken=token,
        region=region,
    )
    return known.apply(lambda values: _yaml(**values))


def _yaml(domain: str, policy: Any, region_domains: Sequence[str], authtoken: str | None, region: str | None) -> str:
    host = domain if region is None else _of_region(region, domain, region_domains)
    agent = {"connect_url": f"{host}:{PORT}"}
    if policy and policy["authority"] == "letsencrypt":
        agent["connect_cas"] = "host"
    if authtoken is not None:
        agent["authtoken"] = _checked(authtoken)
    # A JSON string is a YAML string.
    lines = [f"  {name}: {json.dumps(value)}\n" for name, value in agent.items()]
    return f"version: {VERSION}\nagent:\n{''.join(lines)}"


def _of_region(region: str, domain: str, region_domains: Sequence[str]) -> str:
    # Such as tunnel.eu.connect.acme.com.
    below = f".{domain}"
    regions = {each.removesuffix(below).rpartition(".")[2]: each for each in region_domains if each.endswith(below)}
    if region not in regions:
        raise pulumi.RunError(
            f'agent_config of {domain}: ngrok has no region "{region}" for it; it has '
            f"{', '.join(sorted(regions)) or 'none'}"
        )
    return regions[region]


def _checked(authtoken: str) -> str:
    if not authtoken or not authtoken.isascii() or not authtoken.isprintable() or " " in authtoken:
        raise pulumi.RunError(
            "agent_config: the authtoken is empty, or has characters that no authtoken has; take it from ngrok's "
            "dashboard"
        )
    return authtoken
