"""The public API: names, what states contain, and the modules that an import loads; and the house rules of the code."""

from __future__ import annotations

import ast
import base64
import json
import pickle
import re
import subprocess
import sys
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
from pulumi.dynamic import Config, ConfigureRequest, Resource
from pulumi.dynamic.dynamic import serialize_provider

import pulumi_agin
from pulumi_agin import settings
from pulumi_agin.dynamic.front_end import DynamicProvider
from pulumi_agin.dynamic.providers import AgentIngressProvider, CertificateValidationProvider, Rfc2136Provider
from pulumi_agin.lifecycle import limits
from pulumi_agin.version import VERSION
from tests.support.keys import API_KEY

PACKAGE = Path(pulumi_agin.__file__).parent
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


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
    assert pulumi_agin.__version__ == VERSION


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize(
    ("provider_class", "length"),
    [(AgentIngressProvider, "PQ"), (CertificateValidationProvider, "Rg"), (Rfc2136Provider, "OA")],
)
def test_pickled_provider_in_states_never_changes(
    provider_class: type[DynamicProvider], length: str, protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By reference: a module and a name. The SDK uses Python's default protocol, which is 5 from Python 3.14 on.
    monkeypatch.setattr(pickle, "DEFAULT_PROTOCOL", protocol)
    provider = provider_class()
    provider.configure(ConfigureRequest(Config({"agin:apiKey": API_KEY}, "test")))
    string = serialize_provider(provider)
    assert string.startswith({4: "gASV", 5: "gAWV"}[protocol] + length)
    pickled = base64.b64decode(string)
    assert b"pulumi_agin.dynamic.providers" in pickled
    assert provider_class.__name__.encode() in pickled
    loaded = pickle.loads(pickled)
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


def test_subclass_of_an_ingress_keeps_its_type() -> None:
    mine = type("Mine", (pulumi_agin.AgentIngress,), {})
    assert mine._resource_type_name == "dynamic/agin:AgentIngress"  # type: ignore[attr-defined]


def test_package_declares_that_it_has_no_plugin() -> None:
    # Otherwise the CLI would search a foreign repository for a plugin called `agin`.
    assert json.loads(resources.files("pulumi_agin").joinpath("pulumi-plugin.json").read_text()) == {"resource": False}


def packages_loaded_by(program: str) -> set[str]:
    code = f"import sys; {program}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    ("program", "not_loaded"),
    [
        (f"from pulumi_agin import {', '.join(pulumi_agin.__all__)}", {"requests", "pydantic", "dns"}),
        ("import pulumi_agin.dynamic.providers", {"requests", "pydantic", "dns"}),
        ("import pulumi_agin.native.process", {"pulumi", "requests", "dns"}),
        ("import pulumi_agin.lifecycle.ingress", {"pulumi", "grpc", "requests"}),
    ],
)
def test_start_loads_no_more_than_it_needs(program: str, not_loaded: set[str]) -> None:
    assert packages_loaded_by(program) & not_loaded == set()


def test_protocol_without_the_sdk_has_the_same_messages() -> None:
    program = "from pulumi_agin.engine import protocol; print(protocol('provider_pb2').CheckRequest(urn='u').urn)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "u"


# -- the house ------------------------------------------------------------------------------------------------


def test_no_module_name_exists_twice() -> None:
    names = Counter(path.name for path in MODULES if path.name not in ("__init__.py", "__main__.py"))
    assert {name: times for name, times in names.items() if times > 1} == {}


def test_undocumented_names_of_the_sdk_are_in_three_modules() -> None:
    """Documented are the names in `__all__` of `pulumi`, `pulumi.dynamic` and `pulumi.runtime`, except `rpc`."""
    pattern = re.compile(
        r"pulumi\.runtime\.(?:proto|rpc|mocks|settings|sync_await)|from pulumi\.runtime import|f_locals"
    )
    users = {path.relative_to(PACKAGE).as_posix() for path in MODULES if pattern.search(path.read_text("utf-8"))}
    assert users == {"engine.py", "sdk_names.py", "dynamic/servicer.py"}


def test_no_attribute_with_an_underscore_is_read_from_another_object() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.attr}"
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and re.match("_[a-z]", node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        # Documented names of the standard library.
        and node.attr not in ("_getframe", "_replace", "_asdict", "_exit")
        # A call of super() in a class is its own.
        and not isinstance(node.value, ast.Call)
    ]
    own = {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.attr}"
        for path, tree in MODULES.items()
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner.name
    }
    assert [each for each in found if each not in own] == []


def test_limits_in_docstrings_are_those_of_the_code() -> None:
    text = (pulumi_agin.AgentIngress.__init__.__doc__ or "") + (pulumi_agin.AgentIngressArgs.__init__.__doc__ or "")
    for limit in (limits.DOMAIN_MAX_BYTES, limits.DESCRIPTION_MAX_BYTES, limits.METADATA_MAX_BYTES):
        assert text.count(f"The limit is {limit} bytes") == 2
    assert str(settings.DEFAULT_CALL_SECONDS) in (pulumi_agin.Provider.__init__.__doc__ or "")
    assert str(limits.LONGEST_TTL_SECONDS) in (pulumi_agin.AgentIngressDelegation.__init__.__doc__ or "")
