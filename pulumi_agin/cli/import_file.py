"""Import files for `pulumi import --file`.

`pulumi import` trusts the file: if a resource has outputs there, the engine does not call the provider. So the file
contains exactly what a create would have written to the state. Pulumi's SDK can't read a resource of a Python program
that is not in the state, and a plugin that reads one does not know which of its values are secrets.
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
from pulumi_agin.lifecycle.outputs import FINGERPRINT, outputs_of
from pulumi_agin.native.names import in_camel_case

from .stack import as_secret_as


def resource(
    type_: str,
    name: str,
    ingress: IngressModel,
    client: AgentIngressClient,
    references: Mapping[str, str | None],
    inputs: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns an ingress for the file, as a resource of one of the types of either front end.

    `references` are the URNs of its "parent" and "provider", or None. `inputs` are as the state would have them; if one
    is secret, so is the output.
    """
    fingerprint = {FINGERPRINT: client.fingerprint(ingress.id)}
    if type_ == urns.AGENT_INGRESS:
        mark = {PROVIDER_KEY: serialize_provider(AgentIngressProvider())}
        inputs = {**inputs, **mark}
        outputs = {**outputs_of(ingress), **fingerprint, **mark}
    else:
        # A program treats an absent output as unknown, so those without a value are null.
        outputs = in_camel_case({**ingress.model_dump(exclude={"id"}), **fingerprint})
    return {
        "type": type_,
        "name": name,
        "id": ingress.id,
        **{kind: urn for kind, urn in references.items() if urn is not None},
        "inputs": dict(inputs),
        "outputs": {key: as_secret_as(inputs.get(key), value) for key, value in outputs.items()},
    }


def import_file(resources: Iterable[Mapping[str, Any]]) -> str:
    """Returns the JSON of a file with these resources. It is ASCII only, so that every shell passes it on unchanged."""
    listed = list(resources)
    # A name in the table must not be the name of a resource in the file. No resource is named like a URN.
    named = {each[kind]: each[kind] for each in listed for kind in ("parent", "provider") if kind in each}
    return json.dumps({"nameTable": named, "resources": listed}, indent=2) + "\n"
