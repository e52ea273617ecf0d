"""The names that the program, the engine and the provider use for each other.

Users' states contain the types of resources, so these never change.
"""

from __future__ import annotations

MODULE = "agin"

# The package of all dynamic resources in Python, and of their explicit providers.
PYTHON_PACKAGE = "pulumi-python"

AGENT_INGRESS = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:AgentIngress"
CERTIFICATE_VALIDATION = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:AgentIngressCertificateValidation"
RFC2136_DELEGATION = f"{PYTHON_PACKAGE}:dynamic/{MODULE}:Rfc2136Delegation"

# A component of the program.
DELEGATION = f"{MODULE}:index:AgentIngressDelegation"

# What Pulumi's mocks are called with.
GET_AGENT_INGRESS = f"{MODULE}:index:getAgentIngress"
GET_AGENT_INGRESSES = f"{MODULE}:index:getAgentIngresses"

# The types that the engine gives an explicit provider and the stack itself.
PROVIDER = f"pulumi:providers:{PYTHON_PACKAGE}"
STACK = "pulumi:pulumi:Stack"

# An input of an Agent Ingress that only `check` gets: the stack as the CLI calls it, and the URNs of the parent and the
# explicit provider. The engine does not tell the plugin any of these.
PLACEMENT = "_placement"


def name_of(token: str) -> str:
    """Returns the last part of a type token, such as "AgentIngress"."""
    return token.rpartition(":")[2]
