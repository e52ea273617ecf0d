"""Dynamic providers of our resources.

Users' states contain the paths and names of these classes, so the paths and names never change.
"""

from __future__ import annotations

from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.operation import Lifecycle

from .front_end import DynamicProvider


class AgentIngressProvider(DynamicProvider):
    """The provider of an Agent Ingress."""

    def make_lifecycle(self, account: Account) -> Lifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.ingress import AgentIngressLifecycle

        return AgentIngressLifecycle(account)


class CertificateValidationProvider(DynamicProvider):
    """The provider of a certificate validation."""

    def make_lifecycle(self, account: Account) -> Lifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle

        return CertificateValidationLifecycle(account)


class Rfc2136Provider(DynamicProvider):
    """The provider of the NS records at a name server that accepts DNS updates."""

    def make_lifecycle(self, account: Account) -> Lifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.rfc2136.records import NsRecordsLifecycle

        return NsRecordsLifecycle()
