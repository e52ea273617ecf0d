"""The functions of a program: lookups of existing Agent Ingresses, and the configuration file of an ngrok agent.

Lookups have the form of Pulumi's generated SDKs. A dynamic provider has no functions, so the program queries ngrok
itself. Pulumi's mocks receive the call as `Mocks.call`, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import pulumi
from pulumi import UNKNOWN

from .agent_ingress import AgentIngress, AgentIngressCertPolicy, AgentIngressCertStatus
from .api.errors import InvalidInputsError, NgrokError
from .lifecycle import functions, urns
from .lifecycle.services import Account
from .program import sdk
from .program.run import ProgramRun


@pulumi.output_type
class GetAgentIngressResult(dict[str, Any]):
    """An existing Agent Ingress, the result of `get_agent_ingress`.

    Attributes:
        id: The ID of the ingress at ngrok, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
        domain: The domain, in lowercase and without a trailing dot.
        description: The human-readable description. "" if there is none.
        metadata: The machine-readable metadata. "" if there is none.
        certificate_management_policy: The certificate policy. None if ngrok's internal CA signs the certificate.
        certificate_management_status: The state of the certificate. None without a policy, and until the first job
            exists.
        ns_targets: The values of the NS records that delegate `domain` to ngrok: lowercase, trailing dot, sorted.
        region_domains: The regional domains below `domain`, sorted.
        created_at: When the ingress was created (RFC 3339).
        uri: The path of the ingress in ngrok's API, relative to the API's URL.
    """

    id: str
    domain: str
    description: str
    metadata: str
    certificate_management_policy: AgentIngressCertPolicy | None
    certificate_management_status: AgentIngressCertStatus | None
    ns_targets: Sequence[str]
    region_domains: Sequence[str]
    created_at: str
    uri: str


@pulumi.output_type
class GetAgentIngressesResult(dict[str, Any]):
    """The Agent Ingresses of an account, the result of `get_agent_ingresses`.

    Attributes:
        agent_ingresses: The Agent Ingresses, sorted by domain.
    """

    agent_ingresses: Sequence[GetAgentIngressResult]


# -- the functions ----------------------------------------------------------------------------------------


@overload
def get_agent_ingress(
    id: str,
    domain: None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressResult: ...


@overload
def get_agent_ingress(
    id: None = None,
    *,
    domain: str,
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressResult: ...


def get_agent_ingress(
    id: str | None = None,  # noqa: A002 - Pulumi's own name for it
    domain: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressResult:
    """Looks up one Agent Ingress by its ID or its domain. Pass exactly one of the two.

    Previews query ngrok, too. Documentation: docs/reference/functions.md in the repository

    Args:
        id: The ID, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
        domain: The domain. Case and a trailing dot are ignored.
        opts: The options of the lookup: `provider`, an explicit pulumi_agin.Provider, or `parent`, whose provider is
            used.

    Returns:
        The Agent Ingress.

    Raises:
        pulumi.RunError: Neither or both of `id` and `domain` are given, the account of the API key has no such Agent
            Ingress, or the request to ngrok fails.
    """
    result: GetAgentIngressResult = _ONE.invoke(_id_or_domain(id, domain), opts)
    return result


@overload
def get_agent_ingress_output(
    id: pulumi.Input[str],
    domain: None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetAgentIngressResult]: ...


@overload
def get_agent_ingress_output(
    id: None = None,
    *,
    domain: pulumi.Input[str],
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetAgentIngressResult]: ...


def get_agent_ingress_output(
    id: pulumi.Input[str] | None = None,  # noqa: A002 - Pulumi's own name for it
    domain: pulumi.Input[str] | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetAgentIngressResult]:
    """Looks up one Agent Ingress, like `get_agent_ingress`, with arguments that may be Outputs.

    Args:
        id: The ID. Pass exactly one of `id` and `domain`.
        domain: The domain. Case and a trailing dot are ignored.
        opts: The options of the lookup, as for `get_agent_ingress`. InvokeOutputOptions can also have `depends_on`:
            resources that must exist before the lookup.

    Returns:
        The Agent Ingress. In a preview, it is unknown if an argument or a resource that the lookup depends on is
        unknown. It fails where `get_agent_ingress` raises an error.
    """
    return _ONE.invoke_output(_id_or_domain(id, domain), opts)


def get_agent_ingresses(
    filter: str | None = None,  # noqa: A002 - ngrok's own name for it
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressesResult:
    """Looks up all Agent Ingresses of the account, or those that a filter selects. Previews query ngrok, too.

    Args:
        filter: An expression in ngrok's CEL over `obj`, such as `obj.metadata.contains("iot")`. None selects all.
        opts: The options of the lookup: `provider`, an explicit pulumi_agin.Provider, or `parent`, whose provider is
            used.

    Returns:
        The Agent Ingresses, sorted by domain. There may be none.

    Raises:
        pulumi.RunError: The request to ngrok fails, or ngrok rejects the filter.
    """
    result: GetAgentIngressesResult = _MANY.invoke({"filter": filter}, opts)
    return result


def get_agent_ingresses_output(
    filter: pulumi.Input[str | None] | None = None,  # noqa: A002 - ngrok's own name for it
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetAgentIngressesResult]:
    """Looks up Agent Ingresses, like `get_agent_ingresses`, with a filter that may be an Output.

    Args:
        filter: An expression in ngrok's CEL over `obj`. None selects all.
        opts: The options of the lookup, as for `get_agent_ingress_output`.

    Returns:
        The Agent Ingresses, sorted by domain. In a preview, they are unknown if the filter or a resource that the
        lookup depends on is unknown. It fails where `get_agent_ingresses` raises an error.
    """
    return _MANY.invoke_output({"filter": filter}, opts)


# -- the lookups ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lookup:
    """A lookup function: its name, its token under mocks, the type of its result, and the query to ngrok."""

    name: str
    token: str
    result: type
    find: Callable[[Account, Mapping[str, Any]], dict[str, Any]]

    def invoke(self, arguments: Mapping[str, object], opts: pulumi.InvokeOptions | None) -> Any:
        opts = pulumi.InvokeOptions.merge(None, opts)
        self._check_types(arguments)
        run = ProgramRun.current()
        if not run.is_running:
            raise pulumi.RunError(f"{self.name} works only in a program that Pulumi runs, as in `pulumi preview`")
        if run.is_mocked:
            return pulumi.runtime.invoke(self.token, arguments, opts, self.result).value
        found = sdk.wait_for(self._look_up(arguments, opts), self.name)
        if found is UNKNOWN:
            raise pulumi.RunError(
                f"{self.name} can't query ngrok in this preview, because its Provider has inputs that are not known "
                f"yet; {self.name}_output waits for them"
            )
        return found

    def invoke_output(
        self, arguments: Mapping[str, pulumi.Input[Any]], opts: pulumi.InvokeOptions | None
    ) -> pulumi.Output[Any]:
        # InvokeOptions become InvokeOutputOptions without `depends_on`.
        opts = pulumi.InvokeOutputOptions.merge(None, opts)
        if ProgramRun.current().is_mocked:
            return pulumi.runtime.invoke_output(self.token, arguments, opts, self.result)
        given = pulumi.Output.all(dict(arguments), _dependency_on(opts.depends_on))

        async def look_up(values: Sequence[Any]) -> Any:
            # An argument can be known before its resource exists, such as the domain of a new ingress.
            for resource in await sdk.with_children(await sdk.resources_of(given)):
                id_ = getattr(resource, "id", None)
                if id_ is not None and not await sdk.is_known(id_):
                    return UNKNOWN
            self._check_types(values[0])
            return await self._look_up(values[0], opts)

        return given.apply(look_up)

    async def _look_up(self, arguments: Mapping[str, Any], opts: pulumi.InvokeOptions) -> Any:
        """Queries ngrok. The result is UNKNOWN if the provider has unknown inputs in this preview.

        It raises a RunError if the query fails.
        """
        provider = opts.provider
        if provider is None and opts.parent is not None:
            provider = opts.parent.get_provider(urns.AGENT_INGRESS)
        run = ProgramRun.current()
        run.warn_of_plain_api_key()
        try:
            queries = await run.queries_of(provider)
            if queries is None:
                return UNKNOWN
            found = await queries.call(self.find, queries.account, arguments)
        except NgrokError as error:
            raise pulumi.RunError(str(error)) from None
        return sdk.typed(found, self.result)

    def _check_types(self, arguments: Mapping[str, object]) -> None:
        for name, value in arguments.items():
            if not isinstance(value, str | None):
                outputs = f"; {self.name}_output accepts Outputs" if isinstance(value, pulumi.Output) else ""
                raise pulumi.RunError(f"{self.name}: {name} must be a string; got {type(value).__name__}{outputs}")


def _id_or_domain(id_: Any, domain: Any) -> Mapping[str, Any]:
    """Returns the arguments of a lookup of one ingress. It raises a RunError unless exactly one is given."""
    try:
        functions.require_id_or_domain(_ONE.name, id_, domain)
    except InvalidInputsError as error:
        raise pulumi.RunError(str(error)) from None
    return {"id": id_, "domain": domain}


def _find_one(account: Account, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return functions.find_one(account, _ONE.name, arguments["id"], arguments["domain"]).plain()


def _find_many(account: Account, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = functions.find_many(account, _MANY.name, arguments["filter"])
    return {"agent_ingresses": [ingress.plain() for ingress in found]}


_ONE = _Lookup("get_agent_ingress", urns.GET_AGENT_INGRESS, GetAgentIngressResult, _find_one)
_MANY = _Lookup("get_agent_ingresses", urns.GET_AGENT_INGRESSES, GetAgentIngressesResult, _find_many)


def _dependency_on(depends_on: Any) -> pulumi.Output[Any]:
    """Returns an output that depends on a resource, a list of resources, or Outputs of either."""

    def urns_of(given: Any) -> pulumi.Output[list[str]]:
        each = given if isinstance(given, list | tuple) else [given]
        return pulumi.Output.all(*(one.urn for one in each if isinstance(one, pulumi.Resource)))

    return pulumi.Output.from_input(depends_on).apply(urns_of)


# -- the configuration of an agent ------------------------------------------------------------------------


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
            must get it elsewhere, for example from the environment variable NGROK_AUTHTOKEN.
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
    try:
        return functions.configure_agent("agent_config", **values)
    except InvalidInputsError as error:
        raise pulumi.RunError(str(error)) from None
