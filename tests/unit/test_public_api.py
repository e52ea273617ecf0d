"""What users and their states rely on: names, strings and what an import costs."""

from __future__ import annotations

import ast
import base64
import json
import pickle
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from pulumi.dynamic import Resource
from pulumi.dynamic.dynamic import serialize_provider

import pulumi_agin
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.version import VERSION

# These stand in users' states: `refresh` and `destroy` load the provider from them.
PROVIDER_IN_STATES = {
    4: "gASVQQAAAAAAAACMIXB1bHVtaV9hZ2luLmR5bmFtaWMuYWdlbnRfaW5ncmVzc5SMFEFnZW50SW5ncmVzc1Byb3ZpZGVylJOUKYGULg==",
    5: "gAWVQQAAAAAAAACMIXB1bHVtaV9hZ2luLmR5bmFtaWMuYWdlbnRfaW5ncmVzc5SMFEFnZW50SW5ncmVzc1Byb3ZpZGVylJOUKYGULg==",
}


def test_a_lookup_outside_of_a_program_says_where_it_works() -> None:
    script = "import pulumi_agin; pulumi_agin.get_agent_ingress(domain='connect.acme.com')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (
        "RunError: get_agent_ingress works only in a program that Pulumi runs, as in `pulumi preview`" in ended.stderr
    )


def test_the_public_names() -> None:
    assert pulumi_agin.__all__ == [
        "AgentIngress",
        "AgentIngressArgs",
        "AgentIngressCertJob",
        "AgentIngressCertPolicy",
        "AgentIngressCertPolicyArgs",
        "AgentIngressCertPolicyArgsDict",
        "AgentIngressCertStatus",
        "AgentIngressCertificateValidation",
        "AgentIngressDelegation",
        "CertificateAuthority",
        "GetAgentIngressResult",
        "GetAgentIngressesResult",
        "PrivateKeyType",
        "Provider",
        "agent_config",
        "dns",
        "get_agent_ingress",
        "get_agent_ingress_output",
        "get_agent_ingresses",
        "get_agent_ingresses_output",
    ]
    for name in pulumi_agin.__all__:
        assert getattr(pulumi_agin, name).__name__.rpartition(".")[2] == name
    assert set(pulumi_agin.__all__) <= set(dir(pulumi_agin))


def test_the_version_is_there_as_everywhere_in_python() -> None:
    assert pulumi_agin.__version__ == VERSION
    assert "__version__" in dir(pulumi_agin)
    assert re.fullmatch(r"\d+\.\d+\.\d+", pulumi_agin.__version__)


@pytest.mark.parametrize("protocol", PROVIDER_IN_STATES)
def test_the_provider_in_users_states_never_changes(protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The SDK takes the interpreter's default, which is 5 from Python 3.14 on.
    monkeypatch.setattr(pickle, "DEFAULT_PROTOCOL", protocol)
    assert serialize_provider(AgentIngressProvider()) == PROVIDER_IN_STATES[protocol]
    loaded = pickle.loads(base64.b64decode(PROVIDER_IN_STATES[protocol]))
    assert type(loaded) is AgentIngressProvider
    assert vars(loaded) == {}


@pytest.mark.parametrize(
    ("python_class", "name"),
    [
        (pulumi_agin.AgentIngress, "dynamic/agin:AgentIngress"),
        (pulumi_agin.AgentIngressCertificateValidation, "dynamic/agin:AgentIngressCertificateValidation"),
        (pulumi_agin.dns.Rfc2136Delegation, "dynamic/agin:Rfc2136Delegation"),
    ],
)
def test_the_type_token_never_changes_not_in_a_subclass_either(python_class: type[Resource], name: str) -> None:
    assert python_class._resource_type_name == name
    assert type("Mine", (python_class,), {})._resource_type_name == name  # type: ignore[attr-defined]
    # As Pulumi's own class takes them.
    assert type("Mine", (python_class,), {}, module="m", name="N")._resource_type_name == name  # type: ignore[attr-defined]


def loaded_by(program: str) -> list[str]:
    """The modules that a program loads besides those of Pulumi's SDK."""
    script = (
        f"import sys, pulumi, pulumi.dynamic; before = set(sys.modules); {program}; "
        "print(' '.join(sorted(set(sys.modules) - before)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_a_program_loads_nothing_that_it_may_not_need() -> None:
    assert loaded_by("import pulumi_agin") == ["pulumi_agin", "pulumi_agin.version"]
    assert loaded_by("from pulumi_agin import AgentIngress") == [
        "pulumi_agin",
        "pulumi_agin.agent_ingress",
        "pulumi_agin.api",
        "pulumi_agin.api.access",
        "pulumi_agin.api.errors",
        "pulumi_agin.api.text",
        "pulumi_agin.canonical",
        "pulumi_agin.commands",
        "pulumi_agin.deployment",
        "pulumi_agin.door",
        "pulumi_agin.dynamic",
        "pulumi_agin.dynamic.agent_ingress",
        "pulumi_agin.dynamic.servicer",
        "pulumi_agin.dynamic_resource",
        "pulumi_agin.lifecycle",
        "pulumi_agin.lifecycle.call",
        "pulumi_agin.lifecycle.outputs",
        "pulumi_agin.lifecycle.results",
        "pulumi_agin.limits",
        "pulumi_agin.mistakes",
        "pulumi_agin.preview",
        "pulumi_agin.program_checks",
        "pulumi_agin.provider",
        "pulumi_agin.sdk",
        "pulumi_agin.settings",
        "pulumi_agin.tokens",
        "pulumi_agin.version",
        "pulumi_agin.words",
    ]


def test_whatever_a_program_writes_loads_neither_requests_nor_pydantic() -> None:
    loaded = loaded_by(f"from pulumi_agin import {', '.join(pulumi_agin.__all__)}")
    assert "pulumi_agin.lookup" in loaded
    assert not {"requests", "urllib3", "pydantic", "pydantic_core", "dns"} & set(loaded)


def test_the_plugin_loads_nothing_of_what_a_program_writes() -> None:
    assert loaded_by("from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider") == [
        "pulumi_agin",
        "pulumi_agin.api",
        "pulumi_agin.api.access",
        "pulumi_agin.api.errors",
        "pulumi_agin.api.text",
        "pulumi_agin.door",
        "pulumi_agin.dynamic",
        "pulumi_agin.dynamic.agent_ingress",
        "pulumi_agin.dynamic.servicer",
        "pulumi_agin.lifecycle",
        "pulumi_agin.lifecycle.call",
        "pulumi_agin.lifecycle.results",
        "pulumi_agin.settings",
        "pulumi_agin.tokens",
        "pulumi_agin.version",
        "pulumi_agin.words",
    ]


def test_the_program_takes_nothing_from_the_providers_but_their_classes() -> None:
    package = Path(pulumi_agin.__file__).parent
    taken = set()
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] == "dynamic":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and "dynamic" in (node.module or "").split("."):
                is_ours = node.level > 0 or (node.module or "").startswith("pulumi_agin")
                taken |= {name.name for name in node.names if is_ours}
    assert taken == {"AgentIngressProvider", "CertificateValidationProvider", "Rfc2136Provider"}


def test_the_package_says_that_it_has_no_plugin() -> None:
    # Without it the CLI looks for a plugin called `agin` in a repository that is not ours.
    assert json.loads(resources.files("pulumi_agin").joinpath("pulumi-plugin.json").read_text()) == {"resource": False}
