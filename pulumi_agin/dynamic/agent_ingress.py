"""AgentIngressProvider. Every user's state contains the path and the name, so they never change."""

from __future__ import annotations

from .servicer import DynamicProvider, MakeLifecycle


class AgentIngressProvider(DynamicProvider):
    """The lifecycle of an Agent Ingress, for Pulumi's dynamic providers."""

    def make_lifecycle(self) -> MakeLifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle

        return AgentIngressLifecycle
