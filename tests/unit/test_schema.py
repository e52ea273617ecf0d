"""The plugin's schema is that of the declarations, and no generated package replaces this one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from pulumi_agin.native.provider import SETTINGS, read_schema
from tests.support.pages import blocks
from tests.support.pyproject import ROOT, project
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


def test_its_names_are_those_of_the_repository_however_the_plugin_was_got(schema: dict[str, Any]) -> None:
    repository = project()["project"]["urls"]["Repository"]
    _, _, place = repository.partition("//github.com/")
    assert schema["repository"] == repository
    assert schema["pluginDownloadURL"] == f"github://api.github.com/{place}"
    assert schema["namespace"] == place.partition("/")[0]
    assert schema["publisher"]
    assert schema["language"]["nodejs"]["packageName"] == f"@{schema['namespace']}/agin"
    assert schema["language"]["go"]["importBasePath"] == f"github.com/{place}/sdk/go/agin"
    assert schema["language"]["csharp"]["rootNamespace"] == "PulumiAgin"


def test_each_resource_has_an_example_that_is_the_beginning_of_the_program_in_the_docs(schema: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "guides" / "languages.md").read_text(encoding="utf-8")
    programs = blocks(page, "yaml")
    in_typescript, *_ = blocks(page, "typescript")
    for token, resource in schema["resources"].items():
        name = token.rpartition(":")[2]
        _, _, shown = resource["description"].partition("{{% example %}}")
        [typescript], [text] = blocks(shown, "typescript"), blocks(shown, "yaml")
        assert in_typescript.startswith(typescript)
        assert typescript.rpartition("new agin.")[2].startswith(name)
        example = yaml.safe_load(text)
        [program] = [each for each in map(yaml.safe_load, programs) if "certificate" in each.get("resources", {})]
        assert example["resources"].items() <= program["resources"].items()
        assert list(example["resources"].values())[-1]["type"] == f"agin:{name}"
        assert ("config" in example) == ("tsigSecret" in text)


def test_a_generated_python_package_does_not_replace_this_one(schema: dict[str, Any]) -> None:
    assert schema["language"]["python"]["packageName"] == "pulumi_agin_native"
