"""DynamicResource: the base class of this package's dynamic resources."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import Resource

from pulumi_agin.lifecycle import urns


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
