"""Command `doctor`: tells why an Agent Ingress isn't working yet, for people and for cron."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.errors import AuthenticationError, NgrokError
from pulumi_agin.api.values import canonical_domain
from pulumi_agin.lifecycle.operation import FailedError

from .project import add_stack_to, domains_of_stack, load_settings, new_budget

if TYPE_CHECKING:
    from .checks import Finding

# The exit statuses, the most important one first.
STATUSES = {"wrong": 1, "unknown": 3, "ok": 0}

# The limit of a sentence: ngrok's messages and NS records of a zone can be long.
LONGEST_SENTENCE = 1000


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        help="tell why an Agent Ingress isn't working yet",
        description="Checks the API key, the Agent Ingresses, their NS records and their certificates. It only reads. "
        "The exit status is 0 if all is well, 1 if something is wrong, and 3 if something could not be checked yet.",
    )
    parser.add_argument("domains", nargs="*", metavar="DOMAIN", help="a domain; without one, those of the stack")
    parser.add_argument("--all", action="store_true", help="all Agent Ingresses of the account")
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object for each check")
    parser.add_argument("--dns", metavar="HOST:PORT", help="the server with the zones; default: public DNS")
    add_stack_to(parser)
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    if options.domains and options.all:
        raise FailedError("name the domains, or use --all")
    findings = []
    for finding in _findings(options):
        findings.append(finding)
        if not options.json:
            subject = finding.domain or "the API key"
            # A lookup can take seconds, so each line is shown at once.
            print(f"{finding.verdict.value:8} {subject}: {finding.sentence}", flush=True)  # noqa: T201
    if options.json:
        print(json.dumps([each._asdict() for each in findings], indent=2))  # noqa: T201
    verdicts = {each.verdict.value for each in findings}
    return next(status for verdict, status in STATUSES.items() if verdict in verdicts)


def _findings(options: Namespace) -> Iterator[Finding]:
    """Yields the findings about the API key and each domain, without the key and on one line each."""
    try:
        from .checks import Finding, Verdict, check_ingress
        from .zone_lookup import ZoneLookup
    except ImportError:
        raise FailedError("doctor needs the package dnspython, which is in the extra pulumi-agin[doctor]") from None

    lookup = ZoneLookup(options.dns)
    settings = load_settings(options.stack)
    domains: list[str] = []
    if not options.all:
        # An API key in place of a domain is not printed. In lower case, it would not be found.
        given = [canonical_domain(settings.api_key.sanitize(each)) for each in options.domains]
        domains = given or domains_of_stack(options.stack)
    try:
        listed = settings.new_client().list(None, new_budget(settings))
    except NgrokError as error:
        verdict = Verdict.WRONG if isinstance(error, AuthenticationError) else Verdict.UNKNOWN
        yield Finding(None, "api_key", verdict, str(error))
        return
    by_domain = {each.domain: each for each in listed}
    domains = sorted(by_domain) if options.all else domains
    if not domains:
        raise FailedError(
            f"there is nothing to check: the {'account' if options.all else 'stack'} has no Agent Ingress"
        )
    yield Finding(None, "api_key", Verdict.OK, f"ngrok accepts the one from {settings.api_key_source}")
    for domain in dict.fromkeys(domains):
        ingress = by_domain.get(domain)
        if ingress is None:
            sentence = (
                f"the account of the API key from {settings.api_key_source} has no Agent Ingress with this domain"
            )
            yield Finding(domain, "agent_ingress", Verdict.WRONG, sentence)
            continue
        for finding in check_ingress(ingress, lookup, datetime.now(timezone.utc)):
            yield finding._replace(sentence=settings.api_key.sanitize(finding.sentence, LONGEST_SENTENCE))
