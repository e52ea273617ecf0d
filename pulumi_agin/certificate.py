"""AgentIngressCertificateValidation: the resource by which a program waits for a certificate."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.dynamic import Resource
from pulumi.runtime.settings import get_monitor

from .dynamic.certificate import (
    DEFAULT_GRACE_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
    GRACE,
    ID,
    TIMEOUT,
    CertificateValidationProvider,
)
from .provider import warn_of_plain_api_key

# The last one of each deployment. The engine has few workers, and the plugin four threads: those that wait side by
# side would keep the ingresses and records of others from being made. ngrok issues all certificates at once anyway.
_last: WeakKeyDictionary[Any, AgentIngressCertificateValidation] = WeakKeyDictionary()


class AgentIngressCertificateValidation(Resource, module="agin", name="AgentIngressCertificateValidation"):
    """A wait until ngrok says that the certificate of an Agent Ingress is issued.

    It creates nothing, like `aws.acm.CertificateValidation`, and "validation" is ACM's word for this wait. What needs
    a working connect URL depends on it, or uses its outputs. Without a `certificate_management_policy` the ingress is
    ready at once, and so is this.

    After a wait that fails the state is as it was, and the next `pulumi up` waits again. Each one of a program depends
    on the one before, so that few wait at a time: whatever else there is to make is made meanwhile.
    """

    renews_at: pulumi.Output[str | None]
    """When ngrok requests the next renewal, RFC 3339, as of the last wait or refresh; None without a policy."""
    agent_ingress_id: pulumi.Output[str]
    """The id of the Agent Ingress, known once its certificate is issued."""
    domain: pulumi.Output[str]
    """The domain of the certificate, in lower case and without a trailing dot."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # As that of AgentIngress: the type is part of the URN.
        kwargs = {**kwargs, "module": "agin", "name": "AgentIngressCertificateValidation"}
        super().__init_subclass__(**kwargs)

    def __init__(
        self,
        resource_name: str,
        agent_ingress_id: pulumi.Input[str],
        timeout_seconds: pulumi.Input[float] = DEFAULT_TIMEOUT_SECONDS,
        dns_error_grace_seconds: pulumi.Input[float] = DEFAULT_GRACE_SECONDS,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declares the wait.

        agent_ingress_id: the `agent_ingress_id` of the AgentIngressDelegation, which is known when its records exist;
            with the `id` of the AgentIngress the wait may begin before. A change of it makes a new wait.
        timeout_seconds: how long to wait in all, above 0; `custom_timeouts` can make it less.
        dns_error_grace_seconds: how long to let a DNS error of ngrok's pass, from 0 on: new records take time to
            spread. Each time that ngrok sees the error anew, it has all of that again.

        How long to wait can be changed at any time, and changes nothing. Other errors of ngrok's are shown and waited
        for. Whatever is wrong with the values is shown by the preview.

        Raises pulumi.RunError where opts has `id` or `import_`: there is nothing to read or import.
        """
        opts = opts or pulumi.ResourceOptions()
        if opts.id is not None or opts.import_ is not None:
            raise pulumi.RunError(
                f'AgentIngressCertificateValidation "{resource_name}" is a wait, of which there is nothing to read or '
                "import: take id and import_ out of its ResourceOptions"
            )
        monitor = get_monitor()
        if monitor in _last:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[_last[monitor]]))
        props = {
            "renews_at": None,
            "domain": None,
            ID: agent_ingress_id,
            TIMEOUT: timeout_seconds,
            GRACE: dns_error_grace_seconds,
        }
        super().__init__(CertificateValidationProvider(), resource_name, props, opts)
        _last[monitor] = self
        warn_of_plain_api_key()
        # In the state it is "" where there is none.
        self.renews_at = self.renews_at.apply(lambda renews_at: renews_at or None)
