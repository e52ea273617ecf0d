"""Own ngrok Agent Ingresses from a Pulumi program: `import pulumi_agin as agin`."""

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
from .lookup import (
    GetAgentIngressesResult,
    GetAgentIngressResult,
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
    "CertificateAuthority",
    "GetAgentIngressResult",
    "GetAgentIngressesResult",
    "PrivateKeyType",
    "Provider",
    "get_agent_ingress",
    "get_agent_ingress_output",
    "get_agent_ingresses",
    "get_agent_ingresses_output",
]
