"""CertificateValidationProvider, whose path and name are part of every user's state, so they never change."""

from __future__ import annotations

from .servicer import DynamicProvider, MakeLifecycle


class CertificateValidationProvider(DynamicProvider):
    """The lifecycle of a certificate validation, for Pulumi's dynamic providers."""

    def make_lifecycle(self) -> MakeLifecycle:
        """See `DynamicProvider`."""
        from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle

        return CertificateValidationLifecycle
