"""The plugin's schema is that of the declarations, and no generated package replaces this one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pulumi_agin.native.provider import SETTINGS, read_schema
from tools.schema import in_json, make_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(read_schema())
    return schema


def test_it_is_not_stale() -> None:
    assert read_schema() == in_json(make_schema()), "run: python -m tools.schema"


def test_it_has_every_resource_and_function(schema: dict[str, Any]) -> None:
    assert list(schema["resources"]) == [
        "agin:index:AgentIngress",
        "agin:index:AgentIngressCertificateValidation",
        "agin:index:Rfc2136Delegation",
    ]
    assert list(schema["functions"]) == [
        "agin:index:getAgentIngress",
        "agin:index:getAgentIngresses",
        "agin:index:agentConfig",
    ]


def test_it_says_what_replaces_what_is_secret_and_what_is_the_default(schema: dict[str, Any]) -> None:
    inputs = {name.rpartition(":")[2]: resource["inputProperties"] for name, resource in schema["resources"].items()}
    described = {
        f"{resource}.{name}": (word, declared[word])
        for resource, properties in inputs.items()
        for name, declared in properties.items()
        for word in ("willReplaceOnChanges", "secret", "default")
        if word in declared
    }
    assert described == {
        "AgentIngress.domain": ("willReplaceOnChanges", True),
        "AgentIngressCertificateValidation.agentIngressId": ("willReplaceOnChanges", True),
        "AgentIngressCertificateValidation.timeoutSeconds": ("default", 2700),
        "AgentIngressCertificateValidation.dnsErrorGraceSeconds": ("default", 600),
        "Rfc2136Delegation.domain": ("willReplaceOnChanges", True),
        "Rfc2136Delegation.zone": ("willReplaceOnChanges", True),
        "Rfc2136Delegation.tsigSecret": ("secret", True),
        "Rfc2136Delegation.port": ("default", 53),
        "Rfc2136Delegation.tsigAlgorithm": ("default", "hmac-sha256"),
        "Rfc2136Delegation.takeOver": ("default", False),
    }
    assert schema["config"]["variables"]["apiKey"]["secret"]
    assert schema["resources"]["agin:index:Rfc2136Delegation"]["properties"]["tsigSecret"]["secret"]


def test_its_settings_are_those_that_the_plugin_takes() -> None:
    assert set(make_schema()["config"]["variables"]) == set(SETTINGS)


def test_every_value_is_described_and_named_in_camel_case(schema: dict[str, Any]) -> None:
    objects = [
        *schema["resources"].values(),
        *schema["types"].values(),
        *(function[part] for function in schema["functions"].values() for part in ("inputs", "outputs")),
    ]
    properties = [each.get(kind, {}) for each in objects for kind in ("properties", "inputProperties")]
    names = {name: declared for each in properties for name, declared in each.items()}
    assert names
    for name, declared in names.items():
        assert "_" not in name
        assert declared["description"].endswith(".")
        assert re.search(r"`[a-z]+_[a-z_]+`", declared["description"]) is None


def test_a_generated_python_package_does_not_replace_this_one(schema: dict[str, Any]) -> None:
    assert schema["language"]["python"]["packageName"] == "pulumi_agin_native"
