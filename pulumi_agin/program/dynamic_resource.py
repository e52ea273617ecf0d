"""DynamicResource: the base class of the dynamic resources of this package."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import Resource

from pulumi_agin.lifecycle import urns


class DynamicResource(Resource):
    """A dynamic resource whose type token is the one in users' states, in subclasses too."""

    # Not annotated, because the SDK treats annotated attributes as outputs.
    _token = ""

    def __init_subclass__(cls, token: str | None = None, **kwargs: Any) -> None:
        """Gives a class its type.

        Args:
            token: The type token. If it is left out, the class has that of its base class, so that a subclass is the
                same resource to the engine. The SDK would give it a type of its own and so a new URN, and the resource
                would be deleted and created again.
            **kwargs: The arguments of the SDK's own class. `module` and `name` are ignored: the token has both.
        """
        if token is not None:
            cls._token = token
        super().__init_subclass__(**{**kwargs, "module": urns.MODULE, "name": urns.name_of(cls._token)})
