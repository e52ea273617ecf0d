"""agent_config: the configuration file of an ngrok agent that connects to an Agent Ingress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from .api.errors import InvalidInputsError

if TYPE_CHECKING:
    from .agent_ingress import AgentIngress
    from .lookups import GetAgentIngressResult


def agent_config(
    agent_ingress: AgentIngress | GetAgentIngressResult,
    authtoken: pulumi.Input[str | None] | None = None,
    region: pulumi.Input[str | None] | None = None,
) -> pulumi.Output[str]:
    """Returns the configuration file of an ngrok agent, `ngrok.yml`, version 3.

    With a Let's Encrypt policy, the agent trusts the certificate authorities of its host (`connect_cas: host`). Without
    a policy, it trusts ngrok's internal CA, which is its default.

    Args:
        agent_ingress: The ingress that the agent connects to.
        authtoken: The authtoken of the agent, which is not an API key. If omitted, the file has none, and the agent
            needs it another way, such as the environment variable NGROK_AUTHTOKEN.
        region: A region such as "eu". The agent then connects to the domain of that region, one of `region_domains`. If
            omitted, it connects to the domain itself.

    Returns:
        The file as YAML. It is a secret if it has an authtoken. The preview and the update fail if ngrok has no such
        region or the authtoken is invalid.
    """
    token: pulumi.Input[str | None] = authtoken
    if token is not None:
        token = pulumi.Output.secret(token)
    known = pulumi.Output.all(
        domain=agent_ingress.domain,
        policy=agent_ingress.certificate_management_policy,
        # Not needed without a region, so not an input of the result then.
        region_domains=[] if region is None else agent_ingress.region_domains,
        authtoken=token,
        region=region,
    )
    return known.apply(lambda values: _configure(**values))


def _configure(**values: Any) -> str:
    from .lifecycle.functions import configure_agent

    try:
        return configure_agent("agent_config", **values)
    except InvalidInputsError as error:
        raise pulumi.RunError(str(error)) from None
