"""AgentIngressCertificateValidation: the resource that waits for a certificate."""

from __future__ import annotations

import pulumi

from .api.constants import DEFAULT_GRACE_SECONDS, DEFAULT_TIMEOUT_SECONDS
from .dynamic.certificate import CertificateValidationProvider
from .lifecycle import urns
from .program.argument_errors import checks_arguments
from .program.dynamic_resource import DynamicResource
from .program.run import ProgramRun
from .program.settings_check import check_settings


class AgentIngressCertificateValidation(DynamicResource, token=urns.CERTIFICATE_VALIDATION):
    """A wait until ngrok says that the certificate of an Agent Ingress is issued.

    It creates nothing, like `aws.acm.CertificateValidation`; "validation" is ACM's word for this wait. A resource that
    needs a working connect URL should depend on it or use its outputs. Without a `certificate_management_policy` the
    ingress is ready at once, and the wait ends at once.

    A wait that fails leaves the state as it was, and the next `pulumi up` waits again. Each wait of a program depends
    on the one before, so that only one waits at a time while everything else is created.
    """

    renews_at: pulumi.Output[str | None]
    """When ngrok requests the next renewal, RFC 3339, as of the last wait or refresh; None without a policy."""
    agent_ingress_id: pulumi.Output[str]
    """The id of the Agent Ingress, known once its certificate is issued."""
    domain: pulumi.Output[str]
    """The domain of the certificate, in lower case and without a trailing dot."""

    @checks_arguments
    def __init__(
        self,
        resource_name: str,
        agent_ingress_id: pulumi.Input[str],
        timeout_seconds: pulumi.Input[float] = DEFAULT_TIMEOUT_SECONDS,
        dns_error_grace_seconds: pulumi.Input[float] = DEFAULT_GRACE_SECONDS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares a wait for a certificate.

        The preview shows all problems with the values. A change of a time changes nothing else, and starts no new wait.

        Args:
            resource_name: The name of the resource in Pulumi.
            agent_ingress_id: The `agent_ingress_id` of the AgentIngressDelegation, which is known when its records
                exist. With the `id` of the AgentIngress, the wait may begin before. A change makes a new wait.
            timeout_seconds: How long to wait in all, in seconds above 0. `custom_timeouts` can make it less.
            dns_error_grace_seconds: How long ngrok may report a DNS error before the wait fails, in seconds from 0 on:
                new records take time to spread. The time starts again if the error goes away and comes back. Errors
                of other kinds are shown, and the wait goes on.
            opts: The options of the resource.

        Raises:
            pulumi.RunError: `opts` has `id` or `import_`, but there is nothing to read or import. Or the settings
                have problems.
        """
        opts = opts or pulumi.ResourceOptions()
        if opts.id is not None or opts.import_ is not None:
            raise pulumi.RunError(
                f'AgentIngressCertificateValidation "{resource_name}" is a wait, so there is nothing to read or '
                "import: remove id and import_ from its ResourceOptions"
            )
        check_settings(opts)
        # The engine and the plugin make a limited number of calls at once. Parallel waits would hold up other ingresses
        # and records. ngrok issues all certificates at the same time anyway.
        run = ProgramRun.current()
        if run.last_validation is not None:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[run.last_validation]))
        props = {
            "renews_at": None,
            "domain": None,
            "agent_ingress_id": agent_ingress_id,
            "timeout_seconds": timeout_seconds,
            "dns_error_grace_seconds": dns_error_grace_seconds,
        }
        super().__init__(CertificateValidationProvider(), resource_name, props, opts)
        run.last_validation = self
        # In the state it is "" if there is none.
        self.renews_at = self.renews_at.apply(lambda renews_at: renews_at or None)
