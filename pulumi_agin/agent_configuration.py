"""agent_config: the configuration with which an ngrok agent connects to an Agent Ingress."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from .agent_ingress import AgentIngress
    from .lookup import GetAgentIngressResult

# From ngrok's documentation of the agent's configuration, version 3.
VERSION = 3
PORT = 443


def agent_config(
    agent_ingress: AgentIngress | GetAgentIngressResult,
    authtoken: pulumi.Input[str | None] | None = None,
    region: pulumi.Input[str | None] | None = None,
) -> pulumi.Output[str]:
    """Makes the configuration file of an ngrok agent, `ngrok.yml`, version 3.

    With a Let's Encrypt policy, the agent trusts the certificate authorities of its host (`connect_cas: host`). Without
    a policy it trusts ngrok's internal CA, which is its default.

    Args:
        agent_ingress: The ingress that the agent connects to.
        authtoken: The authtoken of the agent, which is not an API key. If it is left out, the file has none, and the
            agent needs it from elsewhere, such as from NGROK_AUTHTOKEN.
        region: A region such as "eu": the agent connects to the domain of that region, one of `region_domains`. If it
            is left out, the agent connects to the domain itself.

    Returns:
        The file as YAML. With an authtoken it is a secret. The preview and the update fail if ngrok has no such region,
        or if the authtoken cannot be one.
    """
    token: pulumi.Input[str | None] = authtoken
    if token is not None:
        token = pulumi.Output.secret(token)
    known = pulumi.Output.all(
        domain=agent_ingress.domain,
        policy=agent_ingress.certificate_management_policy,
        # Without a region, there is no need to wait for them.
        region_domains=[] if region is None else agent_ingress.region_domains,
        authtoken=token,
        region=region,
    )
    return known.apply(lambda values: _yaml(**values))


def _yaml(domain: str, policy: Any, region_domains: Sequence[str], authtoken: str | None, region: str | None) -> str:
    host = domain if region is None else _region_domain(region, domain, region_domains)
    agent = {"connect_url": f"{host}:{PORT}"}
    if policy and policy["authority"] == "letsencrypt":
        agent["connect_cas"] = "host"
    if authtoken is not None:
        agent["authtoken"] = _valid_authtoken(authtoken)
    # A JSON string is a YAML string.
    lines = [f"  {name}: {json.dumps(value)}\n" for name, value in agent.items()]
    return f"version: {VERSION}\nagent:\n{''.join(lines)}"


def _region_domain(region: str, domain: str, region_domains: Sequence[str]) -> str:
    # Such as tunnel.eu.connect.acme.com.
    below = f".{domain}"
    regions = {each.removesuffix(below).rpartition(".")[2]: each for each in region_domains if each.endswith(below)}
    if region not in regions:
        raise pulumi.RunError(
            f'agent_config of {domain}: ngrok has no region "{region}" for it; it has '
            f"{', '.join(sorted(regions)) or 'none'}"
        )
    return regions[region]


def _valid_authtoken(authtoken: str) -> str:
    if not authtoken or not authtoken.isascii() or not authtoken.isprintable() or " " in authtoken:
        raise pulumi.RunError(
            "agent_config: the authtoken is empty, or has characters that no authtoken has; take it from ngrok's "
            "dashboard"
        )
    return authtoken
