"""`pulumi-agin doctor`: checks of Agent Ingresses that do not work yet. It changes nothing.

`--json` prints this for one domain. From 1.2 on, versions only add to it:

    domain      in canonical form
    ok          whether every check passed, as in the exit status
    checks      api_key, agent_ingress, delegation and certificate, each with
        state       "ok", "wait" (only waiting helps), "wrong", or "unknown" (no check was possible)
        reason      the reason for the state, in one line
        remedies    a list of {"do": what to do, "lines": what to paste or to create}
      and also
        api_key         source: where the key came from; base_url: where it was sent
        agent_ingress   id: or null if the account has none; in_stack: the id and the urn of the resource in the stack
                        that has the domain, or null
        delegation      dns_server: HOST:PORT or null for public DNS; found, expected, missing, extra: names, or null if
                        unknown
        certificate     error_code, retries_at, renews_at: as ngrok returns them, or null

With `--all` or `--filter`, it prints this:

    ok                  whether every check passed
    checks              api_key, as above
    agent_ingresses     for each, what is printed for one domain, the worst first; with `--all`, also for those that
                        only the stack has
"""

from __future__ import annotations

import argparse
import json
import sys

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.names import EXAMPLE_DOMAIN
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.inputs import AgentIngressInputs
from pulumi_agin.lifecycle.schema import validate

from .dns_reading import server_of
from .doctor_examiner import Examiner
from .doctor_report import FleetReport, Report
from .output import UsageError, print_text, style_of
from .stack import load_settings, provider_settings, read_resources


def run(options: argparse.Namespace, clock: Clock) -> int:
    """Runs the command. The exit status is 0 if every check passed, 1 if not, and 2 if the checks could not run."""
    if (options.domain is not None) + options.all + (options.filter is not None) != 1:
        raise UsageError("specify exactly one of DOMAIN, --all or --filter")
    server = server_of(options.dns)
    if options.provider is None:
        provider, settings = None, load_settings(options.stack)
    else:
        resources = read_resources(options.stack, show_secrets=True)
        provider, settings = provider_settings(options.provider, resources, options.stack)
    account = Account(settings, clock)
    examiner = Examiner(account, server, options.stack, provider)
    report: Report | FleetReport
    if options.domain is None:
        report = examiner.examine_all(options.filter)
    else:
        report = examiner.examine(_canonical(options.domain, account.client))
    # JSON is ASCII only, so that every terminal can show it.
    output = json.dumps(report.plain(), indent=2) + "\n" if options.json else report.table(style_of(sys.stdout))
    return print_text(output) or int(not report.is_ok)


def _canonical(domain: str, client: AgentIngressClient) -> str:
    """Returns the domain in canonical form. No message has a string that may be an API key, which has no dot."""
    if domain and "." not in domain:
        raise UsageError(f"DOMAIN has no dot; use a domain such as {EXAMPLE_DOMAIN}")
    inputs, problems = validate(AgentIngressInputs, {"domain": domain})
    if problems:
        raise UsageError(f'the domain "{client.sanitize(domain, 80)}" {problems[0].message}')
    return str(inputs["domain"])
