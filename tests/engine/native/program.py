"""A small program for every language: described once, and written in YAML or TypeScript."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, ClassVar, Literal

from tests.support.project import Project

Language = Literal["yaml", "typescript"]
LANGUAGES: tuple[Language, ...] = ("yaml", "typescript")

INGRESS = "agin:index:AgentIngress"
VALIDATION = "agin:index:AgentIngressCertificateValidation"
RECORDS = "agin:index:Rfc2136Delegation"
PROVIDER = "pulumi:providers:agin"


# -- values of a program ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ref:
    """A resource, or an output of one, such as `a.nsTargets`."""

    path: str


@dataclass(frozen=True)
class Hidden:
    """A value that the program makes a secret."""

    value: Any


@dataclass(frozen=True)
class Config:
    """A secret value of the stack's config."""

    name: str


@dataclass(frozen=True)
class Json:
    """A value as text, which is unknown as long as the value is."""

    value: Any


@dataclass(frozen=True)
class Call:
    """What a function of the plugin returns under a name."""

    function: str
    arguments: Mapping[str, Any]
    returns: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resource:
    """A resource. `id` is that of an existing one, which is read and not owned."""

    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    id: str | Ref | None = None


def ingress(domain: object, options: Mapping[str, Any] | None = None, **properties: object) -> Resource:
    """An Agent Ingress."""
    return Resource(INGRESS, {"domain": domain, **properties}, options or {})


def _config(*values: Any) -> set[str]:
    """The names of the config's values that are used in these values."""
    names: set[str] = set()
    for value in values:
        if isinstance(value, Config):
            names.add(value.name)
        elif isinstance(value, Mapping):
            names |= _config(*value.values())
        elif isinstance(value, list):
            names |= _config(*value)
        elif is_dataclass(value) and not isinstance(value, type):
            names |= _config(*vars(value).values())
    return names


# -- a program in YAML ------------------------------------------------------------------------------------


def _in_yaml(resources: Mapping[str, Resource], outputs: Mapping[str, Any]) -> str:
    program = {
        "config": {name: {"type": "string"} for name in _config(resources, outputs)},
        "resources": {name: _resource_in_yaml(resource) for name, resource in resources.items()},
        "outputs": {name: _value_in_yaml(value) for name, value in outputs.items()},
    }
    # JSON is YAML.
    return "".join(f"{name}: {json.dumps(part)}\n" for name, part in program.items() if part)


def _resource_in_yaml(resource: Resource) -> dict[str, Any]:
    what = {"properties": resource.properties} if resource.id is None else {"get": {"id": resource.id}}
    return {"type": resource.type, **_value_in_yaml(what), "options": _value_in_yaml(resource.options)}


def _value_in_yaml(value: Any) -> Any:
    match value:
        case Ref():
            return f"${{{value.path}}}"
        case Config():
            return f"${{{value.name}}}"
        case Hidden():
            return {"fn::secret": _value_in_yaml(value.value)}
        case Json():
            return {"fn::toJSON": _value_in_yaml(value.value)}
        case Call():
            called = {"function": value.function, "arguments": value.arguments, "return": value.returns}
            return {"fn::invoke": _value_in_yaml({**called, "options": value.options})}
        case Mapping():
            return {name: _value_in_yaml(item) for name, item in value.items()}
        case list():
            return [_value_in_yaml(item) for item in value]
        case _:
            return value


# -- and in TypeScript ------------------------------------------------------------------------------------


def _in_typescript(resources: Mapping[str, Resource], outputs: Mapping[str, Any]) -> str:
    lines = [f"const {name} = {_resource_in_typescript(name, resource)};" for name, resource in resources.items()]
    lines += [f"export const {name} = {_value_in_typescript(value)};" for name, value in outputs.items()]
    return "\n".join([*lines, ""])


def _resource_in_typescript(name: str, resource: Resource) -> str:
    class_ = "agin.Provider" if resource.type == PROVIDER else f"agin.{resource.type.rpartition(':')[2]}"
    options = _value_in_typescript(resource.options)
    if resource.id is not None:
        return f"{class_}.get({json.dumps(name)}, {_value_in_typescript(resource.id)}, undefined, {options})"
    return f"new {class_}({json.dumps(name)}, {_value_in_typescript(resource.properties)} as any, {options})"


def _value_in_typescript(value: Any) -> str:
    match value:
        case Ref():
            return value.path
        case Config():
            return f"new pulumi.Config().requireSecret({json.dumps(value.name)})"
        case Hidden():
            return f"pulumi.secret({_value_in_typescript(value.value)})"
        case Json():
            return f"pulumi.output({_value_in_typescript(value.value)}).apply(value => JSON.stringify(value ?? null))"
        case Call():
            function = f"agin.{value.function.rpartition(':')[2]}Output"
            arguments = f"{_value_in_typescript(value.arguments)}, {_value_in_typescript(value.options)}"
            return f"{function}({arguments}).{value.returns}"
        case Mapping():
            return f"{{ {', '.join(f'{json.dumps(k)}: {_value_in_typescript(v)}' for k, v in value.items())} }}"
        case list():
            return f"[{', '.join(map(_value_in_typescript, value))}]"
        case _:
            return json.dumps(value)


# -- a project that runs it -------------------------------------------------------------------------------


@dataclass
class NativeProject(Project):
    """A project whose program uses the provider plugin.

    language: that of its program.
    """

    INGRESS: ClassVar[str] = INGRESS

    language: Language = "yaml"

    def write(self, resources: Mapping[str, Resource], **outputs: Any) -> None:
        """Replaces the program by one with these resources and outputs of the stack."""
        if self.language == "yaml":
            self.yaml_program(_in_yaml(resources, outputs))
        else:
            self.typescript_program(_in_typescript(resources, outputs))
