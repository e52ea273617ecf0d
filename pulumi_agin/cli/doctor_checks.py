"""Checks of `pulumi-agin doctor`: ngrok and DNS compared, for one domain or for all of an account."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.models import CertificateState, IngressModel, certificate_state, describe_certificate
from pulumi_agin.base.redaction import one_line
from pulumi_agin.dnsclient.ns_lookup import find_delegation
from pulumi_agin.dnsclient.values import DnsAnswer, Server
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import FINGERPRINT, KeptOutputs
from pulumi_agin.lifecycle.shell_commands import pulumi_line
from pulumi_agin.native.names import in_snake_case
from pulumi_agin.settings import API_KEY, Settings

from .doctor_report import Check, FleetReport, Remedy, Report, State, worst_first
from .output import YELLOW, UsageError, note
from .stack import Resources, agent_ingresses, read_resources, request_budget

# The time limits of DNS lookups: for one domain, and for a whole account.
DNS_SECONDS = 10.0
FLEET_DNS_SECONDS = 60.0

# The limit of concurrent DNS lookups, which mostly wait for the network.
DNS_AT_ONCE = 16

_REFRESH = "up --refresh"
_NOT_QUERIED = "ngrok could not be queried"


def _has_default_provider(resource: dict[str, Any]) -> bool:
    """Returns whether a resource uses the key of the settings, and not one of an explicit provider."""
    return re.match("default(_|::|$)", urns.Urn.parse(resource.get("provider", "")).name) is not None


def _may_be(odd: errors.UnreadableIngressError, resource: dict[str, Any]) -> bool:
    """Returns whether an ingress that can't be read may be the one of a resource, which is then not gone."""
    return odd.id in ("", resource["id"]) or odd.domain == resource["outputs"]["domain"]


def _records(do: str, domain: str, names: Sequence[str]) -> list[Remedy]:
    return [Remedy(do, [f"{domain}. NS {name}" for name in names])] if names else []


def _due(ingress: IngressModel, certificate: dict[str, Any]) -> str:
    """Returns when the certificate renews, or why it fails and when ngrok tries again."""
    state = certificate_state(ingress)
    if certificate["error_code"]:
        retry = f", tries again {certificate['retries_at']}" if certificate["retries_at"] else ""
        return f"{'renewal fails' if state.is_ready else 'fails'} ({certificate['error_code']}){retry}"
    return f"renews {certificate['renews_at']}" if certificate["renews_at"] else state.value.partition(",")[0]


@dataclass(frozen=True)
class Examiner:
    """Examines the Agent Ingresses of one account. It changes nothing."""

    settings: Settings
    client: AgentIngressClient
    server: Server | None = None
    """The DNS server to query; None for public DNS."""
    stack: str | None = None
    """The stack that the user named; None for the selected one, if any."""

    def examine(self, domain: str) -> Report:
        """Examines one domain, in canonical form."""
        found = find_delegation(domain, DNS_SECONDS, self.server)
        try:
            ingress = self.client.find(domain, request_budget(self.client))
        except errors.NgrokError as error:
            return self._report(domain, None, found, error=error)
        return self._report(domain, ingress, found, self._in_stack())

    def examine_all(self, filter: str | None) -> FleetReport:  # noqa: A002
        """Examines all domains of the account, or those that match a filter in ngrok's CEL.

        An ingress that can't be read is omitted, with a note on stderr.
        """
        try:
            ingresses, unreadable, _ = self.client.list_readable(filter, request_budget(self.client))
        except errors.NgrokError as error:
            if filter is not None and isinstance(error, errors.ApiError) and error.status == 400:
                raise UsageError(str(error)) from None
            return FleetReport(self._api_key(error, *(["--all"] if filter is None else ["--filter", filter])))
        stack = self._in_stack()
        by_domain: dict[str, IngressModel | None] = {}
        if filter is None:
            # An explicit provider may have the key of another account.
            of_account = [each for each in stack if _has_default_provider(each) or self._was_seen_with_key(each)]
            by_domain = {
                each["outputs"]["domain"]: None
                for each in of_account
                if not any(_may_be(odd, each) for odd in unreadable)
            }
        by_domain |= {ingress.domain: ingress for ingress in ingresses}
        if not by_domain:
            if unreadable:
                raise unreadable[0]
            matching = "" if filter is None else f" that matches the filter: {self.client.sanitize(filter)}"
            raise UsageError(f"{self.settings.account_description} has no Agent Ingress{matching}")
        for odd in unreadable:
            note(f"skipped: {odd}", YELLOW)
        budget = self.client.budget(FLEET_DNS_SECONDS)
        with ThreadPoolExecutor(DNS_AT_ONCE) as threads:
            delegations = list(
                threads.map(lambda name: find_delegation(name, min(DNS_SECONDS, budget.left), self.server), by_domain)
            )
        reports = worst_first(
            self._report(domain, ingress, found, stack)
            for (domain, ingress), found in zip(by_domain.items(), delegations, strict=True)
        )
        return FleetReport(self._api_key(), reports, self._line(reports[0].domain))

    def _report(
        self,
        domain: str,
        ingress: IngressModel | None,
        found: DnsAnswer,
        stack: Sequence[dict[str, Any]] = (),
        error: errors.NgrokError | None = None,
    ) -> Report:
        """Returns the report on a domain, with or without an ingress."""
        same_domain = [each for each in stack if each["outputs"]["domain"] == domain]
        in_stack = min(same_domain, key=lambda each: ingress is not None and each["id"] != ingress.id, default=None)
        is_gone = ingress is None and in_stack is not None and self._was_seen_with_key(in_stack)
        released = in_stack["outputs"].get("ns_targets") or () if in_stack and is_gone else ()
        checks = {"api_key": self._api_key(error, domain)}
        if error is None:
            checks["agent_ingress"] = self._agent_ingress(domain, ingress, in_stack)
        else:
            checks["agent_ingress"] = Check("unknown", _NOT_QUERIED, (), {"id": None, "in_stack": None})
        checks["delegation"] = self._delegation(domain, ingress, found, released)
        checks["certificate"] = self._certificate(domain, ingress, checks)
        if ingress is not None:
            due = _due(ingress, checks["certificate"].details)
        else:
            up = pulumi_line(_REFRESH, self.stack)
            due = f"ngrok no longer has it: {up} creates it again" if is_gone else "not visible to this key"
        return Report(domain, checks, due)

    # -- ngrok --------------------------------------------------------------------------------------------

    def _api_key(self, error: errors.NgrokError | None = None, *what: str) -> Check:
        """Returns the check of the API key. After an error, the remedy is the command for `what`; see `_line`."""
        settings = self.settings
        details = {"source": settings.api_key.shown_as, "base_url": self._sanitized(settings.base_url.value)}
        state: State = "wrong" if isinstance(error, errors.AuthenticationError) else "unknown"
        if error is None:
            state, remedies = "ok", []
        elif state == "unknown":
            # Any other step is in the message.
            remedies = [Remedy("once that is resolved, run this again", [self._line(*what)])]
        elif settings.api_key.source == "stack config":
            line = pulumi_line(f"config set --secret {settings.names.key(API_KEY)}", self.stack)
            remedies = [Remedy("set a key that ngrok accepts", [line])]
        else:
            do = "use a key that ngrok accepts, for example from the config of a stack"
            remedies = [Remedy(do, [self._line(*what, stack="STACK")])]
        reason = f"ngrok accepts the key from {details['source']}" if error is None else str(error)
        if settings.other_base_url:
            reason += f"; the base URL is {self.client.sanitize(settings.other_base_url)}"
        return Check(state, reason, remedies, details)

    def _agent_ingress(self, domain: str, ingress: IngressModel | None, in_stack: dict[str, Any] | None) -> Check:
        """Returns the check of the ingress, which the account or the stack may lack."""
        details = {
            "id": ingress.id if ingress else None,
            "in_stack": {"id": in_stack["id"], "urn": in_stack["urn"]} if in_stack else None,
        }
        resource = ""
        if in_stack is not None:
            resource = one_line(f"the stack {self.settings.stack} has {in_stack['id']} as {in_stack['urn']}", 1000)
        reason = f"{self.settings.account_description} has no Agent Ingress with this domain"
        if ingress is not None:
            reason = self.client.describe(ingress)
            if in_stack is None or in_stack["id"] == ingress.id:
                return Check("ok", reason, details=details)
        was_seen = in_stack is not None and self._was_seen_with_key(in_stack)
        has_default_provider = in_stack is not None and _has_default_provider(in_stack)
        last = KeptOutputs.of(in_stack["outputs"]).base_url if in_stack is not None and has_default_provider else ""
        if change := self.settings.change_of_base_url(last):
            do = f"to use the old one again, {self.settings.how_to_set_base_url(last)}"
            return Check("wrong", f"{reason}; {resource}, which was {change}", [Remedy(do)], details)
        if ingress is not None:
            do, lines = "remove the deleted one from the state", [pulumi_line("refresh", self.stack)]
            if has_default_provider and not was_seen:
                # After a change of the key, a refresh fails.
                do, lines = f"{do} with `pulumi state delete`", []
            do += "; the next preview shows how to import the one at ngrok"
            reason += f"; but {resource}, which ngrok no longer has"
            return Check("wrong", reason, [Remedy(do, lines)], details)
        if was_seen:
            do = (
                "create it again, with NS records that match; if it was deleted on purpose, first remove it and its "
                "delegation from the program"
            )
            remedies = [Remedy(do, [pulumi_line(_REFRESH, self.stack)])]
            return Check("wrong", f"{resource}, but ngrok no longer has it", remedies, details)
        other_account = Remedy(
            "if another account has it, use the key of that account, for example from another stack",
            [self._line(domain, stack="STACK")],
        )
        if in_stack is not None and not has_default_provider:
            reason += f"; {resource}, with an explicit provider, whose key was not used here"
            return Check("unknown", reason, details=details)
        if in_stack is not None:
            why = "it was last read with another key" if last else "the state does not show which key last read it"
            reason += f"; {resource}, but {why}, so it may be in another account"
            # No line to paste, because it would forget an ingress that exists.
            do = "if this key belongs to its account, the Agent Ingress was deleted: remove it from the state"
            return Check("wrong", reason, [other_account, Remedy(f"{do} with `pulumi state delete`")], details)
        line = f'agin.AgentIngress("connect", domain="{domain}")'
        up = pulumi_line("up", self.stack)
        first = Remedy(f"if you have not created it yet, add it to the program and run `{up}`", [line])
        return Check("wrong", reason, [first, other_account], details)

    def _in_stack(self) -> Resources:
        """Returns the ingresses of the stack; none if the settings do not come from a stack."""
        resources = read_resources(self.stack, show_secrets=False) if self.settings.stack else []
        named = [{**each, "outputs": in_snake_case(each.get("outputs") or {})} for each in agent_ingresses(resources)]
        # A domain that is a secret is not a string.
        return [each for each in named if not each.get("delete") and isinstance(each["outputs"].get("domain"), str)]

    def _was_seen_with_key(self, resource: dict[str, Any]) -> bool:
        """Returns whether the settings are those of the last read. If ngrok lacks the ingress now, it was deleted."""
        return bool(resource["outputs"].get(FINGERPRINT) == self.client.fingerprint(resource["id"]))

    # -- DNS ----------------------------------------------------------------------------------------------

    def _delegation(
        self, domain: str, ingress: IngressModel | None, found: DnsAnswer, released: Sequence[str]
    ) -> Check:
        """Returns the check of the NS records. `released` are the name servers of a deleted ingress."""
        who = str(self.server or "public DNS")
        reason = one_line(found.describe(who))
        expected = ingress.ns_targets if ingress is not None else []
        details: dict[str, Any] = {
            "dns_server": str(self.server) if self.server else None,
            "found": None if found.problem else list(found.names),
            "expected": expected or None,
            "missing": None,
            "extra": None,
        }
        if found.problem:
            line = self._line(domain, dns="HOST:PORT")
            return Check("unknown", reason, [Remedy("use a DNS server that can be reached from here", [line])], details)
        if still := [name for name in found.names if name in released]:
            reason = f"{who} still has {', '.join(still)}, which ngrok released: whoever gets them controls the domain"
            do = f"delete these records, or correct them with `{pulumi_line(_REFRESH, self.stack)}`"
            details |= {"expected": [], "missing": [], "extra": still}
            return Check("wrong", reason, _records(do, domain, still), details)
        if not expected:
            why = "the expected ones are unknown" if ingress is None else "ngrok returned no ns_targets"
            return Check("unknown", f"{reason}; {why}", details=details)
        # An extra name server is wrong too: a resolver may query it, and not find the domain.
        missing = [name for name in expected if name not in found.names]
        extra = [name for name in found.names if name not in expected]
        differences = {"missing": missing, "extra": extra}
        details |= differences
        if not missing and not extra:
            return Check("ok", f"{who} returns the {len(expected)} name servers that ngrok expects", (), details)
        if found.names:
            listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in differences.items() if names)
            reason = one_line(f"{who} returns different name servers from those that ngrok expects: {listed}")
        remedies = [
            *_records("create these records in the parent zone", domain, missing),
            *_records("delete these records, which point elsewhere", domain, extra),
            Remedy("if a Pulumi program creates the records, run", [pulumi_line(_REFRESH, self.stack)]),
        ]
        return Check("wrong", reason, remedies, details)

    # -- the certificate ----------------------------------------------------------------------------------

    def _certificate(self, domain: str, ingress: IngressModel | None, others: Mapping[str, Check]) -> Check:
        status = ingress.certificate_management_status if ingress else None
        job = status.provisioning_job if status else None
        details = {
            "error_code": self._sanitized(job.error_code) if job else None,
            "retries_at": self._sanitized(job.retries_at) if job else None,
            "renews_at": self._sanitized(status.renews_at) if status else None,
        }
        if ingress is None:
            is_known = others["agent_ingress"].state != "unknown"
            reason = "there is no certificate without an Agent Ingress" if is_known else _NOT_QUERIED
            return Check("unknown", reason, details=details)
        state = certificate_state(ingress)
        reason = self.client.sanitize(describe_certificate(ingress))
        if state is CertificateState.ISSUED:
            reason += f", renews {details['renews_at']}"
        error_code, delegation = details["error_code"], others["delegation"].state
        # A failed renewal leaves the certificate valid, but only until it expires.
        if state.is_ready and not error_code:
            return Check("ok", reason, details=details)
        retry = "ngrok tries again" + (f" at {details['retries_at']}" if details["retries_at"] else "")
        if state is CertificateState.UNKNOWN or error_code not in (None, "INTERNAL_ERROR", "DNS_ERROR"):
            help_ = f"{retry}; if this persists, contact ngrok support and include {ingress.id}"
            return Check("unknown", reason, [Remedy(help_)], details)
        is_dns_error = error_code == "DNS_ERROR"
        if is_dns_error or delegation == "wrong":
            first = {
                "ok": "the delegation is now correct",
                "unknown": "check that the delegation is correct",
                "wrong": "fix the delegation first",
            }
            do = f"{first[delegation]}; {retry}; run this again after that"
        elif error_code:
            do = f"{retry}; run this again after that"
        else:
            do = "wait (Let's Encrypt takes seconds to minutes), and run this again"
        result: State = "wrong" if is_dns_error and delegation != "ok" else "wait"
        return Check(result, reason, [Remedy(do, [self._line(domain)])], details)

    # -- phrasing -----------------------------------------------------------------------------------------

    def _line(self, *what: str, dns: str | None = None, stack: str | None = None) -> str:
        """Returns the doctor command with these arguments."""
        options = {"--stack": stack or self.stack, "--dns": dns or self.server}
        extra = [part for option, value in options.items() if value is not None for part in (option, str(value))]
        return shlex.join(["pulumi-agin", "doctor", *what, *extra])

    def _sanitized(self, value: str | None) -> str | None:
        return self.client.sanitize(value) if value else None
