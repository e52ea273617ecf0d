"""CertificateValidationProvider. Every user's state contains the path and the name, so they never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .servicer import DynamicProvider

if TYPE_CHECKING:
    from pulumi_agin.lifecycle.operation import Lifecycle
    from pulumi_agin.lifecycle.session import Session
    from pulumi_agin.settings import Settings


class CertificateValidationProvider(DynamicProvider):
    """The lifecycle of a wait for a certificate, for Pulumi's dynamic providers."""

    def make_lifecycle(self, settings: Settings, session: Session) -> Lifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle

        return CertificateValidationLifecycle(settings, session)
