"""The plugin's schema, which comes from the declarations. `python -m tools.schema` writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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
from pulumi_agin.native.properties import camel_case
from pulumi_agin.native.served import FUNCTIONS, RESOURCES, Function, Resource, is_optional
from pulumi_agin.rfc2136.declaration import TsigAlgorithm
from pulumi_agin.version import VERSION
from tools.docs import REFERENCE, bare_type, default_of, limit_of, sentence_of
from tools.place import REPOSITORY
from tools.steps import ROOT

FILE = ROOT / "pulumi_agin" / "native" / "schema.json"
# The examples are the programs of the resources' pages.
PAGES = {
    "AgentIngress": "agent-ingress.md",
    "AgentIngressCertificateValidation": "certificate-validation.md",
    "Rfc2136Delegation": "rfc2136-delegation.md",
}

# The names in the generated SDKs, which programs import.
NAMESPACE = "pulumi-agin"
NODE_PACKAGE = "@pulumi-agin/agin"
# Not pulumi_agin, which is the package for Python programs: a generated one would replace it.
PYTHON_PACKAGE = "pulumi_agin_native"
# `pulumi package add` generates the module. Nobody can register its host, which is also Pulumi's default.
GO_IMPORT_PATH = "example.com/pulumi-agin/sdk/go/agin"
DOTNET_NAMESPACE = "PulumiAgin"

# The types of the schema: a model of inputs and one of outputs can be the same type.
TYPES: dict[str, list[type[BaseModel]]] = {
    "AgentIngress": [IngressModel],
    "AgentIngressCertPolicy": [CertificatePolicyInputs, CertPolicyModel],
    "AgentIngressCertStatus": [CertStatusModel],
    "AgentIngressCertJob": [CertJobModel],
}
ENUMS = {
    "CertificateAuthority": get_args(CertificateAuthority),
    "PrivateKeyType": get_args(PrivateKeyType),
    "TsigAlgorithm": get_args(TsigAlgorithm),
}
ENUM_DESCRIPTIONS = {
    "CertificateAuthority": "The certificate authority. The NS records of the domain must exist first.",
    "PrivateKeyType": "The type of a certificate's private key.",
    "TsigAlgorithm": "The algorithm of a TSIG key.",
}

DESCRIPTIONS = {
    "AgentIngress": "An ngrok Agent Ingress lets ngrok agents connect through your own domain instead of ngrok's "
    "domain. Changing `domain` replaces it: the new one is created before the old one is deleted. All other changes "
    "are made in place. To remove a policy, an update sends null: ngrok's API reference allows that, but we have not "
    "seen what ngrok does with it. If ngrok keeps the policy, the update fails, and the message shows the next step.",
    "AgentIngressCertificateValidation": "Waits until the certificate of an Agent Ingress is issued. "
    "It creates nothing, like `aws.acm.CertificateValidation`. Without a `certificateManagementPolicy`, "
    "the validation ends immediately. A failed validation leaves the state unchanged, and the next `pulumi up` "
    "validates again.",
    "Rfc2136Delegation": "The NS records that delegate one domain, at a name server that accepts DNS updates, such as "
    "BIND, Knot DNS or PowerDNS. With a key, the updates are signed with TSIG. Without one they are unsigned, "
    "and anyone who can send from an address that the server allows can change the records.",
    "getAgentIngress": "Looks up one Agent Ingress by its ID or its domain, also in previews. Pass exactly one of the "
    "two.",
    "getAgentIngresses": "Looks up all Agent Ingresses of the account, or those that a filter selects, also in "
    "previews.",
    "agentConfig": "Returns the configuration file of an ngrok agent, `ngrok.yml`, version 3.",
}

EXAMPLES = {
    "AgentIngress": "An ingress with a certificate",
    "AgentIngressCertificateValidation": "The validation of the certificate of a delegated domain",
    "Rfc2136Delegation": "The NS records of an ingress",
}

CONFIG: dict[str, dict[str, Any]] = {
    "apiKey": {
        "type": "string",
        "secret": True,
        "description": "The ngrok API key. The default is the environment variable NGROK_API_KEY.",
    },
    "apiBaseUrl": {
        "type": "string",
        "description": "The URL of ngrok's API. The default is the environment variable NGROK_API_BASE_URL, or else "
        "ngrok's public API.",
    },
    "timeoutSeconds": {
        "type": "number",
        "description": "The time limit of one call, in seconds. The default is the environment variable "
        "NGROK_API_TIMEOUT_SECONDS, or else 300.",
    },
}

KEY_OF_PROVIDER = "The ngrok API key of the account. An explicit provider uses no other key."


def make_schema() -> dict[str, Any]:
    """Returns the schema."""
    return {
        "name": "agin",
        "displayName": "ngrok Agent Ingress",
        "version": VERSION,
        "description": "Manage ngrok Agent Ingresses (custom connect URLs for ngrok agents), wait for their "
        "certificates, and delegate their domains.",
        "keywords": ["pulumi", "ngrok", "agent ingress", "category/network", "kind/native"],
        "license": "Apache-2.0",
        "publisher": "The pulumi-agin authors",
        # Without it, the CLI uses the owner of a Git repository, and none for other plugins.
        "namespace": NAMESPACE,
        **_place(),
        "language": {
            "nodejs": {"packageName": NODE_PACKAGE, "respectSchemaVersion": True},
            "python": {"packageName": PYTHON_PACKAGE, "pyproject": {"enabled": True}, "respectSchemaVersion": True},
            "go": {"importBasePath": GO_IMPORT_PATH, "rootPackageName": "agin", "respectSchemaVersion": True},
            "csharp": {"rootNamespace": DOTNET_NAMESPACE, "respectSchemaVersion": True},
        },
        "config": {"variables": CONFIG},
        "types": {**_enums(), **{_token(name): _object(models) for name, models in TYPES.items()}},
        "provider": {
            "description": "An explicit provider, for a second account.",
            "inputProperties": {**CONFIG, "apiKey": {**CONFIG["apiKey"], "description": KEY_OF_PROVIDER}},
            # An omitted API key would have to come from the environment, whose key may belong to another account.
            "requiredInputs": ["apiKey"],
        },
        "resources": {resource.token: _resource(resource) for resource in RESOURCES},
        "functions": {function.token: _function(function) for function in FUNCTIONS},
    }


def in_json(schema: dict[str, Any]) -> str:
    """Returns a schema as in the file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _place() -> dict[str, str]:
    """Returns the repository, and the address from which the engine downloads the archives of a release."""
    if REPOSITORY is None:
        return {}
    return {"repository": REPOSITORY, "pluginDownloadURL": REPOSITORY.replace("https://github", "github://api.github")}


def _token(name: str) -> str:
    return f"agin:index:{name}"


def _name_of(token: str) -> str:
    return token.rpartition(":")[2]


def _enums() -> dict[str, Any]:
    return {
        _token(name): {
            "description": ENUM_DESCRIPTIONS[name],
            "type": "string",
            "enum": [{"name": _pascal_case(value), "value": value} for value in values],
        }
        for name, values in ENUMS.items()
    }


def _resource(resource: Resource) -> dict[str, Any]:
    inputs = dict(resource.inputs.model_fields)
    return {
        "description": f"{DESCRIPTIONS[_name_of(resource.token)]}\n\n{_example(resource)}",
        "properties": _properties(resource.outputs),
        "required": _required(resource.outputs),
        "inputProperties": _properties(inputs, are_inputs=True),
        "requiredInputs": [camel_case(name) for name, field in inputs.items() if field.is_required()],
        # A program that replaces one in Python keeps its resources.
        "aliases": [{"type": f"pulumi-python:dynamic/agin:{_name_of(resource.token)}"}],
    }


def _example(resource: Resource) -> str:
    """Returns an example of a resource in Pulumi's form, in TypeScript and YAML."""
    name = _name_of(resource.token)
    page = (REFERENCE / PAGES[name]).read_text(encoding="utf-8")
    programs = re.findall(r"^```(?:yaml|typescript)\n.*?^```\n", page, re.MULTILINE | re.DOTALL)
    # Without a heading outside of the example, which would stay in languages that it is not in.
    return (
        f"{{{{% examples %}}}}\n{{{{% example %}}}}\n### {EXAMPLES[name]}\n\n"
        f"{''.join(programs)}{{{{% /example %}}}}\n{{{{% /examples %}}}}"
    )


def _function(function: Function) -> dict[str, Any]:
    inputs, outputs = dict(function.inputs.model_fields), dict(function.outputs.model_fields)
    return {
        "description": DESCRIPTIONS[_name_of(function.token)],
        "inputs": {
            "properties": _properties(inputs, are_inputs=True),
            "required": [camel_case(name) for name, field in inputs.items() if field.is_required()],
        },
        "outputs": {
            "properties": _properties(outputs),
            "required": _required(outputs),
        },
    }


def _object(models: list[type[BaseModel]]) -> dict[str, Any]:
    # The first model has the limits. All models have the same fields.
    fields = dict(models[0].model_fields)
    assert all(dict(model.model_fields).keys() == fields.keys() for model in models)
    return {
        "description": (models[-1].__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": _properties(fields, are_inputs=issubclass(models[0], Declaration)),
        "required": _required(fields),
    }


def _required(fields: Mapping[str, FieldInfo]) -> list[str]:
    return [camel_case(name) for name, field in fields.items() if not is_optional(field)]


def _properties(fields: dict[str, FieldInfo], *, are_inputs: bool = False) -> dict[str, Any]:
    return {camel_case(name): _property(field, is_input=are_inputs) for name, field in fields.items()}


def _property(field: FieldInfo, *, is_input: bool) -> dict[str, Any]:
    declared = {**_type(field), "description": _description(field, with_limit=is_input)}
    if not is_input:
        # An output is a plain string also where an input has an enum.
        declared.pop("oneOf", None)
    if Marker.SECRET in field.metadata:
        declared["secret"] = True
    if is_input and Marker.REPLACES in field.metadata:
        declared["willReplaceOnChanges"] = True
    if is_input and not field.is_required() and field.default not in (None, ""):
        declared["default"] = field.default
    return declared


def _type(field: FieldInfo) -> dict[str, Any]:
    kind = bare_type(field.annotation)
    if get_origin(kind) is Literal:
        [enum] = [name for name, values in ENUMS.items() if values == get_args(kind)]
        # Any string is accepted too. Otherwise the host of YAML would reject a wrong one, and show no other problem.
        return {"type": "string", "oneOf": [{"type": "string"}, {"type": "string", "$ref": f"#/types/{_token(enum)}"}]}
    return _type_of(kind)


def _type_of(annotation: Any) -> dict[str, Any]:
    kind = bare_type(annotation)
    if kind is Any:
        return {"$ref": "pulumi.json#/Any"}
    if get_origin(kind) is list:
        return {"type": "array", "items": _type_of(get_args(kind)[0])}
    names = [name for name, models in TYPES.items() if kind in models]
    if names:
        return {"$ref": f"#/types/{_token(names[0])}"}
    return {"type": {str: "string", float: "number", int: "integer", bool: "boolean"}[kind]}


def _description(field: FieldInfo, *, with_limit: bool) -> str:
    """Returns the description in sentences, with names as in other languages."""
    sentences = [sentence_of(field)]
    if with_limit:
        sentences.append(limit_of(field))
        if default := default_of(field):
            sentences.append(f"Default: {default}.")
    return re.sub(r"`([a-z_]+)`", lambda match: f"`{camel_case(match[1])}`", " ".join(filter(None, sentences)))


def _pascal_case(value: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in value.split("-"))


if __name__ == "__main__":
    FILE.write_text(in_json(make_schema()), encoding="utf-8")
