"""The floor: a dynamic resource that has the inputs and outputs of an Agent Ingress, and sends no requests.

It is installed in the same environment as ours, so that it is pickled by reference, too.
"""

from __future__ import annotations

import uuid
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

OUTPUTS = {
    "description": "",
    "metadata": "",
    "ns_targets": [f"ns-{number}.awsdns-50.net." for number in (1329, 737, 1940, 427)],
    "region_domains": [f"tunnel.r{number}.i100.acme.com" for number in range(8)],
    "created_at": "2026-01-01T00:00:00Z",
    "uri": "/agent_ingresses/agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
    "_key_fingerprint": "0" * 8,
}


class FloorProvider(ResourceProvider):
    """Does no more than the SDK requires."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compares the descriptions. Nothing else changes."""
        return DiffResult(changes=_olds["description"] != _news["description"])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Returns a random id."""
        return CreateResult(f"agin_{uuid.uuid4()}", {**OUTPUTS, **props})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Returns the state as it was."""
        return ReadResult(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Returns the new inputs."""
        return UpdateResult({**_olds, **_news})


class Floor(Resource, module="benchmark", name="Floor"):
    """The counterpart of an AgentIngress."""

    domain: pulumi.Output[str]
    description: pulumi.Output[str]
    metadata: pulumi.Output[str]
    ns_targets: pulumi.Output[list[str]]
    region_domains: pulumi.Output[list[str]]
    certificate_management_policy: pulumi.Output[dict[str, str] | None]
    certificate_management_status: pulumi.Output[dict[str, str] | None]
    created_at: pulumi.Output[str]
    uri: pulumi.Output[str]

    def __init__(self, resource_name: str, *, domain: str, description: str) -> None:
        inputs = {"domain": domain, "description": description}
        super().__init__(FloorProvider(), resource_name, {**dict.fromkeys(Floor.__annotations__), **inputs})
