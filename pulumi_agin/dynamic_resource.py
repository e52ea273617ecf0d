"""DynamicResource: what the dynamic resources of this package have in common."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import Resource

from . import tokens


class DynamicResource(Resource):
    """A dynamic resource whose type token is the one that stands in users' states, in subclasses too."""

    # Not annotated, as the SDK takes annotations for outputs.
    _token = ""

    def __init_subclass__(cls, token: str | None = None, **kwargs: Any) -> None:
        """Gives a class its type.

        Args:
            token: The type token. If it is left out, the class has that of its base class: to the engine, a subclass is
                the same resource. The SDK would give it a type of its own, and so a new URN: the resource would be
                deleted and created again.
            **kwargs: What the SDK's own class takes. `module` and `name` are ignored, as the token says both.
        """
        if token is not None:
            cls._token = token
        super().__init_subclass__(**{**kwargs, "module": tokens.MODULE, "name": tokens.name_of(cls._token)})
