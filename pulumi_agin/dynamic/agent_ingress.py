"""AgentIngressProvider, whose path and name are part of every user's state, so they never change."""

from __future__ import annotations

from .servicer import DynamicProvider, MakeLifecycle


class AgentIngressProvider(DynamicProvider):
    """The lifecycle of an Agent Ingress, for Pulumi's dynamic providers."""

    def make_lifecycle(self) -> MakeLifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle

        return AgentIngressLifecycle
