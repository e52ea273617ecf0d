"""The states of a certificate, as a function of the time and, if the emulator has a DNS server, of the NS records.

The states and their JSON were recorded from reserved domains, which have the same fields. No recorded status of an
Agent Ingress is public. The emulator chooses the duration of each state.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from .dns_lookup import no_records
from .state import State
from .store import Ingress, timestamp

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

_IN_PROGRESS = "Managed certificate provisioning in progress."
# The error code and the message of the job; the message of a DNS_ERROR is the problem with the NS records.
_JOBS: dict[str, tuple[str | None, str]] = {
    "in_progress": (None, _IN_PROGRESS),
    "renewing": (None, _IN_PROGRESS),
    "internal_error": ("INTERNAL_ERROR", "An internal error occurred, provisioning will be retried."),
    "dns_error": ("DNS_ERROR", ""),
    "error": ("UNKNOWN_ERROR", "Managed certificate provisioning failed."),
}
# Certificates of Let's Encrypt are valid for 90 days, and are renewed 30 days before they expire.
_RENEWED_EVERY = 60 * 86400
_RETRIED_AFTER = 86400


def with_checked_records(state: State, ingress: Ingress) -> Ingress:
    """Looks up the NS records of an ingress whose certificate waits for them, and stores what is wrong.

    `rules` calls it before each response with the ingress, without the lock, so that a slow DNS server delays no other
    request.
    """
    if state.dns is None or not _is_job_running(state, ingress):
        return ingress
    problem = state.dns.problem(ingress.domain, ingress.ns_targets)
    since = state.now() if problem else ingress.certificate_since
    checked = replace(ingress, records_problem=problem, certificate_since=since)
    with state.lock:
        # It may have changed since.
        if state.store.ingresses.get(ingress.id) == ingress != checked:
            state.store.put(checked)
    return checked


def _is_job_running(state: State, ingress: Ingress) -> bool:
    """Returns whether the job runs, as far as the clock decides. It ends only after a lookup finds right records."""
    if ingress.certificate_management_policy is None or ingress.certificate:
        return False
    is_issued = ingress.records_problem is None and state.now() >= _issued_at(state, ingress)
    return state.now() >= _job_at(state, ingress) and not is_issued


def status(state: State, ingress: Ingress) -> dict[str, Any] | None:
    """Computes `certificate_management_status`: None without a policy, and before the job exists."""
    if ingress.certificate_management_policy is None:
        return None
    certificate_state = ingress.certificate.get("state") or _state_now(state, ingress)
    if certificate_state == "pending":
        return None
    issued_at = _issued_at(state, ingress)
    renewals = max((state.now() - issued_at) // _RENEWED_EVERY, 0)
    renews_at = issued_at + _RENEWED_EVERY * (renewals + 1)
    return {
        "renews_at": timestamp(renews_at) if certificate_state in ("issued", "renewing") else None,
        "provisioning_job": _job(state, ingress, certificate_state) if certificate_state in _JOBS else None,
    }


def _state_now(state: State, ingress: Ingress) -> CertificateState:
    if state.now() < _job_at(state, ingress):
        return "pending"
    if state.dns is not None and ingress.records_problem is not None:
        return "dns_error"
    return "in_progress" if state.now() < _issued_at(state, ingress) else "issued"


def _job_at(state: State, ingress: Ingress) -> float:
    return ingress.policy_set_at + state.settings.job_after_seconds


def _issued_at(state: State, ingress: Ingress) -> float:
    return ingress.certificate_since + state.settings.issue_after_seconds


def _job(state: State, ingress: Ingress, certificate_state: str) -> dict[str, Any]:
    """Returns the job of a state that has one. What `set_certificate` keeps replaces the error code and the message."""
    error_code, msg = _JOBS[certificate_state]
    if certificate_state == "dns_error":
        msg = (state.dns and ingress.records_problem) or no_records(ingress.domain)
    # It starts again when the NS records become right.
    started_at = max(_job_at(state, ingress), ingress.certificate_since)
    return {
        "error_code": ingress.certificate.get("error_code") or error_code,
        "msg": ingress.certificate.get("msg") or msg,
        "started_at": timestamp(started_at),
        "retries_at": timestamp(started_at + _RETRIED_AFTER) if error_code else None,
    }
