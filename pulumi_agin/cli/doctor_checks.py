"""The checks of `pulumi-agin doctor`: what ngrok and DNS say about one domain, or about all of an account."""

from __future__ import annotations

import asyncio
import difflib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import Clock
from pulumi_agin.api.models import AgentIngress, CertificateState, certificate_in_words, certificate_state
from pulumi_agin.api.retry import Deadline
from pulumi_agin.api.text import one_line
from pulumi_agin.nameservers import Delegation, Server, find_delegation
from pulumi_agin.settings import API_KEY, Settings, Source
from pulumi_agin.threads import DaemonThreads

from .common import NGROK_SECONDS, UsageError
from .doctor_report import Check, FleetReport, Remedy, Report, State, worst_first
from .times import moment_in_words

# How long to wait for DNS: for one domain, and for all of an account.
DNS_SECONDS = 10.0
FLEET_DNS_SECONDS = 60.0

# How many domains DNS is asked about at the same time. Most of that time is spent waiting.
DNS_AT_ONCE = 16

# How alike two domains are, from 0 to 1, when one may be a misspelling of the other.
_LIKENESS = 0.8

# The errors of a certificate's job that ngrok documents.
_DOCUMENTED_ERRORS = ("INTERNAL_ERROR", "DNS_ERROR")

FindDelegation = Callable[[str, float, Server | None], Delegation]


@dataclass(frozen=True)
class Examiner:
    """Examines the Agent Ingresses of one account. It changes nothing."""

    settings: Settings
    client: AgentIngressClient
    clock: Clock
    server: Server | None = None
    """The DNS server to ask; None for public DNS."""
    stack: str | None = None
    """The stack that the user named, for the lines to paste."""
    find_delegation: FindDelegation = find_delegation

    def examine(self, domain: str) -> Report:
        """Examines one domain.

        Args:
            domain: The domain in canonical form.

        Raises:
            ImportError: dnspython is missing.
        """
        # DNS is asked first, because this also tells whether dnspython is installed.
        found = self.find_delegation(domain, DNS_SECONDS, self.server)
        ingress, api_key, agent_ingress = self._ask_ngrok(domain)
        return self._report(domain, ingress, api_key, agent_ingress, found)

    def examine_all(self, filter: str | None) -> FleetReport:  # noqa: A002
        """Examines all domains of the account, or those that match a filter.

        Args:
            filter: An expression in ngrok's CEL; None for all.

        Raises:
            UsageError: There are none, or ngrok refuses the filter.
            ImportError: dnspython is missing.
        """
        try:
            ingresses = self.client.list(filter, self._ngrok_seconds)
        except errors.NgrokError as error:
            is_refused_filter = isinstance(error, errors.ApiError) and error.status == 400
            if filter is not None and is_refused_filter:
                raise UsageError(str(error)) from None
            what = "--all" if filter is None else f"--filter {shlex.quote(filter)}"
            return FleetReport(self._failed(error, what), other_base_url=self._other_base_url)
        if not ingresses:
            matching = "" if filter is None else f" that matches the filter: {self.client.fit_to_show(filter)}"
            raise UsageError(f"{self.settings.account} has no Agent Ingress{matching}")
        api_key = self._accepted()
        delegations = asyncio.run(self._find_delegations([ingress.domain for ingress in ingresses]))
        reports = worst_first(
            self._report(ingress.domain, ingress, api_key, self._existing(ingress), found)
            for ingress, found in zip(ingresses, delegations, strict=True)
        )
        return FleetReport(api_key, reports, self._line(shlex.quote(reports[0].domain)), self._other_base_url)

    def _report(
        self,
        domain: str,
        ingress: AgentIngress | None,
        api_key: Check,
        agent_ingress: Check,
        found: Delegation,
    ) -> Report:
        delegation = self._delegation(domain, ingress, found)
        certificate = self._certificate(domain, ingress, agent_ingress.state, delegation.state)
        checks = {
            "api_key": api_key,
            "agent_ingress": agent_ingress,
            "delegation": delegation,
            "certificate": certificate,
        }
        due = "" if ingress is None else self._due(ingress, certificate)
        return Report(domain, checks, due, self._other_base_url)

    # -- ngrok --------------------------------------------------------------------------------------------

    @property
    def _ngrok_seconds(self) -> float:
        return min(NGROK_SECONDS, self.client.timeout_seconds)

    def _ask_ngrok(self, domain: str) -> tuple[AgentIngress | None, Check, Check]:
        """Returns the ingress, and the checks of the API key and of the ingress."""
        try:
            ingress = self.client.find(domain, self._ngrok_seconds)
        except errors.NgrokError as error:
            unseen = Check("unknown", "ngrok could not be asked for it", details={"id": None})
            return None, self._failed(error, shlex.quote(domain)), unseen
        if ingress is not None:
            return ingress, self._accepted(), self._existing(ingress)
        says = f"{self.settings.account} has none with this domain"
        similar = self._similar_domains(domain)
        if similar:
            says += f"; did you mean {' or '.join(similar)}?"
        remedies = [Remedy(f"if you mean {each}, run", [self._line(shlex.quote(each))]) for each in similar]
        remedies += [
            Remedy(
                "if there is none yet, add it to the program and run `pulumi up`",
                [f'agin.AgentIngress("connect", domain="{domain}")'],
            ),
            Remedy(
                "if another account has it, use the key of that account, such as that of another stack",
                [self._line(shlex.quote(domain), stack="STACK")],
            ),
        ]
        return None, self._accepted(), Check("wrong", says, remedies, {"id": None})

    def _accepted(self) -> Check:
        details = self._details_of_api_key()
        return Check("ok", f"ngrok accepts the one from {details['source']}", details=details)

    def _details_of_api_key(self) -> dict[str, Any]:
        settings = self.settings
        return {"source": str(settings.api_key.origin), "base_url": self._safe_text(settings.base_url.value)}

    def _existing(self, ingress: AgentIngress) -> Check:
        return Check("ok", self.client.describe(ingress), details={"id": ingress.id})

    def _failed(self, error: errors.NgrokError, what: str) -> Check:
        """Returns the check of the API key where ngrok could not be asked. `what` is as `_line` takes it."""
        origin = self.settings.api_key.origin
        details = self._details_of_api_key()
        if not isinstance(error, errors.AuthenticationError):
            # If there is more to do than this, the message says so.
            remedy = Remedy("when that is over or fixed, run this again", [self._line(what)])
            return Check("unknown", str(error), [remedy], details)
        if origin.source is Source.STACK_CONFIG:
            stack = f" --stack {shlex.quote(self.stack)}" if self.stack is not None else ""
            line = f"pulumi config set --secret {self.settings.names.key(API_KEY)}{stack}"
            remedy = Remedy("set a key that ngrok accepts", [line])
        else:
            remedy = Remedy(
                "use a key that ngrok accepts, such as that of a stack's config", [self._line(what, stack="STACK")]
            )
        return Check("wrong", str(error), [remedy], details)

    def _similar_domains(self, domain: str) -> list[str]:
        try:
            domains = [ingress.domain for ingress in self.client.list(None, self._ngrok_seconds)]
        except errors.NgrokError:
            return []
        return difflib.get_close_matches(domain, domains, n=1, cutoff=_LIKENESS)

    # -- DNS ----------------------------------------------------------------------------------------------

    async def _find_delegations(self, domains: Sequence[str]) -> list[Delegation]:
        threads = DaemonThreads(DNS_AT_ONCE)
        deadline = Deadline(FLEET_DNS_SECONDS, self.clock)

        def find(domain: str) -> Delegation:
            return self.find_delegation(domain, min(DNS_SECONDS, deadline.left), self.server)

        return await asyncio.gather(*(threads.run(find, domain) for domain in domains))

    def _delegation(self, domain: str, ingress: AgentIngress | None, found: Delegation) -> Check:
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
            line = self._line(shlex.quote(domain), dns="HOST:PORT")
            return Check("unknown", says, [Remedy("ask a DNS server that can be reached from here", [line])], details)
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
            Remedy(do, [f"{domain}. NS {name}" for name in names])
            for do, names in (
                ("create these records in the zone above the domain", missing),
                ("delete these records, which point elsewhere", extra),
            )
            if names
        ]
        remedies.append(Remedy("if a Pulumi program creates the records, run", ["pulumi up --refresh"]))
        if found.names:
            differences = (("missing", missing), ("extra", extra))
            listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in differences if names)
            says = one_line(f"{who} answers with other name servers than ngrok wants: {listed}")
        return Check("wrong", says, remedies, details)

    # -- the certificate ----------------------------------------------------------------------------------

    def _certificate(self, domain: str, ingress: AgentIngress | None, agent_ingress: State, delegation: State) -> Check:
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
        error_code = job.error_code if job else None
        if state is CertificateState.ISSUED and details["renews_at"]:
            says += f", renews {self._when(details['renews_at'])}"
        # A renewal that fails leaves the certificate as it is, but not for ever.
        if state.is_ready and not error_code:
            return Check("ok", says, details=details)
        retry = "ngrok tries again" + (f" at {self._when(details['retries_at'])}" if details["retries_at"] else "")
        again = [self._line(shlex.quote(domain))]
        is_dns_error = error_code == "DNS_ERROR"
        if state is CertificateState.UNKNOWN or (error_code and error_code not in _DOCUMENTED_ERRORS):
            help_ = f"{retry}; if it stays so, ask ngrok's support, and name {ingress.id}"
            return Check("unknown", says, [Remedy(help_)], details)
        if delegation == "wrong":
            remedy = Remedy(f"repair the delegation first; {retry}")
            return Check("wrong" if is_dns_error else "wait", says, [remedy], details)
        if is_dns_error:
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

    def _due(self, ingress: AgentIngress, certificate: Check) -> str:
        """Says when the certificate renews, or why it fails and when ngrok tries again."""
        details = certificate.details
        if details["error_code"]:
            what = "renewal fails" if certificate_state(ingress).is_ready else "fails"
            retry = f", tries again {self._when(details['retries_at'])}" if details["retries_at"] else ""
            return f"{what} ({details['error_code']}){retry}"
        if details["renews_at"]:
            return f"renews {self._when(details['renews_at'])}"
        return self._safe_text(certificate_state(ingress).value.partition(",")[0]) or ""

    # -- in words -----------------------------------------------------------------------------------------

    def _line(self, what: str, *, dns: str | None = None, stack: str | None = None) -> str:
        """Returns the command that examines a domain, given as a word of the shell, or others."""
        asked = dns or (str(self.server) if self.server is not None else None)
        options = {"--stack": stack or self.stack, "--dns": asked}
        words = [f"{option} {shlex.quote(value)}" for option, value in options.items() if value is not None]
        return " ".join(["pulumi-agin doctor", what, *words])

    def _when(self, moment: str) -> str:
        return moment_in_words(moment, self.clock.utc_now())

    @property
    def _other_base_url(self) -> str:
        return self._safe_text(self.settings.other_base_url) or ""

    def _safe_text(self, text: str | None) -> str | None:
        return self.client.fit_to_show(text) if text else None
