"""The states of a certificate: a function of the time and, if the emulator has a DNS server, of the NS records.

The states and their JSON were recorded from reserved domains, which have the same fields as Agent Ingresses. There is
no public recording of an Agent Ingress's status. The emulator chooses the duration of each state.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any, Literal

from dns import exception, flags, message, name, query, rdatatype

from .state import Ingress, State, no_records, timestamp

CertificateState = Literal["pending", "in_progress", "issued", "renewing", "internal_error", "dns_error"]
"""
The state of a certificate:

- `pending`: the status is null.
- `in_progress`: the status has a job without an error code.
- `issued`: the status has `renews_at`, and no job.
- `renewing`: the status has `renews_at` and a job.
- `internal_error`, `dns_error`: the status has a job with that error code. The job is retried a day later.
"""

LOOKUP_SECONDS = 2.0
"""The time limit of a DNS query."""

_IN_PROGRESS = "Managed certificate provisioning in progress."
# The error code and the message of the job in each state. The message of a DNS_ERROR is the problem with the records.
_JOBS: dict[str, tuple[str | None, str | None]] = {
    "in_progress": (None, _IN_PROGRESS),
    "renewing": (None, _IN_PROGRESS),
    "internal_error": ("INTERNAL_ERROR", "An internal error occurred, provisioning will be retried."),
    "dns_error": ("DNS_ERROR", None),
}
# Certificates of Let's Encrypt are valid for 90 days, and are renewed 30 days before they expire.
_RENEWED_AFTER = 60 * 86400
_RETRIED_AFTER = 86400


def status(state: State, ingress: Ingress) -> dict[str, Any] | None:
    """Computes `certificate_management_status`: None without a policy, or before the job exists."""
    if ingress.certificate_management_policy is None:
        return None
    certificate_state = ingress.certificate.get("state") or _state_now(state, ingress)
    if certificate_state == "pending":
        return None
    renews_at = timestamp(_issued_at(state, ingress) + _RENEWED_AFTER)
    return {
        "renews_at": renews_at if certificate_state in ("issued", "renewing") else None,
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
    return ingress.waiting_since + state.settings.issue_after_seconds


def _job(state: State, ingress: Ingress, certificate_state: str) -> dict[str, Any]:
    """Returns the job in a state of `_JOBS`. An error code and a message from `set_certificate` take precedence."""
    error_code, msg = _JOBS[certificate_state]
    # Each lookup that finds wrong NS records starts the job again.
    started_at = max(_job_at(state, ingress), ingress.waiting_since)
    return {
        "error_code": ingress.certificate.get("error_code") or error_code,
        "msg": ingress.certificate.get("msg") or msg or ingress.records_problem,
        "started_at": timestamp(started_at),
        "retries_at": timestamp(started_at + _RETRIED_AFTER) if error_code else None,
    }


def with_checked_records(state: State, ingress: Ingress) -> Ingress:
    """Looks up the NS records of an ingress whose certificate waits for these records, and stores the problem.

    `rules` calls this function before each response that shows the ingress, also in a list. The caller does not hold
    the lock, so that a slow DNS server delays no other request. Once a certificate is issued, its NS records are not
    looked up again. If the file can't be written, raises OSError, and the request gets no response.
    """
    if state.dns is None or ingress.certificate_management_policy is None or ingress.certificate:
        return ingress
    if _state_now(state, ingress) in ("pending", "issued"):
        return ingress
    problem = _records_problem(state.dns, ingress)
    checked = replace(ingress, records_problem=problem)
    if problem is not None:
        checked = replace(checked, waiting_since=state.now())
    with state.lock:
        # The ingress may have changed during the lookup.
        if state.ingresses.get(ingress.id) == ingress != checked:
            state.put(checked)
    return checked


def _records_problem(server: str, ingress: Ingress) -> str | None:
    """Compares the NS records of an ingress's domain at a server with `ns_targets`.

    Returns the problem, in ngrok's phrasing; None without a problem. A failed query is a problem, not an exception.
    """
    domain, targets = ingress.domain, ingress.ns_targets
    try:
        response = _query(server, domain)
    # ValueError: the host is not a valid name. EOFError: the server closed the connection.
    except (OSError, ValueError, EOFError, exception.DNSException) as error:
        return f"The DNS server {server} could not be queried: {error or 'the connection was closed'}."
    # A delegation is in the authority section.
    sets = [each for each in (*response.answer, *response.authority) if each.rdtype == rdatatype.NS]
    records = [record for each in sets if each.name == name.from_text(domain) for record in each]
    found = sorted({_canonical(str(record.target)) for record in records})
    if not found:
        return no_records(domain)
    if found == sorted(map(_canonical, targets)):
        return None
    return (
        f'The NS records for the domain `{domain}` "`{", ".join(found)}`" do not match the expected targets '
        f'"`{", ".join(targets)}`".'
    )


def _query(server: str, domain: str) -> message.Message:
    """Queries by TCP, because every server supports TCP, and a TCP connection to a stopped server fails at once."""
    host, _, port = server.rpartition(":")
    question = message.make_query(domain, "NS")
    # Without RD, the response is the delegation itself, not the records at the delegated name servers.
    question.flags &= ~flags.RD
    with socket.create_connection((host.strip("[]"), int(port)), LOOKUP_SECONDS) as connection:
        # dnspython applies its own time limit, to a nonblocking socket.
        connection.setblocking(False)
        return query.tcp(question, host, LOOKUP_SECONDS, sock=connection)


def _canonical(target: str) -> str:
    return target.lower().rstrip(".")
