"""The plugin's schema, which comes from the declarations. `python -m tools.schema` writes it."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pulumi_agin.api.models import CertJobModel, CertPolicyModel, CertStatusModel, IngressModel
from pulumi_agin.lifecycle.inputs import (
    CertificateAuthority,
    CertificatePolicyInputs,
    Declaration,
    Marker,
    PrivateKeyType,
)
from pulumi_agin.native.catalog import FUNCTIONS, RESOURCES, Function, ProviderConfig, Resource, is_optional
from pulumi_agin.native.properties import camel_case
from pulumi_agin.rfc2136.declaration import TsigAlgorithm
from pulumi_agin.version import VERSION
from tools.docs import bare_type, default_of, limit_of, sentence_of
from tools.steps import ROOT

FILE = ROOT / "pulumi_agin" / "native" / "schema.json"
# The owner sets it: see Release in CONTRIBUTING.md.
_PLACE = re.search(r'^Repository = "(https://github\.com/.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
REPOSITORY = _PLACE[1] if _PLACE else None

# Inputs and outputs of one type have the same fields. The schema has one type, with the limits of the inputs.
TYPES: dict[str, type[BaseModel]] = {
    "AgentIngress": IngressModel,
    "AgentIngressCertPolicy": CertificatePolicyInputs,
    "AgentIngressCertStatus": CertStatusModel,
    "AgentIngressCertJob": CertJobModel,
}
NAMES = {model: name for name, model in TYPES.items()} | {CertPolicyModel: "AgentIngressCertPolicy"}
ENUMS: dict[str, tuple[str, ...]] = {
    "CertificateAuthority": get_args(CertificateAuthority),
    "PrivateKeyType": get_args(PrivateKeyType),
    "TsigAlgorithm": get_args(TsigAlgorithm),
}
SDK = {"respectSchemaVersion": True}


def make_schema() -> dict[str, Any]:
    types = {name: enum(values) for name, values in ENUMS.items()}
    for name, model in TYPES.items():
        types[name] = {"type": "object", "description": description_of(model), **object_of(model)}
    config = object_of(ProviderConfig)
    # The engine downloads the archives of a release from there.
    address = (REPOSITORY or "").replace("https://github", "github://api.github")
    release = {"repository": REPOSITORY, "pluginDownloadURL": address} if REPOSITORY else {}
    return {
        "name": "agin",
        "displayName": "ngrok Agent Ingress",
        "version": VERSION,
        "description": "Custom connect URLs for ngrok agents: Agent Ingresses, certificates and DNS records.",
        "keywords": ["pulumi", "ngrok", "agent ingress", "category/network", "kind/native"],
        "license": "Apache-2.0",
        "publisher": "The pulumi-agin authors",
        # Without it, the CLI uses the owner of a Git repository, and none for other plugins.
        "namespace": "pulumi-agin",
        **release,
        "language": {
            "nodejs": {**SDK, "packageName": "@pulumi-agin/agin"},
            # Not pulumi_agin, which is the package for Python programs: a generated one would replace it.
            "python": {**SDK, "packageName": "pulumi_agin_native", "pyproject": {"enabled": True}},
            # `pulumi package add` generates the module. Nobody can register its host, which is also Pulumi's default.
            "go": {**SDK, "importBasePath": "example.com/pulumi-agin/sdk/go/agin", "rootPackageName": "agin"},
            "csharp": {**SDK, "rootNamespace": "PulumiAgin"},
        },
        "config": {"variables": config["properties"]},
        "types": {token(name): declared for name, declared in types.items()},
        "provider": {
            "description": "An explicit provider, for a second account.",
            "inputProperties": config["properties"],
            "requiredInputs": config["required"],
        },
        "resources": {each.token: resource(each) for each in RESOURCES},
        "functions": {each.token: function(each) for each in FUNCTIONS},
    }


def token(name: str) -> str:
    return f"agin:index:{name}"


def enum(values: tuple[str, ...]) -> dict[str, Any]:
    names = {"".join(map(str.capitalize, value.split("-"))): value for value in values}
    return {"type": "string", "enum": [{"name": name, "value": value} for name, value in names.items()]}


def resource(served: Resource) -> dict[str, Any]:
    inputs = object_of(served.inputs)
    return {
        "description": description_of(served.all_outputs),
        # The engine handles the ID separately.
        **object_of(served.all_outputs, "id", is_output=True),
        "inputProperties": inputs["properties"],
        "requiredInputs": inputs["required"],
        # A program that replaces one in Python keeps its resources.
        "aliases": [{"type": f"pulumi-python:dynamic/agin:{served.token.rpartition(':')[2]}"}],
    }


def function(served: Function) -> dict[str, Any]:
    inputs, outputs = object_of(served.inputs), object_of(served.outputs)
    return {"description": description_of(served.inputs), "inputs": inputs, "outputs": outputs}


def object_of(model: type[BaseModel], *without: str, is_output: bool = False) -> dict[str, Any]:
    """Returns the properties of a model: those of inputs if it is a Declaration, unless it has outputs, too."""
    fields = {camel_case(name): field for name, field in model.model_fields.items() if name not in without}
    is_input = issubclass(model, Declaration) and not is_output
    # An input may have a default, and an output may be null.
    needed = {name: field.is_required() if is_input else not is_optional(field) for name, field in fields.items()}
    properties = {name: property_of(field, is_input) for name, field in fields.items()}
    return {"properties": properties, "required": [name for name in fields if needed[name]]}


def description_of(model: type[BaseModel]) -> str:
    """Returns the docstring of a model, with names as in other languages."""
    return in_camel_case(re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(model) or ""))


def property_of(field: FieldInfo, is_input: bool) -> dict[str, Any]:
    declared = type_of(bare_type(field.annotation))
    sentences = [sentence_of(field)]
    if Marker.SECRET in field.metadata:
        declared["secret"] = True
    if not is_input:
        # An output is a plain string also where an input has an enum.
        declared.pop("oneOf", None)
    else:
        sentences.append(limit_of(field))
        if Marker.REPLACES in field.metadata:
            declared["willReplaceOnChanges"] = True
        if default := default_of(field):
            declared["default"] = field.default
            sentences.append(f"Default: {default}.")
    return {**declared, "description": in_camel_case(" ".join(filter(None, sentences)))}


def type_of(kind: Any) -> dict[str, Any]:
    if kind is Any:
        return {"$ref": "pulumi.json#/Any"}
    if get_origin(kind) is list:
        return {"type": "array", "items": type_of(bare_type(get_args(kind)[0]))}
    if get_origin(kind) is Literal:
        [name] = [name for name, values in ENUMS.items() if values == get_args(kind)]
        # Any string is accepted too. Otherwise the host of YAML would reject a wrong one, and show no other problem.
        return {"type": "string", "oneOf": [{"type": "string"}, {"type": "string", "$ref": f"#/types/{token(name)}"}]}
    if kind in NAMES:
        return {"$ref": f"#/types/{token(NAMES[kind])}"}
    return {"type": {str: "string", float: "number", int: "integer", bool: "boolean"}[kind]}


def in_camel_case(text: str) -> str:
    return re.sub(r"`([a-z_]+)`", lambda match: f"`{camel_case(match[1])}`", text)


if __name__ == "__main__":
    FILE.write_text(json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
