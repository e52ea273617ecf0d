"""`pulumi-agin doctor`: finds out why the Agent Ingress of a domain does not work yet. It changes nothing.

`--json` prints this, and later versions only add to it:

    domain      in canonical form
    ok          whether all is well; the exit status says so too
    checks      api_key, agent_ingress, delegation and certificate, each with
        state       "ok", "wait" (only waiting helps), "wrong", or "unknown" (it could not be found out)
        says        why, in one line
        remedies    a list of {"do": what to do, "lines": what to paste or to create}
      and also
        api_key         source: where the key came from
        agent_ingress   id: or null
        delegation      asked: HOST:PORT or null for public DNS; found, expected, missing, extra: names, or null if
                        unknown
        certificate     error_code, retries_at, renews_at: as ngrok has them, or null
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.inputs import AgentIngressInputs
from pulumi_agin.api.models import AgentIngress, CertificateState, certificate_in_words, certificate_state
from pulumi_agin.api.text import one_line
from pulumi_agin.commands import API_KEY_OF_STACK
from pulumi_agin.fields import validate
from pulumi_agin.nameservers import Delegation, Server, find_delegation, parse_server
from pulumi_agin.settings import Settings

from .common import UsageError, fail, load_settings, print_text

# How long to wait for ngrok, and then for DNS. It is short, because somebody waits at the terminal.
NGROK_SECONDS = 30.0
DNS_SECONDS = 10.0

_TITLES = {
    "api_key": "API key",
    "agent_ingress": "Agent Ingress",
    "delegation": "delegation",
    "certificate": "certificate",
}

State = Literal["ok", "wait", "wrong", "unknown"]


def run(options: argparse.Namespace) -> int:
    """Runs the command.

    Args:
        options: The parsed command line; see `main`.

    Returns:
        The exit status: 0 if all is well, 1 if not, 2 if the checks could not run.
    """
    try:
        server = None if options.dns is None else parse_server(options.dns)
    except ValueError as error:
        return fail(f"--dns: {error}")
    try:
        report = examine(options.domain, server)
    except UsageError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("interrupted", 1)
    return print_text(report.json() if options.json else report.table()) or int(not report.is_ok)


@dataclass(frozen=True)
class Remedy:
    """How to fix something: what to do, and lines to paste or to create."""

    do: str
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """The result of one check: its state, and a line that says why."""

    state: State
    says: str
    remedies: Sequence[Remedy] = ()
    details: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Report:
    """The results of all checks of a domain, by the name of the check."""

    domain: str
    checks: dict[str, Check]

    @property
    def is_ok(self) -> bool:
        """Whether all is well."""
        return all(check.state == "ok" for check in self.checks.values())

    def table(self) -> str:
        """Returns the report for people: a row for each check, followed by what to do."""
        width = max(map(len, _TITLES.values()))
        lines = [self.domain, ""]
        lines += [f"{_TITLES[name]:{width}}  {check.state:7}  {check.says}" for name, check in self.checks.items()]
        remedies = [(name, remedy) for name, check in self.checks.items() for remedy in check.remedies]
        for name, remedy in remedies:
            lines += ["", f"{_TITLES[name]}: {remedy.do}{':' if remedy.lines else ''}"]
            lines += [f"  {line}" for line in remedy.lines]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Returns the report for machines, in ASCII only, so that every terminal shows it."""
        checks: dict[str, Any] = {}
        for name, check in self.checks.items():
            remedies = [{"do": remedy.do, "lines": list(remedy.lines)} for remedy in check.remedies]
            checks[name] = {"state": check.state, "says": check.says, "remedies": remedies, **check.details}
        return json.dumps({"domain": self.domain, "ok": self.is_ok, "checks": checks}, indent=2) + "\n"


def examine(
    domain: str,
    server: Server | None = None,
    find_delegation: Callable[[str, float, Server | None], Delegation] = find_delegation,
) -> Report:
    """Examines a domain, with the settings of the environment.

    Args:
        domain: The domain of an Agent Ingress, in upper or lower case, with or without a trailing dot.
        server: The DNS server to ask; None for public DNS.
        find_delegation: Asks DNS; see `nameservers.find_delegation`.

    Returns:
        The report.

    Raises:
        UsageError: The domain or the settings are not valid, or dnspython is missing.
    """
    inputs, problems = validate(AgentIngressInputs, {"domain": domain})
    if problems:
        raise UsageError(f'the domain "{one_line(domain, 80)}" {problems[0].message}')
    settings = load_settings()
    try:
        client = settings.client()
        # DNS is asked first, because this also tells whether dnspython is installed.
        found = find_delegation(inputs["domain"], DNS_SECONDS, server)
    except (errors.InvalidInputsError, ImportError) as error:
        raise UsageError(str(error)) from None
    return _Examination(inputs["domain"], server, settings, client).report(found)


@dataclass(frozen=True)
class _Examination:
    domain: str
    server: Server | None
    settings: Settings
    client: AgentIngressClient

    def report(self, found: Delegation) -> Report:
        ingress, api_key, agent_ingress = self._ask_ngrok()
        delegation = self._delegation(ingress, found)
        certificate = self._certificate(ingress, agent_ingress.state, delegation.state)
        checks = (api_key, agent_ingress, delegation, certificate)
        return Report(self.domain, dict(zip(_TITLES, checks, strict=True)))

    # -- ngrok --------------------------------------------------------------------------------------------

    def _ask_ngrok(self) -> tuple[AgentIngress | None, Check, Check]:
        """Returns the ingress, and the checks of the API key and of the ingress."""
        source = str(self.settings.api_key.origin)
        details = {"source": source}
        unseen = Check("unknown", "ngrok could not be asked for it", details={"id": None})
        try:
            ingress = self.client.find(self.domain, min(NGROK_SECONDS, self.client.timeout_seconds))
        except errors.AuthenticationError as error:
            remedy = Remedy(
                "use a key that ngrok accepts, such as that of the stack config", [self._line_with_other_key]
            )
            return None, Check("wrong", str(error), [remedy], details), unseen
        except errors.NgrokError as error:
            # If there is more to do than this, the message says so.
            remedy = Remedy("when that is over or fixed, run this again", [self._line()])
            return None, Check("unknown", str(error), [remedy], details), unseen
        accepted = Check("ok", f"ngrok accepts the one from {source}", details=details)
        if ingress is None:
            says = f"the account of the key from {source} has none with this domain"
            make = f'agin.AgentIngress("connect", domain="{self.domain}")'
            remedies = [
                Remedy("if there is none yet, add it to the program and run `pulumi up`", [make]),
                Remedy("if another account has it, use the key of that account", [self._line_with_other_key]),
            ]
            return None, accepted, Check("wrong", says, remedies, {"id": None})
        return ingress, accepted, Check("ok", self.client.describe(ingress), details={"id": ingress.id})

    # -- DNS ----------------------------------------------------------------------------------------------

    def _delegation(self, ingress: AgentIngress | None, found: Delegation) -> Check:
        who = "public DNS" if self.server is None else str(self.server)
        says = one_line(found.clause(who))
        expected = ingress.ns_targets if ingress is not None else []
        details: dict[str, Any] = {
            "asked": None if self.server is None else str(self.server),
            "found": None if found.problem else list(found.names),
            "expected": expected or None,
            "missing": None,
            "extra": None,
        }
        if found.problem:
            remedy = Remedy("ask a DNS server that can be reached from here", [self._line(dns="HOST:PORT")])
            return Check("unknown", says, [remedy], details)
        if not expected:
            why = "what ngrok wants is not known" if ingress is None else "ngrok names no name servers"
            return Check("unknown", f"{says}; {why}", details=details)
        # An extra name server is wrong too: resolvers may ask it, and not find the domain.
        missing = [name for name in expected if name not in found.names]
        extra = [name for name in found.names if name not in expected]
        details |= {"missing": missing, "extra": extra}
        if not missing and not extra:
            return Check("ok", f"{who} answers with the {len(expected)} name servers that ngrok wants", (), details)
        remedies = [
            Remedy(do, [f"{self.domain}. NS {name}" for name in names])
            for do, names in (
                ("create these records in the zone above the domain", missing),
                ("delete these records, which point elsewhere", extra),
            )
            if names
        ]
        remedies.append(Remedy("if a Pulumi program creates the records, run", ["pulumi up --refresh"]))
        if found.names:
            differences = (("missing", missing), ("too many", extra))
            listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in differences if names)
            says = one_line(f"{who} answers with other name servers than ngrok wants: {listed}")
        return Check("wrong", says, remedies, details)

    # -- the certificate ----------------------------------------------------------------------------------

    def _certificate(self, ingress: AgentIngress | None, agent_ingress: State, delegation: State) -> Check:
        status = ingress.certificate_management_status if ingress is not None else None
        job = status.provisioning_job if status is not None else None
        details = {
            "error_code": self._safe_text(job.error_code) if job else None,
            "retries_at": self._safe_text(job.retries_at) if job else None,
            "renews_at": self._safe_text(status.renews_at) if status else None,
        }
        if ingress is None:
            is_asked = agent_ingress != "unknown"
            says = "without an Agent Ingress there is no certificate" if is_asked else "ngrok could not be asked for it"
            return Check("unknown", says, details=details)
        state = certificate_state(ingress)
        says = self._safe_text(certificate_in_words(ingress)) or ""
        if state.is_ready:
            return Check("ok", says, details=details)
        retry = f"ngrok tries again at {details['retries_at']}" if details["retries_at"] else "ngrok tries again"
        again = [self._line()]
        if state in (CertificateState.OTHER_ERROR, CertificateState.UNKNOWN):
            help_ = f"{retry}; if it stays so, ask ngrok's support, and name {ingress.id}"
            return Check("unknown", says, [Remedy(help_)], details)
        if delegation == "wrong":
            remedy = Remedy(f"repair the delegation first; {retry}")
            return Check("wrong" if state is CertificateState.DNS_ERROR else "wait", says, [remedy], details)
        if state is CertificateState.DNS_ERROR:
            if delegation == "unknown":
                remedy = Remedy(f"check that the delegation is right; {retry}: run this again then", again)
                return Check("wrong", says, [remedy], details)
            return Check(
                "wait", says, [Remedy(f"the delegation is right by now; {retry}: run this again then", again)], details
            )
        if state in (CertificateState.PENDING, CertificateState.IN_PROGRESS):
            remedy = Remedy("wait, as Let's Encrypt takes seconds to minutes, and run this again", again)
            return Check("wait", says, [remedy], details)
        return Check("wait", says, [Remedy(f"{retry}: run this again then", again)], details)

    # -- in words -----------------------------------------------------------------------------------------

    @property
    def _line_with_other_key(self) -> str:
        return f"{API_KEY_OF_STACK} {self._line()}"

    def _line(self, dns: str | None = None) -> str:
        """Returns the command line that runs this check again."""
        asked = dns or (str(self.server) if self.server is not None else None)
        return f"pulumi-agin doctor {shlex.quote(self.domain)}" + (f" --dns {shlex.quote(asked)}" if asked else "")

    def _safe_text(self, text: str | None) -> str | None:
        return self.client.fit_to_show(text) if text else None
