"""The adapters of `pulumi_agin.dns` with the records that each declares, and delegations under Pulumi's mocks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pytest
import yaml
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.rpc import UNKNOWN

import pulumi_agin as agin
from tests.support.mocks import NS_TARGETS, TYPE, Mocks, run

DELEGATION = "agin:index:AgentIngressDelegation"
DOMAIN = "connect.acme.com"
ALL_KNOWN = {"domain": DOMAIN, "ns_targets": NS_TARGETS, "agent_ingress_id": "ingress-id"}


class Expected(NamedTuple):
    """A row of adapters.yaml, which describes it."""

    package: str
    arguments: dict[str, Any]
    token: str
    inputs: dict[str, Any]
    named_by: str = "name"
    import_id: str = ""

    def records(self, *, is_known: bool = True) -> list[dict[str, Any]]:
        """Returns the inputs of the records, in the order of their names."""
        targets = [target.rstrip(".") for target in NS_TARGETS]
        each = [[target] for target in targets] if self.import_id else [targets]
        return [_filled(self.inputs, values if is_known else None) for values in each]


def _filled(template: Any, targets: list[str] | None) -> Any:
    """Returns a template with values; None for unknown ones."""
    if isinstance(template, str) and "TARGET" in template:
        return template.replace("TARGET", targets[0]) if targets else UNKNOWN
    if isinstance(template, list):
        return [_filled(each, targets) for each in template]
    if not isinstance(template, dict):
        return template
    if "each" in template:
        return [_filled(template["each"], [target]) for target in targets] if targets else UNKNOWN
    return {name: _filled(value, targets) for name, value in template.items()}


ADAPTERS = {
    name: Expected(**row)
    for name, row in yaml.safe_load(Path(__file__).with_name("adapters.yaml").read_text("utf-8")).items()
}
SETS = {name: expected for name, expected in ADAPTERS.items() if not expected.import_id}
SINGLES = {name: expected for name, expected in ADAPTERS.items() if expected.import_id}

# The argument with the zone's name of each adapter that has one.
ZONES = {
    name: argument
    for name, expected in ADAPTERS.items()
    for argument, value in expected.arguments.items()
    if value == "acme.com"
}


class Declared:
    """A resource as the program registered it."""

    def __init__(self, request: Any) -> None:
        self.token: str = request.type
        self.name: str = request.name
        self.inputs: dict[str, Any] = MessageToDict(request.object)
        self.parent: str = request.parent
        self.dependencies: list[str] = [urn.rpartition("::")[2] for urn in request.dependencies]
        self.provider: str = request.provider
        self.is_protected: bool = request.protect
        self.import_id: str = request.importId
        self.replace_on_changes: list[str] = list(request.replaceOnChanges)
        is_set = request.deleteBeforeReplaceDefined
        self.delete_before_replace: bool | None = request.deleteBeforeReplace if is_set else None


class DnsMocks(Mocks):
    """The engine of a program with a delegation. In a preview, it knows no ID and no output of what it is to create."""

    def __init__(self) -> None:
        super().__init__()
        self.declared: list[Declared] = []
        self.to_create: set[str] = set()
        """The names of these resources."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return ("", args.inputs) if args.name in self.to_create else super().new_resource(args)

    def records(self) -> list[Declared]:
        """Returns all resources but the ingress and the delegation, by name. The adapters have called no function."""
        assert self.called == []
        others = [each for each in self.declared if each.token not in (TYPE, DELEGATION)]
        return sorted(others, key=lambda each: each.name)


class Monitor(MockMonitor):
    """Keeps the whole registrations. Pulumi's monitor passes only a part of them to the mocks."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - its name in Pulumi
        if not request.type.startswith("pulumi:"):
            self.mocks.declared.append(Declared(request))  # type: ignore[attr-defined]
        register: Any = super().RegisterResource
        return register(request)


def adapter(name: str, **arguments: Any) -> Any:
    make: Any = getattr(agin.dns, name)
    return make(**{**ADAPTERS[name].arguments, **arguments})


def connect() -> agin.AgentIngress:
    return agin.AgentIngress("ingress", domain=DOMAIN)


def run_delegation(make: Callable[[], Any], **arguments: Any) -> dict[str, Any]:
    """Runs a program with an ingress and its delegation by an adapter. Returns the delegation's known outputs."""
    known: dict[str, Any] = {}

    def program() -> None:
        delegation = agin.AgentIngressDelegation("connect", connect(), make(), **arguments)
        for name in ALL_KNOWN:
            output: pulumi.Output[Any] = getattr(delegation, name)
            output.apply(functools.partial(known.__setitem__, name))

    run(program)
    return known


def refusal(make: Callable[[], Any], **arguments: Any) -> str:
    """Returns the error of a delegation without its beginning, which names the delegation."""
    with pytest.raises(pulumi.RunError) as caught:
        run_delegation(make, **arguments)
    named, _, message = str(caught.value).partition(": ")
    assert named == 'AgentIngressDelegation "connect"'
    return message
