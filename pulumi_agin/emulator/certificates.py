"""The states of a certificate, as a function of the time since the policy was set or the NS records became right.

The states and their JSON were recorded from reserved domains, which have the same fields. No recorded status of an
Agent Ingress is public. The emulator chooses the duration of each state.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Literal, get_args

from .configuration import EmulatorSettings
from .dns_lookup import no_records
from .store import Ingress

CertificateState = Literal[
    "pending", "in_progress", "issued", "renewing", "internal_error", "dns_error", "error", "no_job"
]
"""
The state of a certificate:

- `pending`: the status is null.
- `in_progress`: the status has a job without an error code.
- `issued`: it has `renews_at`, and no job.
- `renewing`: it has `renews_at` and a job.
- `internal_error`, `dns_error`: it has a job with that error code, which is retried a day later.
- `error`: it has a job with any other error code.
- `no_job`: it has neither `renews_at` nor a job.
"""

STATES: tuple[CertificateState, ...] = get_args(CertificateState)

# Certificates of Let's Encrypt are valid for 90 days, and are renewed 30 days before they expire.
_RENEWED_EVERY = timedelta(days=60)
_RETRIED_AFTER = timedelta(days=1)


def timestamp(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_job_running(ingress: Ingress, now: datetime, settings: EmulatorSettings) -> bool:
    """Returns whether the job of the certificate is running. It checks DNS if the emulator has a server."""
    since, right_since = ingress.policy_set_at, ingress.records_right_since
    if ingress.certificate_management_policy is None or since is None or ingress.certificate is not None:
        return False
    is_issued = right_since is not None and now >= right_since + timedelta(seconds=settings.issue_after_seconds)
    return now >= since + timedelta(seconds=settings.job_after_seconds) and not is_issued


def status(
    ingress: Ingress, now: datetime, settings: EmulatorSettings, *, needs_records: bool
) -> dict[str, Any] | None:
    """Computes `certificate_management_status`: None without a policy, and before the job exists.

    With `needs_records`, the time to the certificate begins only when the NS records are right.
    """
    if ingress.certificate_management_policy is None or ingress.policy_set_at is None:
        return None
    since = (ingress.records_right_since if needs_records else None) or ingress.policy_set_at
    # The job starts again when the records are found to be right.
    started = max(ingress.policy_set_at + timedelta(seconds=settings.job_after_seconds), since)
    issued = since + timedelta(seconds=settings.issue_after_seconds)
    renewals = max((now - issued) // _RENEWED_EVERY, 0)
    last_renewal = issued + _RENEWED_EVERY * renewals
    renews_at = last_renewal + _RENEWED_EVERY
    if ingress.certificate is not None:
        state = ingress.certificate["state"]
    elif needs_records and ingress.records_right_since is None:
        # There is no result before the first lookup.
        state = "dns_error" if ingress.records_problem else "pending"
    elif now < issued:
        state = "pending" if now < started else "in_progress"
    elif renewals and now - last_renewal < issued - since:
        state = "renewing"
        started = renews_at = last_renewal
    else:
        state = "issued"

    if state == "pending":
        return None
    return {
        "renews_at": timestamp(renews_at) if state in ("issued", "renewing") else None,
        "provisioning_job": None if state in ("issued", "no_job") else _job(ingress, state, started, needs_records),
    }


def _job(ingress: Ingress, state: str | None, started: datetime, needs_records: bool) -> dict[str, Any]:
    """Returns the job of a state that has one. What the control plane has set replaces the error code and the msg."""
    in_progress = ("Managed certificate provisioning in progress.", None)
    wrong_records = (needs_records and ingress.records_problem) or no_records(ingress.domain)
    failing: dict[str | None, tuple[str, str | None]] = {
        "internal_error": ("An internal error occurred, provisioning will be retried.", "INTERNAL_ERROR"),
        "dns_error": (wrong_records, "DNS_ERROR"),
        "error": ("Managed certificate provisioning failed.", "UNKNOWN_ERROR"),
    }
    msg, error_code = failing.get(state, in_progress)
    override = ingress.certificate or {}
    return {
        "error_code": override.get("error_code") or error_code,
        "msg": override.get("msg") or msg,
        "started_at": timestamp(started),
        "retries_at": timestamp(started + _RETRIED_AFTER) if state in failing else None,
    }
