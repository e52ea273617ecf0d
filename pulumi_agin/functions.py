"""Functions for programs: lookups of existing Agent Ingresses, and the configuration file of an ngrok agent.

Lookups have the form of functions in Pulumi's generated SDKs. A dynamic provider has no functions, so the program
itself queries ngrok. Under Pulumi's mocks, a lookup calls `Mocks.call`, and sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, overload

import pulumi

from . import program
from .agent_ingress import AgentIngress, AgentIngressCertPolicy, AgentIngressCertStatus, typed_outputs
from .api.budget import Budget
from .api.errors import NgrokError
from .lifecycle.invokes import configure_agent, find_many, find_one
from .lifecycle.operation import FailedError
from .program import AGENT_INGRESS_TYPE, Run
from .settings import Settings


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
    ns_targets: list[str]
    region_domains: list[str]
    created_at: str
    uri: str


@pulumi.output_type
class GetAgentIngressesResult(dict[str, Any]):
    """The Agent Ingresses of an account, the result of `get_agent_ingresses`.

    Attributes:
        agent_ingresses: The Agent Ingresses, sorted by domain.
    """

    agent_ingresses: list[GetAgentIngressResult]


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
        opts: The options of the lookup. If `opts` or its `parent` has an explicit provider, use
            `get_agent_ingress_output` instead.

    Returns:
        The Agent Ingress.

    Raises:
        pulumi.RunError: Neither or both of `id` and `domain` are given, a setting is missing or invalid, the account of
            the API key has no such Agent Ingress, the request to ngrok fails, or the lookup has an explicit provider.
    """
    result: GetAgentIngressResult = _ONE.invoke({"id": id, "domain": domain}, opts)
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
        opts: The options of the lookup. `provider` is an explicit pulumi_agin.Provider. With `parent`, the lookup uses
            the parent's provider. InvokeOutputOptions can also have `depends_on`: resources that must exist before the
            lookup. A component counts as existing once the component is registered.

    Returns:
        The Agent Ingress. In a preview, the result is unknown if an argument, a setting of the provider, or the ID of a
        resource in `depends_on` is unknown. The result fails for the reasons for which `get_agent_ingress` raises an
        error, but an explicit pulumi_agin.Provider is allowed.
    """
    result: pulumi.Output[GetAgentIngressResult] = _ONE.invoke_output({"id": id, "domain": domain}, opts)
    return result


def get_agent_ingresses(
    filter: str | None = None,  # noqa: A002 - ngrok's own name for it
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressesResult:
    """Looks up the Agent Ingresses of the account, all or with a filter. Previews query ngrok, too.

    Args:
        filter: An expression in ngrok's CEL over `obj`, such as `obj.metadata.contains("iot")`. None selects all.
        opts: The options of the lookup. If `opts` or its `parent` has an explicit provider, use
            `get_agent_ingresses_output` instead.

    Returns:
        The Agent Ingresses, sorted by domain. The list may be empty.

    Raises:
        pulumi.RunError: The filter is empty, ngrok rejects the filter, a setting is missing or invalid, the request to
            ngrok fails, or the lookup has an explicit provider.
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
        The Agent Ingresses, sorted by domain. In a preview, the result is unknown if the filter, a setting of the
        provider, or the ID of a resource in `depends_on` is unknown. The result fails for the reasons for which
        `get_agent_ingresses` raises an error, but an explicit pulumi_agin.Provider is allowed.
    """
    result: pulumi.Output[GetAgentIngressesResult] = _MANY.invoke_output({"filter": filter}, opts)
    return result


# -- the lookups ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lookup:
    """A lookup function: its name, its token under mocks, the type of its result, and the query to ngrok."""

    name: str
    token: str
    result: type
    find: Callable[[Run, Settings, Mapping[str, Any]], Any]

    def invoke(self, arguments: Mapping[str, Any], opts: pulumi.InvokeOptions | None) -> Any:
        """Queries ngrok immediately. The program waits, as for Pulumi's own functions."""
        run = program.current()
        if run is None:
            # Under mocks, this call reaches `Mocks.call`.
            return pulumi.runtime.invoke(self.token, arguments, opts, self.result).value
        if _provider_of(opts) is not None:
            raise pulumi.RunError(f"{self.name} can't wait for the settings of a Provider: use {self.name}_output")
        return self._query(run, run.settings, arguments)

    def invoke_output(self, arguments: Mapping[str, pulumi.Input[Any]], opts: pulumi.InvokeOptions | None) -> Any:
        """Queries ngrok once the arguments and the settings are known, and the resources of `depends_on` exist."""
        run = program.current()
        if run is None:
            output_opts = pulumi.InvokeOutputOptions.merge(None, opts)
            return pulumi.runtime.invoke_output(self.token, arguments, output_opts, self.result)
        known = pulumi.Output.all(
            arguments=dict(arguments),
            settings=run.settings_of(_provider_of(opts)),
            exist=_ids_of(getattr(opts, "depends_on", None)),
        )

        async def query(values: Mapping[str, Any]) -> Any:
            # In a thread, so that the program's event loop keeps running.
            return await asyncio.to_thread(self._query, run, values["settings"], values["arguments"])

        return known.apply(query)

    def _query(self, run: Run, settings: Settings | None, arguments: Mapping[str, Any]) -> Any:
        if settings is None:
            raise pulumi.RunError(f"{self.name} needs a pulumi_agin.Provider of this program as its provider")
        if settings.problems:
            raise pulumi.RunError("; ".join(settings.problems))
        for name, value in arguments.items():
            if not isinstance(value, str | None):
                raise pulumi.RunError(f"{self.name}: {name} must be a string; got {type(value).__name__}")
        try:
            return self.find(run, settings, arguments)
        except (NgrokError, FailedError) as error:
            raise pulumi.RunError(str(error)) from None


def _find_one(run: Run, settings: Settings, arguments: Mapping[str, Any]) -> GetAgentIngressResult:
    budget = Budget(settings.timeout_seconds)
    found = find_one(run.client(settings), arguments["id"], arguments["domain"], budget)
    return GetAgentIngressResult(**typed_outputs(found.model_dump()))


def _find_many(run: Run, settings: Settings, arguments: Mapping[str, Any]) -> GetAgentIngressesResult:
    found = find_many(run.client(settings), arguments["filter"], Budget(settings.timeout_seconds))
    results = [GetAgentIngressResult(**typed_outputs(each.model_dump())) for each in found]
    return GetAgentIngressesResult(agent_ingresses=results)


_ONE = _Lookup("get_agent_ingress", "agin:index:getAgentIngress", GetAgentIngressResult, _find_one)
_MANY = _Lookup("get_agent_ingresses", "agin:index:getAgentIngresses", GetAgentIngressesResult, _find_many)


def _provider_of(opts: pulumi.InvokeOptions | None) -> pulumi.ProviderResource | None:
    """Returns the explicit provider of a lookup, or else the provider of its parent.

    The parent's provider can belong to another package with dynamic resources. Then `Run.settings_of` returns None.
    """
    if opts is None or opts.provider is not None:
        return opts.provider if opts else None
    return opts.parent.get_provider(AGENT_INGRESS_TYPE) if opts.parent else None


def _ids_of(depends_on: Any) -> pulumi.Output[Any]:
    """Returns an output that is known once the resources of `depends_on` exist. A component counts once registered."""

    def ids(given: Any) -> pulumi.Output[Any]:
        resources = given if isinstance(given, list | tuple) else [given]
        return pulumi.Output.all(
            *(each.id if isinstance(each, pulumi.CustomResource) else each.urn for each in resources)
        )

    return pulumi.Output.from_input(depends_on).apply(ids) if depends_on else pulumi.Output.from_input(None)


# -- the configuration of an agent ------------------------------------------------------------------------


def agent_config(
    agent_ingress: AgentIngress | GetAgentIngressResult,
    authtoken: pulumi.Input[str | None] | None = None,
    region: pulumi.Input[str | None] | None = None,
) -> pulumi.Output[str]:
    """Returns the configuration file of an ngrok agent, `ngrok.yml`, version 3.

    With a Let's Encrypt policy, the agent trusts the certificate authorities of its host (`connect_cas: host`). Without
    a policy, the agent trusts ngrok's internal CA, which is the agent's default.

    Args:
        agent_ingress: The ingress that the agent connects to.
        authtoken: The authtoken of the agent, which is not an API key. If omitted, the agent must get its
            authtoken elsewhere, for example from the environment variable NGROK_AUTHTOKEN.
        region: A region such as "eu". The agent then connects to this region's domain in `region_domains`. If omitted,
            the agent connects to `domain`.

    Returns:
        The file as YAML, which is a secret if the file has an authtoken. The preview and the update fail if ngrok has
        no such region, or if the authtoken is invalid.
    """
    token: pulumi.Input[str | None] = authtoken
    if token is not None:
        token = pulumi.Output.secret(token)
    known = pulumi.Output.all(
        domain=agent_ingress.domain,
        policy=pulumi.Output.from_input(agent_ingress.certificate_management_policy).apply(
            _authority_of, run_with_unknowns=True
        ),
        # Without a region, the result does not depend on `region_domains`.
        region_domains=[] if region is None else agent_ingress.region_domains,
        authtoken=token,
        region=region,
    )
    return known.apply(lambda values: _configure(**values))


def _authority_of(policy: Any) -> Any:
    """Returns a policy without the key type, which a preview may not know. None and unknown values stay as they are."""
    return {"authority": policy["authority"]} if isinstance(policy, Mapping) else policy


def _configure(**values: Any) -> str:
    try:
        return configure_agent(**values)
    except FailedError as error:
        raise pulumi.RunError(f"agent_config: {error}") from None
