"""Pulumi provider for ngrok Agent Ingresses: `import pulumi_agin as agin`."""

from typing import TYPE_CHECKING, Any

from .version import VERSION as _VERSION

if TYPE_CHECKING:
    from . import dns
    from .agent_ingress import (
        AgentIngress,
        AgentIngressArgs,
        AgentIngressCertJob,
        AgentIngressCertPolicy,
        AgentIngressCertPolicyArgs,
        AgentIngressCertPolicyArgsDict,
        AgentIngressCertStatus,
        CertificateAuthority,
        PrivateKeyType,
    )
    from .certificate_validation import AgentIngressCertificateValidation
    from .delegation import AgentIngressDelegation
    from .functions import (
        GetAgentIngressesResult,
        GetAgentIngressResult,
        agent_config,
        get_agent_ingress,
        get_agent_ingress_output,
        get_agent_ingresses,
        get_agent_ingresses_output,
    )
    from .provider import Provider

__all__ = [
    "AgentIngress",
    "AgentIngressArgs",
    "AgentIngressCertJob",
    "AgentIngressCertPolicy",
    "AgentIngressCertPolicyArgs",
    "AgentIngressCertPolicyArgsDict",
    "AgentIngressCertStatus",
    "AgentIngressCertificateValidation",
    "AgentIngressDelegation",
    "CertificateAuthority",
    "GetAgentIngressResult",
    "GetAgentIngressesResult",
    "PrivateKeyType",
    "Provider",
    "agent_config",
    "dns",
    "get_agent_ingress",
    "get_agent_ingress_output",
    "get_agent_ingresses",
    "get_agent_ingresses_output",
]

__version__ = _VERSION

# A program that uses a public name loads these modules in this order, up to the module that has the name. So modules
# that load others come last. The plugin process loads none of these modules, because its start delays the engine.
_MODULES = ("agent_ingress", "provider", "certificate_validation", "functions", "delegation")


# Type checkers see the imports above instead. With this function, type checkers would accept every name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "dns":
            return import_module(".dns", __name__)
        modules = (vars(import_module(f".{module}", __name__)) for module in _MODULES)
        value = globals()[name] = next(names[name] for names in modules if name in names)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
