"""Catalog of the plugin: its resources, with their lifecycles and models, its functions, and its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from pulumi_agin.api.models import IngressModel
from pulumi_agin.lifecycle import inputs
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle
from pulumi_agin.lifecycle.ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.inputs import CertificatePolicyInputs, Declaration, IngressDomain, Marker, validate
from pulumi_agin.lifecycle.invokes import configure_agent, find_many, find_one
from pulumi_agin.lifecycle.operation import Call, FailedError, Lifecycle
from pulumi_agin.rfc2136.declaration import NsRecordsInputs
from pulumi_agin.rfc2136.records import NsRecordsLifecycle
from pulumi_agin.settings import DEFAULT_CALL_SECONDS


class ProviderConfig(BaseModel):
    """The settings of the plugin. The stack config and an explicit provider have the same settings."""

    api_key: Annotated[str, Marker.SECRET] = Field(
        description="the ngrok API key. In the stack config, the default is the environment variable NGROK_API_KEY; an "
        "explicit provider uses no other key, which may belong to another account"
    )
    api_base_url: str | None = Field(
        None,
        description="the URL of ngrok's API. The default is the environment variable NGROK_API_BASE_URL, or else "
        "ngrok's public API",
    )
    timeout_seconds: float | None = Field(
        None,
        description="the time limit of one call, in seconds. The default is the environment variable "
        f"NGROK_API_TIMEOUT_SECONDS, or else {DEFAULT_CALL_SECONDS}",
    )


class Resource(NamedTuple):
    """A type of resource. The docstring of `all_outputs` is the description of the resource in the schema."""

    token: str
    make_lifecycle: Callable[[Account], Lifecycle]
    inputs: type[Declaration]
    all_outputs: type[BaseModel]

    @property
    def outputs(self) -> dict[str, FieldInfo]:
        """The declared outputs, for the responses, without the ID. A response has a separate field for the ID."""
        return {name: field for name, field in self.all_outputs.model_fields.items() if name != "id"}

    @property
    def secrets(self) -> list[str]:
        """The names of the fields that are always secret, as inputs and as outputs."""
        return secrets_of(self.inputs)


RESOURCES = [
    Resource("agin:index:AgentIngress", AgentIngressLifecycle, inputs.AgentIngressInputs, IngressModel),
    Resource(
        "agin:index:AgentIngressCertificateValidation",
        CertificateValidationLifecycle,
        inputs.CertificateValidationInputs,
        inputs.CertificateValidationOutputs,
    ),
    Resource("agin:index:Rfc2136Delegation", lambda _: NsRecordsLifecycle(), NsRecordsInputs, NsRecordsInputs),
]


# The docstrings of the inputs below are the descriptions of the functions in the schema.


class GetAgentIngressInputs(Declaration):
    """Looks up one Agent Ingress by its ID or its domain, also in previews. Pass exactly one of the two."""

    id: str | None = Field(None, description="the ID, such as `agin_2k5okIo7afS6bKA3xNDLRZ9rjqk`")
    domain: str | None = Field(None, description="the domain, in any case, with or without a trailing dot")


class GetAgentIngressesInputs(Declaration):
    """Looks up all Agent Ingresses of the account, or those that a filter selects, also in previews."""

    filter: str | None = Field(
        None,
        description='an expression in ngrok\'s CEL over `obj`, such as `obj.metadata.contains("iot")`. Without it, all '
        "ingresses of the account",
    )


class GetAgentIngressesOutputs(BaseModel):
    agent_ingresses: list[IngressModel] = Field(description="the Agent Ingresses, sorted by domain")


class AgentConfigInputs(Declaration):
    """Returns the configuration file of an ngrok agent, `ngrok.yml`, version 3."""

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


class AgentConfigOutputs(BaseModel):
    yaml: str = Field(description="the file `ngrok.yml`, version 3. It is a secret if it contains an authtoken")


class Function(NamedTuple):
    """A function. `compute` returns the outputs for valid arguments. Arguments and outputs have our names."""

    token: str
    inputs: type[Declaration]
    outputs: type[BaseModel]
    compute: Callable[[Account, Call, Mapping[str, Any]], dict[str, Any]]

    def call(self, account: Account, call: Call, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Returns the outputs, and the names of the secret outputs. With a secret argument, all outputs are secret."""
        name = self.token.rpartition(":")[2]
        valid, problems = validate(self.inputs, arguments)
        if problems:
            raise FailedError(f"{name}: {'; '.join(map(str, problems))}")
        outputs = self.compute(account, call, valid)
        has_secret = any(secret in valid for secret in secrets_of(self.inputs))
        return outputs, list(outputs) if has_secret else []


def _one(account: Account, call: Call, arguments: Mapping[str, Any]) -> dict[str, Any]:
    budget = account.budget(call)
    return find_one(account.client, arguments.get("id"), arguments.get("domain"), budget).model_dump()


def _many(account: Account, call: Call, arguments: Mapping[str, Any]) -> dict[str, Any]:
    budget = account.budget(call)
    found = find_many(account.client, arguments.get("filter"), budget)
    return {"agent_ingresses": [ingress.model_dump() for ingress in found]}


def _config(account: Account, call: Call, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Needs no API key, because nothing is sent."""
    policy, region_domains = arguments.get("certificate_management_policy"), arguments.get("region_domains") or []
    yaml = configure_agent(
        arguments["domain"], policy, region_domains, arguments.get("authtoken"), arguments.get("region")
    )
    return {"yaml": yaml}


FUNCTIONS = [
    Function("agin:index:getAgentIngress", GetAgentIngressInputs, IngressModel, _one),
    Function("agin:index:getAgentIngresses", GetAgentIngressesInputs, GetAgentIngressesOutputs, _many),
    Function("agin:index:agentConfig", AgentConfigInputs, AgentConfigOutputs, _config),
]


def secrets_of(model: type[BaseModel]) -> list[str]:
    """Returns the names of the fields that are secret."""
    return [name for name, field in model.model_fields.items() if Marker.SECRET in field.metadata]


def is_optional(field: FieldInfo) -> bool:
    """Returns whether the type of a field includes None: an input that may be absent, or an output that may be null."""
    return type(None) in get_args(field.annotation)
