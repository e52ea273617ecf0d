"""Command `doctor`: tells why an Agent Ingress isn't working yet, for people and for cron.

To add a check of an ingress, write a function that returns a verdict and a sentence, and add the function to CHECKS.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from pulumi_agin.api.clock import parse_time
from pulumi_agin.api.errors import AuthenticationError, NgrokError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.api.values import canonical_domain
from pulumi_agin.lifecycle.certificate import Issuance, describe_certificate
from pulumi_agin.lifecycle.operation import FailedError

from .project import add_stack_to, domains_of_stack, load_settings, new_budget

if TYPE_CHECKING:
    from .zone_lookup import ZoneLookup

# The limit of a sentence, in characters. ngrok's messages and the NS records of a zone can be long.
LONGEST_SENTENCE = 1000

# ngrok renews a certificate 30 days before it expires. After about half of that time, the user should act.
RENEWAL_LIMIT = timedelta(days=14)

# Let's Encrypt's name in CAA records.
LETSENCRYPT = "letsencrypt.org"

# `wrong`: the user must correct something. `unknown`: the check was not possible, or ngrok has not finished yet.
Verdict: TypeAlias = Literal["ok", "wrong", "unknown"]

# In order of precedence: the first of these verdicts that a run has found sets the exit status.
EXIT_STATUSES: dict[Verdict, int] = {"wrong": 1, "unknown": 3, "ok": 0}


class Finding(NamedTuple):
    """The result of one check. JSON has the same field names. For the check of the API key, `domain` is None."""

    domain: str | None
    check: str
    verdict: Verdict
    sentence: str


def add_options(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "domains",
        nargs="*",
        default=[],
        metavar="DOMAIN",
        help="check this domain, or several; default: the stack's domains",
    )
    which.add_argument("--all", action="store_true", help="check all Agent Ingresses of the account")
    parser.add_argument("--dns", metavar="HOST:PORT", help="query the server that has the zones; default: public DNS")
    parser.add_argument("--json", action="store_true", help="print JSON: a list with an object for each check")
    add_stack_to(parser)


def run(options: Namespace) -> int:
    """Tells why an Agent Ingress isn't working yet.

    Checks the API key, the Agent Ingresses, their NS records and their certificates. Only reads. The exit status is 0
    if all is well, 1 if something is wrong, and 3 if something could not be checked yet.
    """
    findings = []
    for finding in _findings(options):
        findings.append(finding)
        if not options.json:
            subject = finding.domain or "the API key"
            # A lookup can take seconds, so each line is shown at once.
            print(f"{finding.verdict:8} {subject}: {finding.sentence}", flush=True)  # noqa: T201
    if options.json:
        print(json.dumps([each._asdict() for each in findings], indent=2))  # noqa: T201
    verdicts = {each.verdict for each in findings}
    return next(status for verdict, status in EXIT_STATUSES.items() if verdict in verdicts)


def _findings(options: Namespace) -> Iterator[Finding]:
    """Yields the findings about the API key and each domain. Each sentence is one line, without the key."""
    try:
        from .zone_lookup import ZoneLookup
    except ImportError:
        raise FailedError("doctor needs the package dnspython, which is in the extra pulumi-agin[doctor]") from None

    lookup, settings = ZoneLookup(options.dns), load_settings(options.stack)
    key, source = settings.api_key, settings.api_key_source
    # A key that the user passed as a domain must not be printed. `sanitize` would not find the key in lowercase.
    domains = [canonical_domain(key.sanitize(each)) for each in options.domains]
    if not domains and not options.all:
        domains = domains_of_stack(options.stack)
    try:
        listed = settings.new_client().list_ingresses(None, new_budget(settings))
    except NgrokError as error:
        verdict: Verdict = "wrong" if isinstance(error, AuthenticationError) else "unknown"
        yield Finding(None, "api_key", verdict, str(error))
        return
    by_domain = {each.domain: each for each in listed}
    if options.all:
        domains = sorted(by_domain)
    if not domains:
        raise FailedError("there is no Agent Ingress to check")
    yield Finding(None, "api_key", "ok", f"ngrok accepts the one from {source}")
    for domain in dict.fromkeys(domains):
        if domain in by_domain:
            for finding in check_ingress(by_domain[domain], lookup):
                yield finding._replace(sentence=key.sanitize(finding.sentence, LONGEST_SENTENCE))
        else:
            sentence = f"the account of the API key from {source} has no Agent Ingress with this domain"
            yield Finding(domain, "agent_ingress", "wrong", sentence)


def check_ingress(ingress: IngressModel, lookup: ZoneLookup) -> Iterator[Finding]:
    """Yields the findings about an ingress. The sentences are not sanitized."""
    yield Finding(ingress.domain, "agent_ingress", "ok", f"it has the Agent Ingress {ingress.id}")
    for name, check in CHECKS.items():
        try:
            result = check(ingress, lookup)
        except FailedError as error:
            result = "unknown", str(error)
        yield Finding(ingress.domain, name, *result)


def _check_ns_records(ingress: IngressModel, lookup: ZoneLookup) -> tuple[Verdict, str]:
    wanted = set(ingress.ns_targets)
    if not wanted:
        return "unknown", "ngrok returned no ns_targets for it; contact ngrok support"
    found = set(lookup.ns_targets(ingress.domain))
    if found == wanted:
        return "ok", "its NS records are right"
    if not found:
        return "wrong", f"it is not delegated; create NS records with {_listed(wanted)}"
    differences = f"missing: {_listed(wanted - found)}; extra: {_listed(found - wanted)}"
    return "wrong", f"its NS records are not ngrok's ns_targets; {differences}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _check_certificate(ingress: IngressModel, _lookup: ZoneLookup) -> tuple[Verdict, str]:
    issuance, status = Issuance.of(ingress), ingress.certificate_management_status
    sentence = f"its certificate is {describe_certificate(ingress)}"
    if issuance is Issuance.NOT_MANAGED:
        return "ok", sentence
    job = status.provisioning_job if status else None
    # ngrok retries after its own internal error. Any other error is in the user's DNS, or is not documented.
    if job and job.error_code not in (None, "INTERNAL_ERROR"):
        return "wrong", sentence
    if not issuance.is_ready:
        return "unknown", sentence
    renews_at = parse_time(status.renews_at) if status and status.renews_at else None
    if renews_at is None:
        return "ok", sentence
    late = datetime.now(timezone.utc) - renews_at
    date = f"{renews_at:%Y-%m-%d}"
    if late > RENEWAL_LIMIT:
        return "wrong", f"{sentence}; its renewal is overdue since {date}, so contact ngrok support"
    if late > timedelta():
        return "ok", f"{sentence}; its renewal is due since {date}"
    return "ok", f"{sentence}; its renewal begins on {date}"


def _check_caa_records(ingress: IngressModel, lookup: ZoneLookup) -> tuple[Verdict, str]:
    """Checks the CAA records of the names above the domain. CAA records of the domain itself would be at ngrok."""
    policy = ingress.certificate_management_policy
    if not policy or policy.authority != "letsencrypt":
        return "ok", "it has no certificate of Let's Encrypt, which CAA records could forbid"
    name = lookup.forbidding_name(ingress.domain, LETSENCRYPT)
    if name is None:
        return "ok", "no CAA record forbids Let's Encrypt"
    return "wrong", f'the CAA records of {name} forbid Let\'s Encrypt; add 0 issue "{LETSENCRYPT}"'


# The checks, by their names in JSON. A check that raises FailedError is `unknown`, and its sentence is the message.
CHECKS: dict[str, Callable[[IngressModel, ZoneLookup], tuple[Verdict, str]]] = {
    "ns_records": _check_ns_records,
    "certificate": _check_certificate,
    "caa_records": _check_caa_records,
}
