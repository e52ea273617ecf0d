"""AgentIngressCertificateValidation: the resource that waits for a certificate."""

from __future__ import annotations

from contextlib import suppress

import pulumi

from .base.facts import DEFAULT_GRACE_SECONDS, DEFAULT_VALIDATION_SECONDS
from .dynamic.certificate import CertificateValidationProvider
from .lifecycle import urns
from .program import sdk
from .program.resource import DynamicResource, check_settings, require_options
from .program.run import ProgramRun


class AgentIngressCertificateValidation(DynamicResource, token=urns.CERTIFICATE_VALIDATION):
    """Waits until ngrok reports that the certificate of an Agent Ingress is issued.

    It creates nothing, like `aws.acm.CertificateValidation`, after which it is named. A resource that needs a working
    connect URL should depend on it or use its outputs. Without a `certificate_management_policy`, the ingress is ready
    and the validation ends immediately.

    A failed validation leaves the state unchanged, and the next `pulumi up` validates again. Validations run one at a
    time, in the program's order, so that they don't delay other resources.

    Documentation: docs/reference/certificate-validation.md in the repository

    Attributes:
        renews_at: When ngrok requests the next renewal (RFC 3339), as of the last validation or refresh. None without a
            policy.
        agent_ingress_id: The ID of the Agent Ingress, known once its certificate is issued.
        domain: The domain of the certificate, in lowercase and without a trailing dot.
    """

    renews_at: pulumi.Output[str | None]
    agent_ingress_id: pulumi.Output[str]
    domain: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        agent_ingress_id: pulumi.Input[str],
        timeout_seconds: pulumi.Input[float] = DEFAULT_VALIDATION_SECONDS,
        dns_error_grace_seconds: pulumi.Input[float] = DEFAULT_GRACE_SECONDS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares a certificate validation.

        The preview shows all problems with the values at once. Changing a time limit does not start a new validation.

        Args:
            resource_name: The name of the resource in Pulumi.
            agent_ingress_id: The `agent_ingress_id` of the AgentIngressDelegation, which is known when its records
                exist. With the `id` of the AgentIngress, the validation may begin earlier. Changing it starts a
                new validation.
            timeout_seconds: The time limit of the validation in seconds, greater than 0. `custom_timeouts` can shorten
                it.
            dns_error_grace_seconds: How long ngrok may report a DNS error before the validation fails, in seconds, 0
                or more. New records take time to propagate. The time starts again if the error disappears and returns.
                Other errors are shown, and the validation continues.
            opts: The options of the resource.

        Raises:
            pulumi.RunError: `opts` has `id` or `import_`, which validations do not support, or a setting, such as the
                API key, is missing or invalid.
        """
        require_options(opts, "AgentIngressCertificateValidation")
        opts = opts or pulumi.ResourceOptions()
        if opts.id is not None or opts.import_ is not None:
            raise pulumi.RunError(
                f'AgentIngressCertificateValidation "{resource_name}" can\'t be read or imported, because it only '
                "waits: remove id and import_ from its ResourceOptions"
            )
        check_settings(opts)
        # The number of parallel calls is limited, so parallel validations would delay other ingresses and records.
        # ngrok issues all certificates at the same time anyway.
        run = ProgramRun.current()
        previous = None if pulumi.runtime.is_dry_run() else run.last_validation
        props = {
            "renews_at": None,
            "domain": None,
            "agent_ingress_id": agent_ingress_id if previous is None else _after(previous, agent_ingress_id),
            "timeout_seconds": timeout_seconds,
            "dns_error_grace_seconds": dns_error_grace_seconds,
        }
        super().__init__(CertificateValidationProvider(), resource_name, props, opts)
        run.add_validation(self)
        # The state has "" for None.
        self.renews_at = self.renews_at.apply(lambda renews_at: renews_at or None)


async def _after(previous: pulumi.CustomResource, value: pulumi.Input[str]) -> pulumi.Input[str]:
    """Returns an input when another resource is registered, or has failed.

    Unlike `depends_on`, this leaves no dependency in the state, which `--target` and `--exclude` would follow.
    """
    with suppress(Exception):
        await sdk.value_of(previous.id)
    return value
