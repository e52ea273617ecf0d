"""Rfc2136Provider. Every user's state contains the path and the name, so they never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .servicer import DynamicProvider

if TYPE_CHECKING:
    from pulumi_agin.lifecycle.operation import Lifecycle
    from pulumi_agin.lifecycle.session import Session
    from pulumi_agin.settings import Settings


class Rfc2136Provider(DynamicProvider):
    """The lifecycle of the NS records of a delegation, for Pulumi's dynamic providers."""

    def make_lifecycle(self, settings: Settings, session: Session) -> Lifecycle:
        """See `DynamicProvider`. ngrok is not asked, so the settings are not needed."""
        from pulumi_agin.lifecycle.ns_records import NsRecordsLifecycle

        return NsRecordsLifecycle(session)
