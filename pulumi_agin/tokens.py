"""The names by which the program, the engine and the provider know each other.

The types of resources stand in users' states, so they never change.
"""

from __future__ import annotations

MODULE = "agin"

# The package of all dynamic resources in Python. An explicit provider is one of this package.
PYTHON_PACKAGE = "pulumi-python"

AGENT_INGRESS = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:AgentIngress"
CERTIFICATE_VALIDATION = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:AgentIngressCertificateValidation"
RFC2136_DELEGATION = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:Rfc2136Delegation"

# A component of the program's.
DELEGATION = f"{MODULE}:index:AgentIngressDelegation"

# What Pulumi's mocks are called with.
GET_AGENT_INGRESS = f"{MODULE}:index:getAgentIngress"
GET_AGENT_INGRESSES = f"{MODULE}:index:getAgentIngresses"

# The types that the engine gives an explicit provider and the stack itself.
PROVIDER = f"pulumi:providers:{PYTHON_PACKAGE}"
STACK = "pulumi:pulumi:Stack"

# An input of an Agent Ingress that goes from the program to `check` and no further: the stack as the CLI calls it, and
# the URNs of the parent and the explicit provider, of which nobody else tells the provider.
PLACEMENT = "_placement"


def name_of(token: str) -> str:
    """Returns the last part of a type token, such as "AgentIngress"."""
    return token.rpartition(":")[2]
