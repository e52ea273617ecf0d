"""The checks of `pulumi-agin doctor` for one domain. They send nothing: they judge what `doctor_reads` has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.models import IngressModel, Issuance, describe_certificate
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock, parse_time
from pulumi_agin.base.names import Server
from pulumi_agin.base.redaction import listed, one_line
from pulumi_agin.base.shell import command_line, quoted
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.lifecycle.shell_commands import pulumi_line
from pulumi_agin.settings import Setting, Settings

from .doctor_caa import CaaSet
from .doctor_ns import DnsResult
from .doctor_reads import DomainFacts
from .doctor_report import Check, Remedy, Report, State
from .doctor_state import StackIngress, StackRecords
from .stack import PYTHON

_REFRESH = "up --refresh"

_NOT_QUERIED = "ngrok could not be queried"
_OTHER_PROVIDER = "the key of its provider was not used here"
_NO_CERTIFICATE = {"error_code": None, "retries_at": None, "renews_at": None, "forbidden_by_caa_of": None}

# How late a renewal may be before only ngrok's support can help.
_LATE_RENEWAL = timedelta(days=14)

# The code that declares an Agent Ingress, by the runtime in Pulumi.yaml.
_DECLARATIONS = {
    PYTHON: 'agin.AgentIngress("connect", domain="{domain}")',
    "yaml": 'connect: {{type: agin:AgentIngress, properties: {{domain: "{domain}"}}}}',
    "nodejs": 'new agin.AgentIngress("connect", {{ domain: "{domain}" }});',
    "go": 'agin.NewAgentIngress(ctx, "connect", &agin.AgentIngressArgs{{Domain: pulumi.String("{domain}")}})',
    "dotnet": 'new AgentIngress("connect", new() {{ Domain = "{domain}" }});',
}

# The name of Let's Encrypt in CAA records.
_ISSUER = "letsencrypt.org"


@dataclass(frozen=True)
class Checks:
    """The checks, with the values that are the same for all domains of a command."""

    account: Account
    server: Server | None = None
    """The DNS server to query; None for public DNS."""
    stack: str | None = None
    """The stack that the user named; None for the selected one, if any."""
    provider: str | None = None
    """The URN of the explicit provider that the user named; None for the default one."""
    language: str = PYTHON
    """The language of the project."""
    clock: Clock = SYSTEM_CLOCK

    @property
    def settings(self) -> Settings:
        return self.account.settings

    @property
    def client(self) -> AgentIngressClient:
        return self.account.require_client()

    def command(self, *what: str, dns: str | None = None, stack: str | None = None) -> str:
        """Returns the doctor command for `what`, with the user's own options unless others are given."""
        options = {
            # Another stack does not have the provider.
            "--provider": None if stack else self.provider,
            "--stack": stack or self.stack,
            "--dns": dns or self.server,
        }
        extra = [part for option, value in options.items() if value is not None for part in (option, str(value))]
        return command_line(["pulumi-agin", "doctor", *what, *extra])

    def command_of_provider(self, provider: str | None, *what: str) -> str:
        """Returns the doctor command with the key of another provider; None is the default one."""
        return replace(self, provider=provider).command(*what)

    # -- the reports ------------------------------------------------------------------------------------------

    def report(self, facts: DomainFacts) -> Report:
        """Judges everything that was read about a domain."""
        domain, ingress, in_stack = facts.domain, facts.ingress, facts.in_stack
        outliving = [each for each in facts.records if each.outlive_ingress]
        if ingress is not None:
            agent_ingress = self.agent_ingress(domain, ingress, in_stack)
            delegation = self.delegation(domain, ingress, facts.delegation)
            certificate = self.certificate(domain, ingress, delegation.state, facts.caa)
            due = _due(ingress, certificate)
        elif outliving:
            agent_ingress = self.missing_agent_ingress(domain)
            delegation = self.delegation_without_ingress(domain, facts.delegation, outliving)
            certificate = self.certificate_without_ingress(agent_ingress.state)
            due = "the stack still has its NS records"
        elif in_stack is not None and in_stack.was_read_with_these_settings:
            # It was in this account, so it was deleted, and its name servers may belong to someone else now.
            agent_ingress = self.agent_ingress(domain, None, in_stack)
            delegation = self.delegation(domain, None, facts.delegation, released=in_stack.ns_targets)
            certificate = self.certificate_without_ingress(agent_ingress.state)
            due = f"ngrok no longer has it: {pulumi_line(_REFRESH, self.stack)} creates it again"
        else:
            agent_ingress = self.agent_ingress(domain, None, in_stack)
            delegation = self.delegation(domain, None, facts.delegation)
            certificate = self.certificate_without_ingress(agent_ingress.state)
            due = "not visible to this key"
        checks = {
            "api_key": self.api_key(None),
            "agent_ingress": agent_ingress,
            "delegation": self.deletion_of_records(delegation, facts.records),
            "certificate": certificate,
        }
        return Report(domain, checks, due)

    def report_without_ngrok(self, domain: str, error: errors.NgrokError, delegation: DnsResult) -> Report:
        """Returns the report on a domain if the request to ngrok failed, so that only DNS could be read."""
        checks = {
            "api_key": self.api_key(error, domain),
            "agent_ingress": Check("unknown", _NOT_QUERIED, (), {"id": None, "in_stack": None}),
            "delegation": self.delegation(domain, None, delegation),
            "certificate": Check("unknown", _NOT_QUERIED, (), _NO_CERTIFICATE),
        }
        return Report(domain, checks, due="unknown")

    # -- the API key --------------------------------------------------------------------------------------

    def api_key(self, error: errors.NgrokError | None, *what: str) -> Check:
        """Returns the check of the API key: `error` is the one of the request to ngrok, None if it succeeded.

        `what` are the arguments of the command, for a remedy that runs it again.
        """
        source = self.settings.api_key_source.shown_as
        if error is None:
            check = Check("ok", f"ngrok accepts the key from {source}")
        elif isinstance(error, errors.AuthenticationError):
            check = Check("wrong", str(error), [self._other_key(*what)])
        else:
            # Any other step is in the message.
            check = Check(
                "unknown", str(error), [Remedy("once that is resolved, run this again", [self.command(*what)])]
            )
        reason = check.reason
        if self.settings.has_other_base_url:
            reason += f"; the base URL is {self.client.sanitize(self.settings.shown_base_url)}"
        details = {"source": source, "base_url": self._sanitized(self.settings.base_url)}
        return replace(check, reason=reason, details=details)

    def _other_key(self, *what: str) -> Remedy:
        kind = self.settings.api_key_source.kind
        if kind == "stack config":
            line = pulumi_line(f"config set --secret {self.settings.names.key(Setting.API_KEY)}", self.stack)
            return Remedy("set a key that ngrok accepts", [line])
        if kind == "provider":
            return Remedy(f"{self.settings.how_to_set_api_key}, and run", [pulumi_line("up", self.stack)])
        # From the environment: there is no stack, or its config has no key.
        do = "use a key that ngrok accepts, for example from the config of a stack"
        return Remedy(do, [self.command(*what, stack="STACK")])

    # -- the ingress --------------------------------------------------------------------------------------

    def missing_agent_ingress(self, domain: str) -> Check:
        """Returns the check of a domain without an ingress in the account, of which the stack still has NS records."""
        reason = f"{self.settings.account_description} has no Agent Ingress with this domain"
        return Check("wrong", reason, [self._other_account(domain)], {"id": None, "in_stack": None})

    def agent_ingress(self, domain: str, ingress: IngressModel | None, in_stack: StackIngress | None) -> Check:
        """Returns the check of the ingress, which the account or the stack may lack."""
        details: dict[str, Any] = {"id": ingress.id if ingress else None, "in_stack": None}
        if in_stack is not None:
            details["in_stack"] = {
                "id": in_stack.id,
                "urn": in_stack.urn,
                "was_read_with_these_settings": in_stack.was_read_with_these_settings,
            }
        return replace(self._compare_with_stack(domain, ingress, in_stack), details=details)

    def _compare_with_stack(self, domain: str, ingress: IngressModel | None, in_stack: StackIngress | None) -> Check:
        """Returns the check without details. `ingress` is the one at ngrok; both have the domain, if they exist.

        Each step excludes a reason for which the two may differ, so their order matters.
        """
        if ingress is None:
            at_ngrok = f"{self.settings.account_description} has no Agent Ingress with this domain"
        else:
            at_ngrok = self.client.describe(ingress)
            if in_stack is None or in_stack.id == ingress.id:
                return Check("ok", at_ngrok)
        if in_stack is None:
            return self._not_found(domain, at_ngrok)
        # From here on, the stack has one that ngrok does not show.
        resource = one_line(f"the stack {self.settings.stack} has {in_stack.id} as {in_stack.urn}", 1000)
        if in_stack.has_this_provider and (change := self.settings.describe_change_of_base_url(in_stack.base_url)):
            step = f"{self.settings.how_to_set_base_url(in_stack.base_url)}{self.settings.base_url_hint}"
            do = f"to use the old one again, {step}"
            return Check("wrong", f"{at_ngrok}; {resource}, which was {change}", [Remedy(do)])
        if ingress is not None:
            # A domain is unique, so the other one is gone, whatever account it was in.
            reason = f"{at_ngrok}; but {resource}, which ngrok no longer has"
            return Check("wrong", reason, [self._forget(in_stack)])
        if in_stack.was_read_with_these_settings:
            # It was in this account, whatever provider it has.
            do = (
                "create it again, with NS records that match; if it was deleted on purpose, first remove it and its "
                "delegation from the program"
            )
            line = pulumi_line(_REFRESH, self.stack)
            return Check("wrong", f"{resource}, but ngrok no longer has it", [Remedy(do, [line])])
        if not in_stack.has_this_provider:
            which = f"the provider {one_line(in_stack.provider)}" if in_stack.provider else "the default provider"
            reason = f"{at_ngrok}; {resource}, with {which}, whose key was not used here"
            line = self.command_of_provider(in_stack.provider, domain)
            return Check("unknown", reason, [Remedy("use the key of its provider", [line])])
        return self._last_read_with_other_key(domain, f"{at_ngrok}; {resource}", in_stack)

    def _not_found(self, domain: str, at_ngrok: str) -> Check:
        """Returns the check of a domain that neither the account nor the stack has."""
        do = f"if you have not created it yet, add it to the program and run `{pulumi_line('up', self.stack)}`"
        create = Remedy(do, _declarations(self.language, domain))
        return Check("wrong", at_ngrok, [create, self._other_account(domain)])

    def _forget(self, in_stack: StackIngress) -> Remedy:
        """Returns the remedy if the account has another ingress with the domain than the stack."""
        do, next_step = "remove the deleted one from the state", "the next preview shows how to import the one at ngrok"
        if in_stack.has_this_provider and not in_stack.was_read_with_these_settings:
            # After a change of the key, a refresh fails.
            return Remedy(f"{do} with `pulumi state delete`; {next_step}")
        return Remedy(f"{do}; {next_step}", [pulumi_line("refresh", self.stack)])

    def _last_read_with_other_key(self, domain: str, reason: str, in_stack: StackIngress) -> Check:
        """Returns the check of an ingress that this account lacks, but that may be in another one."""
        why = "it was last read with another key"
        if not in_stack.base_url:
            # Then the fingerprint of the key is missing, too, because both are one string in the state.
            why = "the state does not show which key last read it"
        # No line to paste, because it would forget an ingress that exists.
        do = "if this key belongs to its account, the Agent Ingress was deleted: remove it from the state"
        remedies = [self._other_account(domain), Remedy(f"{do} with `pulumi state delete`")]
        return Check("wrong", f"{reason}, but {why}, so it may be in another account", remedies)

    def _other_account(self, domain: str) -> Remedy:
        do = "if another account has it, use the key of that account, for example from another stack"
        return Remedy(do, [self.command(domain, stack="STACK")])

    # -- DNS ----------------------------------------------------------------------------------------------

    def delegation(
        self, domain: str, ingress: IngressModel | None, found: DnsResult, released: Sequence[str] = ()
    ) -> Check:
        """Returns the check of the NS records. `released` are the ns_targets of an ingress that was deleted."""
        expected = ingress.ns_targets if ingress is not None else []
        who = str(self.server or "public DNS")
        reason = one_line(found.describe(who))
        details = self._delegation_details(found, expected=expected or None)
        if found.problem:
            line = self.command(domain, dns="HOST:PORT")
            return Check("unknown", reason, [Remedy("use a DNS server that can be reached from here", [line])], details)
        if still := [name for name in found.names if name in released]:
            check = self._released_records(domain, who, still)
            return replace(check, details=self._delegation_details(found, expected=[], missing=[], extra=still))
        if not expected:
            why = "the expected ones are unknown" if ingress is None else "ngrok returned no ns_targets"
            return Check("unknown", f"{reason}; {why}", details=details)
        # An extra name server is wrong too: a resolver may query it, and not find the domain.
        differences = found.differences(expected)
        missing, extra = differences.missing, differences.extra
        details |= {"missing": missing, "extra": extra}
        if not differences:
            return Check("ok", f"{who} returns the {len(expected)} name servers that ngrok expects", (), details)
        remedies = self._corrections(domain, missing, extra)
        if found.cname:
            # It need not be at the domain: it may be from a wildcard, beside which NS records are possible.
            do = "delete this record first, unless it is from a wildcard: no NS records can exist beside it"
            remedies.insert(0, Remedy(do, [f"{domain}. CNAME {one_line(found.cname)}"]))
        if found.names:
            reason = one_line(f"{who} returns different name servers from those that ngrok expects: {differences}")
        return Check("wrong", reason, remedies, details)

    def delegation_without_ingress(self, domain: str, found: DnsResult, outliving: Sequence[StackRecords]) -> Check:
        """Returns the check of the NS records in the stack that outlive their ingress."""
        who = str(self.server or "public DNS")
        names = sorted({name for each in outliving for name in each.ns_targets})
        # Without a response, the records are taken to be there.
        still = names if found.problem else [name for name in found.names if name in names]
        has = listed(list(dict.fromkeys(each.urn for each in outliving)))
        reason = f"the stack {self.settings.stack} has NS records for it as {has}, but {outliving[0].fate_of_ingress}: "
        if still:
            reason += "if no other account has the domain, whoever gets these name servers controls it"
        else:
            reason += f"{who} does not have them"
        if outliving[0].reads_ingress:
            do = "remove its AgentIngress.get and the delegation from the program, and run"
        else:
            do = (
                "let Pulumi correct or delete them; if the Agent Ingress was deleted on purpose, first remove it and "
                "its delegation from the program"
            )
        remedies = [Remedy(do, [pulumi_line("up", self.stack)])]
        if still:
            do = (
                "if these records remain after that, and no other account has the domain, delete them at the DNS "
                "provider"
            )
            remedies.append(Remedy(do, _records(domain, still)))
        details = self._delegation_details(found, expected=[], missing=[], extra=still)
        return Check("wrong", one_line(reason, 1000), remedies, details)

    def _delegation_details(self, found: DnsResult, **known: Sequence[str] | None) -> dict[str, Any]:
        """Returns the details of the check of the NS records. Each that `known` lacks is None, as not known."""
        return {
            "dns_server": str(self.server) if self.server else None,
            "found": None if found.problem else list(found.names),
            "expected": None,
            "missing": None,
            "extra": None,
            **known,
        }

    def deletion_of_records(self, check: Check, records: Sequence[StackRecords]) -> Check:
        """Returns the check of the NS records, which is wrong if Pulumi would leave them behind."""
        staying = next((each for each in records if each.stays_with), None)
        if staying is None:
            return check
        option = "deleted_with" if self.language == PYTHON else "deletedWith"
        why = (
            f"their option {option} names {staying.stays_with}, so Pulumi leaves them at the DNS provider when it "
            "deletes that"
        )
        do = "remove the option from the records, a parent of theirs or a transform, and run"
        # The other remedies may delete what the records are deleted with.
        remedies = [Remedy(do, [pulumi_line("up", self.stack)]), *check.remedies]
        return replace(check, state="wrong", reason=f"{check.reason}; {one_line(why, 1000)}", remedies=remedies)

    def _released_records(self, domain: str, who: str, still: Sequence[str]) -> Check:
        reason = f"{who} still has {listed(still)}, which ngrok released: whoever gets them controls the domain"
        do = f"delete these records, or correct them with `{pulumi_line(_REFRESH, self.stack)}`"
        return Check("wrong", reason, [Remedy(do, _records(domain, still))])

    def _corrections(self, domain: str, missing: Sequence[str], extra: Sequence[str]) -> list[Remedy]:
        remedies = [Remedy("if a Pulumi program creates the records, run", [pulumi_line(_REFRESH, self.stack)])]
        if extra:
            remedies.insert(0, Remedy("delete these records, which point elsewhere", _records(domain, extra)))
        if missing:
            remedies.insert(0, Remedy("create these records in the parent zone", _records(domain, missing)))
        return remedies

    # -- the certificate ----------------------------------------------------------------------------------

    def certificate_without_ingress(self, agent_ingress: State) -> Check:
        """Returns the check of the certificate of no ingress.

        `agent_ingress` is the state of that check: unknown only if the key of the ingress's provider was not used.
        """
        is_known = agent_ingress != "unknown"
        reason = "there is no certificate without an Agent Ingress" if is_known else _OTHER_PROVIDER
        return Check("unknown", reason, (), _NO_CERTIFICATE)

    def certificate(self, domain: str, ingress: IngressModel, delegation: State, caa: CaaSet | None = None) -> Check:
        """Returns the check of the certificate.

        It may depend on `delegation`, the check of the NS records, and on the CAA records that count for the domain;
        `caa` is None if they were not read, or do not matter.
        """
        check = self._certificate_at_ngrok(domain, ingress, delegation)
        if self._overdue(ingress) > _LATE_RENEWAL:
            do = f"contact ngrok support and include {ingress.id}: after the certificate expires, agents can't connect"
            check = replace(check, state="wrong", remedies=[*check.remedies, Remedy(do)])
        return check if caa is None else self._after_caa(check, domain, ingress, delegation, caa)

    def _certificate_at_ngrok(self, domain: str, ingress: IngressModel, delegation: State) -> Check:
        """Returns the check by what ngrok reports, with the next step until agents can use the certificate."""
        status = ingress.managed_status
        job = status.provisioning_job if status else None
        error_code = self._sanitized(job.error_code) if job else None
        retries_at = self._sanitized(job.retries_at) if job else None
        renews_at = self._sanitized(status.renews_at) if status else None
        details = {**_NO_CERTIFICATE, "error_code": error_code, "retries_at": retries_at, "renews_at": renews_at}
        issuance = Issuance.of(ingress)
        reason = self.client.sanitize(describe_certificate(ingress))
        is_overdue = self._overdue(ingress) > timedelta(0)
        if is_overdue:
            reason += f", but its renewal has been due since {renews_at}"
        elif issuance is Issuance.ISSUED:
            reason += f", renews {renews_at}"
        # A failed renewal leaves the certificate valid, but only until it expires.
        if issuance.is_ready and not error_code and not is_overdue:
            # At another base URL, the domain need not exist.
            can_connect = delegation == "ok" and not self.settings.has_other_base_url
            return Check("ok", reason, _connection_tests(ingress) if can_connect else (), details)
        retry = "ngrok retries" + (f" at {retries_at}" if retries_at else "")
        # ngrok documents only these two errors.
        if issuance is Issuance.UNKNOWN or error_code not in (None, "INTERNAL_ERROR", "DNS_ERROR"):
            do = f"{retry}; if this persists, contact ngrok support and include {ingress.id}"
            return Check("unknown", reason, [Remedy(do)], details)
        if is_overdue and not error_code:
            retry = "ngrok renews the certificate by itself"
        is_dns_error = error_code == "DNS_ERROR"
        if is_dns_error or delegation == "wrong":
            do = f"{_FIRST_STEPS[delegation]}; {retry}; run this again after that"
        elif error_code or is_overdue:
            do = f"{retry}; run this again after that"
        else:
            do = "wait (Let's Encrypt takes seconds to minutes), and run this again"
        # With correct NS records, the DNS error is from before they were corrected.
        result: State = "wrong" if is_dns_error and delegation != "ok" else "wait"
        return Check(result, reason, [Remedy(do, [self.command(domain)])], details)

    def _overdue(self, ingress: IngressModel) -> timedelta:
        """Returns for how long the renewal of an issued certificate has been due; zero if it is not known to be."""
        status = ingress.managed_status
        is_issued = Issuance.of(ingress) in (Issuance.ISSUED, Issuance.RENEWING)
        renews_at = parse_time(status.renews_at) if is_issued and status and status.renews_at else None
        return max(self.clock.utc_now() - renews_at, timedelta(0)) if renews_at else timedelta(0)

    def _after_caa(self, check: Check, domain: str, ingress: IngressModel, delegation: State, caa: CaaSet) -> Check:
        """Returns the check of the certificate with regard to the CAA records.

        It is wrong if they forbid Let's Encrypt to issue one, even while the current certificate is valid.
        """
        records = f"the CAA records of {one_line(caa.owner)}"
        if caa.problem:
            # An issued certificate is usable, and once the NS records are correct, other servers have the CAA records.
            if check.state == "ok" or delegation != "ok":
                return check
            reason = (
                f"{records} could not be read ({one_line(caa.problem)}), which Let's Encrypt must do before it issues"
            )
            result: State = "wrong" if check.state == "wrong" else "unknown"
            return replace(check, state=result, reason=f"{check.reason}; {reason}")
        if caa.unknown_critical or caa.forbids(_ISSUER):
            shown = listed([str(record) for record in caa.records])
            reason = one_line(f"{records} do not allow Let's Encrypt: {shown}", 1000)
            remedies = self._caa_remedies(domain, ingress, caa)
            if check.state != "ok":
                remedies += check.remedies
            details = {**check.details, "forbidden_by_caa_of": caa.owner}
            return Check("wrong", f"{check.reason}; {reason}", remedies, details)
        if limits := caa.limits(_ISSUER):
            note = f"{records} limit Let's Encrypt by {' and '.join(limits)}, which may exclude ngrok"
            return replace(check, reason=f"{check.reason}; {note}")
        return check

    def _caa_remedies(self, domain: str, ingress: IngressModel, caa: CaaSet) -> list[Remedy]:
        if caa.owner == domain:
            return [Remedy(f"ngrok's name servers have these records: contact ngrok support and include {ingress.id}")]
        owner, remedies = one_line(caa.owner), list[Remedy]()
        if critical := caa.unknown_critical:
            do = "delete these records or set their flags to 0: Let's Encrypt does not know their critical property"
            remedies.append(Remedy(do, [f"{owner}. CAA {one_line(str(record))}" for record in critical]))
        if caa.forbids(_ISSUER):
            do = f"add this record at {owner}, not at {domain}, where the delegation would hide it"
            remedies.append(Remedy(do, [f'{owner}. CAA 0 issue "{_ISSUER}"']))
        return remedies

    def _sanitized(self, value: str | None) -> str | None:
        return self.client.sanitize(value) if value else None


# The first step for a certificate that is blocked by DNS, by the state of the delegation.
_FIRST_STEPS: dict[State, str] = {
    "ok": "the delegation is now correct",
    "unknown": "check that the delegation is correct",
    "wrong": "fix the delegation first",
}


def _declarations(language: str, domain: str) -> list[str]:
    """Returns the line of a program that declares an Agent Ingress, or none for a language without an example."""
    return [_DECLARATIONS[language].format(domain=domain)] if language in _DECLARATIONS else []


def _due(ingress: IngressModel, certificate: Check) -> str:
    """Returns when the certificate renews, or why it fails and when ngrok retries."""
    issuance = Issuance.of(ingress)
    # These strings are from ngrok or DNS, and a row has to be short.
    error_code, retries_at, renews_at, caa_owner = (
        one_line(certificate.details[name] or "", 40)
        for name in ("error_code", "retries_at", "renews_at", "forbidden_by_caa_of")
    )
    if caa_owner:
        return f"forbidden by the CAA records of {caa_owner}"
    if error_code:
        retry = f", retries at {retries_at}" if retries_at else ""
        return f"{'renewal fails' if issuance.is_ready else 'fails'} ({error_code}){retry}"
    if renews_at:
        return f"renews {renews_at}" if certificate.state == "ok" else f"renewal due since {renews_at}"
    # The description without its reason.
    return issuance.value.partition(",")[0]


def _connection_tests(ingress: IngressModel) -> list[Remedy]:
    """Returns the commands that test connections, which no check makes."""
    expected = '"Verification: OK"'
    if ingress.certificate_management_policy is None:
        expected = 'an error about the issuer (only agents know ngrok\'s CA), but no "hostname mismatch" in any line'
    domain = quoted(ingress.domain)
    line = f"openssl s_client -brief -connect {domain}:443 -servername {domain} -verify_hostname {domain} </dev/null"
    return [
        Remedy(f"to test a TLS connection, run this and expect {expected}", [line]),
        Remedy("to test an agent's connection, run this on its device", ["ngrok diagnose"]),
    ]


def _records(domain: str, names: Sequence[str]) -> list[str]:
    return [f"{domain}. NS {name}" for name in names]
