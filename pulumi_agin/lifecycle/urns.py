"""Type tokens, URNs and names of properties, which the program, the engine and the provider share.

Users' states contain the types of resources, so these never change.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MODULE = "agin"

# The package of all dynamic resources in Python, and of their explicit providers.
PYTHON_PACKAGE = "pulumi-python"

AGENT_INGRESS = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:AgentIngress"
CERTIFICATE_VALIDATION = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:AgentIngressCertificateValidation"
RFC2136_DELEGATION = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:Rfc2136Delegation"

# The resources of the provider plugin, for programs in other languages.
NATIVE_AGENT_INGRESS = f"{MODULE}:index:AgentIngress"
AGENT_INGRESS_TYPES = (AGENT_INGRESS, NATIVE_AGENT_INGRESS)
NATIVE_CERTIFICATE_VALIDATION = f"{MODULE}:index:AgentIngressCertificateValidation"
NATIVE_RFC2136_DELEGATION = f"{MODULE}:index:Rfc2136Delegation"

# A component of the program.
DELEGATION = f"{MODULE}:index:AgentIngressDelegation"

# The functions of the provider plugin. In a Python program, Pulumi's mocks are called with the first two.
GET_AGENT_INGRESS = f"{MODULE}:index:getAgentIngress"
GET_AGENT_INGRESSES = f"{MODULE}:index:getAgentIngresses"
AGENT_CONFIG = f"{MODULE}:index:agentConfig"

# The types that the engine gives an explicit provider and the stack itself.
PROVIDER = f"pulumi:providers:{PYTHON_PACKAGE}"
NATIVE_PROVIDER = f"pulumi:providers:{MODULE}"
PROVIDER_TYPES = (PROVIDER, NATIVE_PROVIDER)
STACK = "pulumi:pulumi:Stack"


class Urn(NamedTuple):
    """The parts of a resource's URN, which is urn:pulumi:STACK::PROJECT::TYPES::NAME."""

    stack: str
    """The name of the stack, without an organization."""
    project: str
    types: str
    """The types of the resource and of its parents except the stack, from the outermost on, with "$" between them."""
    name: str

    @classmethod
    def parse(cls, urn: str) -> Urn:
        """Returns the parts of a URN. A part that is missing is ""."""
        parts = urn.removeprefix("urn:pulumi:").split("::", 3)
        return cls(*parts, *[""] * (4 - len(parts)))

    @property
    def type(self) -> str:
        """The type of the resource."""
        return self.types.rpartition("$")[2]

    def child(self, type_: str, name: str) -> Urn:
        """Returns the URN of a child of this resource."""
        return self._replace(types=type_ if self.types == STACK else f"{self.types}${type_}", name=name)

    def __str__(self) -> str:
        return f"urn:pulumi:{'::'.join(self)}"


def is_name_of_default_provider(name: str) -> bool:
    """Returns whether the engine names a default provider like this: "default", its version and its download URL."""
    return re.fullmatch(r"default(_\d+_\d+_\d+(_.*)?|_[^/]+/.*)?", name) is not None


def is_explicit_provider(resource: Mapping[str, Any]) -> bool:
    """Returns whether a resource in a state is a provider of either front end that a program declares."""
    if resource["type"] not in PROVIDER_TYPES:
        return False
    # A default provider has no parent, and no other name.
    return "parent" in resource or not is_name_of_default_provider(Urn.parse(resource["urn"]).name)


def native_type(urn: str) -> str:
    """Returns the type in the provider plugin of a resource of a Python program."""
    return f"{MODULE}:index:{name_of(Urn.parse(urn).type)}"


def name_of(token: str) -> str:
    """Returns the last part of a type token, such as "AgentIngress"."""
    return token.rpartition(":")[2]


@functools.cache
def camel_case(name: str) -> str:
    """Returns the name of a property in Pulumi's schemas: zoneId for zone_id. Hidden names stay the same."""
    if name.startswith("_") or name != name.lower():
        return name
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)
