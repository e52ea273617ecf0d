"""The public API: names, class paths, pickled providers, and the modules that an import loads."""

from __future__ import annotations

import base64
import json
import pickle
import re
import subprocess
import sys
from importlib import resources
from textwrap import dedent

import pytest
from pulumi.dynamic import Config, ConfigureRequest, Resource
from pulumi.dynamic.dynamic import serialize_provider

import pulumi_agin
from pulumi_agin.base.version import VERSION
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from pulumi_agin.dynamic.servicer import DynamicProvider
from tests.support.keys import API_KEY

# The pickled providers after their first four characters: `refresh` and `destroy` load them from a state.
PROVIDERS_IN_STATES = {
    "AgentIngressProvider": (
        "QQAAAAAAAACMIXB1bHVtaV9hZ2luLmR5bmFtaWMuYWdlbnRfaW5ncmVzc5SMFEFnZW50SW5ncmVzc1Byb3ZpZGVylJOUKYGULg=="
    ),
    "CertificateValidationProvider": (
        "SAAAAAAAAACMH3B1bHVtaV9hZ2luLmR5bmFtaWMuY2VydGlmaWNhdGWUjB1DZXJ0aWZpY2F0ZVZhbGlkYXRpb25Qcm92aWRlcpSTlCmBlC4="
    ),
    "Rfc2136Provider": "NgAAAAAAAACMG3B1bHVtaV9hZ2luLmR5bmFtaWMucmZjMjEzNpSMD1JmYzIxMzZQcm92aWRlcpSTlCmBlC4=",
}

# These four, by pickle protocol. The SDK uses Python's default protocol, which is 5 from Python 3.14 on.
PICKLE_BEGINNINGS = {4: "gASV", 5: "gAWV"}


def test_public_names() -> None:
    arguments = "AgentIngressArgs AgentIngressCertPolicyArgs AgentIngressCertPolicyArgsDict"
    results = "GetAgentIngressResult GetAgentIngressesResult"
    outputs = "AgentIngressCertJob AgentIngressCertPolicy AgentIngressCertStatus CertificateAuthority PrivateKeyType"
    resources = "AgentIngress AgentIngressCertificateValidation AgentIngressDelegation Provider"
    lookups = "get_agent_ingress get_agent_ingress_output get_agent_ingresses get_agent_ingresses_output"
    names = f"{arguments} {results} {outputs} {resources} {lookups} agent_config dns".split()
    assert sorted(pulumi_agin.__all__) == sorted(names)
    for name in pulumi_agin.__all__:
        assert getattr(pulumi_agin, name).__name__.rpartition(".")[2] == name
    assert {*pulumi_agin.__all__, "__version__"} <= set(dir(pulumi_agin))
    assert pulumi_agin.__version__ == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)


@pytest.mark.parametrize("protocol", PICKLE_BEGINNINGS)
@pytest.mark.parametrize("provider_class", [AgentIngressProvider, CertificateValidationProvider, Rfc2136Provider])
def test_pickled_provider_in_states_never_changes(
    provider_class: type[DynamicProvider], protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickle, "DEFAULT_PROTOCOL", protocol)
    pickled = PICKLE_BEGINNINGS[protocol] + PROVIDERS_IN_STATES[provider_class.__name__]
    provider = provider_class()
    # The key is not pickled.
    provider.configure(ConfigureRequest(Config({"agin:apiKey": API_KEY}, "test")))
    provider.check({}, {"domain": "a.acme.com"})
    assert serialize_provider(provider) == pickled
    loaded = pickle.loads(base64.b64decode(pickled))
    assert type(loaded) is provider_class
    assert vars(loaded) == {}


@pytest.mark.parametrize(
    ("python_class", "name"),
    [
        (pulumi_agin.AgentIngress, "dynamic/agin:AgentIngress"),
        (pulumi_agin.AgentIngressCertificateValidation, "dynamic/agin:AgentIngressCertificateValidation"),
        (pulumi_agin.dns.Rfc2136Delegation, "dynamic/agin:Rfc2136Delegation"),
    ],
)
def test_type_token_never_changes_even_in_a_subclass(python_class: type[Resource], name: str) -> None:
    assert python_class._resource_type_name == name
    assert type("Mine", (python_class,), {})._resource_type_name == name  # type: ignore[attr-defined]
    # With the class arguments of Pulumi's own class.
    assert type("Mine", (python_class,), {}, module="m", name="N")._resource_type_name == name  # type: ignore[attr-defined]


def test_package_declares_that_it_has_no_plugin() -> None:
    # Otherwise the CLI would search a foreign repository for a plugin called `agin`.
    assert json.loads(resources.files("pulumi_agin").joinpath("pulumi-plugin.json").read_text()) == {"resource": False}


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def packages_loaded_by(program: str) -> set[str]:
    return set(run(f"import sys; {program}; print(*{{name.partition('.')[0] for name in sys.modules}})").split())


def test_program_and_provider_load_neither_requests_nor_pydantic() -> None:
    program = f"from pulumi_agin import {', '.join(pulumi_agin.__all__)}"
    for imports in (program, "from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider"):
        loaded = packages_loaded_by(imports)
        assert "pulumi_agin" in loaded
        assert not {"requests", "urllib3", "pydantic", "pydantic_core", "dns"} & loaded


def test_plugin_does_not_load_the_sdk() -> None:
    assert "pulumi" not in packages_loaded_by("import pulumi_agin.native.process, pulumi_agin.native.functions")


def test_lifecycle_loads_neither_pulumi_nor_grpc() -> None:
    modules = "agent_ingress, certificate, claims, functions, outputs, services, taken"
    loaded = packages_loaded_by(f"from pulumi_agin.lifecycle import {modules}")
    assert not {"pulumi", "grpc", "google"} & loaded


def test_protocol_classes_are_those_of_the_sdk() -> None:
    ours = "from pulumi_agin.engine.protocol import provider_pb2 as ours"
    theirs = "from pulumi.runtime.proto import provider_pb2 as theirs"
    for imports in (f"{ours}; {theirs}", f"{theirs}; {ours}"):
        assert run(f"{imports}; print(ours.CheckRequest is theirs.CheckRequest)") == "True"


def test_sdk_with_other_files_is_loaded_as_a_whole() -> None:
    program = """
    import sys, types
    from pulumi_agin.engine import protocol
    # A package without files.
    sys.modules[protocol.PACKAGE] = types.ModuleType(protocol.PACKAGE)
    sys.modules[protocol.PACKAGE].__path__ = []
    from pulumi_agin.engine.protocol import provider_pb2
    print("pulumi" in sys.modules)
    """
    assert run(dedent(program)) == "True"


def test_lookup_outside_of_a_program_is_explained() -> None:
    script = "import pulumi_agin; pulumi_agin.get_agent_ingress(domain='connect.acme.com')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (
        "RunError: get_agent_ingress works only in a program that Pulumi runs, as in `pulumi preview`" in ended.stderr
    )
