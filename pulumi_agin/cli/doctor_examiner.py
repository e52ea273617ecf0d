"""The reads of `pulumi-agin doctor` from ngrok, the stack and DNS, for one domain or for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi_agin.api import errors
from pulumi_agin.api.list_cache import Listing
from pulumi_agin.api.models import IngressModel, Issuance
from pulumi_agin.base.redaction import listed, one_line
from pulumi_agin.dnsclient.caa import CaaSet
from pulumi_agin.dnsclient.caa_lookup import find_caa, parent_of
from pulumi_agin.dnsclient.ns_lookup import FLEET_SECONDS, LOOKUP_SECONDS, find_delegation, find_delegations
from pulumi_agin.dnsclient.values import DnsResult
from pulumi_agin.lifecycle.shell_commands import pulumi_line

from .doctor_checks import REFRESH, Checks, needs_caa
from .doctor_records import RecordsInState, StackRecords
from .doctor_report import Check, FleetReport, Report, worst_first
from .doctor_stack import StackIngress, ingresses_in_state, managed
from .output import UsageError
from .stack import Resources, read_resources, request_budget


class Examiner:
    """Examines the Agent Ingresses of one account. It changes nothing."""

    def __init__(self, checks: Checks, resources: Resources | None = None) -> None:
        """`checks` judge what is read. `resources` are those of the stack, if they have been read already."""
        self._checks = checks
        self._resources = resources
        self._account = checks.account
        self._client = checks.client

    def examine(self, domain: str) -> Report:
        """Examines one domain, in canonical form. If ngrok or DNS can't be queried, the report shows it."""
        found = find_delegation(domain, LOOKUP_SECONDS, self._checks.server)
        try:
            ingress = self._client.find(domain, request_budget(self._client))
        except errors.NgrokError as error:
            return self._report_after(error, domain, found)
        in_stack, records = self._read_stack()
        [report] = self._reports({domain: ingress}, {domain: found}, in_stack, records)
        return report

    def examine_all(self, filter: str | None) -> FleetReport:  # noqa: A002
        """Examines all domains of the account, or those that match a filter in ngrok's CEL.

        An unreadable ingress is skipped. If the request to ngrok fails, the report shows it. A filter that ngrok
        rejects raises UsageError, and so does a selection without ingresses.
        """
        try:
            listing = self._client.list_readable(filter, request_budget(self._client))
        except errors.NgrokError as error:
            if filter is not None and isinstance(error, errors.ApiError) and error.status == 400:
                raise UsageError(str(error)) from None
            arguments = ["--all"] if filter is None else ["--filter", filter]
            return FleetReport(self._checks.api_key(error, *arguments))
        in_stack, records = self._read_stack()
        domains: dict[str, IngressModel | None] = {}
        other_providers: list[str] = []
        if filter is None:
            domains = dict.fromkeys(_only_in_stack(in_stack, records, listing))
            other_providers = _other_providers(in_stack)
        domains |= {ingress.domain: ingress for ingress in listing.ingresses}
        skipped = [str(odd) for odd in listing.unreadable]
        if not domains and not skipped:
            raise self._nothing_found(filter, other_providers)
        delegations = find_delegations(list(domains), self._client.budget(FLEET_SECONDS), self._checks.server)
        reports = worst_first(self._reports(domains, delegations, in_stack, records))
        details_line = self._checks.command(reports[0].domain) if reports else ""
        return FleetReport(self._checks.api_key(None), reports, details_line, skipped, other_providers)

    def _read_stack(self) -> tuple[list[StackIngress], list[StackRecords]]:
        """Returns the ingresses and the NS records of the stack; none if the settings come from no stack."""
        if not self._account.settings.stack:
            return [], []
        resources = self._resources
        if resources is None:
            resources = read_resources(self._checks.stack, show_secrets=False)
        ingresses = ingresses_in_state(resources, self._account, self._checks.provider)
        return managed(ingresses), RecordsInState(resources, ingresses).all()

    def _nothing_found(self, filter: str | None, other_providers: Sequence[str]) -> UsageError:  # noqa: A002
        matching = "" if filter is None else f" that matches the filter: {self._client.sanitize(filter)}"
        others = f"; those of the stack have other providers, so use --provider: {listed(other_providers)}"
        account = self._account.settings.account_description
        return UsageError(f"{account} has no Agent Ingress{matching}{others if other_providers else ''}")

    def _reports(
        self,
        ingresses: Mapping[str, IngressModel | None],
        delegations: Mapping[str, DnsResult],
        in_stack: Sequence[StackIngress],
        records: Sequence[StackRecords],
    ) -> list[Report]:
        in_stack_by_domain: dict[str, list[StackIngress]] = {}
        for each in in_stack:
            in_stack_by_domain.setdefault(each.domain, []).append(each)
        records_by_domain: dict[str, list[StackRecords]] = {}
        for record in records:
            records_by_domain.setdefault(record.domain, []).append(record)
        caa = self._find_caa(ingresses, delegations)
        return [
            self._report(
                domain,
                ingress,
                delegations[domain],
                caa.get(domain),
                in_stack_by_domain.get(domain, ()),
                records_by_domain.get(domain, ()),
            )
            for domain, ingress in ingresses.items()
        ]

    def _find_caa(
        self, ingresses: Mapping[str, IngressModel | None], delegations: Mapping[str, DnsResult]
    ) -> dict[str, CaaSet | None]:
        """Finds the CAA records that count for each certificate of Let's Encrypt, by domain.

        It finds none for a domain whose NS records could not be read, because the same DNS would not respond.
        """
        names: dict[str, str] = {}
        for domain, ingress in ingresses.items():
            found = delegations[domain]
            if ingress is not None and needs_caa(ingress) and not found.problem:
                # Records of the parent zone at the domain itself do not count once ngrok's name servers have it.
                names[domain] = parent_of(domain) if found.differences(ingress.ns_targets) else domain
        caa = find_caa(names.values(), self._client.budget(FLEET_SECONDS), self._checks.server)
        return {domain: caa[name] for domain, name in names.items()}

    def _report(
        self,
        domain: str,
        ingress: IngressModel | None,
        found: DnsResult,
        caa: CaaSet | None,
        in_stack: Sequence[StackIngress],
        records: Sequence[StackRecords],
    ) -> Report:
        """Compares the ingress at ngrok, the NS records, and the ingresses and records of the stack with the domain."""
        own = _preferred(in_stack, ingress)
        if ingress is not None:
            agent_ingress = self._checks.agent_ingress(domain, ingress, own)
            delegation = self._checks.delegation(domain, ingress, found, ())
            certificate = self._checks.certificate(domain, ingress, delegation.state, caa)
            due = _due(ingress, certificate)
        elif left := [each for each in records if each.lost_ingress]:
            agent_ingress = self._checks.lost_agent_ingress(domain)
            delegation = self._checks.left_records(domain, found, left)
            certificate = self._checks.certificate_without_ingress(agent_ingress.state)
            due = "the stack still has its NS records"
        else:
            deleted = own if own is not None and own.was_read_with_this_key else None
            agent_ingress = self._checks.agent_ingress(domain, None, own)
            delegation = self._checks.delegation(domain, None, found, deleted.ns_targets if deleted else ())
            certificate = self._checks.certificate_without_ingress(agent_ingress.state)
            up = pulumi_line(REFRESH, self._checks.stack)
            due = f"ngrok no longer has it: {up} creates it again" if deleted else "not visible to this key"
        checks = {
            "api_key": self._checks.api_key(None),
            "agent_ingress": agent_ingress,
            "delegation": self._checks.deletion_of_records(delegation, records),
            "certificate": certificate,
        }
        return Report(domain, checks, due)

    def _report_after(self, error: errors.NgrokError, domain: str, found: DnsResult) -> Report:
        """Returns the report if the request to ngrok failed."""
        checks = {
            "api_key": self._checks.api_key(error, domain),
            "agent_ingress": self._checks.unqueried_agent_ingress(),
            "delegation": self._checks.delegation(domain, None, found, ()),
            "certificate": self._checks.unqueried_certificate(),
        }
        return Report(domain, checks, due="unknown")


def _only_in_stack(in_stack: Sequence[StackIngress], records: Sequence[StackRecords], listing: Listing) -> list[str]:
    """Returns the domains of the stack that may be in the account, without those in the list that can't be read."""
    ids = [(each.domain, each.id) for each in in_stack if each.may_be_in_account]
    # The stack no longer has their ingress, and so not its ID.
    ids += [(each.domain, "") for each in records if each.lost_ingress]
    return [
        domain
        for domain, id_ in ids
        if not any(odd.id in ("", id_) or odd.domain == domain for odd in listing.unreadable)
    ]


def _other_providers(in_stack: Sequence[StackIngress]) -> list[str]:
    """Returns the explicit providers of the ingresses in the stack that may be in other accounts."""
    return sorted({each.provider for each in in_stack if each.provider and not each.may_be_in_account})


def _preferred(same_domain: Sequence[StackIngress], ingress: IngressModel | None) -> StackIngress | None:
    """Returns the ingress of the stack with a domain; if there are several, preferably the one at ngrok."""
    return min(same_domain, key=lambda each: ingress is not None and each.id != ingress.id, default=None)


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
    return issuance.value.partition(",")[0]
