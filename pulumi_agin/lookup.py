"""get_agent_ingress and get_agent_ingresses: Agent Ingresses that exist, looked up by the program.

They are written and typed as the functions of Pulumi's generated SDKs. A dynamic provider has no functions, so the
program process asks ngrok itself; under Pulumi's mocks the call goes to `Mocks.call`, and nothing is sent.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc
from pulumi.runtime._depends_on import _resolve_depends_on
from pulumi.runtime.settings import get_monitor
from pulumi.runtime.sync_await import _sync_await

from .agent_ingress import AgentIngressCertPolicy, AgentIngressCertStatus
from .api.errors import InvalidInputsError, NgrokError, NotFoundError
from .provider import PACKAGE, client_with, settings_of, under_mocks, warn_of_plain_api_key
from .threads import DaemonThreads

if TYPE_CHECKING:
    from .api.client import AgentIngressClient


@pulumi.output_type
class GetAgentIngressResult(dict[str, Any]):
    """An Agent Ingress as ngrok has it."""

    id: str
    """Such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"."""
    domain: str
    """The domain, in lower case and without a trailing dot."""
    description: str
    """What it is for, in words for people; "" where there is none."""
    metadata: str
    """Data for machines; "" where there is none."""
    certificate_management_policy: AgentIngressCertPolicy | None
    """How ngrok gets the certificate; None where ngrok's internal CA signs it."""
    certificate_management_status: AgentIngressCertStatus | None
    """Where the certificate is; None without a policy, and until the first job exists."""
    ns_targets: Sequence[str]
    """The values of the NS records that delegate `domain` to ngrok: lower case, trailing dot, sorted."""
    region_domains: Sequence[str]
    """The regional domains below `domain`, sorted."""
    created_at: str
    """When it was created, RFC 3339."""
    uri: str
    """Where ngrok's API has it, relative to the API's URL."""


@pulumi.output_type
class GetAgentIngressesResult(dict[str, Any]):
    """The Agent Ingresses of an account."""

    agent_ingresses: Sequence[GetAgentIngressResult]
    """Sorted by domain, so that the order in which ngrok lists them changes nothing."""


# -- what a program calls ---------------------------------------------------------------------------------


def get_agent_ingress(
    id: str | None = None,  # noqa: A002 - Pulumi's own name for it
    domain: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressResult:
    """Looks up one Agent Ingress by exactly one of its id and its domain, in previews too.

    id: such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
    domain: spelled in any case, with or without a trailing dot.
    opts: `provider`, an explicit pulumi_agin.Provider, or `parent`, whose provider is used.

    Raises pulumi.RunError where there is none in the account of the key, or ngrok can't be asked.
    """
    result: GetAgentIngressResult = _looked_up(_ONE, _one_of(id=id, domain=domain), opts)
    return result


def get_agent_ingress_output(
    id: pulumi.Input[str | None] | None = None,  # noqa: A002 - Pulumi's own name for it
    domain: pulumi.Input[str | None] | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetAgentIngressResult]:
    """As `get_agent_ingress`, for arguments that are known later; unknown in a preview as long as they are.

    opts: InvokeOutputOptions can have `depends_on` besides: resources that must be there before ngrok is asked.
    """
    return _looked_up_later(_ONE, _one_of(id=id, domain=domain), opts)


def get_agent_ingresses(
    filter: str | None = None,  # noqa: A002 - ngrok's own name for it
    opts: pulumi.InvokeOptions | None = None,
) -> GetAgentIngressesResult:
    """Looks up all Agent Ingresses of the account, in previews too; none is an answer as well.

    filter: which of them, in ngrok's CEL over `obj`, such as `obj.metadata.contains("iot")`.
    opts: see `get_agent_ingress`.

    Raises pulumi.RunError where ngrok can't be asked, or refuses the filter.
    """
    result: GetAgentIngressesResult = _looked_up(_MANY, {"filter": filter}, opts)
    return result


def get_agent_ingresses_output(
    filter: pulumi.Input[str | None] | None = None,  # noqa: A002 - ngrok's own name for it
    opts: pulumi.InvokeOptions | None = None,
) -> pulumi.Output[GetAgentIngressesResult]:
    """As `get_agent_ingresses`, for a filter that is known later; `opts` as for `get_agent_ingress_output`."""
    return _looked_up_later(_MANY, {"filter": filter}, opts)


# -- what is asked ----------------------------------------------------------------------------------------


def _one_of(**arguments: Any) -> Mapping[str, Any]:
    given = [value for value in arguments.values() if value is not None]
    if len(given) != 1:
        raise pulumi.RunError(
            f"get_agent_ingress takes exactly one of id and domain, and got {'both' if given else 'neither'}"
        )
    return arguments


def _find_one(client: "AgentIngressClient", account: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    # Again: what was an Output can have turned out to be None.
    _one_of(**arguments)
    if arguments["id"] is not None:
        try:
            return asdict(client.get(arguments["id"]))
        except NotFoundError as error:
            raise InvalidInputsError(f"{error}: there is no such Agent Ingress in {account}") from None
    from .api.inputs import validate

    inputs, problems = validate({"domain": arguments["domain"]})
    if problems:
        raise InvalidInputsError(f"get_agent_ingress can't look that up: {'; '.join(map(str, problems))}")
    found = client.find(inputs["domain"])
    if found is None:
        raise InvalidInputsError(f"there is no Agent Ingress with the domain {inputs['domain']} in {account}")
    return asdict(found)


def _find_many(client: "AgentIngressClient", _account: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    cel = arguments["filter"]
    if cel is not None and not cel.strip():
        raise InvalidInputsError("the filter of get_agent_ingresses is empty; leave it out for all of the account")
    found = client.list(cel)
    return {"agent_ingresses": [asdict(ingress) for ingress in sorted(found, key=lambda one: one.domain)]}


@dataclass(frozen=True)
class _Function:
    """A function that a program calls: its name, its token under mocks, its result, and how ngrok is asked."""

    name: str
    token: str
    result: type
    find: Callable[["AgentIngressClient", str, Mapping[str, Any]], dict[str, Any]]


_ONE = _Function("get_agent_ingress", "agin:index:getAgentIngress", GetAgentIngressResult, _find_one)
_MANY = _Function("get_agent_ingresses", "agin:index:getAgentIngresses", GetAgentIngressesResult, _find_many)


# -- how it is asked --------------------------------------------------------------------------------------

# Those of each client: one that waits for its answer holds up no other deployment of the process.
_threads: "WeakKeyDictionary[AgentIngressClient, DaemonThreads]" = WeakKeyDictionary()


def _looked_up(function: _Function, arguments: Mapping[str, object], opts: pulumi.InvokeOptions | None) -> Any:
    opts = pulumi.InvokeOptions.merge(None, opts)
    _check_text(function, arguments)
    if get_monitor() is None:
        raise pulumi.RunError(f"{function.name} works in a program that Pulumi runs, as by `pulumi preview`")
    if under_mocks():
        return pulumi.runtime.invoke(function.token, arguments, opts, function.result).value
    # As Pulumi's own functions wait, where the event loop runs already.
    result = _sync_await(_found(function, arguments, opts))
    if result is UNKNOWN:
        raise pulumi.RunError(
            f"{function.name} can't ask ngrok in this preview, as its Provider has inputs that are not known yet; "
            f"{function.name}_output waits for them"
        )
    return result


def _looked_up_later(
    function: _Function, arguments: Mapping[str, pulumi.Input[Any]], opts: pulumi.InvokeOptions | None
) -> pulumi.Output[Any]:
    opts = pulumi.InvokeOutputOptions.merge(None, opts)
    if under_mocks():
        return pulumi.runtime.invoke_output(function.token, arguments, opts, function.result)
    given = pulumi.Output.all(dict(arguments), _made_by(opts._depends_on_list()))

    async def found(values: Sequence[Any]) -> Any:
        # An argument can be known before the resource that it is of: the domain of an ingress that is to be made.
        return await _found(function, values[0], opts) if await _exist(await given.resources()) else UNKNOWN

    return given.apply(found)


async def _found(function: _Function, arguments: Mapping[str, Any], opts: pulumi.InvokeOptions) -> Any:
    """The result; UNKNOWN where the provider is not known in this preview."""
    _check_text(function, arguments)
    provider = opts.provider
    if provider is None and opts.parent is not None:
        provider = opts.parent.get_provider(f"{PACKAGE}:dynamic/agin:AgentIngress")
    warn_of_plain_api_key()
    try:
        settings = await settings_of(provider)
        if settings is None:
            return UNKNOWN
        account = f"the account of the API key from {settings.api_key_source}"
        client = client_with(settings)
        threads = _threads.setdefault(client, DaemonThreads())
        found = await threads.run(function.find, client, account, arguments)
    except NgrokError as error:
        raise pulumi.RunError(str(error)) from None
    return rpc.translate_output_properties(found, lambda name: name, function.result)


def _check_text(function: _Function, arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            outputs = f"; {function.name}_output takes Outputs" if isinstance(value, pulumi.Output) else ""
            raise pulumi.RunError(
                f"{name} of {function.name} must be text, but is of the type {type(value).__name__}{outputs}"
            )


def _made_by(resources: pulumi.Input[list[pulumi.Input[pulumi.Resource]]]) -> pulumi.Output[None]:
    """Nothing, but known to come from these resources."""

    found = asyncio.ensure_future(_resolve_depends_on(resources))

    async def value(of: Any) -> Any:
        await found
        return of

    return pulumi.Output(found, asyncio.ensure_future(value(None)), asyncio.ensure_future(value(True)))


async def _exist(resources: Iterable[pulumi.Resource]) -> bool:
    """Whether these resources, and those inside of components, are there; in a preview some may be yet to be made."""
    for resource in (await rpc._expand_dependencies(resources, None)).values():
        id_ = getattr(resource, "id", None)
        if id_ is not None and not await id_.is_known():
            return False
    return True
