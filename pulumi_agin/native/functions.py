"""Functions of the plugin: lookups, and the configuration of an agent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from pulumi_agin.api.models import IngressModel, PlainModel
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.functions import configure_agent, find_many, find_one
from pulumi_agin.lifecycle.inputs import CertificatePolicyInputs, IngressDomain
from pulumi_agin.lifecycle.operation import Call, Failed
from pulumi_agin.lifecycle.phrasing import Phrasing
from pulumi_agin.lifecycle.schema import Declaration, Marker, secret_fields, validate
from pulumi_agin.lifecycle.services import Account


class GetAgentIngressInputs(Declaration):
    """Exactly one of the two is required, which `find_one` checks."""

    id: str | None = Field(None, description="the ID, such as `agin_2k5okIo7afS6bKA3xNDLRZ9rjqk`")
    domain: str | None = Field(None, description="the domain, in any case, with or without a trailing dot")


class GetAgentIngressesInputs(Declaration):
    filter: str | None = Field(
        None,
        description='an expression in ngrok\'s CEL over `obj`, such as `obj.metadata.contains("iot")`. Without it, all '
        "ingresses of the account",
    )


class GetAgentIngressesOutputs(PlainModel):
    agent_ingresses: list[IngressModel] = Field(description="the Agent Ingresses, sorted by domain")


class AgentConfigInputs(Declaration):
    domain: IngressDomain = Field(description="the `domain` of the ingress")
    certificate_management_policy: CertificatePolicyInputs | None = Field(
        None,
        description="the `certificate_management_policy` of the ingress: always set it. With Let's Encrypt, the agent "
        "trusts the certificate authorities of its host; without a policy it trusts ngrok's internal CA, the default",
    )
    region_domains: list[str] | None = Field(
        None, description="the `region_domains` of the ingress, which are required with a `region`"
    )
    authtoken: Annotated[str | None, Marker.SECRET] = Field(
        None,
        description="the authtoken of the agent, which is not an API key. Without it, the agent needs another "
        "source, such as NGROK_AUTHTOKEN",
    )
    region: str | None = Field(
        None,
        description="a region such as `eu`: the agent connects to the domain of that region. Without it, the agent "
        "connects to the domain itself",
    )


class AgentConfigOutputs(PlainModel):
    yaml: str = Field(description="the file `ngrok.yml`, version 3. It is a secret if it contains an authtoken")


class Caller(NamedTuple):
    """The account and the engine's call with which a function is called."""

    account: Account
    call: Call


class Function(NamedTuple):
    token: str
    inputs: type[Declaration]
    outputs: type[PlainModel]
    compute: Callable[[Caller, Mapping[str, Any]], dict[str, Any]]
    """Returns the result by the names of the outputs, from valid arguments. Both have our names."""

    def call(
        self, caller: Caller, arguments: Mapping[str, Any], phrasing: Phrasing
    ) -> tuple[dict[str, Any], Collection[str]]:
        """Returns the outputs and the names of the secret ones, which are all if a secret argument is given.

        The arguments have our names. Raises Failed if they are not valid.
        """
        valid, problems = validate(self.inputs, arguments, phrasing=phrasing)
        if problems:
            raise Failed(f"{urns.name_of(self.token)}: {'; '.join(map(str, problems))}")
        outputs = self.compute(caller, valid)
        return outputs, list(outputs) if valid.keys() & secret_fields(self.inputs) else ()


def _get_agent_ingress(caller: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
    id_, domain, budget = arguments.get("id"), arguments.get("domain"), caller.account.budget(caller.call)
    return find_one(caller.account, "getAgentIngress", id_, domain, budget).plain()


def _get_agent_ingresses(caller: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
    budget = caller.account.budget(caller.call)
    found = find_many(caller.account, "getAgentIngresses", arguments.get("filter"), budget)
    return {"agent_ingresses": [ingress.plain() for ingress in found]}


def _agent_config(caller: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
    region, region_domains = arguments.get("region"), arguments.get("region_domains") or []
    if region and not region_domains:
        raise Failed("agentConfig: regionDomains is required with a region")
    policy, authtoken = arguments.get("certificate_management_policy"), arguments.get("authtoken")
    yaml = configure_agent("agentConfig", arguments["domain"], policy, region_domains, authtoken, region)
    return {"yaml": yaml}


FUNCTIONS = [
    Function(urns.GET_AGENT_INGRESS, GetAgentIngressInputs, IngressModel, _get_agent_ingress),
    Function(urns.GET_AGENT_INGRESSES, GetAgentIngressesInputs, GetAgentIngressesOutputs, _get_agent_ingresses),
    Function(urns.AGENT_CONFIG, AgentConfigInputs, AgentConfigOutputs, _agent_config),
]
