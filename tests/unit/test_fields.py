"""The places that a field of an Agent Ingress needs. Each test is about one place, which its message names.

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
from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.values import INPUT_FIELDS, KEPT_BY_UPDATE, NULLABLE, STATUS, changed_fields
from pulumi_agin.cli.importing import program
from pulumi_agin.emulator import Emulator, rules
from pulumi_agin.emulator.state import Ingress
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.inputs import AgentIngressInputs, validate
from pulumi_agin.lifecycle.operation import Call
from pulumi_agin.settings import API_KEY as KEY
from pulumi_agin.settings import BASE_URL, TIMEOUT_SECONDS, Settings
from tests.support import keys
from tests.support.emulator import Api
from tests.support.mocks import Mocks, run

INPUTS = tuple(AgentIngressInputs.model_fields)
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
STRINGS = [name for name, (value, _) in VALUES.items() if isinstance(value, str)]


@pytest.fixture(params=INPUTS)
def name(request: pytest.FixtureRequest) -> str:
    field: str = request.param
    assert field in VALUES, f"VALUES in tests/unit/test_fields.py lacks {field}"
    return field


@pytest.fixture
def given(name: str) -> dict[str, Any]:
    return {"domain": VALUES["domain"][0], name: VALUES[name][0]}


def parameters_of(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_inputs_are_declared_and_compared_in_one_order() -> None:
    assert INPUTS == INPUT_FIELDS, "AgentIngressInputs in lifecycle/inputs.py and INPUT_FIELDS in api/values.py differ"


def test_every_input_is_compared(name: str, given: dict[str, Any]) -> None:
    assert name in INPUT_FIELDS, f"INPUT_FIELDS in api/values.py lacks {name}"
    changed = changed_fields(given, {**given, name: VALUES[name][1]})
    assert changed == [name], f"_differs in api/values.py does not compare {name}"


def test_every_output_is_an_input_or_has_its_preview() -> None:
    known = {"id", *INPUT_FIELDS, *KEPT_BY_UPDATE, STATUS}
    assert set(OUTPUTS) == known, "IngressModel in api/models.py, or INPUT_FIELDS or KEPT_BY_UPDATE in api/values.py"
    nullable = [name for name, field in IngressModel.model_fields.items() if field.default is None]
    assert nullable == [*NULLABLE], "NULLABLE in api/values.py"


def test_every_input_is_an_argument(name: str, given: dict[str, Any]) -> None:
    arguments = parameters_of(agin.AgentIngressArgs.__init__)
    assert name in arguments, f"AgentIngressArgs.__init__ in agent_ingress.py lacks {name}"
    assert name in agin.AgentIngressArgs.__annotations__, f"AgentIngressArgs in agent_ingress.py lacks {name}"
    as_args = pulumi.get(agin.AgentIngressArgs(**given), name)
    assert as_args == given[name], f"AgentIngressArgs.__init__ in agent_ingress.py does not set {name}"


def test_every_input_is_registered(name: str, given: dict[str, Any], mocks: Mocks) -> None:
    run(lambda: agin.AgentIngress("connect", **given))
    registered = mocks.inputs("connect").get(name)
    assert registered == given[name], f"AgentIngress.__init__ in agent_ingress.py does not pass {name} on"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not keep overloads")
def test_every_input_is_an_argument_for_type_checkers(name: str) -> None:
    [_, by_keywords] = typing.get_overloads(agin.AgentIngress.__init__)  # type: ignore[attr-defined]
    assert name in parameters_of(by_keywords), f"the overload of AgentIngress.__init__ in agent_ingress.py lacks {name}"


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_is_one_of_the_resource_and_of_the_lookup(output: str) -> None:
    outputs = {"id", *agin.AgentIngress.__annotations__}
    assert output in outputs, f"AgentIngress in agent_ingress.py lacks the annotation {output}"
    assert output in agin.GetAgentIngressResult.__annotations__, f"GetAgentIngressResult in functions.py lacks {output}"


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_field_is_described(output: str) -> None:
    described: list[Any] = [agin.AgentIngress, agin.GetAgentIngressResult]
    if output in INPUTS:
        described += [agin.AgentIngress.__init__, agin.AgentIngressArgs.__init__]
    for each in described:
        assert f" {output}: " in (each.__doc__ or ""), f"the docstring of {each.__qualname__} lacks {output}"


def test_every_input_is_in_the_program_that_import_prints(name: str) -> None:
    more = {"id": "agin_1", "ns_targets": ["ns1.example."], "created_at": "2024-08-02T07:15:39Z"}
    ingress = IngressModel.model_validate({each: values[0] for each, values in VALUES.items()} | more)
    places = "INPUT_FIELDS in api/values.py, IngressModel in api/models.py or _arguments in cli/importing.py"
    assert f"    {name}=" in program({"connect": ingress}), f"{places} lacks {name}"


def test_every_input_is_created_updated_and_cleared(name: str, given: dict[str, Any], emulator: Emulator) -> None:
    # Without a response, as if `Ingress` lacks the field, a create is repeated for so long.
    settings = Settings.load({KEY: keys.API_KEY, BASE_URL: emulator.url, TIMEOUT_SECONDS: "1"}.get, {})
    lifecycle = AgentIngressLifecycle(Account(settings))
    id_, before = lifecycle.create(Call(), given)
    assert before[name] == given[name], f"INPUT_FIELDS in api/values.py or _create in emulator/rules.py lacks {name}"
    if name != "domain":
        changed = {**given, name: VALUES[name][1]}
        after = lifecycle.update(Call(outputs_before=before), id_, changed)
        assert after[name] == changed[name], f"_updated in emulator/rules.py lacks {name}"
        cleared = lifecycle.update(Call(outputs_before=after), id_, {"domain": given["domain"]})
        assert not cleared.get(name), f"update in lifecycle/ingress.py does not clear {name}"


# A domain never changes.
@pytest.mark.parametrize("name", INPUTS[1:], indirect=True)
def test_every_input_can_drift_in_tests(name: str, given: dict[str, Any], emulator: Emulator, api: Api) -> None:
    ingress = api.create(**given)
    emulator.set_ingress(ingress["id"], {name: VALUES[name][1]})
    assert api.read(ingress)[name] == VALUES[name][1], f"_rendered in emulator/rules.py lacks {name}"


def test_emulator_has_every_input(name: str) -> None:
    assert name in Ingress.__dataclass_fields__, f"Ingress in emulator/state.py lacks {name}"
    if name in STRINGS and name != "domain":
        assert name in rules.STRINGS, f"STRINGS in emulator/rules.py lacks {name}"


@pytest.mark.parametrize(("string", "limit", "code"), [(name, *limit) for name, limit in rules.STRINGS.items()])
def test_limit_is_that_of_the_emulator(string: str, limit: int, code: int, api: Api) -> None:
    assert code in rules.ERRORS, f"ERRORS in emulator/rules.py lacks {code}"
    too_long = {"domain": "connect.acme.com", string: "x" * (limit + 1)}
    _, problems = validate(AgentIngressInputs, too_long)
    _, others = validate(AgentIngressInputs, {**too_long, string: "x" * limit})
    differ = f"the limit of {string} in lifecycle/inputs.py is not that in STRINGS of emulator/rules.py"
    assert (len(problems), others) == (1, []), differ
    response = api("POST", "/agent_ingresses", json=too_long).json()
    assert response["error_code"] == f"ERR_NGROK_{code}"
    assert string in response["msg"].lower()


@pytest.mark.parametrize("string", STRINGS)
def test_emulator_filters_every_string(string: str, api: Api) -> None:
    value = VALUES[string][0]
    api.create(**{"domain": "connect.acme.com", string: value})
    found = api("GET", "/agent_ingresses", params={"filter": f"obj.{string} == '{value}'"}).json()
    assert len(found.get("ingresses", [])) == 1, f"FILTER_STRINGS in emulator/rules.py lacks {string}"
