"""Command `doctor`: tells why an Agent Ingress isn't working yet, for people and for cron."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.values import canonical_domain
from pulumi_agin.lifecycle.operation import FailedError

from .checks import Finding, Verdict, check_ingress
from .project import domains_of_stack, load_settings

# The exit statuses: all is well, something is wrong, or something could not be found out.
STATUSES = {Verdict.OK: 0, Verdict.WRONG: 1, Verdict.UNKNOWN: 3}


def add_to(commands: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        help="tell why an Agent Ingress isn't working yet",
        description="Checks the API key, the Agent Ingresses, their NS records and their certificates. It only reads. "
        "The exit status is 0 if all is well, 1 if something is wrong, and 3 if something could not be checked.",
    )
    parser.add_argument("domains", nargs="*", metavar="DOMAIN", help="a domain; without one, those of the stack")
    parser.add_argument("--all", action="store_true", help="all Agent Ingresses of the account")
    parser.add_argument("--json", action="store_true", help="print a JSON list of what was found")
    parser.add_argument("--dns", metavar="HOST:PORT", help="the server that has the zones, in place of public DNS")
    parser.set_defaults(run=_run)


def _run(options: Namespace) -> int:
    findings = _findings(options)
    if options.json:
        print(json.dumps([each.as_json() for each in findings], indent=2))  # noqa: T201
    else:
        for each in findings:
            print(f"{each.verdict.value:8} {each.subject}: {each.sentence}")  # noqa: T201
    verdicts = {each.verdict for each in findings}
    worst = next((each for each in (Verdict.WRONG, Verdict.UNKNOWN) if each in verdicts), Verdict.OK)
    return STATUSES[worst]


def _findings(options: Namespace) -> list[Finding]:
    settings = load_settings()
    client, budget = settings.new_client(), Budget(settings.timeout_seconds)
    try:
        listed = client.list(None, budget)
    except NgrokError as error:
        return [Finding("the API key", Verdict.UNKNOWN, str(error))]
    findings = [Finding("the API key", Verdict.OK, f"ngrok accepts the one from {settings.api_key_source}")]
    by_domain = {each.domain: each for each in listed}
    if options.all:
        domains = sorted(by_domain)
    else:
        domains = [canonical_domain(each) for each in options.domains] or domains_of_stack()
    if not domains:
        raise FailedError("there is no Agent Ingress to check")
    for domain in domains:
        ingress = by_domain.get(domain)
        if ingress is None:
            sentence = "the account of the API key has no Agent Ingress with this domain"
            findings.append(Finding(domain, Verdict.WRONG, sentence))
        else:
            findings += check_ingress(ingress, client.sanitize, options.dns)
    return findings
