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
    "PrivateKeyType",
    "Provider",
]
