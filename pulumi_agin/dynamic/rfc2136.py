"""Rfc2136Provider. Every user's state contains the path and the name, so they never change."""

from __future__ import annotations

from .servicer import DynamicProvider, MakeLifecycle


class Rfc2136Provider(DynamicProvider):
    """The lifecycle of the NS records of a delegation, for Pulumi's dynamic providers."""

    def make_lifecycle(self) -> MakeLifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.ns_records import NsRecordsLifecycle

        return lambda _, session: NsRecordsLifecycle(session)
