"""DynamicResource, the base class of our dynamic resources, and the checks of their options before they are registered.

The plugin checks the settings, too. But when it rejects a resource, the engine ends the program while Pulumi's SDK
registers others, and the SDK may print a traceback for each of them: without an API key, for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from pulumi_agin.dynamic.run_facts import RUN_FACTS, RunFacts
from pulumi_agin.lifecycle import urns

from . import sdk
from .errors import WrongArgumentsError
from .run import ProgramRun


class DynamicResource(Resource):
    """A dynamic resource. Its type token is the one in users' states, also in a subclass."""

    # No annotation, because the SDK treats annotated attributes as outputs.
    _token = ""

    # Without a token, a subclass keeps the type of its base class, so that it is the same resource to the engine. The
    # SDK would set another type and so another URN, and the resource would be deleted and created again. `module` and
    # `name`, which the SDK accepts, are ignored: the token has both. `help(AgentIngress)` would show a docstring.
    def __init_subclass__(cls, token: str | None = None, **kwargs: Any) -> None:
        if token is not None:
            cls._token = token
        super().__init_subclass__(**{**kwargs, "module": urns.MODULE, "name": urns.name_of(cls._token)})

    def __init__(
        self,
        provider: ResourceProvider,
        resource_name: str,
        inputs: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers the resource, with the facts about the run as another input."""
        opts = opts or pulumi.ResourceOptions()
        # In an `up`, this also begins to watch for failures.
        run = ProgramRun.current()
        props = dict(inputs)
        # A `get` has no check, and mocks would show the input to a user's test.
        if opts.id is None and not run.is_mocked:
            props[RUN_FACTS] = pulumi.Output.from_input(_run_facts(run, self, opts.parent))
        super().__init__(provider, resource_name, props, opts)


async def _run_facts(run: ProgramRun, resource: Resource, parent: pulumi.Resource | None) -> dict[str, Any]:
    placement = await run.placement(resource, parent)
    return RunFacts(pulumi.runtime.is_dry_run(), placement).as_input()


def require_options(opts: object, caller: str) -> None:
    """Raises a WrongArgumentsError for options of another type, before a resource is registered."""
    # The program may not be type-checked.
    if not isinstance(opts, pulumi.ResourceOptions | None):
        raise WrongArgumentsError(f"opts of {caller} must be pulumi.ResourceOptions(…); got {type(opts).__name__}")


def deleted_with_problem(opts: pulumi.ResourceOptions | None, parent: pulumi.Resource | None) -> str:
    """Returns why Pulumi would leave NS records with these options at the DNS provider; "" if it would delete them.

    The engine does not delete a resource if the one that its `deleted_with` names is deleted in the same run. `parent`
    is that of the resource with the options.
    """
    deleted_with = opts.deleted_with if opts else None
    if deleted_with is None:
        return ""
    inside = sdk.with_descendants(deleted_with)
    # A resource of another process has no type here.
    if any(getattr(each, "pulumi_resource_type", "") in urns.AGENT_INGRESS_TYPES for each in inside):
        what = "is an Agent Ingress" if len(inside) == 1 else "contains an Agent Ingress"
    # Nothing but its children is deleted with a component.
    elif isinstance(deleted_with, pulumi.ComponentResource) and parent in inside:
        what = "is a component that contains the NS records"
    else:
        return ""
    return (
        f'the option deleted_with names "{deleted_with.pulumi_resource_name}", which {what}. Pulumi would leave the NS '
        "records at the DNS provider, and the next owner of those name servers would control the domain. Remove the "
        "option, or name a resource whose deletion also deletes the records, such as their zone"
    )


def check_settings(opts: pulumi.ResourceOptions) -> None:
    """Raises a RunError if a resource with these options uses the program's settings, and they have problems.

    Also warns once of an API key in plain text. Where a transformation may change the options, or the plugin may have
    another environment, only the plugin checks the settings.
    """
    run = ProgramRun.current()
    run.warn_of_plain_api_key()
    if not run.sends_requests or sdk.may_be_transformed(opts) or has_explicit_provider(opts):
        return
    if run.settings_problems and sdk.has_environment_of_cli():
        raise pulumi.RunError("; ".join(run.settings_problems))


def has_explicit_provider(opts: pulumi.ResourceOptions) -> bool:
    """Returns whether a resource of this package with these options has an explicit provider, or inherits one."""
    more = opts.providers or []
    given = [opts.provider, *(more.values() if isinstance(more, Mapping) else more)]
    inherited = opts.parent and opts.parent.get_provider(urns.AGENT_INGRESS)
    return bool(inherited) or any(each is not None and each.package == urns.PYTHON_PACKAGE for each in given)
