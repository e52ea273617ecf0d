"""The places that a field of an Agent Ingress needs. Each test fails for one place, and its message names it.

CONTRIBUTING.md has the recipe, "Add a field". `lifecycle/inputs.py` declares the inputs, and `api/models.py` the
outputs. The plugin's schema and the tables in the docs are generated from them, with tests of their own.
"""

from __future__ import annotations

import inspect
import sys
import typing
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import ApiError, CreateUnsettledError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.redaction import Secret
from pulumi_agin.cli.import_program import program
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.outputs import STRINGS, inputs_of, outputs_after
from pulumi_agin.lifecycle.schema import compared_fields
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.mocks import Mocks, run
from tests.unit.test_generated_values import FUZZED

INPUTS = compared_fields(AgentIngressInputs)
OPTIONAL = [name for name in INPUTS if name != "domain"]
OUTPUTS = tuple(IngressModel.model_fields)

# A value of each input, and another one.
VALUES: dict[str, tuple[Any, Any]] = {
    "domain": ("connect.acme.com", "other.acme.com"),
    "description": ("devices", "others"),
    "metadata": ("{}", "[]"),
    "certificate_management_policy": (
        {"authority": "letsencrypt", "private_key_type": "rsa"},
        {"authority": "letsencrypt", "private_key_type": "ecdsa"},
    ),
}


@pytest.fixture
def client(emulator: Emulator) -> AgentIngressClient:
    return AgentIngressClient(Secret(API_KEY), emulator.url, 20, clock=Clock())


def ingress() -> IngressModel:
    """Returns an ingress with a value in each input."""
    more = {"id": "agin_1", "ns_targets": ["ns1.example."], "created_at": "2024-08-02T07:15:39Z"}
    return IngressModel.model_validate({name: values[0] for name, values in VALUES.items()} | more)


def created(client: AgentIngressClient, name: str) -> IngressModel:
    """Creates an ingress with a value in a field, which the emulator must accept and return."""
    value = VALUES[name][0]
    try:
        ingress = client.create({"domain": "connect.acme.com", name: value})
    except ApiError as error:
        pytest.fail(f"CREATE_FIELDS in emulator/rules.py lacks {name}: {error}")
    assert ingress.plain()[name] == value, f"_create or _rendered in emulator/rules.py lacks {name}"
    return ingress


def parameters_of(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.fixture(params=INPUTS)
def name(request: pytest.FixtureRequest) -> str:
    field: str = request.param
    assert field in VALUES, f"VALUES in tests/unit/test_fields.py lacks {field}"
    return field


def test_every_input_is_an_output(name: str) -> None:
    assert name in OUTPUTS, f"IngressModel in api/models.py lacks {name}"


def test_every_input_is_an_argument(name: str) -> None:
    arguments = parameters_of(agin.AgentIngressArgs.__init__)
    assert name in arguments, f"AgentIngressArgs.__init__ in agent_ingress.py lacks {name}"
    assert name in agin.AgentIngressArgs.__annotations__, f"AgentIngressArgs in agent_ingress.py lacks {name}"
    arguments = parameters_of(agin.AgentIngress.__init__)
    assert name in arguments, f"AgentIngress.__init__ in agent_ingress.py lacks {name}"


def test_every_argument_is_registered(name: str, mocks: Mocks) -> None:
    given = {"domain": VALUES["domain"][0], name: VALUES[name][0]}
    as_args = pulumi.get(agin.AgentIngressArgs(**given), name)
    assert as_args == given[name], f"AgentIngressArgs.__init__ in agent_ingress.py does not set {name}"
    run(lambda: agin.AgentIngress("connect", **given))
    [inputs] = mocks.inputs()
    assert inputs.get(name) == given[name], f"AgentIngress.__init__ in agent_ingress.py does not pass {name} on"


def test_every_input_is_an_argument_for_type_checkers(name: str) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("Python 3.10 does not keep overloads")
    [_, by_keywords] = typing.get_overloads(agin.AgentIngress.__init__)
    assert name in parameters_of(by_keywords), f"the overload of AgentIngress.__init__ in agent_ingress.py lacks {name}"


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_is_one_of_the_resource_and_of_the_lookup(output: str) -> None:
    outputs = {"id", *agin.AgentIngress.__annotations__}
    assert output in outputs, f"AgentIngress in agent_ingress.py lacks the annotation {output}"
    assert output in agin.GetAgentIngressResult.__annotations__, f"GetAgentIngressResult in functions.py lacks {output}"


def test_every_input_is_kept_in_the_state(name: str) -> None:
    assert name in inputs_of(ingress(), shown_by={}), f"inputs_of in lifecycle/outputs.py lacks {name}"
    after = outputs_after({}, {each: values[0] for each, values in VALUES.items()}, lambda value: False)
    assert name in after, f"outputs_after in lifecycle/outputs.py lacks {name}"


def test_every_input_is_in_the_program_that_import_prints(name: str) -> None:
    code = program({"connect": ingress()}, [], None, None)
    assert f"        {name}=" in code, f"_arguments in cli/import_program.py lacks {name}"


def test_emulator_creates_with_every_input(name: str, client: AgentIngressClient) -> None:
    created(client, name)


@pytest.mark.parametrize("name", OPTIONAL, indirect=True)
def test_emulator_updates_every_input_but_the_domain(name: str, client: AgentIngressClient) -> None:
    id_, other = created(client, name).id, VALUES[name][1]
    try:
        updated = client.update(id_, {name: other})
    except ApiError as error:
        pytest.fail(f"UPDATE_FIELDS in emulator/rules.py lacks {name}: {error}")
    assert updated.plain()[name] == other, f"_updated in emulator/rules.py lacks {name}"


@pytest.mark.parametrize("name", STRINGS)
def test_emulator_limits_every_string(name: str, client: AgentIngressClient) -> None:
    try:
        client.create({"domain": "connect.acme.com", name: "x" * 10_000})
        message = ""
    except ApiError as error:
        message = str(error)
    assert message, f"STRINGS in emulator/rules.py lacks {name}"
    assert name in message.lower(), f"STRINGS in emulator/rules.py has the code of another field for {name}: {message}"


@pytest.mark.parametrize("name", OPTIONAL, indirect=True)
def test_a_test_can_change_every_input_at_the_emulator(
    name: str, emulator: Emulator, client: AgentIngressClient
) -> None:
    id_, other = created(client, name).id, VALUES[name][1]
    changes: Any = {name: other}
    try:
        emulator.set_ingress(id_, changes)
    except ValueError:
        pytest.fail(f"IngressChanges in emulator/control.py lacks {name}")
    assert client.get(id_).plain()[name] == other, f"set_ingress in emulator/control.py does not set {name}"


@pytest.mark.parametrize("name", ["domain", *STRINGS])
def test_emulator_filters_by_every_string(name: str, client: AgentIngressClient) -> None:
    created(client, name)
    try:
        found = client.list(f"obj.{name} == '{VALUES[name][0]}'")
    except ApiError as error:
        pytest.fail(f"_context in emulator/cel_filter.py lacks {name}: {error}")
    assert len(found) == 1


def test_every_input_has_generated_values(name: str) -> None:
    assert name in FUZZED, f"FUZZED in tests/unit/test_generated_values.py lacks {name}"


# A domain has only one ingress.
@pytest.mark.parametrize("name", OPTIONAL, indirect=True)
def test_lost_create_rejects_an_ingress_with_another_value(
    name: str, emulator: Emulator, client: AgentIngressClient
) -> None:
    # Somebody else creates it while our response is lost.
    created(client, name)
    emulator.add_fault("POST", "reset_before")
    try:
        outcome = str(client.create({"domain": "connect.acme.com"}))
    except CreateUnsettledError as error:
        outcome = str(error)
    assert "may be another's" in outcome, f"AgentIngressClient._is_ours in api/client.py lacks {name}"
