"""AgentIngressCertificateValidation: the resource that waits for a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import dynamic

from . import program
from .dynamic.providers import CertificateValidationProvider
from .lifecycle.limits import DEFAULT_GRACE_SECONDS, DEFAULT_VALIDATION_SECONDS


class AgentIngressCertificateValidation(dynamic.Resource, module="agin", name="AgentIngressCertificateValidation"):
    """Waits until ngrok reports that the certificate of an Agent Ingress is issued.

    Like `aws.acm.CertificateValidation`, after which this resource is named, a validation creates nothing. A resource
    that needs a working connect URL should depend on the validation or use its outputs. Without a
    `certificate_management_policy`, the ingress is ready and the validation ends immediately.

    A failed validation leaves the state unchanged, and the next `pulumi up` validates again. Validations run one at a
    time, in the program's order, so that waiting validations don't delay other resources.

    Documentation: docs/reference/certificate-validation.md in the repository

    Attributes:
        renews_at: When ngrok requests the next renewal (RFC 3339), as of the last validation or refresh. None without a
            policy.
        agent_ingress_id: The ID of the Agent Ingress, known once its certificate is issued.
        domain: The domain of the certificate, in lowercase and without a trailing dot.
        triggers: The `triggers` that the program passes.
    """

    renews_at: pulumi.Output[str | None]
    agent_ingress_id: pulumi.Output[str]
    domain: pulumi.Output[str]
    triggers: pulumi.Output[Sequence[Any] | None]

    def __init__(
        self,
        resource_name: str,
        agent_ingress_id: pulumi.Input[str],
        timeout_seconds: pulumi.Input[float] = DEFAULT_VALIDATION_SECONDS,
        dns_error_grace_seconds: pulumi.Input[float] = DEFAULT_GRACE_SECONDS,
        triggers: pulumi.Input[Sequence[Any]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares a certificate validation.

        The preview shows all problems with the values at once. Changing a time limit does not start a new validation.

        Args:
            resource_name: The name of the resource in Pulumi.
            agent_ingress_id: The `agent_ingress_id` of the AgentIngressDelegation, which is known once the
                records exist. With the `id` of the AgentIngress instead, the validation may begin before the records
                exist. A change of the ID starts a new validation.
            timeout_seconds: The time limit of the validation in seconds, greater than 0. `custom_timeouts` can shorten
                the limit.
            dns_error_grace_seconds: How long ngrok may report a DNS error before the validation fails, in seconds, 0
                or more. New records take time to propagate. The grace period starts again if the error disappears and
                returns. After any other error, the validation shows the error and continues.
            triggers: Any values. A change of any value starts a new validation. To validate again after a change of the
                ingress's policy, pass `[ingress.certificate_management_policy]`.
            opts: The options of the resource.

        Raises:
            pulumi.RunError: A setting, such as the API key, is missing or invalid.
        """
        run = program.current()
        if run is not None:
            run.require_settings(opts or pulumi.ResourceOptions())
            if not pulumi.runtime.is_dry_run():
                # Concurrent validations would delay other ingresses and records. ngrok issues all certificates
                # concurrently anyway.
                agent_ingress_id = run.after_last_validation(agent_ingress_id)
        props = {
            "renews_at": None,
            "domain": None,
            "agent_ingress_id": agent_ingress_id,
            "timeout_seconds": timeout_seconds,
            "dns_error_grace_seconds": dns_error_grace_seconds,
            "triggers": triggers,
        }
        super().__init__(CertificateValidationProvider(), resource_name, props, opts)
        if run is not None:
            run.add_validation(self)
        # The state has "" in place of None.
        self.renews_at = self.renews_at.apply(lambda renews_at: renews_at or None)
