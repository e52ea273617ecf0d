"""Former URNs of resources, by their aliases.

The engine passes the aliases of a component on to its children only while the component itself is new. Once a failed
run has put the component into the state, its aliases have no effect on them. So NS records have aliases of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from pulumi_agin.lifecycle.urns import STACK, Urn

from . import sdk


def former_urns(resource: pulumi.Resource, parent: pulumi.Resource | None) -> list[pulumi.Output[str]]:
    """Returns the URNs that the aliases of a resource and of its parent name.

    Those of the components above the parent are not included, because the SDK has no way to find them.
    """
    own = [pulumi.Output.from_input(each) for each in sdk.aliases_of(resource)]
    # A parent of another process has only a URN.
    name = getattr(parent, "pulumi_resource_name", None)
    if parent is None or name is None:
        return own

    # The resource had each of its names, also the present one, below each former parent.
    def inherited(known: Sequence[str]) -> str:
        above, child = map(Urn.parse, known)
        return str(above.child(child.type, former_name(child.name, name, above.name)))

    return own + [
        pulumi.Output.all(above, child).apply(inherited)
        for above in sdk.aliases_of(parent)
        for child in (resource.urn, *own)
    ]


async def urns_of(aliases: Sequence[pulumi.Input[str | pulumi.Alias]], urn: Urn, parent: Urn) -> list[str]:
    """Returns the URNs that the aliases of a resource name. `urn` is its own, and `parent` that of its parent."""
    return [await _urn_of(await sdk.value_of(pulumi.Output.from_input(each)), urn, parent) for each in aliases]


async def _urn_of(alias: Any, urn: Urn, parent: Urn) -> str:
    if isinstance(alias, str):
        return alias
    # The SDK's placeholder for what is not given is `...`. If the parent is None, the resource had none.
    if alias.parent is None:
        parent = parent._replace(types=STACK)
    elif alias.parent is not ...:
        above = alias.parent.urn if isinstance(alias.parent, pulumi.Resource) else alias.parent
        parent = Urn.parse(str(await sdk.value_of(pulumi.Output.from_input(above))))
    type_ = urn.type if alias.type_ in (None, ...) else alias.type_
    name = urn.name if alias.name in (None, ...) else alias.name
    return str(parent.child(type_, name))


def former_name(name: str, parent_name: str, former_parent_name: str) -> str:
    """Returns the former name of a child. If it begins with its parent's name, it follows that name."""
    return former_parent_name + name.removeprefix(parent_name) if name.startswith(parent_name) else name
