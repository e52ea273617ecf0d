"""The plugin's schema."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pulumi_agin.native.plugin import SETTINGS, read_schema
from tools.schema import in_json, make_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(read_schema())
    return schema


def test_schema_is_that_of_the_declarations() -> None:
    assert read_schema() == in_json(make_schema()), "run: python -m tools.schema"


def test_properties_that_replace_are_secret_or_have_a_default(schema: dict[str, Any]) -> None:
    described = {
        f"{token.rpartition(':')[2]}.{name}": (word, declared[word])
        for token, resource in schema["resources"].items()
        for name, declared in resource["inputProperties"].items()
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
        "Rfc2136Delegation.adopt": ("default", False),
    }
    assert schema["config"]["variables"]["apiKey"]["secret"]
    assert schema["resources"]["agin:index:Rfc2136Delegation"]["properties"]["tsigSecret"]["secret"]


def test_settings_are_those_of_the_plugin(schema: dict[str, Any]) -> None:
    assert set(schema["config"]["variables"]) == set(SETTINGS)


def test_every_property_is_described_and_in_camel_case(schema: dict[str, Any]) -> None:
    functions = [function[part] for function in schema["functions"].values() for part in ("inputs", "outputs")]
    objects = [*schema["resources"].values(), *schema["types"].values(), *functions]
    for each in objects:
        # An enum has neither.
        for part in ("properties", "inputProperties"):
            for name, declared in each.get(part, {}).items():
                assert "_" not in name
                assert declared["description"].endswith(".")
                assert re.search(r"`[a-z]+_[a-z_]+`", declared["description"]) is None


def test_schema_names_no_place_until_the_owner_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"repository", "homepage", "pluginDownloadURL"}
    monkeypatch.setattr("tools.schema.REPOSITORY", None)
    assert keys & make_schema().keys() == set()
    monkeypatch.setattr("tools.schema.REPOSITORY", "https://github.com/acme/agin")
    schema = make_schema()
    assert schema["repository"] == "https://github.com/acme/agin"
    assert schema["pluginDownloadURL"] == "github://api.github.com/acme/agin"


def test_programs_keep_the_names_of_generated_sdks(schema: dict[str, Any]) -> None:
    language = schema["language"]
    assert language["nodejs"]["packageName"] == "@pulumi-agin/agin"
    # A generated Python package must not replace this one.
    assert language["python"]["packageName"] == "pulumi_agin_native"
    assert language["csharp"]["rootNamespace"] == "PulumiAgin"
    # Nobody can register the host of the Go module.
    assert language["go"]["importBasePath"] == "example.com/pulumi-agin/sdk/go/agin"
