"""DynamicResource: the base class of this package's dynamic resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from pulumi_agin.dynamic.run_facts import RUN_FACTS, RunFacts
from pulumi_agin.lifecycle import urns

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
