"""`pulumi-agin doctor`: checks of Agent Ingresses that do not work yet. It changes nothing.

docs/reference/command-line.md has its exit statuses and the fields of `--json`. From 1.5 on, versions only add to them.
"""

from __future__ import annotations

import argparse
import json

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import NgrokError
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.names import EXAMPLE_DOMAIN, Server
from pulumi_agin.base.version import VERSION
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.schema import validate
from pulumi_agin.lifecycle.services import Account

from .doctor_checks import Checks
from .doctor_ns import parse_server
from .doctor_reads import Reader
from .doctor_report import AccountReport, Report, State, worst_first
from .output import UsageError, first_unreadable, note, print_text
from .stack import PYTHON, project_language, read_stack

# Monitoring can ignore 3 for two hours: nothing is known to be wrong.
_STATUS: dict[State, int] = {"ok": 0, "wrong": 1, "wait": 3, "unknown": 3}


def run(options: argparse.Namespace, clock: Clock) -> int:
    """Runs the command. The exit status is the one of the worst check, or 2 if the checks could not run."""
    if (options.domain is not None) + options.all + (options.filter is not None) != 1:
        raise UsageError("specify exactly one of DOMAIN, --all or --filter")
    server = _dns_server_of(options.dns)
    settings, provider, resources = read_stack(options.stack, options.provider)
    account = Account(settings, clock)
    reader = Reader(account, server, provider, resources)
    checks = Checks(account, server, options.stack, provider, project_language() or PYTHON, clock)
    report: Report | AccountReport
    if options.domain is None:
        report = _examine_account(options.filter, reader, checks)
        # The JSON has them, and a cron job would mail them.
        if not options.json:
            _print_notes(report, checks)
    else:
        report = _examine_domain(_canonical(options.domain, account.require_client()), reader, checks)
    output = _json(report) if options.json else report.table()
    # A report that could not be printed has a status of its own.
    return print_text(output) or _STATUS[report.state]


def _dns_server_of(value: str | None) -> Server | None:
    """Returns the server of `--dns`; None for public DNS."""
    try:
        return None if value is None else parse_server(value)
    except ValueError as error:
        raise UsageError(f"--dns: {error}") from None


def _examine_domain(domain: str, reader: Reader, checks: Checks) -> Report:
    try:
        facts = reader.read_domain(domain)
    except NgrokError as error:
        return checks.report_without_ngrok(domain, error, reader.read_delegation(domain))
    return checks.report(facts)


def _examine_account(filter: str | None, reader: Reader, checks: Checks) -> AccountReport:  # noqa: A002
    try:
        facts = reader.read_account(filter)
    except NgrokError as error:
        arguments = ["--all"] if filter is None else ["--filter", filter]
        return AccountReport(checks.api_key(error, *arguments))
    # Empty only if no ingress can be read: without any at all, `read_account` raises UsageError.
    reports = worst_first(map(checks.report, facts.domains))
    details_line = checks.command(reports[0].domain) if reports else ""
    return AccountReport(checks.api_key(None), reports, details_line, facts.skipped, facts.other_providers)


def _print_notes(report: AccountReport, checks: Checks) -> None:
    """Prints notes on what the table omits. A user who named a provider needs no note on the others."""
    if report.other_providers and checks.provider is None:
        sentence = "the key of the stack's explicit providers was not used; to check their Agent Ingresses, run"
        note(sentence, lines=[checks.command_of_provider(urn, "--all") for urn in report.other_providers])
    for reason in first_unreadable(report.skipped):
        note(f"skipped: {reason}")


def _json(report: Report | AccountReport) -> str:
    # ASCII only, so that every terminal can show it.
    return json.dumps({"version": VERSION, **report.plain()}, indent=2) + "\n"


def _canonical(domain: str, client: AgentIngressClient) -> str:
    """Returns the domain in canonical form. No message has a string that may be an API key, which has no dot."""
    if domain and "." not in domain:
        raise UsageError(f"DOMAIN has no dot; use a domain such as {EXAMPLE_DOMAIN}")
    inputs, problems = validate(AgentIngressInputs, {"domain": domain})
    if problems:
        raise UsageError(f'the domain "{client.sanitize(domain, 80)}" {problems[0].message}')
    return str(inputs["domain"])
