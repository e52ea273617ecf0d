"""Agent Ingresses and their providers in the state of a stack, for `pulumi-agin import`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.shell_commands import state_delete_line
from pulumi_agin.settings import API_KEY, Settings

from .output import UsageError
from .stack import Resources


def find_provider(urn: str, state: Resources) -> Mapping[str, Any]:
    """Returns an explicit provider by its URN, with or without the id, which states append to it."""
    providers = [resource for resource in state if resource["type"] == urns.PROVIDER]
    for provider in providers:
        if urn in (provider["urn"], f"{provider['urn']}::{provider.get('id')}"):
            return provider
    # The engine's default provider has no key.
    others = ", ".join(one_line(each["urn"]) for each in providers if API_KEY in each.get("inputs", {}))
    raise UsageError(
        f"the stack has no provider {one_line(urn)}; "
        + (f"it has {others}" if others else "it has none with an API key: run `pulumi up` with the provider first")
    )


def settings_of(provider: Mapping[str, Any]) -> Settings:
    """Returns the settings of an explicit provider, which must be in the state with its secrets."""
    inputs = {key: _plain_value(value) for key, value in provider.get("inputs", {}).items()}
    # The key in the environment may belong to another account, so it is not used.
    if not inputs.get(API_KEY):
        raise UsageError(f"the provider {one_line(provider['urn'])} has no {API_KEY} in the state")
    return Settings.load(inputs.get, is_of_provider=True)


def _plain_value(value: Any) -> Any:
    # The form of a secret in the output of `pulumi stack export --show-secrets`.
    return json.loads(value["plaintext"]) if isinstance(value, dict) and "plaintext" in value else value


def is_imported_as(resource: Mapping[str, Any], parent: str | None, name: str) -> bool:
    """Returns whether a resource is the one that an import under a parent and a name makes, and stays."""
    types = urns.STACK if parent is None else urns.Urn.parse(parent).types
    path = urns.AGENT_INGRESS if types == urns.STACK else f"{types}${urns.AGENT_INGRESS}"
    urn = urns.Urn.parse(resource["urn"])
    return (urn.types, urn.name) == (path, name) and not resource.get("delete")


def next_step(owner: Mapping[str, Any], stack: str | None) -> str:
    """Returns the end of a sentence: what to do, because a resource of the stack has the ingress already."""
    if owner.get("delete"):
        return (
            ", which is still to be deleted: finish that first. Run `pulumi up` with the domain that replaced this one "
            "in the program"
        )
    if owner["type"] == urns.AGENT_INGRESS:
        return (
            ". With a second name, `pulumi up` would delete it, because the program lacks the first. If it was renamed "
            "or moved, give the resource its old name or parent in "
            "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]) instead"
        )
    line = state_delete_line(owner["urn"], stack=stack)
    return (
        ", a resource of the provider plugin. If the program is not in Python, there is nothing to do. A program in "
        "Python lacks it, so its `pulumi up` would delete it: to make it a resource of such a program, first take it "
        f"out of the state, which leaves the Agent Ingress as it is\n{line}"
    )
