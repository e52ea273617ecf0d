"""Checks of one Agent Ingress: its NS records, its certificate, and the CAA records that apply to it.

To add a check, write a function that returns its verdict and sentence, and call it in `check_ingress`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple, TypeAlias

from pulumi_agin.api.clock import parse_time
from pulumi_agin.api.models import IngressModel
from pulumi_agin.lifecycle.certificate import Issuance, describe_certificate

from .zone_lookup import LookupFailedError, ZoneLookup

# ngrok renews a certificate 30 days before it ends. After half of them, somebody should look.
RENEWAL_DAYS = 14

# Let's Encrypt's name in a certificate policy, and its name in CAA records.
LETSENCRYPT = "letsencrypt"
LETSENCRYPT_ISSUER = "letsencrypt.org"


class Verdict(str, Enum):
    """The result of a check. JSON has its value."""

    OK = "ok"
    WRONG = "wrong"
    """The user has to do something."""
    UNKNOWN = "unknown"
    """It could not be checked, or ngrok is still at work."""


class Finding(NamedTuple):
    """The result of one check, with one sentence. JSON has the same names. The check of the API key has no domain."""

    domain: str | None
    check: str
    verdict: Verdict
    sentence: str


Result: TypeAlias = tuple[Verdict, str]


def check_ingress(ingress: IngressModel, lookup: ZoneLookup, now: datetime) -> Iterator[Finding]:
    """Yields the findings about an ingress. They are not sanitized."""
    domain, policy = ingress.domain, ingress.certificate_management_policy
    yield Finding(domain, "agent_ingress", Verdict.OK, f"it has the Agent Ingress {ingress.id}")
    yield Finding(domain, "ns_records", *_check_ns_records(ingress, lookup))
    yield Finding(domain, "certificate", *_check_certificate(ingress, now))
    if policy and policy.authority == LETSENCRYPT:
        yield Finding(domain, "caa_records", *_check_caa_records(domain, lookup))


def _check_ns_records(ingress: IngressModel, lookup: ZoneLookup) -> Result:
    wanted = set(ingress.ns_targets)
    if not wanted:
        return Verdict.UNKNOWN, "ngrok returned no ns_targets for it; contact ngrok support"
    try:
        found = set(lookup.ns_targets(ingress.domain))
    except LookupFailedError as error:
        return Verdict.UNKNOWN, f"its NS records could not be read: {error}"
    if found == wanted:
        return Verdict.OK, "its NS records are right"
    if not found:
        return Verdict.WRONG, f"it is not delegated; create NS records with {_listed(wanted)}"
    differences = {"missing": wanted - found, "extra": found - wanted}
    parts = [f"{word}: {_listed(names)}" for word, names in differences.items() if names]
    return Verdict.WRONG, f"its NS records are not ngrok's ns_targets; {'; '.join(parts)}"


def _check_certificate(ingress: IngressModel, now: datetime) -> Result:
    issuance, status = Issuance.of(ingress), ingress.certificate_management_status
    sentence = f"its certificate is {describe_certificate(ingress)}"
    if issuance is Issuance.NOT_MANAGED:
        return Verdict.OK, sentence
    job = status.provisioning_job if status else None
    # ngrok retries after its own error. Any other one is not documented, or in the user's DNS.
    if job and job.error_code not in (None, "INTERNAL_ERROR"):
        return Verdict.WRONG, sentence
    if not issuance.is_ready:
        return Verdict.UNKNOWN, sentence
    renews_at = parse_time(status.renews_at) if status and status.renews_at else None
    if renews_at is None:
        return Verdict.OK, sentence
    date = f"{renews_at:%Y-%m-%d}"
    if now - renews_at > timedelta(days=RENEWAL_DAYS):
        return Verdict.WRONG, f"{sentence}, but its renewal is overdue since {date}; contact ngrok support"
    if now > renews_at:
        return Verdict.OK, f"{sentence}, and its renewal is due since {date}"
    return Verdict.OK, f"{sentence}, and its renewal begins on {date}"


def _check_caa_records(domain: str, lookup: ZoneLookup) -> Result:
    try:
        owner, issuers = lookup.issuers(domain)
    except LookupFailedError as error:
        return Verdict.UNKNOWN, f"the CAA records above it could not be read: {error}"
    if not owner:
        return Verdict.OK, "no CAA record restricts its certificates"
    if not issuers or LETSENCRYPT_ISSUER in issuers:
        return Verdict.OK, f"the CAA records of {owner} allow Let's Encrypt"
    return Verdict.WRONG, f'the CAA records of {owner} forbid Let\'s Encrypt; add 0 issue "{LETSENCRYPT_ISSUER}"'


def _listed(targets: Iterable[str]) -> str:
    return ", ".join(sorted(targets))
