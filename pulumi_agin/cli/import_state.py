"""What the state of a stack has of Agent Ingresses and their providers, for `pulumi-agin import`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_agin.api.models import AgentIngress
from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.shell_commands import state_delete_line
from pulumi_agin.settings import API_KEY, Settings

from .output import UsageError
from .stack import Resources, agent_ingresses

# `pulumi stack export --show-secrets` has the value of a secret under this key, as JSON.
PLAINTEXT = "plaintext"

STILL_TO_BE_DELETED = (
    ", which is still to be deleted: finish that first. Run `pulumi up` with the domain that replaced this one in the "
    "program"
)
UNDER_TWO_NAMES = (
    ". With a second name, `pulumi up` would delete it, because the program lacks the first. If it was renamed or "
    "moved, give the resource its old name or parent in "
    "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)]) instead"
)


def settings_of(provider: Mapping[str, Any]) -> Settings:
    """Returns the settings of an explicit provider.

    Args:
        provider: The provider in the state, with its secrets.

    Raises:
        UsageError: It has no API key.
    """
    inputs = provider.get("inputs", {})
    # The key in the environment may belong to another account, so it is not used.
    if not _plain_value(inputs.get(API_KEY)):
        raise UsageError(f"the provider {one_line(provider['urn'])} has no {API_KEY} in the state")
    return Settings.load(lambda key: _plain_value(inputs.get(key)), is_of_provider=True)


def _plain_value(value: Any) -> Any:
    return json.loads(value[PLAINTEXT]) if isinstance(value, dict) and PLAINTEXT in value else value


def find_provider(urn: str, state: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns an explicit provider.

    Args:
        urn: Its URN, with or without the id, which states append to it.
        state: The resources of the stack.

    Raises:
        UsageError: The stack does not have it.
    """
    providers = [resource for resource in state if resource["type"] == urns.PROVIDER]
    for provider in providers:
        if urn in (provider["urn"], f"{provider['urn']}::{provider.get('id')}"):
            return provider
    # The engine's default provider has no key.
    there = ", ".join(one_line(one["urn"]) for one in providers if API_KEY in one.get("inputs", {}))
    raise UsageError(
        f"the stack has no provider {one_line(urn)}; "
        + (f"it has {there}" if there else "it has none with an API key: run `pulumi up` with the provider first")
    )


def path_of(parent: str | None, name: str) -> str:
    """Returns the end of the URN that an ingress gets: its types and its name.

    Args:
        parent: The URN of the parent; None for the stack.
        name: The name of the resource.
    """
    types = urns.Urn.parse(parent).types if parent is not None else urns.STACK
    return f"{urns.AGENT_INGRESS}::{name}" if types == urns.STACK else f"{types}${urns.AGENT_INGRESS}::{name}"


def owners_of(ingress: AgentIngress, state: Resources) -> Resources:
    """Returns the resources of the stack that have an ingress. One that is only read is not the stack's.

    Args:
        ingress: The ingress.
        state: The resources of the stack.
    """
    return [resource for resource in agent_ingresses(state) if resource.get("id") == ingress.id]


def is_at(resource: Mapping[str, Any], path: str) -> bool:
    """Returns whether a resource of the stack is the one that an import would make, and stays.

    Args:
        resource: The resource.
        path: The path that the import would give it; see `path_of`.
    """
    urn = urns.Urn.parse(resource["urn"])
    return f"{urn.types}::{urn.name}" == path and not resource.get("delete")


def next_step(owner: Mapping[str, Any], stack: str | None) -> str:
    """Says what to do, because the stack has the ingress already: the end of a sentence.

    Args:
        owner: The resource that has it.
        stack: The stack as the CLI calls it; None for the selected one.
    """
    if owner.get("delete"):
        return STILL_TO_BE_DELETED
    if owner["type"] == urns.AGENT_INGRESS:
        return UNDER_TWO_NAMES
    line = state_delete_line(owner["urn"], stack=stack)
    return (
        ", a resource of the provider plugin. If the program is not in Python, there is nothing to do. A program in "
        "Python lacks it, so its `pulumi up` would delete it: to make it a resource of such a program, first take it "
        f"out of the state, which leaves the Agent Ingress as it is\n{line}"
    )
