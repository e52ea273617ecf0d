"""The public API: its names, what users' states contain, and the modules that an import loads."""

from __future__ import annotations

import base64
import json
import pickle
import re
import subprocess
import sys
from importlib import resources

import pytest
from pulumi.dynamic import Config, ConfigureRequest, Resource
from pulumi.dynamic.dynamic import serialize_provider

import pulumi_agin
from pulumi_agin.dynamic.front_end import DynamicProvider
from pulumi_agin.dynamic.providers import AgentIngressProvider, CertificateValidationProvider, Rfc2136Provider
from pulumi_agin.version import VERSION
from tests.support.keys import API_KEY

# The pickled providers after their first four characters: `refresh` and `destroy` load them from a state.
PROVIDERS_IN_STATES = [
    (
        AgentIngressProvider,
        "PQAAAAAAAACMHXB1bHVtaV9hZ2luLmR5bmFtaWMucHJvdmlkZXJzlIwUQWdlbnRJbmdyZXNzUHJvdmlkZXKUk5QpgZQu",
    ),
    (
        CertificateValidationProvider,
        "RgAAAAAAAACMHXB1bHVtaV9hZ2luLmR5bmFtaWMucHJvdmlkZXJzlIwdQ2VydGlmaWNhdGVWYWxpZGF0aW9uUHJvdmlkZXKUk5QpgZQu",
    ),
    (Rfc2136Provider, "OAAAAAAAAACMHXB1bHVtaV9hZ2luLmR5bmFtaWMucHJvdmlkZXJzlIwPUmZjMjEzNlByb3ZpZGVylJOUKYGULg=="),
]

# These four, by pickle protocol. The SDK uses Python's default protocol, which is 5 from Python 3.14 on.
PICKLE_BEGINNINGS = [(4, "gASV"), (5, "gAWV")]


def test_public_names() -> None:
    arguments = "AgentIngressArgs AgentIngressCertPolicyArgs AgentIngressCertPolicyArgsDict"
    results = "GetAgentIngressResult GetAgentIngressesResult"
    outputs = "AgentIngressCertJob AgentIngressCertPolicy AgentIngressCertStatus CertificateAuthority PrivateKeyType"
    classes = "AgentIngress AgentIngressCertificateValidation AgentIngressDelegation Provider"
    lookups = "get_agent_ingress get_agent_ingress_output get_agent_ingresses get_agent_ingresses_output"
    names = f"{arguments} {results} {outputs} {classes} {lookups} agent_config dns".split()
    assert sorted(pulumi_agin.__all__) == sorted(names)
    for name in names:
        assert getattr(pulumi_agin, name).__name__.rpartition(".")[2] == name
    assert {*names, "__version__"} <= set(dir(pulumi_agin))
    assert pulumi_agin.__version__ == VERSION
    with pytest.raises(AttributeError, match="has no attribute 'Ingress'"):
        _ = pulumi_agin.Ingress  # type: ignore[attr-defined]


@pytest.mark.parametrize(("protocol", "beginning"), PICKLE_BEGINNINGS)
@pytest.mark.parametrize(("provider_class", "rest"), PROVIDERS_IN_STATES)
def test_pickled_provider_in_states_never_changes(
    provider_class: type[DynamicProvider], rest: str, protocol: int, beginning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By reference: a module and a name. The SDK uses Python's default protocol, which is 5 from Python 3.14 on.
    monkeypatch.setattr(pickle, "DEFAULT_PROTOCOL", protocol)
    provider = provider_class()
    provider.configure(ConfigureRequest(Config({"agin:apiKey": API_KEY}, "test")))
    provider.check({}, {"domain": "a.acme.com"})
    # As a secret, it would change in every state.
    assert not provider.serialize_as_secret_always
    assert serialize_provider(provider) == beginning + rest
    loaded = pickle.loads(base64.b64decode(beginning + rest))
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
def test_type_token_never_changes(python_class: type[Resource], name: str) -> None:
    assert python_class._resource_type_name == name


def test_subclass_of_an_ingress_keeps_its_type_token() -> None:
    # Also with the class arguments of Pulumi's own class.
    mine = type("Mine", (pulumi_agin.AgentIngress,), {}, module="m", name="N")
    assert mine._resource_type_name == "dynamic/agin:AgentIngress"  # type: ignore[attr-defined]


def test_package_declares_that_it_has_no_plugin() -> None:
    # Otherwise the CLI would search a foreign repository for a plugin called `agin`.
    assert json.loads(resources.files("pulumi_agin").joinpath("pulumi-plugin.json").read_text()) == {"resource": False}


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("imports", "absent"),
    [
        (f"from pulumi_agin import {', '.join(pulumi_agin.__all__)}", "requests urllib3 pydantic dns"),
        ("from pulumi_agin.dynamic.providers import AgentIngressProvider", "requests urllib3 pydantic dns"),
        ("import pulumi_agin.native.process", "pulumi"),
        ("from pulumi_agin.lifecycle import ingress, certificate, invokes", "pulumi grpc google"),
    ],
)
def test_import_loads_no_package_that_it_does_not_need(imports: str, absent: str) -> None:
    loaded = run(f"{imports}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})").split()
    assert "pulumi_agin" in loaded
    assert set(absent.split()).isdisjoint(loaded)


def test_version_is_the_one_of_a_release() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
