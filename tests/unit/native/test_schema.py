"""The plugin's schema: what the generated SDKs and their users rely on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tools.schema import FILE, make_schema

SCHEMA: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
OBJECTS = [
    *SCHEMA["resources"].values(),
    *SCHEMA["types"].values(),
    *(function[part] for function in SCHEMA["functions"].values() for part in ("inputs", "outputs")),
]


def test_file_is_that_of_the_declarations() -> None:
    assert make_schema() == SCHEMA, "run: python -m tools.schema"


def test_properties_that_replace_are_secret_or_have_a_default() -> None:
    found = {
        f"{token.rpartition(':')[2]}.{name}": (word, declared[word])
        for token, resource in SCHEMA["resources"].items()
        for name, declared in resource["inputProperties"].items()
        for word in ("willReplaceOnChanges", "secret", "default")
        if word in declared
    }
    replaces = ("willReplaceOnChanges", True)
    assert found == {
        "AgentIngress.domain": replaces,
        "AgentIngressCertificateValidation.agentIngressId": replaces,
        "AgentIngressCertificateValidation.timeoutSeconds": ("default", 2700),
        "AgentIngressCertificateValidation.dnsErrorGraceSeconds": ("default", 600),
        "AgentIngressCertificateValidation.triggers": replaces,
        "Rfc2136Delegation.domain": replaces,
        "Rfc2136Delegation.zone": replaces,
        "Rfc2136Delegation.tsigSecret": ("secret", True),
        "Rfc2136Delegation.port": ("default", 53),
        "Rfc2136Delegation.tsigAlgorithm": ("default", "hmac-sha256"),
    }
    assert SCHEMA["resources"]["agin:index:Rfc2136Delegation"]["properties"]["tsigSecret"]["secret"]
    assert SCHEMA["provider"]["inputProperties"]["apiKey"]["secret"]
    assert SCHEMA["provider"]["requiredInputs"] == ["apiKey"]


def test_every_property_is_described_in_camel_case() -> None:
    parts = [each.get(part, {}) for each in OBJECTS for part in ("properties", "inputProperties")]
    properties = [declared for part in parts for declared in part.items()]
    assert len(properties) > 50
    for name, declared in properties:
        assert "_" not in name
        assert declared["description"].endswith(".")
        assert not re.search(r"`[a-z]+_[a-z_]+`", declared["description"])


def test_generated_python_package_does_not_replace_this_one() -> None:
    assert SCHEMA["language"]["python"]["packageName"] != "pulumi_agin"


def test_place_of_a_release_is_absent_until_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.schema.REPOSITORY", None)
    assert {"repository", "pluginDownloadURL"} & make_schema().keys() == set()
    monkeypatch.setattr("tools.schema.REPOSITORY", "https://github.com/acme/agin")
    assert make_schema()["pluginDownloadURL"] == "github://api.github.com/acme/agin"
