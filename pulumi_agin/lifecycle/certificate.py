"""Lifecycle of a certificate validation, which waits until ngrok has issued the certificate of an ingress."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.clock import format_duration
from pulumi_agin.api.errors import ApiError, NotFoundError, UnreachableError

from .account import FINGERPRINT, Account
from .inputs import CertificateValidationInputs, validate
from .operation import Call, Checked, Created, Difference, Existing, FailedError, InputFailure

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel

# A hidden output: whether the certificate was ready at the last read. Users' states contain the name.
WAS_READY = "_was_ready"

# The pauses after the first three reads, and the pause after each later read.
PAUSES_SECONDS = (2, 2, 4)
LAST_PAUSE_SECONDS = 10

# The time limit of one read. A validation does not check its own time limit while a read is retried.
READ_SECONDS = 35


class Issuance(Enum):
    """The state of a certificate's issuance, by the ingress's policy and status. Each value is a phrase for messages.

    The rules come from ngrok's reserved domains, which have the same fields.
    """

    NOT_MANAGED = "ready, because ngrok's internal CA signs it (there is no certificate policy)"
    PENDING = "not being issued yet"
    IN_PROGRESS = "being issued"
    INTERNAL_ERROR = "delayed by a temporary error at ngrok"
    DNS_ERROR = "blocked by a DNS error"
    OTHER_ERROR = "blocked by an error that ngrok does not document"
    UNKNOWN = "neither issued nor being issued"
    ISSUED = "issued"
    RENEWING = "issued, and being renewed"

    @property
    def is_ready(self) -> bool:
        """Whether agents can use the certificate."""
        return self in (Issuance.NOT_MANAGED, Issuance.ISSUED, Issuance.RENEWING)

    @classmethod
    def of(cls, ingress: IngressModel) -> Issuance:
        """Returns the issuance of an ingress."""
        status = ingress.certificate_management_status
        if ingress.certificate_management_policy is None:
            return cls.NOT_MANAGED
        if status is None:
            return cls.PENDING
        job = status.provisioning_job
        if status.renews_at:
            # A failed renewal leaves the existing certificate valid for 30 more days.
            return cls.RENEWING if job else cls.ISSUED
        if job is None:
            return cls.UNKNOWN
        if not job.error_code:
            return cls.IN_PROGRESS
        documented = {"INTERNAL_ERROR": cls.INTERNAL_ERROR, "DNS_ERROR": cls.DNS_ERROR}
        return documented.get(job.error_code, cls.OTHER_ERROR)


def describe_certificate(ingress: IngressModel) -> str:
    """Returns the issuance with ngrok's error code and message for the job. The caller must sanitize the result.

    The messages of a validation and `pulumi-agin doctor` use this description.
    """
    description = Issuance.of(ingress).value
    status = ingress.certificate_management_status
    job = status.provisioning_job if status else None
    if job and job.error_code:
        description += f" ({job.error_code})"
    if job and job.msg:
        description += f': ngrok reports "{job.msg}"'
    return description


class CertificateValidationLifecycle:
    """The lifecycle of a certificate validation. `operation.Lifecycle` documents each method."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with the inputs and the settings."""
        checked, problems = validate(CertificateValidationInputs, inputs, call.is_unknown)
        return Checked(checked, [InputFailure(str(each)) for each in (*self._account.settings.problems, *problems)])

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Replaces the validation for another ingress or trigger, and repeats it if WAS_READY is not True."""
        before = call.outputs_before
        changed = [name for name in ("agent_ingress_id", "triggers") if inputs.get(name) != before.get(name)]
        return Difference(
            changed, CertificateValidationInputs.replacing(changed), needs_update=before.get(WAS_READY) is not True
        )

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        return Created(inputs["agent_ingress_id"], self._wait(call, inputs))

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the ingress once, for a refresh. A `get` or an import fails."""
        if WAS_READY not in call.outputs_before:
            raise FailedError("a certificate validation can't be read or imported, because it only waits: declare it")
        ingress = self._account.read_for_refresh(call, id_)
        return Existing(id_, self._outputs(ingress, call.outputs_before)) if ingress else None

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self._wait(call, inputs)

    def delete(self, call: Call, id_: str) -> None:
        """Does nothing: the certificate belongs to the ingress."""

    def _outputs(self, ingress: IngressModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the outputs. A missing `renews_at` becomes "", because an absent output is unknown in previews."""
        policy, status = ingress.certificate_management_policy, ingress.certificate_management_status
        outputs = {
            "agent_ingress_id": ingress.id,
            "domain": ingress.domain,
            "renews_at": (status.renews_at if policy and status else None) or "",
            "triggers": inputs.get("triggers"),
            WAS_READY: Issuance.of(ingress).is_ready,
            FINGERPRINT: self._account.fingerprint(ingress.id),
        }
        return {name: value for name, value in outputs.items() if value is not None}

    def _wait(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Waits until the certificate is ready, and returns the outputs. Fails after the time limit.

        Also fails if a DNS error lasts for the whole grace period. New NS records take time to propagate.
        """
        limit = min(inputs["timeout_seconds"], call.timeout_seconds or math.inf)
        budget = self._account.budget(call, limit)
        pauses = chain(PAUSES_SECONDS, repeat(LAST_PAUSE_SECONDS))
        ingress, problem = self._read(call, inputs["agent_ingress_id"]), ""
        dns_error_since = math.inf
        while not Issuance.of(ingress).is_ready:
            has_dns_error = Issuance.of(ingress) is Issuance.DNS_ERROR
            dns_error_since = min(dns_error_since, budget.elapsed) if has_dns_error else math.inf
            left = min(budget.left, dns_error_since + inputs["dns_error_grace_seconds"] - budget.elapsed)
            if left <= 0:
                raise FailedError(self._explain(ingress, problem, limit, is_dns_error=budget.left > 0))
            doing, reason = f"validate the certificate of {ingress.domain}", problem or self._describe(ingress)
            budget.wait(min(next(pauses), left), doing, reason)
            try:
                ingress, problem = self._read(call, ingress.id), ""
            except (ApiError, UnreachableError) as error:
                # Any other error ends the validation, such as a redirect.
                if isinstance(error, ApiError) and not error.is_transient:
                    raise
                problem = str(error)
        return self._outputs(ingress, inputs)

    def _read(self, call: Call, id_: str) -> IngressModel:
        try:
            seconds = min(READ_SECONDS, self._account.settings.timeout_seconds)
            return self._account.client.get(id_, self._account.budget(call, seconds))
        except NotFoundError as error:
            lacking = self._account.settings.not_in_account
            raise FailedError(f"{error}: {lacking}. A validation needs the same provider as its ingress") from None

    def _describe(self, ingress: IngressModel) -> str:
        return self._account.client.sanitize(describe_certificate(ingress), 400)

    def _explain(self, ingress: IngressModel, problem: str, limit: float, *, is_dns_error: bool) -> str:
        """Returns the message for a validation that timed out, or whose DNS error has lasted too long."""
        message = f"the certificate of {ingress.domain} ({ingress.id}) was not issued"
        message += "" if is_dns_error else f" within {format_duration(limit)}"
        message += f". It is {self._describe(ingress)}"
        if problem:
            message += f", when last read; since then, {problem}"
        if is_dns_error:
            targets = self._account.client.sanitize(", ".join(ingress.ns_targets), 400)
            message += f". The NS records of {ingress.domain} must be {targets}"
        return f"{message}. `pulumi-agin doctor` shows what prevents it; the next `pulumi up` validates again"
