"""Rfc2136Provider, whose path and name are part of every user's state, so they never change."""

from __future__ import annotations

from .servicer import DynamicProvider, MakeLifecycle


class Rfc2136Provider(DynamicProvider):
    """The lifecycle of the NS records of a delegation, for Pulumi's dynamic providers."""

    def make_lifecycle(self) -> MakeLifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.rfc2136.lifecycle import NsRecordsLifecycle

        return lambda _, services, claims: NsRecordsLifecycle(services, claims)
