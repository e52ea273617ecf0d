"""The checks of `pulumi-agin doctor`: what ngrok and DNS say about one domain, or about all of an account."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import Clock
from pulumi_agin.api.models import (
    AgentIngress,
    CertificateState,
    certificate_in_words,
    certificate_state,
)
from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.retry import Deadline
from pulumi_agin.dnsclient.values import DnsAnswer, Server
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import FINGERPRINT
from pulumi_agin.lifecycle.shell_commands import state_delete_line
from pulumi_agin.native.names import in_snake_case
from pulumi_agin.settings import API_KEY, Settings

from .doctor_report import Check, FleetReport, Remedy, Report, State, worst_first
from .output import UsageError, moment_in_words
from .stack import agent_ingresses, ngrok_deadline, read_resources

# How long to wait for DNS: for one domain, and for all of an account.
DNS_SECONDS = 10.0
FLEET_DNS_SECONDS = 60.0

# How many domains DNS is asked about at the same time. Most of that time is spent waiting.
DNS_AT_ONCE = 16

# In a shorter name, a single letter is what tells it from another one.
_SHORTEST_MISSPELLED = 4

_REFRESH = "pulumi up --refresh"

# The errors of a certificate's job that ngrok documents.
_DOCUMENTED_ERRORS = ("INTERNAL_ERROR", "DNS_ERROR")

FindDelegation = Callable[[str, float, Server | None], DnsAnswer]


def _find_delegation(domain: str, seconds: float, server: Server | None) -> DnsAnswer:
    from pulumi_agin.dnsclient.lookup import find_delegation

    return find_delegation(domain, seconds, server)


@dataclass(frozen=True)
class StackIngress:
    """An Agent Ingress in the state of a stack."""

    urn: str
    id: str
    domain: str
    ns_targets: Sequence[str]
    fingerprint: object
    """The fingerprint of the key that saw the ingress last; see `AgentIngressClient.fingerprint`."""
    has_default_provider: bool
    """Whether its key is that of the settings, and not that of an explicit provider."""

    @classmethod
    def of(cls, resource: Mapping[str, Any]) -> StackIngress | None:
        """Returns the ingress that a resource is; None if its domain is secret or missing."""
        outputs = in_snake_case(resource.get("outputs") or {})
        provider = urns.Urn.parse(resource.get("provider", ""))
        id_, domain, targets = resource.get("id"), outputs.get("domain"), outputs.get("ns_targets")
        if not isinstance(id_, str) or not isinstance(domain, str):
            return None
        return cls(
            urn=resource["urn"],
            id=id_,
            domain=domain,
            ns_targets=targets if isinstance(targets, list) else [],
            fingerprint=outputs.get(FINGERPRINT),
            has_default_provider=re.match("default(_|::|$)", provider.name) is not None,
        )


def _is_slip(given: str, domain: str) -> bool:
    """Returns whether a domain was likely meant: it differs by one letter, or by two that are swapped.

    Another number is another domain, and so is another letter in a short name.
    """
    labels, others = given.split("."), domain.split(".")
    while labels and others and labels[-1] == others[-1]:
        labels, others = labels[:-1], others[:-1]
    name, other = ".".join(labels), ".".join(others)
    changes = [each for each in difflib.SequenceMatcher(None, name, other, False).get_opcodes() if each[0] != "equal"]
    removed = "".join(name[start:end] for _, start, end, _, _ in changes)
    added = "".join(other[start:end] for _, _, _, start, end in changes)
    is_one_letter = max(len(removed), len(added)) == 1 and not (removed + added).isdigit()
    return is_one_letter and (len(changes) == 1 or removed == added) and len(name) >= _SHORTEST_MISSPELLED


@dataclass(frozen=True)
class Examiner:
    """Examines the Agent Ingresses of one account. It changes nothing."""

    settings: Settings
    client: AgentIngressClient
    clock: Clock
    server: Server | None = None
    """The DNS server to ask; None for public DNS."""
    stack: str | None = None
    """The stack that the user named; None for the selected one, if there is one."""
    find_delegation: FindDelegation = _find_delegation

    def examine(self, domain: str) -> Report:
        """Examines one domain.

        Args:
            domain: The domain in canonical form.

        Raises:
            UsageError: The user named the stack, and its state can't be read.
            ImportError: dnspython is missing.
        """
        # DNS is asked first, because this also tells whether dnspython is installed.
        found = self.find_delegation(domain, DNS_SECONDS, self.server)
        try:
            ingress = self.client.find(domain, ngrok_deadline(self.client))
        except errors.NgrokError as error:
            details = {"id": None, "in_stack": None}
            unseen = Check("unknown", "ngrok could not be asked for it", details=details)
            return self._report(domain, None, self._failed(error, shlex.quote(domain)), unseen, found)
        return self._compare(domain, ingress, found, self._in_stack())

    def examine_all(self, filter: str | None) -> FleetReport:  # noqa: A002
        """Examines all domains of the account, or those that match a filter.

        Args:
            filter: An expression in ngrok's CEL; None for all.

        Raises:
            UsageError: There are none, ngrok refuses the filter, or the user named the stack, and its state can't be
                read.
            ImportError: dnspython is missing.
        """
        try:
            ingresses = self.client.list(filter, ngrok_deadline(self.client))
        except errors.NgrokError as error:
            is_refused_filter = isinstance(error, errors.ApiError) and error.status == 400
            if filter is not None and is_refused_filter:
                raise UsageError(str(error)) from None
            what = "--all" if filter is None else f"--filter {shlex.quote(filter)}"
            return FleetReport(self._failed(error, what), other_base_url=self._other_base_url)
        stack = self._in_stack()
        by_domain: dict[str, AgentIngress | None] = {}
        if filter is None:
            # An explicit provider may have the key of another account.
            of_account = [each for each in stack if each.has_default_provider or self._is_gone(each)]
            by_domain = {each.domain: None for each in of_account}
        by_domain |= {ingress.domain: ingress for ingress in ingresses}
        if not by_domain:
            matching = "" if filter is None else f" that matches the filter: {self.client.sanitize(filter)}"
            raise UsageError(f"{self.settings.account_description} has no Agent Ingress{matching}")
        delegations = self._find_delegations(list(by_domain))
        reports = worst_first(
            self._compare(domain, ingress, found, stack)
            for (domain, ingress), found in zip(by_domain.items(), delegations, strict=True)
        )
        return FleetReport(self._accepted(), reports, self._line(shlex.quote(reports[0].domain)), self._other_base_url)

    def _compare(
        self, domain: str, ingress: AgentIngress | None, found: DnsAnswer, stack: Sequence[StackIngress]
    ) -> Report:
        """Returns the report on a domain that ngrok has, or has not."""
        same_domain = [each for each in stack if each.domain == domain]
        in_stack = min(same_domain, key=lambda each: ingress is not None and each.id != ingress.id, default=None)
        agent_ingress = self._agent_ingress(domain, ingress, in_stack)
        return self._report(domain, ingress, self._accepted(), agent_ingress, found, in_stack)

    def _report(
        self,
        domain: str,
        ingress: AgentIngress | None,
        api_key: Check,
        agent_ingress: Check,
        found: DnsAnswer,
        in_stack: StackIngress | None = None,
    ) -> Report:
        is_gone = ingress is None and in_stack is not None and self._is_gone(in_stack)
        delegation = self._delegation(domain, ingress, found, in_stack.ns_targets if in_stack and is_gone else ())
        certificate = self._certificate(domain, ingress, agent_ingress.state, delegation.state)
        checks = {
            "api_key": api_key,
            "agent_ingress": agent_ingress,
            "delegation": delegation,
            "certificate": certificate,
        }
        if ingress is not None:
            due = self._due(ingress, certificate)
        else:
            due = f"ngrok no longer has it: {_REFRESH} creates it again" if is_gone else "this key does not see it"
        return Report(domain, checks, due, self._other_base_url)

    # -- ngrok --------------------------------------------------------------------------------------------

    def _agent_ingress(self, domain: str, ingress: AgentIngress | None, in_stack: StackIngress | None) -> Check:
        """Returns the check of the ingress, which the account or the stack may lack."""
        details = {
            "id": ingress.id if ingress is not None else None,
            "in_stack": {"id": in_stack.id, "urn": in_stack.urn} if in_stack is not None else None,
        }
        resource = ""
        if in_stack is not None:
            resource = one_line(f"the stack {self.settings.stack} has {in_stack.id} as {in_stack.urn}", 1000)
        if ingress is not None:
            says = self.client.describe(ingress)
            if in_stack is None or in_stack.id == ingress.id:
                return Check("ok", says, details=details)
            remedy = Remedy(
                "take the deleted one out of the state; the next preview says how to import the one that ngrok has",
                [self._pulumi("pulumi refresh")],
            )
            return Check("wrong", f"{says}; but {resource}, which ngrok no longer has", [remedy], details)
        if in_stack is not None and self._is_gone(in_stack):
            remedy = Remedy(
                "create it again, with NS records that match; if it was deleted on purpose, first remove it and its "
                "delegation from the program",
                [self._pulumi(_REFRESH)],
            )
            return Check("wrong", f"{resource}, but ngrok no longer has it", [remedy], details)
        says = f"{self.settings.account_description} has none with this domain"
        other_account = Remedy(
            "if another account has it, use the key of that account, such as that of another stack",
            [self._line(shlex.quote(domain), stack="STACK")],
        )
        if in_stack is not None:
            if not in_stack.has_default_provider:
                says += f"; {resource}, with an explicit provider, whose key was not used here"
                return Check("unknown", says, [], details)
            says += f"; {resource}, but another key saw it last, so it may be in another account"
            line = state_delete_line(in_stack.urn, stack=self.stack)
            remedies = [other_account, Remedy("if it was deleted, take it out of the state", [line])]
            return Check("wrong", says, remedies, details)
        similar = self._similar_domains(domain)
        if similar:
            says += f"; did you mean {' or '.join(similar)}?"
        remedies = [Remedy(f"if you mean {each}, run", [self._line(shlex.quote(each))]) for each in similar]
        remedies += [
            Remedy(
                "if there is none yet, add it to the program and run `pulumi up`",
                [f'agin.AgentIngress("connect", domain="{domain}")'],
            ),
            other_account,
        ]
        return Check("wrong", says, remedies, details)

    def _accepted(self) -> Check:
        details = self._details_of_api_key()
        return Check("ok", f"ngrok accepts the one from {details['source']}", details=details)

    def _details_of_api_key(self) -> dict[str, Any]:
        settings = self.settings
        return {"source": settings.api_key.shown_as, "base_url": self._safe_text(settings.base_url.value)}

    def _failed(self, error: errors.NgrokError, what: str) -> Check:
        """Returns the check of the API key where ngrok could not be asked. `what` is as `_line` takes it."""
        details = self._details_of_api_key()
        if not isinstance(error, errors.AuthenticationError):
            # If there is more to do than this, the message says so.
            remedy = Remedy("when that is over or fixed, run this again", [self._line(what)])
            return Check("unknown", str(error), [remedy], details)
        if self.settings.api_key.source == "stack config":
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
            domains = [ingress.domain for ingress in self.client.list(None, ngrok_deadline(self.client))]
        except errors.NgrokError:
            return []
        return [each for each in domains if _is_slip(domain, each)]

    # -- the stack ----------------------------------------------------------------------------------------

    def _in_stack(self) -> list[StackIngress]:
        """Returns the ingresses of the stack. There are none if the settings are not those of a stack."""
        resources = read_resources(self.stack, show_secrets=False) if self.settings.stack else []
        ingresses = (StackIngress.of(each) for each in agent_ingresses(resources) if not each.get("delete"))
        return [each for each in ingresses if each is not None]

    def _is_gone(self, in_stack: StackIngress) -> bool:
        """Returns whether an ingress that the account lacks is gone: this key saw it last."""
        return in_stack.fingerprint == self.client.fingerprint(in_stack.id)

    # -- DNS ----------------------------------------------------------------------------------------------

    def _find_delegations(self, domains: Sequence[str]) -> list[DnsAnswer]:
        deadline = Deadline(FLEET_DNS_SECONDS, self.clock)

        def find(domain: str) -> DnsAnswer:
            return self.find_delegation(domain, min(DNS_SECONDS, deadline.left), self.server)

        with ThreadPoolExecutor(DNS_AT_ONCE) as threads:
            return list(threads.map(find, domains))

    def _delegation(
        self, domain: str, ingress: AgentIngress | None, found: DnsAnswer, released: Sequence[str]
    ) -> Check:
        """Returns the check of the NS records. `released` are the name servers of an ingress that is gone."""
        who = "public DNS" if self.server is None else str(self.server)
        says = one_line(found.describe(who))
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
        if still := [name for name in found.names if name in released]:
            says = (
                f"{who} still has {', '.join(still)}, which ngrok has released: whoever gets them controls the domain"
            )
            do = f"delete these records, or correct them with `{self._pulumi(_REFRESH)}`"
            remedies = [Remedy(do, [f"{domain}. NS {name}" for name in still])]
            return Check("wrong", says, remedies, details | {"expected": [], "missing": [], "extra": still})
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
        remedies.append(Remedy("if a Pulumi program creates the records, run", [self._pulumi(_REFRESH)]))
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

    def _pulumi(self, command: str) -> str:
        """Returns a command of Pulumi's CLI for the stack."""
        return command if self.stack is None else f"{command} --stack {shlex.quote(self.stack)}"

    def _when(self, moment: str) -> str:
        return moment_in_words(moment, self.clock.utc_now())

    @property
    def _other_base_url(self) -> str:
        return self._safe_text(self.settings.other_base_url) or ""

    def _safe_text(self, text: str | None) -> str | None:
        return self.client.sanitize(text) if text else None
