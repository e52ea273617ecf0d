"""Import files for `pulumi import --file`.

Pulumi's SDK can't read a resource of a Python program that is not in the state. But `pulumi import` trusts the file: if
a resource has outputs there, the engine does not call the provider. So the file contains exactly what a create would
have written to the state. A resource of the provider plugin needs only its ID.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi_agin.api.models import IngressModel
from pulumi_agin.dynamic import sdk
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.servicer import PROVIDER_KEY
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import FINGERPRINT, inputs_of, outputs_of
from pulumi_agin.lifecycle.services import Account

from .import_names import unique


def resource(type_: str, name: str, ingress: IngressModel, account: Account) -> dict[str, Any]:
    """Returns an ingress for the file."""
    identity = {"type": type_, "name": name, "id": ingress.id}
    if type_ == urns.NATIVE_AGENT_INGRESS:
        return identity
    mark = {PROVIDER_KEY: sdk.serialized(AgentIngressProvider())}
    return {
        **identity,
        # Without strings that are empty at ngrok, because no inputs show that the program sets them.
        "inputs": {**inputs_of(ingress, shown_by={}), **mark},
        "outputs": {**outputs_of(ingress), FINGERPRINT: account.fingerprint(ingress.id), **mark},
    }


def import_file(resources: Iterable[Mapping[str, Any]], references: Mapping[str, str | None]) -> str:
    """Returns the JSON of a file with these resources. It is ASCII only, so that every shell passes it on unchanged.

    `references` are the URNs of their "parent" and "provider", or None. Each resource refers to them by a variable, and
    the name table of the file has the URN of each variable.
    """
    listed = list(resources)
    # A variable must not be the name of a resource in the file.
    taken = {each["name"] for each in listed}
    variables: dict[str, str] = {}
    name_table: dict[str, str] = {}
    for kind, urn in references.items():
        if urn is not None:
            variables[kind] = unique(_variable(urns.Urn.parse(urn).name), taken)
            name_table[variables[kind]] = urn
    file = {"nameTable": name_table, "resources": [{**each, **variables} for each in listed]}
    return json.dumps(file, indent=2) + "\n"


def _variable(name: str) -> str:
    """Returns the variable of a resource in the code that `pulumi import` generates, which no other name may break."""
    variable = re.sub("[^A-Za-z0-9_-]+", "_", name)
    return variable if variable[:1].isalpha() else f"_{variable}"
