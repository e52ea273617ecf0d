"""The check of the connection of `pulumi-agin doctor`: it judges what a TLS connection to a domain showed.

It has not been tested with ngrok's servers. So whatever does not fit is "unknown", and never "wrong".
"""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_agin.api.models import IngressModel, certificate_state
from pulumi_agin.base.redaction import listed, one_line

from .doctor_connection import Connection, Problem
from .doctor_report import Check, Remedy, State

# For each problem, the sentence and what to do before the next run. There is nothing to do about None.
_SENTENCES: Mapping[Problem | None, tuple[str, str]] = {
    None: ("{server} has a certificate for {domain} by {issuer}, valid until {expires_at}", ""),
    "no address": (
        "no address for {domain} from the delegated name servers ({reason})",
        "check that this machine can query these name servers (port 53)",
    ),
    "no connection": (
        "no connection to {server}: {reason}",
        "check that no firewall or proxy blocks this port, which agents need, too",
    ),
    "wrong name": (
        "the certificate of {server} is for {names}, not for {domain}",
        "check that this is ngrok's server, and not a proxy",
    ),
    "expired": ("the certificate of {server} expired at {expires_at}", "check this machine's clock"),
    "not yet valid": ("the certificate of {server} is valid only from {starts_at} on", "check this machine's clock"),
    "untrusted issuer": (
        "the certificate of {server} is by {issuer}, which this machine does not trust ({reason})",
        "check that no proxy inspects TLS here, and that this machine's authorities are up to date (SSL_CERT_FILE can "
        "name a file with others)",
    ),
    "invalid certificate": (
        "the certificate of {server} is invalid ({reason})",
        "check that this is ngrok's server, and not a proxy",
    ),
    "resolves elsewhere": (
        "this machine resolves {domain} to {resolved_here}, but the delegated name servers return {resolved}",
        "check the hosts file, the VPN and the DNS resolver of this machine (ngrok may also return different addresses "
        "to different resolvers), wait until cached records expire",
    ),
}
_NO_ADDRESS_EXISTS = ("the delegated name servers have no address for {domain}", "wait a few minutes")


def judge_unattempted(
    ingress: IngressModel | None, checks: Mapping[str, Check], *, is_resolved: bool = True
) -> Check | None:
    """Returns the check of a connection that the other checks show to be too early; None if it can be made.

    `is_resolved` is whether the domain is resolved for it, which the user's own server makes unnecessary.
    """
    if ingress is None:
        return unknown_ingress()
    if is_resolved and checks["delegation"].state != "ok":
        return _not_attempted("unknown", "checked once the delegation is correct")
    if not certificate_state(ingress).is_ready:
        # If only waiting helps the certificate, the same is true of the connection.
        state = checks["certificate"].state
        return _not_attempted("wait" if state == "wait" else "unknown", "checked once the certificate is ready")
    return None


def unknown_ingress() -> Check:
    """Returns the check if the Agent Ingress is not known."""
    return _not_attempted("unknown", "checked once the Agent Ingress is known")


def _not_attempted(state: State, reason: str) -> Check:
    """Returns the check if no connection was attempted."""
    return Check(state, reason, (), dict.fromkeys(("problem", "server", "names", "issuer", "expires_at")))


def judge(ingress: IngressModel, connection: Connection, doctor: str) -> Check:
    """Returns the check of a connection. `doctor` is the command that runs it again."""
    certificate = connection.certificate
    details = {
        "problem": connection.problem,
        "server": str(connection.server) if connection.server else None,
        "names": list(certificate.names) if certificate else None,
        "issuer": certificate.issuer if certificate else None,
        "expires_at": certificate.expires_at if certificate else None,
    }
    no_address_exists = connection.problem == "no address" and not connection.reason
    sentence, step = _NO_ADDRESS_EXISTS if no_address_exists else _SENTENCES[connection.problem]
    reason = sentence.format(
        domain=ingress.domain,
        server=connection.server or ingress.domain,
        reason=connection.reason,
        names=(listed(certificate.names) or "no name") if certificate else "another name",
        issuer=certificate.issuer if certificate else "an authority",
        starts_at=certificate.starts_at if certificate else "later",
        expires_at=certificate.expires_at if certificate else "an unknown time",
        resolved=listed(connection.resolved),
        resolved_here=listed(connection.resolved_here) or "no address",
    )
    if connection.problem is None:
        if ingress.certificate_management_policy is None:
            reason += (
                "; its issuer was not checked: without a certificate policy, it must be ngrok's own CA, which only "
                "agents know"
            )
        return Check("ok", one_line(reason, 1000), (), details)
    remedies = [
        Remedy(f"{step}, and run this again", [doctor]),
        Remedy(f"if this persists, contact ngrok support and include {ingress.id}"),
    ]
    return Check("unknown", one_line(reason, 1000), remedies, details)
