"""Import files for `pulumi import --file`.

`pulumi import` trusts the file: if a resource has outputs there, the engine does not call the provider. So the file
contains exactly what a create would have written to the state. Pulumi's SDK can't read a resource of a Python program
that is not in the state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.models import IngressModel
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import FINGERPRINT, inputs_of, outputs_of


def resource(
    name: str, ingress: IngressModel, client: AgentIngressClient, references: Mapping[str, str | None]
) -> dict[str, Any]:
    """Returns an ingress for the file. `references` are the URNs of its "parent" and "provider", or None."""
    mark = {PROVIDER_KEY: serialize_provider(AgentIngressProvider())}
    return {
        "type": urns.AGENT_INGRESS,
        "name": name,
        "id": ingress.id,
        **{kind: urn for kind, urn in references.items() if urn is not None},
        "inputs": {**inputs_of(ingress, {}), **mark},
        "outputs": {**outputs_of(ingress), FINGERPRINT: client.fingerprint(ingress.id), **mark},
    }


def import_file(resources: Iterable[Mapping[str, Any]]) -> str:
    """Returns the JSON of a file with these resources. It is ASCII only, so that every shell passes it on unchanged."""
    listed = list(resources)
    # A name in the table must not be the name of a resource in the file. No resource is named like a URN.
    named = {each[kind]: each[kind] for each in listed for kind in ("parent", "provider") if kind in each}
    return json.dumps({"nameTable": named, "resources": listed}, indent=2) + "\n"
